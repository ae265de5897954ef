// SPDX-License-Identifier: Apache-2.0
#include "train/evaluate.h"

#include <ATen/ops/from_blob.h>
#include <gtest/gtest.h>

#include <cmath>
#include <mutex>
#include <vector>

#include "train/team.h"

namespace causeway {
namespace {

class EvaluateTest : public testing::Test {
 protected:
  void SetUp() override {
    Value sizes;
    for (const auto& [name, value] :
         {std::pair{"layers", 2}, {"width", 32}, {"heads", 2}, {"context", 16}})
      sizes.set(name, value);
    Mistakes mistakes;
    model_ = make_plugin(models(), "model", {"llama", sizes}, mistakes);
    ASSERT_TRUE(mistakes.empty()) << mistakes.text();
    x_ = std::make_unique<Arena>(std::make_shared<const Placement>(model_->layout()));
    model_->initialise(5, *x_);
    const Random random(1, Stream::kSample);
    for (uint64_t i = 0; i < 1'000; ++i)
      text_.push_back(static_cast<int32_t>(random.below(i, 256)));
  }

  ReadTokens reader() {
    return [this](int64_t begin, std::span<int32_t> out) {
      const std::lock_guard lock(mutex_);
      ASSERT_LE(begin + static_cast<int64_t>(out.size()), static_cast<int64_t>(text_.size()));
      for (size_t i = 0; i < out.size(); ++i) out[i] = text_[static_cast<size_t>(begin) + i];
      for (size_t i = 1; i < out.size(); ++i) ++predicted_[static_cast<size_t>(begin) + i];
    };
  }

  Evaluation of(int64_t tokens, int threads = 1, EvaluateOptions options = {}) {
    predicted_.assign(text_.size(), 0);
    Threads team(threads, prepare_compute_thread);
    return evaluate(*model_, *x_, tokens, reader(), options, team);
  }

  /// One window after the other, one at a time.
  double by_hand(int64_t tokens) const {
    double sum = 0;
    for (int64_t begin = 0; begin + 1 < tokens; begin += model_->context()) {
      const int64_t length = std::min(model_->context(), tokens - 1 - begin);
      std::vector<int64_t> window(text_.begin() + begin, text_.begin() + begin + length + 1);
      const at::Tensor losses =
          model_->losses(*x_, at::from_blob(window.data(), {1, length + 1}, at::kLong));
      for (int64_t i = 0; i < length; ++i) sum += losses.const_data_ptr<float>()[i];
    }
    return sum;
  }

  std::unique_ptr<Model> model_;
  std::unique_ptr<Arena> x_;
  std::vector<int32_t> text_;
  std::mutex mutex_;
  std::vector<int> predicted_;
};

TEST_F(EvaluateTest, PredictsEachTokenButTheFirstOnce) {
  for (const int64_t tokens : {2, 16, 17, 18, 33, 257, 273, 1'000}) {
    const Evaluation got = of(tokens, 3);
    EXPECT_EQ(got.tokens, tokens - 1);
    for (int64_t i = 0; i < 1'000; ++i)
      ASSERT_EQ(predicted_[static_cast<size_t>(i)], i > 0 && i < tokens ? 1 : 0)
          << "token " << i << " of " << tokens;
  }
}

// A product's rounding depends on how many rows it has, so windows one by one agree to fp32 only.
TEST_F(EvaluateTest, TheSumIsThatOfWindowsOneByOne) {
  for (const int64_t tokens : {2, 17, 40, 1'000})
    EXPECT_NEAR(of(tokens).nats_sum / by_hand(tokens), 1, 1e-6) << tokens;
  EXPECT_NEAR(of(1'000).nats_per_token(), std::log(256.0), 0.2);
  EXPECT_DOUBLE_EQ(of(1'000).bits_per_byte(), of(1'000).nats_sum / 999 / std::log(2.0));
}

TEST_F(EvaluateTest, ThreadsChangeNoBit) {
  const double one = of(1'000, 1, {.batch_rows = 4}).nats_sum;
  EXPECT_EQ(of(1'000, 2, {.batch_rows = 4}).nats_sum, one);
  EXPECT_EQ(of(1'000, 3, {.batch_rows = 4}).nats_sum, one);
}

TEST_F(EvaluateTest, TokensMaxEndsTheTextEarly) {
  const Evaluation first = of(1'000, 1, {.tokens_max = 99});
  EXPECT_EQ(first.tokens, 99);
  EXPECT_EQ(first.nats_sum, of(100).nats_sum);
  EXPECT_EQ(of(50, 1, {.tokens_max = 99}).tokens, 49);
}

TEST_F(EvaluateTest, ATextWithoutPredictionsHasNone) {
  for (const int64_t tokens : {0, 1}) {
    const Evaluation none = of(tokens);
    EXPECT_EQ(none.tokens, 0);
    EXPECT_EQ(none.nats_sum, 0);
    EXPECT_EQ(none.nats_per_token(), 0);
  }
}

}  // namespace
}  // namespace causeway
