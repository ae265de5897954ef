// SPDX-License-Identifier: Apache-2.0
#include "optim/clip.h"

#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <limits>
#include <nlohmann/json.hpp>
#include <vector>

#include "core/squared_norm.h"

namespace causeway {
namespace {

TEST(Clip, AgreesWithTheOracle) {
  std::ifstream file(CAUSEWAY_SOURCE "/tests/oracle/traces/units.json");
  const auto units = nlohmann::json::parse(file);
  ASSERT_EQ(units["clip"].size(), 2);
  for (const auto& unit : units["clip"]) {
    const auto input = unit["input"].get<std::vector<float>>();
    const auto output = unit["output"].get<std::vector<double>>();
    const double scale = clip_scale(std::sqrt(squared_norm(input)), unit["limit"]);
    // Only the rounding of the input to float32 is between the two.
    for (size_t i = 0; i < input.size(); ++i)
      EXPECT_NEAR(scale * input[i], output[i], 1e-7 * std::abs(output[i]));
  }
}

TEST(Clip, ScalesDownOnly) {
  EXPECT_EQ(clip_scale(0, 1), 1);
  EXPECT_EQ(clip_scale(0.5, 1), 1);
  EXPECT_DOUBLE_EQ(clip_scale(4, 1), 1 / 4.000001);
  EXPECT_EQ(clip_scale(1e9, 0), 1);
  EXPECT_EQ(clip_scale(std::numeric_limits<double>::infinity(), 1), 0);
  EXPECT_TRUE(std::isnan(clip_scale(std::numeric_limits<double>::quiet_NaN(), 1)));
}

}  // namespace
}  // namespace causeway
