// SPDX-License-Identifier: Apache-2.0
#include "sim/scenario.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/toml.h"
#include "sim/check.h"
#include "sim/fault.h"

namespace causeway {
namespace {

using testing::HasSubstr;

Scenario read(const std::string& toml, Mistakes& mistakes) {
  return read_scenario(parse_toml(toml, "it.toml", mistakes), "it", mistakes);
}

// Goal: a scenario that is printed is the one that was read. Method: its text, read and printed
// again, and fields of it.
TEST(Scenario, WritesItselfBack) {
  Mistakes mistakes;
  const Scenario first = read(R"(
about = "all kinds of tables"
seed = 9
workers = 3
model = { kind = "convex", optimizer = "sgd" }
[sync]
preset = "diloco"
period = 7
[hub]
quorum_weight = 0.75
[network]
loss = 0.125
[disk]
sync_ms = 3.5
[worker]
step_ms = 12.5
[[fault]]
kind = "kill"
at_round = 3
event = "closed"
worker = [0, 2]
lose_disk = true
[[fault]]
kind = "lossy"
for_ms = -1
worker = "all"
[[check]]
kind = "loss_below"
value = 0.5
)",
                              mistakes);
  ASSERT_EQ(mistakes.text(), "");
  const std::string text = to_toml_text(first);
  const Scenario again = read(text, mistakes);
  ASSERT_EQ(mistakes.text(), "");
  EXPECT_EQ(to_toml_text(again), text);
  EXPECT_EQ(again.seed, 9);
  EXPECT_EQ(again.hub.quorum_weight, 0.75);
  EXPECT_EQ(again.network.loss, 0.125);
  EXPECT_EQ(again.disk.sync_ms, 3.5);
  EXPECT_EQ(again.worker.step_ms, 12.5);
  ASSERT_EQ(again.faults.size(), 2U);
  EXPECT_EQ(again.faults[0].event, RoundEvent::kClosed);
  EXPECT_EQ(again.faults[0].worker.text(), "[0, 2]");
  EXPECT_EQ(again.faults[0].options.text(), "{ lose_disk = true }");
  EXPECT_EQ(again.faults[1].for_ms, -1);
  ASSERT_EQ(again.checks.size(), 1U);
  EXPECT_EQ(again.checks[0].options.text(), "{ value = 0.5 }");
  // What has its default is left out.
  EXPECT_EQ(text.find("mbit_per_s"), std::string::npos);
}

TEST(Scenario, TellsAllMistakesAtOnceWithTheirLines) {
  Mistakes mistakes;
  read(R"(seed = -1
workers = 2
colour = 3
[sync]
preset = "diloc"
[network]
los = 0.1
[[fault]]
kind = "kil"
[[fault]]
kind = "kill"
power = 3
worker = 2
event = "shut"
[[check]]
kind = "loss_below"
valu = 1
)",
       mistakes);
  const std::string text = mistakes.text();
  EXPECT_THAT(text, HasSubstr("it.toml:1: `seed` is -1"));
  EXPECT_THAT(text, HasSubstr("it.toml:3: `colour` is no option here"));
  EXPECT_THAT(text, HasSubstr("it.toml:5: no preset is called `diloc`"));
  EXPECT_THAT(text, HasSubstr("it.toml:7: `los` is no option here; did you mean `loss`?"));
  EXPECT_THAT(text, HasSubstr("it.toml:9: no fault is called `kil`; did you mean `kill`?"));
  EXPECT_THAT(text, HasSubstr("it.toml:12: `power` is 3, an integer; wanted: true or false"));
  EXPECT_THAT(text, HasSubstr("it.toml:13: `worker` is 2; wanted: 0 to 1"));
  EXPECT_THAT(text, HasSubstr("it.toml:14: `event` is \"shut\"; wanted one of: opened"));
  EXPECT_THAT(text, HasSubstr("it.toml:17: `valu` is no option here; did you mean `value`?"));
}

/// Every fault and every check can be named and says what it is.
TEST(Scenario, KnowsItsKinds) {
  EXPECT_GE(faults().size(), 22U);
  EXPECT_GE(checks().size(), 11U);
  for (const auto* fault : faults()) {
    Mistakes mistakes;
    read(fmt::format("[[fault]]\nkind = \"{}\"\n", fault->name), mistakes);
    EXPECT_EQ(mistakes.text(), "") << fault->name;
    EXPECT_FALSE(fault->summary.empty());
  }
}

}  // namespace
}  // namespace causeway
