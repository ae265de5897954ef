// SPDX-License-Identifier: Apache-2.0
#include "optim/schedule.h"

#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <nlohmann/json.hpp>

#include "core/toml.h"

namespace causeway {
namespace {

using Kind = Schedule::Kind;

TEST(Schedule, AgreesWithTheOracle) {
  std::ifstream file(CAUSEWAY_SOURCE "/tests/oracle/traces/units.json");
  const auto units = nlohmann::json::parse(file);
  ASSERT_EQ(units["schedules"].size(), 3);
  for (const auto& unit : units["schedules"]) {
    SCOPED_TRACE(unit["options"].dump());
    Mistakes mistakes;
    Value options;
    for (const auto& [key, value] : unit["options"].items())
      set_path(options, key + "=" + value.dump(), mistakes);
    Schedule schedule;
    read_options(options, schedule, mistakes);
    ASSERT_TRUE(mistakes.empty()) << mistakes.text();
    const auto factors = unit["factors"].get<std::vector<double>>();
    ASSERT_EQ(factors.size(), 60);
    // Backwards, because the order of calls must not matter.
    for (int64_t step = 59; step >= 0; --step)
      EXPECT_NEAR(schedule.factor(step), factors[static_cast<size_t>(step)], 1e-15) << step;
  }
}

TEST(Schedule, WarmsUpFromAboveZeroToTheFullRate) {
  for (Kind kind : {Kind::kConstant, Kind::kCosine, Kind::kWsd}) {
    const Schedule schedule{.name = kind, .steps = 100, .warmup = 8, .min = 0.1};
    EXPECT_EQ(schedule.factor(0), 0.125);
    EXPECT_EQ(schedule.factor(3), 0.5);
    EXPECT_EQ(schedule.factor(7), 1);
    EXPECT_EQ(schedule.factor(8), 1);
  }
}

TEST(Schedule, DecaysOverTheLastSteps) {
  const Schedule schedule{.name = Kind::kWsd, .steps = 100, .decay = 25, .min = 0.2};
  EXPECT_EQ(schedule.factor(0), 1);
  EXPECT_EQ(schedule.factor(75), 1);
  EXPECT_DOUBLE_EQ(schedule.factor(76), 0.2 + 0.8 * (1 - 0.2));
  EXPECT_DOUBLE_EQ(schedule.factor(84), 0.2 + 0.8 * (1 - 0.6));
  EXPECT_GT(schedule.factor(99), 0.2);
}

TEST(Schedule, TakesTheDecayAsPartOrAsSteps) {
  for (int64_t step : {0, 179, 180, 181, 199}) {
    const Schedule part{.name = Kind::kWsd, .steps = 200, .decay = 0.1};
    const Schedule steps{.name = Kind::kWsd, .steps = 200, .decay = 20};
    EXPECT_EQ(part.factor(step), steps.factor(step)) << step;
  }
  // A part of less than one step is one step, and its first still has the full rate.
  const Schedule short_decay{.name = Kind::kWsd, .steps = 10, .decay = 0.01};
  EXPECT_EQ(short_decay.factor(9), 1);
  // A decay as long as the run begins with it.
  const Schedule long_decay{.name = Kind::kWsd, .steps = 4, .decay = 4};
  EXPECT_EQ(long_decay.factor(0), 1);
  EXPECT_EQ(long_decay.factor(1), 0.5);
}

TEST(Schedule, StaysAtItsLastStepAfterTheEnd) {
  for (Kind kind : {Kind::kConstant, Kind::kCosine, Kind::kWsd}) {
    const Schedule schedule{.name = kind, .steps = 50, .warmup = 5, .decay = 0.2};
    EXPECT_GT(schedule.factor(49), 0);
    EXPECT_EQ(schedule.factor(50), schedule.factor(49));
    EXPECT_EQ(schedule.factor(1'000'000), schedule.factor(49));
  }
  const Schedule only_warmup{.name = Kind::kCosine, .steps = 5, .warmup = 10};
  EXPECT_EQ(only_warmup.factor(7), 0.5);
}

TEST(Schedule, CosineIsHalfWayInTheMiddle) {
  const Schedule schedule{.name = Kind::kCosine, .steps = 110, .warmup = 10, .min = 0.1};
  EXPECT_NEAR(schedule.factor(60), 0.55, 1e-15);
  for (int64_t step = 10; step < 109; ++step)
    EXPECT_GT(schedule.factor(step), schedule.factor(step + 1));
}

}  // namespace
}  // namespace causeway
