// SPDX-License-Identifier: Apache-2.0
#include "lab/step_time.h"

#include <gtest/gtest.h>

namespace causeway {
namespace {

constexpr int64_t kSignalValues = 1'000'000;
// What fp32 takes on the wire: four bytes a value, and eight for each block of 16,384.
constexpr double kSignalBytes = 4.0 * kSignalValues + 8.0 * 62;
const WorkerLink kSlowLink{100e6, 0.05};
// Six delays: offer and consensus are announced, asked for and sent.
constexpr double kAnswerSeconds = 6 * 0.05 + 2 * 8 * kSignalBytes / 100e6;

Channel parameters(int64_t period, int64_t delay = 0) {
  Channel out;
  out.name = "x";
  out.port = {"outer", {}};
  out.period = period;
  out.delay = delay;
  return out;
}

Channel gradient() {
  Channel out;
  out.name = "g";
  out.port = {"gradient", {}};
  out.hook = Hook::kAfterBackward;
  return out;
}

std::unique_ptr<BoundPlan> bind_toy(std::vector<Channel> channels, int32_t workers = 8) {
  Layout layout;
  layout.add("a", {kSignalValues / 2}, Role::kMatrix, 0);
  layout.add("b", {kSignalValues / 2}, Role::kMatrix, 1);
  Mistakes mistakes;
  auto plan = BoundPlan::bind({std::move(channels)}, layout, {"x", "g"}, {workers}, mistakes);
  EXPECT_TRUE(mistakes.empty()) << mistakes.text();
  return plan;
}

double stalled(std::vector<Channel> channels, double compute_seconds,
               const WorkerLink& link = kSlowLink) {
  return step_time(*bind_toy(std::move(channels)), compute_seconds, link).stalled_seconds;
}

TEST(StepTime, GradientsStallEveryStep) {
  const StepTime time = step_time(*bind_toy({gradient()}), 2, kSlowLink);
  EXPECT_NEAR(time.stalled_seconds, kAnswerSeconds, 1e-9);
  EXPECT_NEAR(time.seconds(), 2 + kAnswerSeconds, 1e-9);
  EXPECT_NEAR(time.up_bytes, kSignalBytes, 1e-6);
  EXPECT_NEAR(time.down_bytes, kSignalBytes, 1e-6);
}

TEST(StepTime, RoundsStallOncePerPeriod) {
  EXPECT_NEAR(stalled({parameters(32)}, 2), kAnswerSeconds / 32, 1e-9);
  EXPECT_NEAR(stalled({parameters(500)}, 0.1), kAnswerSeconds / 500, 1e-9);
}

TEST(StepTime, LinkTwiceAsFastHalvesWhatIsNotItsDelay) {
  const double slow = stalled({parameters(10)}, 1, {100e6, 0});
  EXPECT_NEAR(stalled({parameters(10)}, 1, {200e6, 0}), slow / 2, 1e-12);
  EXPECT_NEAR(stalled({parameters(10)}, 1, {100e6, 0.3}), slow + 0.18, 1e-9);
}

TEST(StepTime, DelayHidesAsMuchAsWorkersComputeInIt) {
  ASSERT_GT(kAnswerSeconds, 0.9);
  EXPECT_NEAR(stalled({parameters(10, 1)}, 0.5), (kAnswerSeconds - 0.5) / 10, 1e-9);
  EXPECT_EQ(stalled({parameters(10, 2)}, 0.5), 0);
}

// Applied one round late: a round is as long as its steps or its transfer, whichever is longer.
TEST(StepTime, RoundThatIsLateByItsPeriodIsBoundByTheSlower) {
  EXPECT_EQ(stalled({parameters(10, 10)}, 1), 0);
  EXPECT_NEAR(stalled({parameters(10, 10)}, 0.01), (kAnswerSeconds - 0.1) / 10, 1e-9);
}

TEST(StepTime, ChannelsOfOneRoundShareItsDelays) {
  std::vector<Channel> halves{parameters(10), parameters(10)};
  for (size_t i = 0; i < halves.size(); ++i) {
    halves[i].name = std::to_string(i);
    halves[i].region = fmt::format("fragment {}/2", i);
  }
  EXPECT_NEAR(stalled(halves, 1), kAnswerSeconds / 10, 1e-5);
  // In rounds of their own each has all delays.
  halves[1].phase = 5;
  EXPECT_NEAR(stalled(halves, 1), (kAnswerSeconds + 0.3) / 10, 1e-5);
}

// Two fragments in turn, a step of delay each: half the bytes fit behind it, the whole does not.
TEST(StepTime, FragmentsHideWhatTheWholeDoesNot) {
  std::vector<Channel> halves{parameters(10, 1), parameters(10, 1)};
  for (size_t i = 0; i < halves.size(); ++i) {
    halves[i].name = std::to_string(i);
    halves[i].region = fmt::format("fragment {}/2", i);
    halves[i].phase = 5 * static_cast<int64_t>(i);
  }
  const double compute = 0.3 + (kAnswerSeconds - 0.3) / 2 + 0.01;
  EXPECT_EQ(stalled(halves, compute), 0);
  EXPECT_GT(stalled({parameters(10, 1)}, compute), 0.02);
}

// The second offer waits for the first one to be sent: the lane up is taken.
TEST(StepTime, OffersOfTwoRoundsDoNotShareALane) {
  std::vector<Channel> two{parameters(10, 3), parameters(10, 0)};
  two[0].name = "late";
  two[0].region = "fragment 0/2";
  two[0].down = {"int8", {}};  // so that the lane down is free
  two[1].region = "fragment 1/2";
  two[1].phase = 1;  // a step behind
  const double one_way = 8 * kSignalBytes / 2 / 100e6;
  const double compute = 0.02;
  // Of the second: what is left of the first's offer, then its own up, the delay, and down.
  const double second = (one_way - compute + 0.1) + 2 * one_way + 0.2;
  EXPECT_NEAR(stalled(two, compute), second / 10, 1e-5);
}

TEST(StepTime, BytesAreThosePredictedForARun) {
  std::vector<Channel> mixed{parameters(6), gradient(), parameters(15, 4)};
  mixed[2].name = "late";
  mixed[2].phase = 2;
  mixed[2].up = {"int8", {}};
  mixed[0].group = {"sample", Value::Table{}};
  mixed[0].group.options.set("fraction", 0.5);
  const auto plan = bind_toy(mixed);
  const StepTime time = step_time(*plan, 1, kSlowLink);
  const RunBytes run = predicted_bytes(*plan, 31, 30'030);
  EXPECT_NEAR(time.up_bytes, static_cast<double>(run.up) / 8 / 30'000, 1e-3);
  EXPECT_NEAR(time.down_bytes, static_cast<double>(run.down) / 8 / 30'000, 1e-3);
}

TEST(StepTime, NothingToSendStallsNothing) {
  const StepTime time = step_time(*bind_toy({}), 3, kSlowLink);
  EXPECT_EQ(time.seconds(), 3);
  EXPECT_EQ(time.bytes(), 0);
}

// They meet after 10^8 steps: a part of that says as much.
TEST(StepTime, PeriodsWithoutACommonFactorTakeNoLongLook) {
  std::vector<Channel> channels;
  double wanted = 0;
  for (const int64_t period : {97, 101, 103, 107}) {
    channels.push_back(parameters(period));
    channels.back().name = std::to_string(period);
    wanted += kSignalBytes / static_cast<double>(period);
  }
  EXPECT_NEAR(step_time(*bind_toy(channels), 1, kSlowLink).up_bytes, wanted, 1e-3 * wanted);
}

TEST(StepTimeDeathTest, GroupsThatSayWhenTheyFireAreRefused) {
  Channel x = parameters(1);
  x.group = {"timer", Value::Table{}};
  EXPECT_DEATH(step_time(*bind_toy({x}), 1, kSlowLink), "says itself when it fires");
}

}  // namespace
}  // namespace causeway
