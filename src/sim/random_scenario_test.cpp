// SPDX-License-Identifier: Apache-2.0
#include "sim/random_scenario.h"

#include <gtest/gtest.h>

#include <set>

#include "core/toml.h"
#include "sim/fault.h"
#include "sim/run.h"

namespace causeway {
namespace {

// Goal: a failure can be printed, shrunk and read again. Method: write, read, write; compare texts.
TEST(RandomScenario, ReadsBackAsItIsWritten) {
  for (uint64_t seed = 0; seed < 300; ++seed) {
    const Scenario scenario = random_scenario(seed);
    const std::string text = to_toml_text(scenario);
    Mistakes mistakes;
    const Scenario back = read_scenario(parse_toml(text, "x", mistakes), "x", mistakes);
    ASSERT_TRUE(mistakes.empty()) << "seed " << seed << ": " << mistakes.text() << "\n" << text;
    ASSERT_EQ(to_toml_text(back), text) << "seed " << seed;
  }
}

TEST(RandomScenario, IsAFunctionOfItsSeed) {
  std::set<std::string> texts;
  for (uint64_t seed = 0; seed < 100; ++seed) {
    const std::string text = to_toml_text(random_scenario(seed));
    EXPECT_EQ(text, to_toml_text(random_scenario(seed)));
    texts.insert(text);
  }
  EXPECT_EQ(texts.size(), 100U);
}

// Goal: the history is that of the scenario as it is printed, so that a file replays a seed.
TEST(RandomScenario, ItsTextHasTheSameHistory) {
  for (const uint64_t seed : {3, 17}) {
    const Scenario scenario = random_scenario(seed);
    Mistakes mistakes;
    const Scenario back =
        read_scenario(parse_toml(to_toml_text(scenario), "x", mistakes), "x", mistakes);
    const auto course = make_course(scenario, mistakes);
    const auto again = make_course(back, mistakes);
    ASSERT_TRUE(mistakes.empty()) << mistakes.text();
    EXPECT_EQ(run_scenario(scenario, *course).history, run_scenario(back, *again).history);
  }
}

TEST(RandomScenario, DrawsEveryKindOfFaultAndNoneThatStays) {
  std::set<std::string_view> missing;
  for (const auto* kind : faults()) missing.insert(kind->name);
  for (uint64_t seed = 0; seed < 2'000; ++seed)
    for (const FaultSpec& fault : random_scenario(seed).faults) {
      missing.erase(fault.kind);
      EXPECT_GE(fault.for_ms, 0) << "seed " << seed;
    }
  EXPECT_TRUE(missing.empty()) << *missing.begin();
}

}  // namespace
}  // namespace causeway
