// SPDX-License-Identifier: Apache-2.0
//
// The contract of every optimizer that takes matrices whole.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <limits>

#include "optim/test_tensor.h"

namespace causeway {
namespace {

std::vector<std::string> names() {
  std::vector<std::string> out;
  for (const auto* entry : inner_optimizers())
    if (make_optimizer(std::string(entry->name))
            ->takes_whole({"m", TensorPlace::Kind::kMatrix, 2, 2}))
      out.emplace_back(entry->name);
  return out;
}

TEST(WholeOptimizers, AreTheseFour) {
  EXPECT_THAT(names(), testing::ElementsAre("dct_adamw", "galore", "lordo", "muon"));
}

class EveryWholeOptimizer : public testing::TestWithParam<std::string> {
 protected:
  const std::unique_ptr<InnerOptimizer> optimizer_ =
      make_optimizer(GetParam(), "weight_decay = 0.1");
};
INSTANTIATE_TEST_SUITE_P(All, EveryWholeOptimizer, testing::ValuesIn(names()),
                         [](const auto& one) { return one.param; });

TEST_P(EveryWholeOptimizer, LeavesVectorsToStep) {
  EXPECT_FALSE(optimizer_->takes_whole({"n", TensorPlace::Kind::kVector, 1, 8}));
}

// Tall, wide, square, a single row, a single column: each moves, against the gradient.
TEST_P(EveryWholeOptimizer, DescendsInEveryShape) {
  const auto without = make_optimizer(GetParam(), "weight_decay = 0");
  for (const auto& [rows, columns] :
       {std::pair<int64_t, int64_t>{12, 7}, {7, 12}, {9, 9}, {1, 6}, {6, 1}, {1, 1}}) {
    SCOPED_TRACE(testing::Message() << rows << " x " << columns);
    TestTensor run(*without, rows, columns);
    const Floats before = run.x, g = normals(rows * columns, 1);
    run.step(*without, {.count = 0, .rate = 0.01}, g);
    double along = 0;
    for (size_t i = 0; i < g.size(); ++i) along += double{g[i]} * double{run.x[i] - before[i]};
    EXPECT_LT(along, 0);
  }
}

TEST_P(EveryWholeOptimizer, ScalesTheGradientFirst) {
  TestTensor by_scale(*optimizer_, 12, 7), by_hand = by_scale;
  for (int64_t n = 0; n < 4; ++n) {
    Floats g = normals(84, static_cast<uint32_t>(n));
    by_scale.step(*optimizer_, {.count = n, .rate = 0.01, .scale = 0.25}, g);
    for (float& value : g) value *= 0.25f;
    by_hand.step(*optimizer_, {.count = n, .rate = 0.01}, g);
  }
  EXPECT_EQ(by_scale.x, by_hand.x);
  EXPECT_EQ(by_scale.states, by_hand.states);
}

TEST_P(EveryWholeOptimizer, GoesOnFromStoredStates) {
  TestTensor run(*optimizer_, 12, 7);
  const auto steps = [](const InnerOptimizer& optimizer, TestTensor& on, int64_t begin,
                        int64_t end) {
    for (int64_t n = begin; n < end; ++n)
      on.step(optimizer, {.count = n, .rate = 0.01}, normals(84, static_cast<uint32_t>(n)));
  };
  steps(*optimizer_, run, 0, 3);
  TestTensor stored = run;
  steps(*optimizer_, run, 3, 6);
  steps(*make_optimizer(GetParam(), "weight_decay = 0.1"), stored, 3, 6);
  EXPECT_EQ(run.x, stored.x);
  EXPECT_EQ(run.states, stored.states);
}

TEST_P(EveryWholeOptimizer, DecaysOnlyWhereTold) {
  TestTensor on(*optimizer_, 4, 6), off = on;
  const Floats before = on.x, zero(24);
  for (int64_t n = 0; n < 2; ++n) {
    on.step(*optimizer_, {.count = n, .rate = 2.5}, zero);
    off.step(*optimizer_, {.count = n, .rate = 2.5, .decays = false}, zero);
  }
  for (size_t i = 0; i < before.size(); ++i) EXPECT_EQ(on.x[i], before[i] * 0.75f * 0.75f);
  EXPECT_EQ(off.x, before);
}

TEST_P(EveryWholeOptimizer, ShowsNan) {
  TestTensor run(*optimizer_, 5, 6);
  Floats g = normals(30, 1);
  g[7] = std::numeric_limits<float>::quiet_NaN();
  for (int64_t n = 0; n < 2; ++n) run.step(*optimizer_, {.count = n, .rate = 0.01}, g);
  EXPECT_TRUE(std::ranges::any_of(run.x, [](float x) { return std::isnan(x); }));
}

TEST_P(EveryWholeOptimizer, MakesALossFall) {
  TestTensor run(*optimizer_, 12, 7);
  const Floats target = normals(84, 5);
  const double first = norm(difference(run.x, target));
  for (int64_t n = 0; n < 400; ++n)
    run.step(*optimizer_, {.count = n, .rate = 0.05, .decays = false}, difference(run.x, target));
  EXPECT_LT(norm(difference(run.x, target)), 0.3 * first);
}

}  // namespace
}  // namespace causeway
