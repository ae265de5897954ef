// SPDX-License-Identifier: Apache-2.0
#include "sim/fuzz.h"

#include <gtest/gtest.h>

#include "sim/random_scenario.h"
#include "sim/run.h"

namespace causeway {
namespace {

Scenario plain() {
  Scenario out;
  out.name = "plain";
  out.workers = 3;
  out.steps = 6;
  out.sync = Value::Table{{"preset", "diloco"}, {"period", 2}};
  out.model = Value::Table{{"kind", "convex"}};
  out.checks = {{"finished", Value::Table{}}};
  return out;
}

TEST(Fuzz, AWorldHasTheSameHistoryInAProcessOfItsOwn) {
  Coverage coverage;
  const Verdict here = try_world(plain(), 100, coverage), apart = try_apart(plain(), 100, 60);
  EXPECT_TRUE(here.wrong.empty()) << here.wrong.front();
  EXPECT_TRUE(apart.wrong.empty()) << apart.wrong.front();
  EXPECT_EQ(here.history, apart.history);
  EXPECT_EQ(here.timeline, apart.timeline);
  EXPECT_GT(here.events, 0);
}

TEST(Fuzz, ACheckThatFailsIsWrong) {
  Scenario scenario = plain();
  scenario.checks.push_back({"committed_at_least", Value::Table{{"rounds", 4}}});
  const Verdict verdict = try_apart(scenario, 10, 60);
  ASSERT_EQ(verdict.wrong.size(), 1U);
  EXPECT_NE(verdict.wrong.front().find("3 rounds were committed"), std::string::npos);
  EXPECT_FALSE(verdict.timeline.empty());
}

// A worker that there is not is a bug of whoever made the scenario: a check of the code fails, and
// the process with it.
TEST(Fuzz, ACrashIsWrong) {
  Scenario scenario = plain();
  scenario.checks.push_back({"no such check", Value::Table{}});
  const Verdict verdict = try_apart(scenario, 10, 60);
  ASSERT_EQ(verdict.wrong.size(), 1U);
  EXPECT_TRUE(verdict.wrong.front().starts_with("crashes: ")) << verdict.wrong.front();
  EXPECT_NE(verdict.wrong.front().find("check failed"), std::string::npos);
}

// Goal: counts do not depend on how the seeds are spread over processes.
TEST(Fuzz, SeedsAreRunOnceEachWhateverTheProcesses) {
  FuzzOptions options;
  options.from = 5;
  options.count = 7;
  const FuzzReport one = fuzz(options);
  options.processes = 3;
  const FuzzReport three = fuzz(options);
  EXPECT_FALSE(one.seed);
  EXPECT_EQ(one.worlds, 7);
  EXPECT_EQ(three.worlds, 7);
  EXPECT_EQ(one.coverage.table(), three.coverage.table());

  Coverage by_hand;
  for (uint64_t seed = 5; seed < 12; ++seed) try_world(random_scenario(seed), 0, by_hand);
  EXPECT_EQ(by_hand.table(), one.coverage.table());
}

}  // namespace
}  // namespace causeway
