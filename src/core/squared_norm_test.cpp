// SPDX-License-Identifier: Apache-2.0
#include "core/squared_norm.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <vector>

namespace causeway {
namespace {

// 1^2 + ... + n^2 = n (n + 1) (2n + 1) / 6, exact in double for every tail of the lanes.
TEST(SquaredNorm, SumsEveryValueOnce) {
  std::vector<float> values;
  for (int n = 0; n <= 40; ++n) {
    EXPECT_EQ(squared_norm(values), n * (n + 1.0) * (2.0 * n + 1) / 6);
    values.push_back(static_cast<float>(n + 1));
  }
}

TEST(SquaredNorm, SumsWhatFloat32CannotHold) {
  EXPECT_EQ(squared_norm(std::vector<float>{1e30f, 1e-30f}), double{1e30f} * double{1e30f});
  // In float32, 2^24 + 1 is 2^24.
  std::vector<float> values(1001, 1.0f);
  values[0] = 4096;
  EXPECT_EQ(squared_norm(values), 16777216.0 + 1000);
}

// Goal: differences are those of double, also where float32 has none. Method: sums known exactly.
TEST(SquaredDistance, SubtractsInDouble) {
  std::vector<float> a, b;
  for (int n = 0; n <= 40; ++n) {
    EXPECT_EQ(squared_distance(a, b), n * (n + 1.0) * (2.0 * n + 1) / 6);
    a.push_back(static_cast<float>(n - 7));
    b.push_back(static_cast<float>(2 * n - 6));
  }
  constexpr float kMost = std::numeric_limits<float>::max();
  EXPECT_EQ(squared_distance(std::vector{kMost}, std::vector{-kMost}),
            4 * double{kMost} * double{kMost});
  EXPECT_EQ(squared_distance(std::vector{16777216.0f}, std::vector{-1.0f}),
            16777217.0 * 16777217.0);
}

// The order is a part of the contract: it decides the last bits.
TEST(SquaredNorm, AddsInTheStatedOrder) {
  std::vector<float> values;
  double lanes[8] = {};
  for (size_t i = 0; i < 200; ++i) {
    values.push_back(std::sin(static_cast<float>(i)));
    lanes[i % 8] += double{values[i]} * double{values[i]};
    EXPECT_EQ(squared_norm(values), ((lanes[0] + lanes[1]) + (lanes[2] + lanes[3])) +
                                        ((lanes[4] + lanes[5]) + (lanes[6] + lanes[7])));
  }
}

TEST(SquaredNorm, GivesTheSameBitsAtAnyAddress) {
  std::vector<float> values(1000);
  for (size_t i = 0; i < values.size(); ++i) values[i] = std::sin(static_cast<float>(i));
  const double norm = squared_norm(values);
  for (size_t offset = 1; offset < 9; ++offset) {
    std::vector<float> moved(offset, 0.0f);
    moved.insert(moved.end(), values.begin(), values.end());
    EXPECT_EQ(squared_norm(std::span(moved).subspan(offset)), norm);
  }
}

}  // namespace
}  // namespace causeway
