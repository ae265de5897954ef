// SPDX-License-Identifier: Apache-2.0
#include "sync/channel.h"

#include <gtest/gtest.h>

#include "core/toml.h"

namespace causeway {
namespace {

constexpr Hook kHooks[] = {Hook::kAfterBackward, Hook::kBeforeUpdate, Hook::kAfterUpdate};

Channel timed(Hook hook, int64_t period, int64_t phase) {
  Channel channel;
  channel.hook = hook;
  channel.period = period;
  channel.phase = phase;
  return channel;
}

TEST(Channel, FiresWhenItsPeriodIsFinished) {
  const Channel channel = timed(Hook::kAfterUpdate, 4, 0);
  for (int64_t step = 1; step <= 12; ++step)
    EXPECT_EQ(is_due(channel, Hook::kAfterUpdate, step), step == 4 || step == 8 || step == 12)
        << step;
}

TEST(Channel, BeforeTheUpdateCountsFinishedStepsOnly) {
  const Channel channel = timed(Hook::kBeforeUpdate, 4, 0);
  for (int64_t step = 1; step <= 12; ++step)
    EXPECT_EQ(is_due(channel, Hook::kBeforeUpdate, step), step == 5 || step == 9) << step;
}

TEST(Channel, APhaseShiftsItsFirings) {
  const Channel channel = timed(Hook::kAfterBackward, 5, 2);
  for (int64_t step = 1; step <= 12; ++step)
    EXPECT_EQ(is_due(channel, Hook::kAfterBackward, step), step == 2 || step == 7 || step == 12)
        << step;
}

TEST(Channel, FiresAtItsOwnHookAlone) {
  for (const Hook own : kHooks)
    for (const Hook other : kHooks) EXPECT_EQ(is_due(timed(own, 1, 0), other, 7), own == other);
}

TEST(Channel, FiringsAreThoseOfALoop) {
  for (const Hook hook : kHooks)
    for (int64_t period = 1; period <= 7; ++period)
      for (int64_t phase = 0; phase <= 16; ++phase) {
        const Channel channel = timed(hook, period, phase);
        for (int64_t first = 1; first <= 18; ++first) {
          int64_t counted = 0;
          for (int64_t last = first; last <= 34; ++last) {
            counted += is_due(channel, hook, last) ? 1 : 0;
            ASSERT_EQ(firings(channel, first, last), counted)
                << "hook " << static_cast<int>(hook) << " period " << period << " phase " << phase
                << " steps " << first << " to " << last;
          }
        }
      }
}

TEST(Channel, ApplicationsAreTheFiringsOfEarlierSteps) {
  for (const Hook hook : kHooks)
    for (int64_t delay = 0; delay <= 5; ++delay) {
      Channel channel = timed(hook, 5, 3);
      channel.delay = delay;
      for (int64_t first = 1; first <= 18; ++first) {
        int64_t counted = 0;
        for (int64_t last = first; last <= 34; ++last) {
          counted += last > delay && is_due(channel, hook, last - delay) ? 1 : 0;
          ASSERT_EQ(applications(channel, first, last), counted) << delay << ", " << first;
        }
      }
    }
}

TEST(Channel, FiringsOfNoStepsAreNone) {
  for (const Hook hook : kHooks) EXPECT_EQ(firings(timed(hook, 1, 0), 5, 4), 0);
}

Channel unusual() {
  Channel channel;
  channel.name = "first half";
  channel.region = "layers 0..3 & !role=norm";
  channel.port = {"outer", Value::Table{}};
  channel.port.options.set("optimizer", "sgd");
  channel.feedback.name = channel.down_feedback.name = "ef";
  channel.up = {"int8", Value::Table{}};
  channel.up.options.set("block", 64);
  channel.down.name = "bf16";
  channel.group = {"sample", Value::Table{}};
  channel.group.options.set("fraction", 0.25);
  channel.weight = Weight::kFixed;
  channel.hook = Hook::kBeforeUpdate;
  channel.period = 48;
  channel.phase = 5;
  channel.delay = 7;
  return channel;
}

TEST(Plan, IsReadBackFromItsTable) {
  Plan plan{{unusual(), Channel{}}};
  plan.channels.back().name = "plain";
  plan.channels.back().port.name = "gradient";
  const std::string text = to_toml(to_value(plan));

  Mistakes mistakes;
  const Value table = parse_toml(text, "plan", mistakes);
  Plan again;
  for (const Value& channel : table.find("channel")->array())
    read_options(channel, again.channels.emplace_back(), mistakes);
  ASSERT_TRUE(mistakes.empty()) << mistakes.text();
  EXPECT_EQ(to_toml(to_value(again)), text);

  const Channel& channel = again.channels.front();
  EXPECT_EQ(channel.name, "first half");
  EXPECT_EQ(channel.region, "layers 0..3 & !role=norm");
  EXPECT_EQ(channel.port.options.find("optimizer")->string(), "sgd");
  EXPECT_EQ(channel.feedback.name, "ef");
  EXPECT_EQ(channel.down_feedback.name, "ef");
  EXPECT_EQ(channel.up.options.find("block")->integer(), 64);
  EXPECT_EQ(channel.down.name, "bf16");
  EXPECT_EQ(channel.group.options.find("fraction")->number(), 0.25);
  EXPECT_EQ(channel.weight, Weight::kFixed);
  EXPECT_EQ(channel.hook, Hook::kBeforeUpdate);
  EXPECT_EQ(channel.period, 48);
  EXPECT_EQ(channel.phase, 5);
  EXPECT_EQ(channel.delay, 7);
  EXPECT_EQ(again.channels.back().port.name, "gradient");
}

TEST(Plan, EveryFieldOfAChannelIsWritten) {
  Channel channel = unusual();
  Value table = write_options(channel);
  EXPECT_EQ(table.table().size(), describe_options<Channel>().size());
  EXPECT_EQ(table.find("hook")->string(), "before_update");
  EXPECT_EQ(table.find("weight")->string(), "fixed");
  EXPECT_EQ(table.find("rule")->string(), "mean");
}

}  // namespace
}  // namespace causeway
