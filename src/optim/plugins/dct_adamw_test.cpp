// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/dct.h"
#include "optim/test_tensor.h"

namespace causeway {
namespace {

/// A gradient [8, 10] of the given amount of each frequency.
Floats waves(const std::vector<float>& amounts) {
  const Dct dct(8);
  Floats out(80);
  for (int64_t k = 0; k < 8; ++k)
    for (int64_t i = 0; i < 8; ++i)
      for (int64_t j = 0; j < 10; ++j)
        out[static_cast<size_t>(i * 10 + j)] += amounts[static_cast<size_t>(k)] *
                                                static_cast<float>(dct(k, i)) *
                                                (j % 2 == 0 ? 1.0f : -0.5f);
  return out;
}

Floats turned(const Floats& values, int64_t rows, int64_t columns) {
  Floats out(values.size());
  for (int64_t i = 0; i < rows; ++i)
    for (int64_t j = 0; j < columns; ++j)
      out[static_cast<size_t>(j * rows + i)] = values[static_cast<size_t>(i * columns + j)];
  return out;
}

// Of full rank it is Adam on the transformed gradient, moved back: the transform of x goes as
// Adam's x, and nothing is left over.
TEST(DctAdamW, OfFullRankIsAdamOnTheTransform) {
  const auto low = make_optimizer("dct_adamw", "rank = 64\nweight_decay = 0");
  const auto adam = make_optimizer("adamw", "weight_decay = 0");
  const Floats matrix = dct_matrix(6);
  const auto image = [&](const Floats& values) {
    Floats out(values.size());
    multiply({matrix, 6, 6}, {values, 6, 11}, out);
    return out;
  };
  TestTensor run(*low, 6, 11), frame(*adam, 6, 11);
  frame.x = image(run.x);
  const Floats start = frame.x;
  for (int64_t n = 0; n < 6; ++n) {
    const Floats g = normals(66, static_cast<uint32_t>(n));
    run.step(*low, {.count = n, .rate = 0.01}, g);
    adam->step({.count = n, .rate = 0.01}, frame.x, image(g), frame.spans());
  }
  EXPECT_LT(norm(difference(image(run.x), frame.x)), 1e-4 * norm(difference(frame.x, start)));
  EXPECT_LT(norm(run.states[2]), 1e-5);
}

TEST(DctAdamW, ChoosesTheStrongestAndKeepsTheRestForLater) {
  const auto optimizer = make_optimizer("dct_adamw", "rank = 2\nweight_decay = 0");
  TestTensor run(*optimizer, 8, 10);
  run.step(*optimizer, {.count = 0, .rate = 0}, waves({0, 0, 5, 0.9f, 0, 4, 0, 0}));
  EXPECT_THAT(std::vector(run.states[3].begin(), run.states[3].begin() + 2),
              testing::ElementsAre(2, 5));
  EXPECT_LT(norm(difference(run.states[2], waves({0, 0, 0, 0.9f, 0, 0, 0, 0}))), 1e-5);
  // 0.9 waits; with 0.9 more it is above the second's 1.5.
  run.step(*optimizer, {.count = 1, .rate = 0}, waves({0, 0, 5, 0.9f, 0, 1.5f, 0, 0}));
  EXPECT_THAT(std::vector(run.states[3].begin(), run.states[3].begin() + 2),
              testing::ElementsAre(2, 3));
  EXPECT_LT(norm(difference(run.states[2], waves({0, 0, 0, 0, 0, 1.5f, 0, 0}))), 1e-5);
}

// Frequency 2 moves from the second place to the first; its moments go with it.
TEST(DctAdamW, MovesMomentsWithTheirFrequency) {
  const auto optimizer =
      make_optimizer("dct_adamw", "rank = 2\nbetas = [0.5, 0.5]\nweight_decay = 0");
  TestTensor run(*optimizer, 8, 10);
  run.step(*optimizer, {.count = 0, .rate = 0}, waves({0, 4, 4, 0, 0, 0, 0, 0}));
  run.step(*optimizer, {.count = 1, .rate = 0}, waves({0, 0, 4, 0, 0, 3, 0, 0}));
  EXPECT_THAT(std::vector(run.states[3].begin(), run.states[3].begin() + 2),
              testing::ElementsAre(2, 5));
  EXPECT_NEAR(run.states[0][0], 0.5 * 2 + 0.5 * 4, 1e-5);
  EXPECT_NEAR(run.states[1][0], 0.5 * 8 + 0.5 * 16, 1e-4);
  EXPECT_NEAR(run.states[0][10], 0.5 * 3, 1e-5);
  EXPECT_NEAR(run.states[1][10], 0.5 * 9, 1e-4);
}

TEST(DctAdamW, KeepsItsChoiceBetweenRefreshes) {
  const auto optimizer = make_optimizer("dct_adamw", "rank = 1\nrefresh = 2\nweight_decay = 0");
  TestTensor run(*optimizer, 8, 10);
  const Floats first = waves({0, 1, 0, 0, 0, 0, 0, 0}), second = waves({0, 0, 0, 0, 9, 0, 0, 0});
  std::vector<float> chosen;
  for (int64_t n = 0; n < 3; ++n) {
    run.step(*optimizer, {.count = n, .rate = 0}, n == 0 ? first : second);
    chosen.push_back(run.states[3][0]);
  }
  EXPECT_THAT(chosen, testing::ElementsAre(1, 1, 4));
}

// A tall matrix is worked on turned.
TEST(DctAdamW, TurnsWhatIsTall) {
  const auto optimizer = make_optimizer("dct_adamw", "rank = 2\nweight_decay = 0");
  TestTensor wide(*optimizer, 8, 10), tall(*optimizer, 10, 8);
  tall.x = turned(wide.x, 8, 10);
  const Floats g = normals(80, 1);
  wide.step(*optimizer, {.count = 0, .rate = 0.1}, g);
  tall.step(*optimizer, {.count = 0, .rate = 0.1}, turned(g, 8, 10));
  EXPECT_EQ(tall.x, turned(wide.x, 8, 10));
}

}  // namespace
}  // namespace causeway
