// SPDX-License-Identifier: Apache-2.0
#include "sync/preset.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

#include "sync/toy_replica.h"

namespace causeway {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Pair;

const std::vector<Names> kMomentSets{{"u", "v"}, {"u1", "u2", "v"}, {"b"}, {}};

Plan right_plan(const std::string& sync, const Names& moments,
                const std::string& optimizer = "qhm") {
  Mistakes mistakes;
  Plan plan = toy_plan(sync, toy_context(moments, optimizer), mistakes);
  EXPECT_TRUE(mistakes.empty()) << sync << ": " << mistakes.text();
  return plan;
}

std::string mistakes_of(const std::string& sync, const Names& moments = {"u", "v"},
                        const std::string& optimizer = "adamw") {
  Mistakes mistakes;
  toy_plan(sync, toy_context(moments, optimizer), mistakes);
  return mistakes.text();
}

std::map<std::string, int64_t> periods(const Plan& plan) {
  std::map<std::string, int64_t> out;
  for (const Channel& channel : plan.channels) out[channel.name] = channel.period;
  return out;
}

TEST(EveryPreset, MakesAPlanThatBindsForEveryOptimizer) {
  for (const auto* preset : presets())
    for (const Names& moments : kMomentSets) {
      const std::string sync = "preset = '" + std::string(preset->name) + "'";
      const Plan plan = right_plan(sync, moments);
      Mistakes mistakes;
      if (preset->name == "lordo" && moments != kTwoMoments) continue;  // it has its own optimizer
      Names states = ToyReplica::names(moments);
      for (const std::string& state : toy_moments(preset->name)) states.push_back(state);
      const auto bound = BoundPlan::bind(plan, toy_layout(), states, {4, 0, {}}, mistakes);
      EXPECT_NE(bound, nullptr) << sync << ": " << mistakes.text();
      EXPECT_EQ(plan.channels.empty(), preset->name == "none") << sync;
    }
}

TEST(EveryPreset, IsWrittenAndReadBack) {
  for (const auto* preset : presets())
    for (const char* more : {"",
                             "participation = 0.5\nup = {name = 'int8', block = 64}\n"
                             "down = 'bf16'\nfeedback = 'ef'\nweight = 'equal'\nworkers = 8\n"
                             "[[channel]]\nname = 'mine'\nport = 'assign'\nperiod = 7"}) {
      Mistakes mistakes;
      const std::string text = "preset = '" + std::string(preset->name) + "'\n" + more;
      if (*more != '\0' && groups_itself(preset->name)) continue;
      const SyncTable first = read_sync(parse_toml(text, "first", mistakes), mistakes);
      const std::string written = to_toml(write_sync(first));
      const SyncTable second = read_sync(parse_toml(written, "second", mistakes), mistakes);
      EXPECT_EQ(to_toml(write_sync(second)), written);
      const PresetContext context = toy_context({"u", "v"});
      const Plan one = make_plan(first, context, mistakes);
      const Plan two = make_plan(second, context, mistakes);
      EXPECT_TRUE(mistakes.empty()) << mistakes.text();
      EXPECT_EQ(to_toml(to_value(one)), to_toml(to_value(two)));
      EXPECT_EQ(second.options.workers, *more == '\0' ? 0 : 8);
    }
}

TEST(EveryPreset, GivesCodecsWeightsAndDrawToAllItsChannels) {
  for (const auto* preset : presets()) {
    const std::string draws = "preset = '" + std::string(preset->name) + "'\nparticipation = 0.25";
    if (groups_itself(preset->name)) {
      EXPECT_THAT(mistakes_of(draws), HasSubstr("says itself who takes part"));
      continue;
    }
    const Plan plan = right_plan("preset = '" + std::string(preset->name) +
                                     "'\nup = 'int8'\ndown = 'bf16'\nfeedback = 'ef'\n"
                                     "down_feedback = 'ef'\nweight = 'fixed'\nparticipation = 0.25",
                                 {"u", "v"});
    int64_t shortest = INT64_MAX;
    for (const Channel& channel : plan.channels) shortest = std::min(shortest, channel.period);
    for (const Channel& channel : plan.channels) {
      // A second moment must stay positive: no feedback, and never int8.
      const bool second = channel.name == "v";
      EXPECT_EQ(channel.up.name, second ? "bf16" : "int8");
      EXPECT_EQ(channel.down.name, "bf16");
      EXPECT_EQ(channel.feedback.name, second ? "none" : "ef");
      EXPECT_EQ(channel.down_feedback.name, second ? "none" : "ef");
      // Who counts alike in the method goes on to.
      if (channel.weight != Weight::kEqual) {
        EXPECT_EQ(channel.weight, Weight::kFixed);
      }
      ASSERT_EQ(channel.group.name, "sample") << preset->name;
      EXPECT_EQ(channel.group.options.find("fraction")->number(), 0.25);
      EXPECT_EQ(channel.group.options.find("period")->integer(), shortest);
    }
  }
}

TEST(EveryPreset, DrawsNobodyOutByDefault) {
  for (const auto* preset : presets())
    for (const Channel& channel :
         right_plan("preset = '" + std::string(preset->name) + "'", {"b"}).channels)
      EXPECT_NE(channel.group.name, "sample");
}

TEST(EveryPreset, NamesTheNearestOfAMisspeltOption) {
  for (const char* preset :
       {"fedavg", "diloco", "fedopt", "photon", "local_adam", "des_loc", "streaming_diloco"}) {
    const std::string sync = "preset = '" + std::string(preset) + "'\n";
    EXPECT_THAT(mistakes_of(sync + "perod = 8"),
                AllOf(HasSubstr("test:2: `perod`"), HasSubstr("did you mean `period`?")));
    EXPECT_THAT(mistakes_of(sync + "partcipation = 0.5"),
                HasSubstr("did you mean `participation`?"));
    EXPECT_THAT(mistakes_of(sync + "period = 'often'"), HasSubstr("`period` is \"often\""));
    EXPECT_THAT(mistakes_of(sync + "period = -1"), HasSubstr("`period` is -1"));
  }
}

TEST(Sync, NamesTheNearestOfAMisspeltPreset) {
  EXPECT_THAT(mistakes_of("workers = 4\npreset = 'diloko'"),
              AllOf(HasSubstr("test:2:"), HasSubstr("did you mean `diloco`?")));
}

TEST(Sync, RefusesWhatIsOutOfRange) {
  EXPECT_THAT(mistakes_of("participation = 1.5"), HasSubstr("`participation` is 1.5"));
  EXPECT_THAT(mistakes_of("workers = -1"), HasSubstr("`workers` is -1"));
  EXPECT_THAT(mistakes_of("weight = 'token'"), HasSubstr("did you mean `tokens`?"));
  EXPECT_THAT(mistakes_of("[[channel]]\nname = 'x'\nport = 'assign'\nphse = 1"),
              HasSubstr("did you mean `phase`?"));
  EXPECT_THAT(mistakes_of("[[channel]]\nname = 'x'"), HasSubstr("`port` is missing"));
}

TEST(DesLoc, AveragesMomentsEveryThreeAndSixPeriods) {
  const std::string sync = "preset = 'des_loc'\nperiod = 10";
  EXPECT_THAT(periods(right_plan(sync, {"u", "v"})),
              ElementsAre(Pair("u", 30), Pair("v", 60), Pair("x", 10)));
  EXPECT_THAT(periods(right_plan(sync, {"u1", "u2", "v"})),
              ElementsAre(Pair("u1", 30), Pair("u2", 30), Pair("v", 60), Pair("x", 10)));
  EXPECT_THAT(periods(right_plan(sync, {"b"})), ElementsAre(Pair("b", 30), Pair("x", 10)));
  EXPECT_THAT(periods(right_plan(sync, {})), ElementsAre(Pair("x", 10)));
}

TEST(DesLoc, TakesPeriodsByStateAndLeavesOutZero) {
  EXPECT_THAT(
      periods(right_plan("preset = 'des_loc'\nperiod = 10\nperiods = {u = 7, v = 0}", {"u", "v"})),
      ElementsAre(Pair("u", 7), Pair("x", 10)));
  EXPECT_THAT(periods(right_plan("preset = 'des_loc'\nperiod = 0\nperiods = {v = 9}", {"u", "v"})),
              ElementsAre(Pair("v", 9)));
}

TEST(DesLoc, RefusesPeriodsThatMeanNothing) {
  const std::string sync = "preset = 'des_loc'\n";
  EXPECT_THAT(mistakes_of(sync + "periods = {w = 3}"),
              AllOf(HasSubstr("test:2:"), HasSubstr("`adamw` has no state `w`; it has: u, v")));
  EXPECT_THAT(mistakes_of(sync + "periods = {u = 'never'}"),
              AllOf(HasSubstr("test:2:"), HasSubstr("the period of `u` is \"never\"")));
  EXPECT_THAT(mistakes_of(sync + "periods = {u = -3}"), HasSubstr("the period of `u` is -3"));
  EXPECT_THAT(mistakes_of(sync + "periods = {u = 1.5}"), HasSubstr("the period of `u` is 1.5"));
  EXPECT_THAT(mistakes_of(sync + "periods = 3"), HasSubstr("wanted: a table of steps by state"));
  EXPECT_THAT(mistakes_of(sync + "server = 'nestorov'"), HasSubstr("did you mean `nesterov`?"));
}

TEST(DesLoc, OrdersBeforeOrAfterTheUpdate) {
  for (const Channel& channel : right_plan("preset = 'des_loc'", {"u", "v"}).channels)
    EXPECT_EQ(channel.hook, Hook::kAfterUpdate);
  for (const Channel& channel :
       right_plan("preset = 'des_loc'\nordering = 'pre_step'", {"u", "v"}).channels)
    EXPECT_EQ(channel.hook, Hook::kBeforeUpdate);
}

TEST(StreamingDiLoCo, SpreadsItsFragmentsOverThePeriod) {
  const auto phases = [](const std::string& sync) {
    std::vector<int64_t> out;
    for (const Channel& channel : right_plan("preset = 'streaming_diloco'\n" + sync, {}).channels)
      out.push_back(channel.phase);
    return out;
  };
  EXPECT_THAT(phases("period = 10\nfragments = 2"), ElementsAre(5, 0));
  EXPECT_THAT(phases("period = 10\nfragments = 3"), ElementsAre(3, 6, 0));
  EXPECT_THAT(phases("period = 2\nfragments = 4"), ElementsAre(0, 1, 1, 0));
  EXPECT_THAT(phases("period = 10\nfragments = 1"), ElementsAre(0));
  EXPECT_THAT(phases("period = 10\nfragments = 2\nphases = [7, 3]"), ElementsAre(7, 3));
}

TEST(StreamingDiLoCo, GivesEachFragmentDelayMixAndOuterOptimizer) {
  const Plan plan = right_plan("preset = 'streaming_diloco'\nfragments = 3", {"u", "v"});
  ASSERT_EQ(plan.channels.size(), 3U);
  for (size_t i = 0; i < 3; ++i) {
    const Channel& channel = plan.channels[i];
    EXPECT_EQ(channel.name, "x" + std::to_string(i));
    EXPECT_EQ(channel.region, "fragment " + std::to_string(i) + "/3");
    EXPECT_EQ(channel.delay, 1);
    EXPECT_EQ(channel.period, 64);
    EXPECT_EQ(channel.hook, Hook::kAfterUpdate);
    EXPECT_EQ(channel.port.name, "outer");
    EXPECT_EQ(channel.port.options.find("mix")->number(), 0.5);
    EXPECT_EQ(channel.port.options.find("optimizer")->find("lr")->number(), 0.4);
  }
}

TEST(StreamingDiLoCo, RefusesWhatDoesNotFitThePeriodOrTheFragments) {
  const std::string sync = "preset = 'streaming_diloco'\nperiod = 8\n";
  EXPECT_THAT(mistakes_of(sync + "delay = 9"), HasSubstr("`delay` is 9; wanted: at most"));
  EXPECT_THAT(mistakes_of(sync + "phases = [1]"), HasSubstr("`phases` has 1 numbers"));
  EXPECT_THAT(mistakes_of(sync + "phases = [1, 8]"), HasSubstr("a phase is 8"));
  EXPECT_THAT(mistakes_of(sync + "mix = 1.5"), HasSubstr("`mix` is 1.5"));
  EXPECT_THAT(mistakes_of(sync + "outer = 'nestorov'"), HasSubstr("did you mean `nesterov`?"));
}

TEST(MtDao, WantsSlowMomenta) {
  for (const char* slow : {"qh_adamw", "qh_adopt", "qhm"})
    EXPECT_EQ(mistakes_of("preset = 'mt_dao'", {"u1", "u2", "v"}, slow), "");
  for (const char* fast : {"adamw", "adopt", "sgdm"})
    EXPECT_THAT(mistakes_of("preset = 'mt_dao'", {"u", "v"}, fast),
                AllOf(HasSubstr(fast), HasSubstr("use des_loc")));
}

TEST(Presets, HaveThePapersOuterOptimizersAndPeriods) {
  struct Case {
    const char* preset;
    const char* optimizer;
    int64_t period;
  };
  for (const Case& one :
       {Case{"diloco", "nesterov", 64}, {"fedopt", "adam", 32}, {"photon", "sgd", 128}}) {
    const Plan plan = right_plan(std::string("preset = '") + one.preset + "'", {"u", "v"});
    ASSERT_EQ(plan.channels.size(), 1U);
    const Channel& x = plan.channels.front();
    EXPECT_EQ(x.port.name, "outer");
    EXPECT_EQ(x.period, one.period);
    EXPECT_EQ(x.port.options.find("optimizer")->text(), Value(one.optimizer).text());
  }
}

}  // namespace
}  // namespace causeway
