// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <numeric>

#include "aggregate/toy_fold.h"
#include "core/random.h"

namespace causeway {
namespace {

using testing::Each;
using testing::ElementsAre;
using testing::FloatNear;

double mean_value(const std::vector<float>& values) {
  return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}
double variance_of(const std::vector<float>& values) {
  const double mean = mean_value(values);
  double squares = 0;
  for (const float value : values) squares += (value - mean) * (value - mean);
  return squares / static_cast<double>(values.size());
}

TEST(Variance, IsThatOfTheModelsAndTheMeanStays) {
  std::vector<std::vector<float>> rows(3, std::vector<float>(500));
  for (uint32_t m = 0; m < 3; ++m)
    for (size_t i = 0; i < 500; ++i)
      rows[m][i] = 2 + static_cast<float>(Random(1, Stream::kSample, m).normal(i)) * (1 + m);
  const std::vector<int64_t> weights{2, 1, 1};
  const auto out = toy_fold("variance", rows, weights), mean = toy_fold("mean", rows, weights);
  const double wanted =
      (2 * variance_of(rows[0]) + variance_of(rows[1]) + variance_of(rows[2])) / 4;
  EXPECT_NEAR(variance_of(out), wanted, 1e-4 * wanted);
  EXPECT_LT(variance_of(mean), 0.6 * wanted);  // else there is nothing to correct
  EXPECT_NEAR(mean_value(out), mean_value(mean), 1e-5);
}

TEST(Variance, OfByHandValues) {
  // The mean (0, 0, 0, 2) has variance 3/4, the rows have 2 and 1.
  const auto out = toy_fold("variance", {{-2, 0, 0, 2}, {2, 0, 0, 2}}, {1, 1});
  const float stretch = std::sqrt(1.5F / 0.75F);
  const float low = 0.5F - 0.5F * stretch, high = 0.5F + 1.5F * stretch;
  EXPECT_THAT(out, ElementsAre(FloatNear(low, 1e-6F), FloatNear(low, 1e-6F), FloatNear(low, 1e-6F),
                               FloatNear(high, 1e-6F)));
}

TEST(Variance, IsStretchedSoFarAndNoFarther) {
  const std::vector<std::vector<float>> rows{{1, -1, 0.01F, -0.01F}, {-1, 1, 0.01F, -0.01F}};
  EXPECT_THAT(toy_fold("variance", rows, {1, 1}, {}, "most = 3"),
              ElementsAre(FloatNear(0, 1e-7F), FloatNear(0, 1e-7F), FloatNear(0.03F, 1e-6F),
                          FloatNear(-0.03F, 1e-6F)));
}

TEST(Variance, OfAConstantStaysZero) {
  EXPECT_THAT(toy_fold("variance", {{1, 1, 1}, {3, 3, 3}}, {1, 1}), Each(2));
  EXPECT_THAT(toy_fold("variance", {{1, -1}, {-1, 1}}, {1, 1}), Each(0));
}

}  // namespace
}  // namespace causeway
