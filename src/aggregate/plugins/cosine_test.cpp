// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "aggregate/toy_fold.h"

namespace causeway {
namespace {

using testing::ElementsAre;

const float kHalfRoot = std::sqrt(0.5F);

TEST(Cosine, FirstIsTheMean) {
  EXPECT_THAT(toy_fold("cosine", {{1, 0}, {0, 4}}, {3, 1}), ElementsAre(0.75F, 1));
}

TEST(Cosine, CountsARowByItsAngleWithTheLastConsensus) {
  // Cosines with (1, 0): 1 and sqrt(1/2).
  const std::vector<std::vector<float>> rows{{2, 0}, {3, 3}};
  const auto out = toy_fold("cosine", rows, {1, 1}, {1, 0});
  EXPECT_FLOAT_EQ(out[0], (2 + 3 * kHalfRoot) / (1 + kHalfRoot));
  EXPECT_FLOAT_EQ(out[1], 3 * kHalfRoot / (1 + kHalfRoot));
  // As the paper divides, what diverges shrinks.
  const auto paper = toy_fold("cosine", rows, {1, 1}, {1, 0}, "normalise = false");
  EXPECT_FLOAT_EQ(paper[0], (2 + 3 * kHalfRoot) / 2);
  EXPECT_FLOAT_EQ(paper[1], 3 * kHalfRoot / 2);
}

TEST(Cosine, TimesTheWeight) {
  const auto out = toy_fold("cosine", {{2, 0}, {3, 3}}, {1, 4}, {0, 5});
  EXPECT_FLOAT_EQ(out[0], 3);  // the first is at a right angle
  EXPECT_FLOAT_EQ(out[1], 3);
}

TEST(Cosine, LeavesOutWhatPointsAway) {
  EXPECT_THAT(toy_fold("cosine", {{2, 0}, {-9, 0}}, {1, 1}, {1, 0}), ElementsAre(2, 0));
  // Unless all do.
  EXPECT_THAT(toy_fold("cosine", {{-2, 0}, {-8, 0}}, {1, 1}, {1, 0}), ElementsAre(-5, 0));
}

TEST(Cosine, OfEqualRowsIsTheRow) {
  const std::vector<float> row{0.25F, -3, 7, 0};
  for (const std::vector<float>& before : {std::vector<float>{}, {1, 1, 1, 1}, {0, -1, 0, 2}}) {
    const auto out = toy_fold("cosine", {row, row, row}, {1, 5, 9}, before);
    for (size_t i = 0; i < row.size(); ++i) EXPECT_FLOAT_EQ(out[i], row[i]);
  }
}

}  // namespace
}  // namespace causeway
