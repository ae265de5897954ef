// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "exchange/toy_method.h"

namespace causeway {
namespace {

double toy_variance(std::span<const float> values) {
  double sum = 0, squares = 0;
  for (const float value : values) sum += value, squares += double{value} * value;
  const double mean = sum / static_cast<double>(values.size());
  return squares / static_cast<double>(values.size()) - mean * mean;
}

TEST(VarianceCorrectedPreset, GivesEachTensorTheVarianceOfTheModels) {
  EXPECT_EQ(only_channel("preset = 'variance_corrected'").rule.name, "variance");
  const std::string every = "\nweight = 'equal'\nperiod = 4";
  const auto apart = x_after("preset = 'none'", 4);
  const auto mean = x_after("preset = 'fedavg'" + every, 4);
  const auto corrected = x_after("preset = 'variance_corrected'" + every, 4);
  EXPECT_TRUE(workers_agree(corrected));
  const Layout layout = toy_layout();
  for (const Tensor& tensor : layout.tensors()) {
    const auto of = [&](const std::vector<float>& all, size_t worker) {
      return std::span(all).subspan(34 * worker + static_cast<size_t>(tensor.begin),
                                    static_cast<size_t>(tensor.count));
    };
    double wanted = 0, sum = 0, sum_corrected = 0;
    for (size_t m = 0; m < kToyWorkers; ++m) wanted += toy_variance(of(apart, m)) / kToyWorkers;
    EXPECT_NEAR(toy_variance(of(corrected, 0)), wanted, 1e-5) << tensor.name;
    EXPECT_LT(toy_variance(of(mean, 0)), wanted) << tensor.name;
    for (const float value : of(mean, 0)) sum += value;
    for (const float value : of(corrected, 0)) sum_corrected += value;
    EXPECT_NEAR(sum_corrected, sum, 1e-5) << tensor.name;
  }
}

}  // namespace
}  // namespace causeway
