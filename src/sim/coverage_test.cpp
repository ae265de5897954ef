// SPDX-License-Identifier: Apache-2.0
#include "sim/coverage.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "sim/fuzz.h"
#include "sim/run.h"

namespace causeway {
namespace {

/// 3 workers, 3 rounds; the hub dies once, and loses nothing that it wrote.
Coverage of_a_small_world() {
  Scenario scenario;
  scenario.workers = 3;
  scenario.steps = 6;
  scenario.sync = Value::Table{{"preset", "diloco"}, {"period", 2}};
  FaultSpec fault;
  fault.kind = "kill_hub";
  fault.at_round = 2;
  fault.options.set("power", false);
  scenario.faults.push_back(fault);
  scenario.checks = {{"finished", Value::Table{}}};
  Coverage coverage;
  const Verdict verdict = try_world(scenario, 0, coverage);
  EXPECT_TRUE(verdict.wrong.empty()) << verdict.wrong.front();
  return coverage;
}

TEST(Coverage, CountsWhatHappens) {
  const Coverage coverage = of_a_small_world();
  EXPECT_EQ(coverage.count("record", "committed"), 3);
  EXPECT_EQ(coverage.count("record", "aborted"), 0);
  EXPECT_EQ(coverage.count("fault that struck", "kill_hub"), 1);
  EXPECT_EQ(coverage.count("fault that struck", "kill"), 0);
  EXPECT_EQ(coverage.count("life", "hub booted"), 2);
  EXPECT_EQ(coverage.count("life", "hub crashed"), 1);
  EXPECT_EQ(coverage.count("round", "committed is applied"), 9);
  EXPECT_GE(coverage.count("message to a worker", "welcome"), 3);
  EXPECT_EQ(coverage.count("worker's state", "connect > train"), 3);
}

TEST(Coverage, NamesWhatWasNeverSeen) {
  const std::vector<std::string> none = Coverage().unseen();
  const std::vector<std::string> some = of_a_small_world().unseen();
  EXPECT_LT(some.size(), none.size());
  const auto has = [&some](std::string_view what) {
    return std::find(some.begin(), some.end(), what) != some.end();
  };
  EXPECT_TRUE(has("record / aborted"));
  EXPECT_FALSE(has("record / committed"));
}

TEST(Coverage, AddsUpAndComesBackFromItsBytes) {
  const Coverage once = of_a_small_world();
  Coverage twice = once;
  twice.merge(once);
  EXPECT_EQ(twice.count("record", "committed"), 6);
  const auto back = Coverage::decode(twice.encode());
  ASSERT_TRUE(back.ok());
  EXPECT_EQ(back->table(), twice.table());
  EXPECT_FALSE(Coverage::decode(ByteSpan(twice.encode()).first(20)).ok());
}

}  // namespace
}  // namespace causeway
