// SPDX-License-Identifier: Apache-2.0
#include "train/evaluate.h"

#include <ATen/ops/from_blob.h>
#include <gtest/gtest.h>

#include <cmath>
#include <mutex>
#include <vector>

#include "train/team.h"
#include "train/test_model.h"

namespace causeway {
namespace {

class EvaluateTest : public testing::Test {
 protected:
  void SetUp() override {
    TestModel made = make_test_model(2, 1);
    model_ = std::move(made.model);
    x_ = std::move(made.x);
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

// Goal: overlapping windows give every token but the first once, with at least context - stride
// tokens before it. Method: each token's loss in the window that the definition names.
TEST_F(EvaluateTest, StridedWindowsPredictWhatIsNew) {
  constexpr int64_t kContext = 16, kStride = 5;
  for (const int64_t tokens : {2, 17, 18, 22, 23, 100}) {
    double sum = 0;
    for (int64_t token = 1; token < tokens; ++token) {
      const int64_t window = std::max<int64_t>(0, (token - kContext + kStride - 1) / kStride);
      std::vector<int64_t> seen(text_.begin() + window * kStride, text_.begin() + token + 1);
      const auto length = static_cast<int64_t>(seen.size());
      ASSERT_LE(length, kContext + 1);
      sum += model_->losses(*x_, at::from_blob(seen.data(), {1, length}, at::kLong))
                 .const_data_ptr<float>()[length - 2];
    }
    const Evaluation got = of(tokens, 2, {.batch_rows = 3, .stride = kStride});
    EXPECT_EQ(got.tokens, tokens - 1);
    EXPECT_NEAR(got.nats_sum / sum, 1, 1e-5) << tokens;
  }
}

TEST_F(EvaluateTest, AShorterContextIsThatOfShorterWindows) {
  double sum = 0;
  for (int64_t begin = 0; begin + 1 < 100; begin += 4) {
    std::vector<int64_t> window(text_.begin() + begin,
                                text_.begin() + std::min<int64_t>(begin + 5, 100));
    sum += model_
               ->losses(*x_, at::from_blob(window.data(), {1, static_cast<int64_t>(window.size())},
                                           at::kLong))
               .sum()
               .item<double>();
  }
  EXPECT_NEAR(of(100, 1, {.context = 4}).nats_sum / sum, 1, 1e-5);
}

TEST_F(EvaluateTest, BytesAreThoseOfThePredictedTokens) {
  std::vector<int32_t> bytes(256);
  for (size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<int32_t>(i % 7);
  int64_t wanted = 0;
  for (size_t i = 1; i < 300; ++i) wanted += text_[i] % 7;
  const Evaluation got = of(300, 2, {.token_bytes = bytes});
  EXPECT_EQ(got.bytes, wanted);
  EXPECT_DOUBLE_EQ(got.bits_per_byte(), got.nats_sum / std::log(2.0) / static_cast<double>(wanted));
}

TEST_F(EvaluateTest, DocumentsAreTextsOfTheirOwn) {
  std::vector<std::vector<int32_t>> documents;
  for (const int64_t length : {40, 1, 2, 17, 0, 90})
    documents.emplace_back(text_.begin(), text_.begin() + length);
  Threads threads(2, prepare_compute_thread);
  const auto got = evaluate_documents(*model_, *x_, documents, {}, threads);
  ASSERT_EQ(got.size(), documents.size());
  for (size_t i = 0; i < got.size(); ++i) {
    const Evaluation alone = of(static_cast<int64_t>(documents[i].size()));
    EXPECT_EQ(got[i].tokens, alone.tokens);
    EXPECT_DOUBLE_EQ(got[i].nats_sum, alone.nats_sum);
    EXPECT_EQ(got[i].units, alone.tokens > 0 ? 1 : 0);
  }
}

// Units of equal length make the estimator that of a plain mean: s / sqrt(n).
TEST(Evaluation, StandardErrorIsThatOfAMeanWhereUnitsAreEqual) {
  Evaluation sum;
  const std::vector<double> nats{3.0, 5.0, 4.0, 8.0};
  for (const double one : nats) sum.add_unit(2, 2, one);
  EXPECT_DOUBLE_EQ(sum.nats_per_token(), 2.5);
  const double variance = (1.0 * 1.0 + 0 + 0.5 * 0.5 + 1.5 * 1.5) / 3;  // of nats per token
  EXPECT_DOUBLE_EQ(sum.standard_error(), std::sqrt(variance / 4));
  Evaluation one;
  one.add_unit(5, 5, 3);
  EXPECT_TRUE(std::isnan(one.standard_error()));
}

// A ratio of sums, by hand: units (1 token, 2 nats), (3 tokens, 3 nats); mean 1.25; deviations 0.75
// and -0.75.
TEST(Evaluation, StandardErrorOfUnequalUnitsIsThatOfTheRatio) {
  Evaluation sum;
  sum.add_unit(1, 1, 2);
  sum.add_unit(3, 3, 3);
  EXPECT_DOUBLE_EQ(sum.standard_error(), std::sqrt(2 * 0.75 * 0.75 * 2) / 4);
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
