// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <numeric>

#include "sync/toy_port.h"

namespace causeway {
namespace {

using testing::ElementsAre;

TEST(LowRankPort, SendsRankRowsOfAMatrixAndAllOfOthers) {
  // Of [6, 2] and [4, 2] one row of two each; the vectors whole.
  EXPECT_EQ(ToyPort("low_rank", "rank = 1").count(), 2 + 2 + 2 + 2 + 2 + 2);
  EXPECT_EQ(ToyPort("low_rank", "rank = 2").count(), 4 + 4 + 2 + 4 + 2 + 2);
  // No more than the smaller side.
  EXPECT_EQ(ToyPort("low_rank", "rank = 9").count(), 18);
}

TEST(LowRankPort, ReadsAndWritesThoseAlone) {
  ToyPort port("low_rank", "state = 'v'\nrank = 1", {.region = "layers 1..1"});
  std::vector<float> values(10);
  std::iota(values.begin(), values.end(), 1.0F);
  port.fill("v", values);
  EXPECT_THAT(port.offer({}), ElementsAre(1, 2, 9, 10));
  port.apply({}, {-1, -2, -9, -10});
  EXPECT_THAT(port.packed("v"), ElementsAre(-1, -2, 3, 4, 5, 6, 7, 8, -9, -10));
}

}  // namespace
}  // namespace causeway
