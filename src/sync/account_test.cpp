// SPDX-License-Identifier: Apache-2.0
#include "sync/account.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "exchange/toy_team.h"

namespace causeway {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

// Every preset with a period short enough for a toy's run.
std::string short_preset(std::string_view name) {
  std::string out = "preset = '" + std::string(name) + "'\n";
  if (name == "none" || name == "ddp") return out;
  if (has_option(name, "period")) out += "period = 2\n";
  if (name == "des_loc") out += "periods = {u = 3, v = 5}\nordering = 'pre_step'\n";
  return out;
}

TEST(PredictedBytes, AreThoseThatEnginesAndExchangeCount) {
  constexpr int64_t kFirst = 4, kLast = 11;
  for (const auto* preset : presets()) {
    const Names moments = toy_moments(preset->name);
    for (const std::string up : {"fp32", "bf16", "int8"})
      for (const std::string down : {"fp32", "bf16", "int8"})
        for (const std::string part : {"1.0", "0.5"}) {
          if (part != "1.0" && groups_itself(preset->name)) continue;
          const std::string sync = short_preset(preset->name) + "up = '" + up + "'\ndown = '" +
                                   down + "'\nparticipation = " + part;
          SCOPED_TRACE(sync);
          const auto plan = toy_bind(sync, moments, {4, 1, {}});
          ToyTeam team(*plan, toy_layout(), {moments, 1, {}});
          const auto engines = [&team] {
            RunBytes sum;
            for (const auto& worker : team.workers()) {
              sum.up += worker->engine.counters().traffic.up_bytes;
              sum.down += worker->engine.counters().traffic.down_bytes;
            }
            return sum;
          };
          team.run_to(kFirst - 1);
          const RunBytes before = engines();
          const size_t rounds = team.outcomes().size();
          team.run_to(kLast);
          RunBytes exchanged;
          for (size_t i = rounds; i < team.outcomes().size(); ++i) {
            ASSERT_TRUE(team.outcomes()[i].committed);
            exchanged.up += team.outcomes()[i].up_bytes;
            exchanged.down += team.outcomes()[i].down_bytes;
          }
          const RunBytes predicted = predicted_bytes(*plan, kFirst, kLast);
          EXPECT_EQ(exchanged.up, predicted.up);
          EXPECT_EQ(exchanged.down, predicted.down);
          EXPECT_EQ(engines().up - before.up, predicted.up);
          EXPECT_EQ(engines().down - before.down, predicted.down);
          EXPECT_EQ(predicted.sum() == 0, preset->name == "none");
        }
  }
}

TEST(PredictedBytes, CountAConsensusWhereItIsApplied) {
  const auto plan = toy_bind("preset = 'streaming_diloco'\nperiod = 4\ndelay = 3", {}, {2, 1, {}});
  const int64_t first = 2 * (4 * 22 + 8), second = 2 * (4 * 12 + 8);
  // Fired at 2, 6, 10 and 4, 8; applied at 5, 9, 13 and 7, 11.
  EXPECT_EQ(predicted_bytes(*plan, 1, 4).up, first + second);
  EXPECT_EQ(predicted_bytes(*plan, 1, 4).down, 0);
  EXPECT_EQ(predicted_bytes(*plan, 1, 10).up, 3 * first + 2 * second);
  EXPECT_EQ(predicted_bytes(*plan, 1, 10).down, 2 * first + second);
  ToyTeam team(*plan, toy_layout(), {{}, 1, {}});
  team.run_to(10);
  RunBytes sum;
  for (const auto& worker : team.workers()) {
    sum.up += worker->engine.counters().traffic.up_bytes;
    sum.down += worker->engine.counters().traffic.down_bytes;
  }
  EXPECT_EQ(sum.up, predicted_bytes(*plan, 1, 10).up);
  EXPECT_EQ(sum.down, predicted_bytes(*plan, 1, 10).down);
}

TEST(PredictedBytes, OfFullFloatsAreFourBytesAValueAndAFrame) {
  const auto plan = toy_bind("preset = 'fedavg'\nperiod = 3", {}, {5, 1, {}});
  const ChannelBytes one = channel_bytes(*plan, 0);
  EXPECT_EQ(one.up, 4 * 34 + 8);
  EXPECT_EQ(one.down, 4 * 34 + 8);
  EXPECT_EQ(one.members, 5);
  EXPECT_EQ(predicted_bytes(*plan, 1, 9).up, 3 * 5 * one.up);
  EXPECT_EQ(predicted_bytes(*plan, 1, 2).sum(), 0);
  EXPECT_EQ(ddp_step_bytes(34, 5).up, 4 * 34 * 5);
  EXPECT_EQ(ddp_step_bytes(34, 5).sum(), 2 * 4 * 34 * 5);
}

TEST(PredictedBytes, CountTheDrawnUpAndEverybodyDown) {
  const auto plan = toy_bind("preset = 'fedavg'\nparticipation = 0.4\nperiod = 3", {}, {5, 1, {}});
  EXPECT_EQ(channel_bytes(*plan, 0).members, 2);
  EXPECT_EQ(predicted_bytes(*plan, 1, 3).up, 2 * (4 * 34 + 8));
  EXPECT_EQ(predicted_bytes(*plan, 1, 3).down, 5 * (4 * 34 + 8));
}

TEST(LargestOffer, SumsTheChannelsThatMeet) {
  const int64_t one = 4 * 34 + 8;
  const Names moments{"u", "v"};
  EXPECT_EQ(largest_offer_bytes(*toy_bind("preset = 'none'", moments, {2, 1, {}})), 0);
  EXPECT_EQ(largest_offer_bytes(*toy_bind("preset = 'des_loc'", moments, {2, 1, {}})), 3 * one);
  const std::string channel = "[[channel]]\nport = 'assign'\nperiod = 4\n";
  // Two halves of a period apart: never in one step.
  const auto apart =
      toy_bind(channel + "name = 'a'\n" + channel + "name = 'b'\nphase = 2", moments, {2, 1, {}});
  EXPECT_EQ(largest_offer_bytes(*apart), one);
}

TEST(WaitingOffers, AreThoseOfDelayedChannelsBesideTheLargestFiring) {
  const auto frames = [](int64_t values, int64_t count) { return 4 * values + 8 * count; };
  EXPECT_EQ(waiting_offer_bytes(*toy_bind("preset = 'diloco'", {}, {2, 1, {}})), frames(34, 1));
  const auto streaming = [](const char* delay) {
    return waiting_offer_bytes(
        *toy_bind(std::string("preset = 'streaming_diloco'\ndelay = ") + delay, {}, {2, 1, {}}));
  };
  EXPECT_EQ(streaming("0"), frames(22, 1));
  EXPECT_EQ(streaming("3"), frames(34, 2));
}

TEST(Link, IsReadFromItsText) {
  struct Case {
    const char* text;
    double bits, seconds;
  };
  for (const Case& one : {Case{"100Mbit/s,50ms", 100e6, 0.05},
                          {"1Gbit/s", 1e9, WorkerLink{}.latency_seconds},
                          {"25 Mbit/s, 0.1 s", 25e6, 0.1},
                          {"9600bit/s,2s", 9600, 2},
                          {"2.5 kbit/s,0ms", 2500, 0},
                          {"1Tbit/s,1e-3s", 1e12, 1e-3}}) {
    const auto link = parse_link(one.text);
    ASSERT_TRUE(link.ok()) << one.text;
    EXPECT_DOUBLE_EQ(link->bits_per_second, one.bits) << one.text;
    EXPECT_DOUBLE_EQ(link->latency_seconds, one.seconds) << one.text;
  }
}

TEST(Link, RefusesWhatItDoesNotUnderstand) {
  for (const char* text :
       {"", ",", "fast", "100", "100Mbit", "100MB/s", "0Mbit/s", "-1Mbit/s", "100Mbit/s,",
        "100Mbit/s,50", "100Mbit/s,50min", "100Mbit/s,-1ms", "100Mbit/s,50ms,1", "infMbit/s",
        "nanMbit/s", "1Mbit/s,infs", "1e999bit/s"}) {
    const auto link = parse_link(text);
    ASSERT_FALSE(link.ok()) << text;
    EXPECT_EQ(link.error().fault, Fault::kBadInput);
    EXPECT_THAT(link.error().message, HasSubstr("`" + std::string(text) + "`"));
  }
}

TEST(Link, ARoundTakesBothWaysAndSixDelays) {
  EXPECT_DOUBLE_EQ(round_seconds(1'000'000, 250'000, {10e6, 0.25}), 1.5 + 1.0);
  EXPECT_DOUBLE_EQ(round_seconds(0, 0, {10e6, 0}), 0);
}

std::vector<std::string> warnings(const std::string& sync, const std::string& optimizer,
                                  int64_t steps = 1000) {
  const Names moments{"u", "v"};
  return plan_warnings(*toy_bind(sync, moments, {2, 1, {}}), optimizer, steps);
}

TEST(PlanWarnings, TellOfChannelsThatNeverFire) {
  const std::string sync = "preset = 'diloco'\nperiod = 100";
  EXPECT_THAT(warnings(sync, "adamw", 100), IsEmpty());
  EXPECT_THAT(warnings(sync, "adamw", 99), ElementsAre(HasSubstr("channel `x` never fires")));
}

TEST(PlanWarnings, TellOfChannelsThatAreNeverApplied) {
  const std::string sync = "preset = 'streaming_diloco'\nperiod = 100\nfragments = 1\ndelay = 4";
  EXPECT_THAT(warnings(sync, "adamw", 104), IsEmpty());
  EXPECT_THAT(warnings(sync, "adamw", 103),
              ElementsAre(HasSubstr("no consensus of channel `x0` is applied")));
  EXPECT_THAT(warnings(sync, "adamw", 99), ElementsAre(HasSubstr("never fires")));
}

TEST(PlanWarnings, TellOfAMomentThatIsAppliedAfterTheFirst) {
  const auto moments = [](const char* u, const char* v) {
    const std::string channel = "[[channel]]\nperiod = 10\nport = {name = 'assign', state = ";
    return warnings(channel + "'u'}\nname = 'u'\ndelay = " + u + "\n" + channel +
                        "'v'}\nname = 'v'\ndelay = " + v,
                    "adamw");
  };
  EXPECT_THAT(moments("2", "2"), IsEmpty());
  EXPECT_THAT(moments("2", "1"), IsEmpty());
  EXPECT_THAT(moments("1", "2"), ElementsAre(HasSubstr("channel `u` averages Adam's")));
}

TEST(PlanWarnings, TellOfAdamsFirstMomentAveragedAlone) {
  const std::string sync = "preset = 'des_loc'\nperiod = 10\nperiods = ";
  for (const char* optimizer : {"adamw", "qh_adamw"}) {
    EXPECT_THAT(warnings(sync + "{u = 30, v = 60}", optimizer),
                ElementsAre(HasSubstr("channel `u` averages Adam's first moment")));
    EXPECT_THAT(warnings(sync + "{u = 30, v = 0}", optimizer).size(), 1U);
    EXPECT_THAT(warnings(sync + "{u = 30, v = 30}", optimizer), IsEmpty());
    EXPECT_THAT(warnings(sync + "{u = 60, v = 30}", optimizer), IsEmpty());
    EXPECT_THAT(warnings("preset = 'local_adam'", optimizer), IsEmpty());
    EXPECT_THAT(warnings("preset = 'diloco'", optimizer), IsEmpty());
  }
  EXPECT_THAT(warnings(sync + "{u = 30, v = 60}", "adopt"), IsEmpty());
}

}  // namespace
}  // namespace causeway
