// SPDX-License-Identifier: Apache-2.0
#include "train/generate.h"

#include <ATen/ops/from_blob.h>
#include <gmock/gmock.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>
#include <set>

#include "train/team.h"
#include "train/test_model.h"

namespace causeway {
namespace {

using testing::Each;

constexpr std::array<float, 6> kLogits{0.5f, -1.0f, 2.0f, 2.5f, 0.0f, -30.0f};

std::vector<int64_t> draws(const GenerateOptions& options, int64_t count) {
  std::vector<int64_t> out;
  for (int64_t i = 0; i < count; ++i) out.push_back(draw_token(kLogits, options, i));
  return out;
}

/// Pearson's statistic of `draws` against softmax of the `kept` likeliest logits.
double chi_square(const std::vector<int64_t>& draws, double temperature,
                  const std::vector<int64_t>& kept) {
  double sum = 0, statistic = 0;
  for (const int64_t token : kept)
    sum += std::exp(kLogits[static_cast<size_t>(token)] / temperature);
  for (const int64_t token : kept) {
    const double expected = static_cast<double>(draws.size()) *
                            std::exp(kLogits[static_cast<size_t>(token)] / temperature) / sum;
    const auto got = static_cast<double>(std::count(draws.begin(), draws.end(), token));
    statistic += (got - expected) * (got - expected) / expected;
  }
  return statistic;
}

TEST(DrawTokenTest, OneCandidateIsTheLikeliest) {
  EXPECT_THAT(draws({.temperature = 0}, 50), Each(3));
  EXPECT_THAT(draws({.temperature = 2, .top_k = 1, .top_p = 1}, 50), Each(3));
  EXPECT_THAT(draws({.temperature = 2, .top_p = 1e-9}, 50), Each(3));
  EXPECT_THAT(draws({.temperature = 2, .top_p = 0}, 50), Each(3));
  const std::array<float, 3> equal{1, 1, 1};
  EXPECT_EQ(draw_token(equal, {.temperature = 0}, 0), 0) << "the first of equals";
}

// 20,000 draws: the bound is the 0.999 quantile of chi-square with one degree less than tokens.
TEST(DrawTokenTest, DrawsFollowSoftmax) {
  const auto all = draws({.temperature = 1, .top_p = 1, .seed = 7}, 20'000);
  EXPECT_LT(chi_square(all, 1, {0, 1, 2, 3, 4}), 18.5);
  const auto warm = draws({.temperature = 2, .top_p = 1, .seed = 7}, 20'000);
  EXPECT_LT(chi_square(warm, 2, {0, 1, 2, 3, 4}), 18.5);
  EXPECT_GT(chi_square(warm, 1, {0, 1, 2, 3, 4}), 1'000)
      << "the statistic tells temperatures apart";
  const auto three = draws({.temperature = 1, .top_k = 3, .top_p = 1, .seed = 7}, 20'000);
  EXPECT_LT(chi_square(three, 1, {0, 2, 3}), 13.9);
  EXPECT_THAT(three, Each(testing::AnyOf(0, 2, 3)));
}

// Softmax is 0.53, 0.32, 0.07, ...: 0.8 needs two tokens, 0.9 three.
TEST(DrawTokenTest, TopPKeepsTheShortestRunThatReachesIt) {
  EXPECT_THAT(draws({.temperature = 1, .top_p = 0.8}, 500), Each(testing::AnyOf(2, 3)));
  EXPECT_LT(chi_square(draws({.temperature = 1, .top_p = 0.8}, 20'000), 1, {2, 3}), 10.9);
  EXPECT_LT(chi_square(draws({.temperature = 1, .top_p = 0.9}, 20'000), 1, {0, 2, 3}), 13.9);
}

TEST(DrawTokenTest, IsAPureFunctionOfSeedAndPosition) {
  const GenerateOptions options{.temperature = 1, .seed = 4};
  EXPECT_EQ(draws(options, 200), draws(options, 200));
  EXPECT_NE(draws(options, 200), draws({.temperature = 1, .seed = 5}, 200));
  EXPECT_NE(draw_token(kLogits, options, 0) + 10 * draw_token(kLogits, options, 1) +
                100 * draw_token(kLogits, options, 2) + 1'000 * draw_token(kLogits, options, 3),
            1'111 * draw_token(kLogits, options, 0))
      << "positions have draws of their own";
}

class GenerateTest : public testing::Test {
 protected:
  void SetUp() override {
    TestModel made = make_test_model(2, 4);
    model_ = std::move(made.model);
    x_ = std::move(made.x);
  }

  std::vector<int64_t> generated(std::vector<int64_t> prompt, const GenerateOptions& options) {
    std::vector<int64_t> out;
    generate(*model_, *x_, std::move(prompt), options, [&](int64_t token) {
      out.push_back(token);
      return true;
    });
    return out;
  }

  /// The likeliest token after the text's part that generation reads, recomputed from the start.
  int64_t likeliest(std::vector<int64_t> text) const {
    const auto time = static_cast<int64_t>(text.size());
    const at::Tensor logits =
        model_->logits(*x_, at::from_blob(text.data(), {1, time}, at::kLong)).contiguous();
    const float* last = logits.const_data_ptr<float>() + (time - 1) * model_->vocabulary();
    return std::max_element(last, last + model_->vocabulary()) - last;
  }

  std::unique_ptr<Model> model_;
  std::unique_ptr<Arena> x_;
};

// Goal: the cache changes nothing, within the context and past it. Past it the text's last half is
// read again, so what is read grows from 8 to 16 tokens and starts anew.
TEST_F(GenerateTest, TheColdestTextIsTheLikeliestTokenEachTime) {
  const std::vector<int64_t> prompt{72, 101, 108};
  const auto got = generated(prompt, {.tokens = 60, .temperature = 0});
  std::vector<int64_t> text = prompt;
  size_t read = prompt.size();
  std::set<int64_t> seen;
  for (const int64_t token : got) {
    if (read > 16) read = 8;
    ASSERT_EQ(token, likeliest({text.end() - static_cast<std::ptrdiff_t>(read), text.end()}))
        << "after " << text.size() << " tokens";
    text.push_back(token);
    seen.insert(token);
    ++read;
  }
  EXPECT_EQ(got.size(), 60u);
  EXPECT_GT(seen.size(), 2u) << "a text of one token compares little";
}

TEST_F(GenerateTest, ALongPromptIsReadFromItsEnd) {
  std::vector<int64_t> prompt(50);
  std::iota(prompt.begin(), prompt.end(), 30);
  const auto got = generated(prompt, {.tokens = 1, .temperature = 0});
  EXPECT_EQ(got, std::vector<int64_t>{likeliest({prompt.end() - 16, prompt.end()})});
}

TEST_F(GenerateTest, EndsWhenTheListenerSaysSo) {
  int told = 0;
  generate(*model_, *x_, {1}, {.tokens = 100}, [&](int64_t) { return ++told < 7; });
  EXPECT_EQ(told, 7);
}

TEST_F(GenerateTest, TextOfBytesIsWhatItsTokensAre) {
  const GenerateOptions options{.tokens = 30, .temperature = 1.5, .seed = 9};
  const std::string text = generate_text(*model_, *x_, *bytes_tokenizer(), "H\xc3\xa9", options);
  std::vector<int64_t> bytes;
  for (const char byte : text) bytes.push_back(static_cast<unsigned char>(byte));
  EXPECT_EQ(bytes, generated({'H', 0xc3, 0xa9}, options));
  EXPECT_EQ(bytes.size(), 30u);
}

}  // namespace
}  // namespace causeway
