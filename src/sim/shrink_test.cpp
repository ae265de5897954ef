// SPDX-License-Identifier: Apache-2.0
#include "sim/shrink.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "sim/random_scenario.h"

namespace causeway {
namespace {

bool has(const Scenario& scenario, std::string_view kind) {
  return std::any_of(scenario.faults.begin(), scenario.faults.end(),
                     [kind](const FaultSpec& fault) { return fault.kind == kind; });
}

Scenario large() {
  Scenario out = random_scenario(1);
  out.workers = 6;
  out.steps = 60;
  out.network.loss = 0.3;
  out.faults.clear();
  for (const char* kind : {"kill", "cut", "slow", "pause", "kill_hub", "corrupt", "replay"}) {
    FaultSpec fault;
    fault.kind = kind;
    fault.worker = Value::Array{3, 5};
    fault.every_ms = 10;
    fault.times = 3;
    out.faults.push_back(fault);
  }
  return out;
}

// Goal: what does not matter goes, what matters stays. Method: a failure that needs two of seven
// faults, three workers and ten steps.
TEST(Shrink, KeepsWhatTheFailureNeeds) {
  const auto fails = [](const Scenario& s) {
    return has(s, "cut") && has(s, "kill_hub") && s.workers >= 4 && s.steps >= 10;
  };
  const Shrunk shrunk = shrink(large(), fails, 1'000);
  EXPECT_TRUE(fails(shrunk.scenario));
  EXPECT_EQ(shrunk.scenario.faults.size(), 2U);
  EXPECT_EQ(shrunk.scenario.workers, 4);
  EXPECT_EQ(shrunk.scenario.steps, 10);
  EXPECT_EQ(shrunk.scenario.network.loss, 0);
  for (const FaultSpec& fault : shrunk.scenario.faults) {
    EXPECT_EQ(fault.every_ms, 0);
    EXPECT_EQ(fault.worker.integer(), 3);  // worker 5 is gone
  }
}

TEST(Shrink, AsksNoMoreOftenThanItMay) {
  int64_t asked = 0;
  const auto fails = [&asked](const Scenario&) {
    ++asked;
    return true;
  };
  EXPECT_EQ(shrink(large(), fails, 7).runs, 7);
  EXPECT_EQ(asked, 7);
}

TEST(Shrink, LeavesWhatFailsOnlyAsItIs) {
  const Scenario scenario = large();
  const auto fails = [](const Scenario&) { return false; };
  EXPECT_EQ(to_toml_text(shrink(scenario, fails, 1'000).scenario), to_toml_text(scenario));
}

}  // namespace
}  // namespace causeway
