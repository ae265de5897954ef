// SPDX-License-Identifier: Apache-2.0
#include "lab/coded_state.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "core/random.h"

namespace causeway {
namespace {

using testing::HasSubstr;

SampledState state_of(std::vector<float> values) {
  const auto count = static_cast<int64_t>(values.size());
  return {"state", std::move(values), {{count, count}}};
}

SampledState normal_state(size_t count) {
  const Random random(5, Stream::kSample);
  std::vector<float> values(count);
  for (size_t i = 0; i < count; ++i) values[i] = static_cast<float>(random.normal(i));
  return state_of(std::move(values));
}

double norm(const std::vector<float>& values) {
  double sum = 0;
  for (const float value : values) sum += double{value} * value;
  return std::sqrt(sum);
}

TEST(CodedState, IdentityLosesNothing) {
  const CodedState coded = code_state("fp32", normal_state(16'384));
  EXPECT_EQ(coded.trouble, "");
  EXPECT_EQ(coded.error, 0);
  EXPECT_EQ(coded.zeroed, 0);
  EXPECT_DOUBLE_EQ(coded.bits, 32 + 8.0 * 8 / 16'384);  // a frame of 8 bytes
}

TEST(CodedState, EightBitsLoseAtMostHalfAStepOfEachValue) {
  const SampledState state = normal_state(4'096);
  const float most =
      *std::ranges::max_element(state.values, {}, [](float value) { return std::abs(value); });
  const double half_step = std::abs(most) / 127 / 2;
  const CodedState coded = code_state("int8", state);
  const double bound = half_step * std::sqrt(4'096) / norm(state.values);
  EXPECT_LE(coded.error, bound * (1 + 1e-6));
  EXPECT_NEAR(coded.error, bound / std::sqrt(3), bound / 20);  // of errors that are uniform
  EXPECT_DOUBLE_EQ(coded.bits, 8 + 8.0 * (4 + 8) / 4'096);     // a scale and a frame
}

// By hand: the mean magnitude of 3, -1, 2, -2 is 2; of 4, 0, 3, 0 the one largest stays.
TEST(CodedState, MeetsExamplesByHand) {
  EXPECT_NEAR(code_state("sign", state_of({3, -1, 2, -2})).error, std::sqrt(2.0 / 18), 1e-7);
  const CodedState sparse = code_state("topk(0.25)|fp32", state_of({4, 0, 3, 0}));
  EXPECT_NEAR(sparse.error, 0.6, 1e-7);
  EXPECT_EQ(sparse.zeroed, 0.5);
  EXPECT_NEAR(relative_error({1, 1}, {1, 3}), 2 / std::sqrt(10), 1e-12);
}

TEST(CodedState, SaysWhyAStateIsNotCoded) {
  EXPECT_THAT(code_state("topq(0.1)", normal_state(8)).trouble, HasSubstr("topq"));
  EXPECT_THAT(code_state("int8|planes", normal_state(8)).trouble, HasSubstr("planes"));
  EXPECT_THAT(code_state("fp32", state_of({0, 0})).trouble, HasSubstr("0 everywhere"));
  EXPECT_THAT(code_state("fp32", state_of({1, INFINITY})).trouble, HasSubstr("not finite"));
  EXPECT_FALSE(gain_of_mean("topq", normal_state(8), 2).ok());
}

TEST(CodedState, TellsUnbiasedDrawsFromOthers) {
  const SampledState state = normal_state(4'096);
  EXPECT_NEAR(gain_of_mean("int8(rounding=stochastic)", state, 16).value(), 4, 0.2);
  EXPECT_NEAR(gain_of_mean("randk(0.25, unbiased=true)|fp32", state, 16).value(), 4, 0.2);
  EXPECT_NEAR(gain_of_mean("int8", state, 16).value(), 1, 1e-3);
}

/// A millisecond later at each look.
class TickingClock final : public Clock {
 public:
  int64_t now_ns() const override { return now_ns_ += 1'000'000; }
  int64_t unix_ms() const override { return 0; }

 private:
  mutable int64_t now_ns_ = 0;
};

TEST(CodedState, SpeedIsBytesInByTheTimeOfBothWays) {
  const TickingClock clock;
  // 1,049 times 1,000 values pass kSpeedValues.
  EXPECT_DOUBLE_EQ(coding_speed("fp32", normal_state(1'000), clock), 4 * 1'049'000 / 1e6);
  EXPECT_EQ(coding_speed("topq", normal_state(1'000), clock), 0);
}

}  // namespace
}  // namespace causeway
