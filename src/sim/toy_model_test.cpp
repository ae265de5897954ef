// SPDX-License-Identifier: Apache-2.0
#include "sim/toy_model.h"

#include <gtest/gtest.h>

#include <cmath>
#include <numeric>

namespace causeway {
namespace {

using Maker = std::unique_ptr<ToyModel> (*)(const ToyModelOptions&);

class EveryToyModel : public testing::TestWithParam<Maker> {};

// Goal: the sum of what all workers descend is the loss. Method: the mean of gradients over a whole
// pass of the data against differences of the loss, in a random direction.
TEST_P(EveryToyModel, DescendsItsLoss) {
  constexpr int32_t kWorkers = 3;
  const auto model = GetParam()({kWorkers, 2, 9});
  std::vector<float> x = model->first(), g(x.size());
  std::vector<double> mean(x.size());
  // Of the two-layer model a pass is 4 steps; the convex one's noise has mean zero over many.
  const int64_t steps = 4'000;
  for (int32_t worker = 0; worker < kWorkers; ++worker)
    for (int64_t step = 1; step <= steps; ++step) {
      model->gradient(worker, step, x, g);
      for (size_t i = 0; i < g.size(); ++i)
        mean[i] += static_cast<double>(g[i]) / static_cast<double>(steps * kWorkers);
    }
  const double norm = std::sqrt(std::inner_product(mean.begin(), mean.end(), mean.begin(), 0.0));
  ASSERT_GT(norm, 0.01);
  const double before = model->loss(x);
  constexpr double kStep = 1e-2;
  for (size_t i = 0; i < x.size(); ++i) x[i] -= static_cast<float>(kStep * mean[i] / norm);
  const double fell = before - model->loss(x);
  EXPECT_GT(fell, 0);
  const bool convex = model->layout().find("embed") != nullptr;
  // The convex loss is a mean over parameters, its gradient is that of the sum.
  const double slope = fell / kStep * (convex ? static_cast<double>(x.size()) : 1.0);
  EXPECT_NEAR(slope / norm, 1, 0.05);
}

TEST_P(EveryToyModel, GivesWorkersDataOfTheirOwn) {
  const auto model = GetParam()({2, 1, 9});
  const std::vector<float> x = model->first();
  std::vector<float> a(x.size()), b(x.size()), c(x.size()), again(x.size());
  model->gradient(0, 1, x, a);
  model->gradient(1, 1, x, b);
  model->gradient(0, 2, x, c);
  model->gradient(0, 1, x, again);
  EXPECT_NE(a, b);
  EXPECT_NE(a, c);
  EXPECT_EQ(a, again);
}

TEST_P(EveryToyModel, GrowsWithItsWidth) {
  const int64_t one = GetParam()({1, 1, 9})->layout().count();
  EXPECT_GE(one, 34);
  EXPECT_GT(GetParam()({1, 12, 9})->layout().count(), 10 * one);
}

INSTANTIATE_TEST_SUITE_P(Models, EveryToyModel,
                         testing::Values(&make_convex_model, &make_two_layer_model));

}  // namespace
}  // namespace causeway
