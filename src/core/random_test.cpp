// SPDX-License-Identifier: Apache-2.0
#include "core/random.h"

#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <set>
#include <vector>

namespace causeway {
namespace {

// Known answers of the authors' distribution (Random123, kat_vectors).
TEST(Philox, GivesThePublishedAnswers) {
  EXPECT_EQ(philox({0, 0, 0, 0}, {0, 0}),
            (std::array<uint32_t, 4>{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}));
  EXPECT_EQ(philox({0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff}, {0xffffffff, 0xffffffff}),
            (std::array<uint32_t, 4>{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}));
  EXPECT_EQ(philox({0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, {0xa4093822, 0x299f31d0}),
            (std::array<uint32_t, 4>{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}));
}

std::vector<uint64_t> order(const Random& random, uint64_t count, uint64_t round) {
  std::vector<uint64_t> out;
  for (uint64_t i = 0; i < count; ++i) out.push_back(random.permute(i, count, round));
  return out;
}

TEST(Random, IsAFunctionOfItsPosition) {
  const Random random(9, Stream::kGroup, 2), same(9, Stream::kGroup, 2);
  const uint64_t later = random.bits(uint64_t{1} << 40);
  EXPECT_EQ(random.bits(3), same.bits(3));
  EXPECT_EQ(same.bits(uint64_t{1} << 40), later);
  EXPECT_NE(random.bits(0), random.bits(uint64_t{1} << 32));
}

TEST(Random, DiffersByEveryPartOfItsName) {
  std::set<uint64_t> firsts;
  for (const uint64_t seed : {uint64_t{0}, uint64_t{1}, uint64_t{1} << 32})
    for (const Stream stream : {Stream::kWeights, Stream::kDataOrder, Stream::kRounding})
      for (const uint32_t index : {0u, 1u, 7u}) firsts.insert(Random(seed, stream, index).bits(0));
  EXPECT_EQ(firsts.size(), 27u);
}

// The bounds below are five standard errors of the estimate.
TEST(Random, DrawsUniformly) {
  constexpr int kCount = 40'000;
  const Random random(1, Stream::kSample);
  std::vector<int> bins(10);
  double sum = 0;
  for (uint64_t i = 0; i < kCount; ++i) {
    const double value = random.uniform(i);
    ASSERT_TRUE(value >= 0 && value < 1) << value;
    ++bins[static_cast<size_t>(value * 10)];
    sum += value;
  }
  EXPECT_NEAR(sum / kCount, 0.5, 5 * std::sqrt(1.0 / 12 / kCount));
  for (const int bin : bins) EXPECT_NEAR(bin, kCount / 10, 5 * std::sqrt(kCount * 0.09));
}

TEST(Random, DrawsTheMomentsOfANormal) {
  constexpr int kCount = 50'000;
  const Random random(1, Stream::kWeights);
  double moments[4] = {};
  int beyond_two = 0;
  for (uint64_t i = 0; i < kCount; ++i) {
    const double value = random.normal(i);
    ASSERT_TRUE(std::isfinite(value));
    beyond_two += std::abs(value) > 2;
    for (int k = 0; k < 4; ++k) moments[k] += std::pow(value, k + 1) / kCount;
  }
  // Variances of x, x^2, x^3, x^4 are 1, 2, 15, 96.
  EXPECT_NEAR(moments[0], 0, 5 * std::sqrt(1.0 / kCount));
  EXPECT_NEAR(moments[1], 1, 5 * std::sqrt(2.0 / kCount));
  EXPECT_NEAR(moments[2], 0, 5 * std::sqrt(15.0 / kCount));
  EXPECT_NEAR(moments[3], 3, 5 * std::sqrt(96.0 / kCount));
  EXPECT_NEAR(beyond_two / double{kCount}, 0.0455, 5 * std::sqrt(0.0455 / kCount));
}

TEST(Random, DrawsBelowABound) {
  const Random random(1, Stream::kGroup);
  std::vector<int> bins(7);
  for (uint64_t i = 0; i < 70'000; ++i) ++bins.at(random.below(i, 7));
  for (const int bin : bins) EXPECT_NEAR(bin, 10'000, 5 * std::sqrt(10'000.0));
  for (uint64_t i = 0; i < 100; ++i) EXPECT_EQ(random.below(i, 1), 0u);
  EXPECT_GT(random.below(0, UINT64_MAX), 1u << 30);
}

TEST(Permute, IsABijectionOfEveryCount) {
  const Random random(3, Stream::kDataOrder);
  for (const uint64_t count : {1, 2, 3, 4, 5, 15, 16, 17, 63, 64, 65, 255, 256, 257, 1000, 4097})
    for (const uint64_t round : {uint64_t{0}, uint64_t{1}, uint64_t{1} << 33}) {
      const auto images = order(random, count, round);
      const std::set<uint64_t> distinct(images.begin(), images.end());
      EXPECT_EQ(distinct.size(), count);
      EXPECT_EQ(*distinct.rbegin(), count - 1);
    }
}

TEST(Permute, StaysInRangeOfAHugeCount) {
  const Random random(3, Stream::kDataOrder);
  for (const uint64_t count : {(uint64_t{1} << 32) + 1, (uint64_t{1} << 62) + 1, UINT64_MAX}) {
    std::set<uint64_t> images;
    for (uint64_t i = 0; i < 50; ++i) {
      images.insert(random.permute(count - 1 - i, count, 0));
      EXPECT_LT(*images.rbegin(), count);
    }
    EXPECT_EQ(images.size(), 50u);
  }
}

TEST(Permute, DiffersByRoundAndSeedAndSharesNone) {
  std::set<std::vector<uint64_t>> orders;
  for (uint64_t seed = 0; seed < 8; ++seed)
    for (uint64_t round = 0; round < 8; ++round)
      orders.insert(order(Random(seed, Stream::kDataOrder), 100, round));
  EXPECT_EQ(orders.size(), 64u);
}

// Groups and pairs are drawn from a handful of members: all orders must be as likely. The bound is
// five standard deviations of chi-square above its mean.
TEST(Permute, DrawsEveryOrderOfAFewAlike) {
  constexpr double kRounds = 4'000;
  const Random random(1, Stream::kGroup);
  for (const auto& [count, orders] : {std::pair<uint64_t, int>{3, 6}, {4, 24}}) {
    std::map<std::vector<uint64_t>, double> seen;
    for (uint64_t round = 0; round < kRounds; ++round) ++seen[order(random, count, round)];
    ASSERT_EQ(seen.size(), static_cast<size_t>(orders));
    double chi_square = 0;
    for (const auto& [one, times] : seen)
      chi_square += std::pow(times - kRounds / orders, 2) / (kRounds / orders);
    EXPECT_LT(chi_square, orders - 1 + 5 * std::sqrt(2.0 * (orders - 1))) << count;
  }
}

}  // namespace
}  // namespace causeway
