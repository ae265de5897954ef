// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "aggregate/tensor_sums.h"
#include "aggregate/toy_fold.h"

namespace causeway {
namespace {

using testing::ElementsAre;
using testing::FloatNear;

TEST(Direction, IsAsLongAsTheRowsAreOnAverage) {
  // Orthogonal rows of length 5: their mean would have length 3.5.
  const auto out = toy_fold("direction", {{3, 4, 0}, {4, -3, 0}}, {1, 1});
  EXPECT_THAT(out, ElementsAre(FloatNear(4.949747F, 1e-5F), FloatNear(0.707107F, 1e-5F), 0));
  const std::vector<std::vector<float>> rows{{1, 2, 2}, {0, 0, 9}, {-2, 6, 3}};
  EXPECT_NEAR(norm_of(toy_fold("direction", rows, {2, 1, 1})), (2 * 3 + 9 + 7) / 4.0, 1e-5);
}

TEST(Direction, OfALongRowWeighsNoMoreThanOfAShortOne) {
  const auto out = toy_fold("direction", {{1000, 0}, {0, 2}}, {1, 1});
  EXPECT_FLOAT_EQ(out[0], out[1]);
  const auto weighed = toy_fold("direction", {{1000, 0}, {0, 2}}, {3, 1});
  EXPECT_FLOAT_EQ(weighed[0], 3 * weighed[1]);
}

TEST(Direction, OfEqualRowsIsTheRow) {
  const std::vector<float> row{0.25F, -3, 7, 0};
  const auto out = toy_fold("direction", {row, row, row}, {1, 5, 9});
  for (size_t i = 0; i < row.size(); ++i) EXPECT_FLOAT_EQ(out[i], row[i]);
}

TEST(Direction, OfNothingIsNothing) {
  EXPECT_THAT(toy_fold("direction", {{0, 0}, {0, 0}}, {1, 2}), ElementsAre(0, 0));
  // Opposite rows have no direction.
  EXPECT_THAT(toy_fold("direction", {{2, 0}, {-2, 0}}, {1, 1}), ElementsAre(0, 0));
  // A zero row makes the others shorter, and turns them nowhere.
  EXPECT_THAT(toy_fold("direction", {{0, 0}, {0, 6}}, {1, 2}), ElementsAre(0, 4));
}

}  // namespace
}  // namespace causeway
