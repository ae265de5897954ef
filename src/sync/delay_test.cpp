// SPDX-License-Identifier: Apache-2.0
//
// Rounds that overlap: what fired at step t is applied at the same hook of step t + delay.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

#include "codec/signal.h"
#include "exchange/toy_team.h"

namespace causeway {
namespace {

using testing::Each;
using testing::ElementsAre;
using testing::IsEmpty;
using namespace std::string_literals;

std::string average(const std::string& name, int64_t period, int64_t delay,
                    const std::string& more = "") {
  return fmt::format(
      "[[channel]]\nname = '{0}'\nport = {{name = 'assign', state = '{0}'}}\nperiod = {1}\n"
      "delay = {2}\nweight = 'equal'\n{3}\n",
      name, period, delay, more);
}

std::vector<float> mean_of(ToyTeam& team, const std::string& state) {
  std::vector<float> out;
  for (size_t i = 0; i < team.replica(0).x().size(); ++i) {
    double sum = 0;
    for (const auto& worker : team.workers()) sum += worker->replica.state(state)[i];
    out.push_back(static_cast<float>(sum / static_cast<double>(team.workers().size())));
  }
  return out;
}

TEST(Delay, AppliesExactlySoManyStepsLater) {
  for (const int64_t delay : {0, 1, 3, 5}) {
    const auto plan = toy_bind(average("x", 5, delay), kOneMoment, {3, 1, {}});
    ToyTeam team(*plan, toy_layout(), {kOneMoment, 2, {}});
    const auto nothing = toy_bind("", kOneMoment, {3, 1, {}});
    ToyTeam alone(*nothing, toy_layout(), {kOneMoment, 1, {}});
    alone.run_to(5);
    const std::vector<float> mean = mean_of(alone, "x");
    for (int64_t step = 1; step < 5 + delay; ++step) {
      team.run_to(step);
      ASSERT_FALSE(same_bits(team.replica(0).x(), team.replica(1).x())) << step;
      EXPECT_THAT(team.engine(0).counters().versions, ElementsAre(0));
    }
    team.run_to(5 + delay);
    for (WorkerId id = 0; id < 3; ++id) EXPECT_TRUE(same_bits(team.replica(id).x(), mean));
    EXPECT_THAT(team.engine(0).counters().versions, ElementsAre(1));
  }
}

TEST(Delay, BeforeTheUpdateItIsAppliedThere) {
  const auto plan = toy_bind(average("b", 2, 1, "hook = 'before_update'"), kOneMoment, {2, 1, {}});
  std::vector<float> at_three;
  std::vector<std::vector<float>> at_four(2);
  std::vector<std::vector<float>> launched(2);
  ToyTeam team(*plan, toy_layout(),
               {kOneMoment, 1, [&](ToyReplica& replica, WorkerId id, Hook hook, int64_t step) {
                  const auto i = static_cast<size_t>(id);
                  if (hook == Hook::kBeforeUpdate && step == 3) launched[i] = replica.state("b");
                  if (hook == Hook::kAfterUpdate && step == 4) at_four[i] = replica.state("b");
                }});
  team.run_to(4);
  // The update of step 4 made 3/4 mean + g of the mean that fired before the update of step 3.
  for (size_t id = 0; id < 2; ++id)
    for (size_t i = 0; i < at_four[id].size(); ++i) {
      const float mean = static_cast<float>((double{launched[0][i]} + launched[1][i]) / 2);
      const float g = team.replica(static_cast<WorkerId>(id)).state("g")[i];
      ASSERT_EQ(at_four[id][i], 0.75F * mean + g);
    }
}

/// Commits what one worker sends, when it is told to; keeps what it was asked.
class Script final : public Exchange {
 public:
  void launch(Offer offer) override {
    Commit& commit = commits_[offer.round];
    commit.round = offer.round;
    for (Part& part : offer.parts)
      commit.results.push_back({part.channel, {{offer.worker, 1}}, std::move(part.bytes)});
    launched.push_back(offer.round);
  }
  Poll poll(int64_t round, WorkerId, const Commit*& commit) override {
    if (aborted.contains(round)) return Poll::kAborted;
    if (round > decided) return Poll::kPending;
    commit = &commits_.at(round);
    return Poll::kReady;
  }
  void settled(int64_t round, WorkerId, const Digest&) override { settlements.push_back(round); }
  Bytes bytes(int64_t round) const {
    return commits_.at(round).results.front().bytes.all().value();
  }

  int64_t decided = 0;
  std::set<int64_t> aborted;
  std::vector<int64_t> launched, settlements;

 private:
  std::map<int64_t, Commit> commits_;
};

struct Alone {
  explicit Alone(const std::string& sync)
      : plan(toy_bind(sync, kOneMoment, {1, 1, {}})),
        replica(34, 0, kOneMoment),
        engine(*plan, 0, replica, exchange) {}
  /// Takes step `step`; false if it waits in it.
  bool step(int64_t step) {
    for (const Hook hook : {Hook::kAfterBackward, Hook::kBeforeUpdate, Hook::kAfterUpdate}) {
      if (hook == Hook::kAfterUpdate && stepped < step) {
        replica.backward(step), replica.update();
        stepped = step;
      }
      if (engine.at(hook, step, step) == Go::kWait) return false;
    }
    return true;
  }
  std::unique_ptr<BoundPlan> plan;
  Script exchange;
  ToyReplica replica;
  Engine engine;
  int64_t stepped = 0;
};

TEST(Delay, WaitsWhereItIsAppliedAndNotBefore) {
  Alone one(average("x", 4, 2));
  for (int64_t step = 1; step <= 5; ++step) ASSERT_TRUE(one.step(step));
  EXPECT_THAT(one.exchange.launched, ElementsAre(1));
  EXPECT_THAT(one.engine.open_rounds(), ElementsAre(1));
  EXPECT_FALSE(one.step(6));
  EXPECT_FALSE(one.step(6));
  one.exchange.decided = 1;
  EXPECT_TRUE(one.step(6));
  EXPECT_THAT(one.engine.open_rounds(), IsEmpty());
  EXPECT_THAT(one.exchange.settlements, ElementsAre(1));
}

TEST(Delay, WhatArrivesComesBeforeWhatFires) {
  Alone one("[[channel]]\nname = 'x'\nport = 'outer'\nperiod = 3\ndelay = 3");
  for (int64_t step = 1; step <= 5; ++step) ASSERT_TRUE(one.step(step));
  EXPECT_FALSE(one.step(6));
  EXPECT_THAT(one.exchange.launched, ElementsAre(1));  // the second has not been sent
  one.exchange.decided = 1;
  EXPECT_TRUE(one.step(6));
  EXPECT_THAT(one.exchange.launched, ElementsAre(1, 2));
  // x lay on the anchor when the second was taken.
  std::vector<float> delta(34, 1);
  ASSERT_TRUE(decode_signal(*one.plan->channels()[0].up, one.exchange.bytes(2), delta));
  EXPECT_THAT(delta, Each(0));
}

TEST(Delay, EachChannelOfARoundHasItsOwnAndTheLastSettles) {
  Alone one(average("x", 4, 1) + average("b", 4, 3));
  one.exchange.decided = 9;
  std::vector<std::vector<int64_t>> versions;
  for (int64_t step = 1; step <= 8; ++step) {
    ASSERT_TRUE(one.step(step));
    versions.push_back(one.engine.counters().versions);
    EXPECT_EQ(one.exchange.settlements.size(), step < 7 ? 0U : 1U) << step;
  }
  EXPECT_THAT(one.exchange.launched, ElementsAre(1, 2));  // one round for both channels
  EXPECT_THAT(versions[3], ElementsAre(0, 0));
  EXPECT_THAT(versions[4], ElementsAre(1, 0));
  EXPECT_THAT(versions[5], ElementsAre(1, 0));
  EXPECT_THAT(versions[6], ElementsAre(1, 1));
  EXPECT_EQ(one.engine.counters().traffic.rounds, 1);
}

TEST(Delay, AnAbortedRoundIsSettledWhereItWouldFirstApply) {
  Alone one(average("x", 4, 1) + average("b", 4, 3));
  one.exchange.aborted = {1};
  for (int64_t step = 1; step <= 4; ++step) ASSERT_TRUE(one.step(step));
  EXPECT_THAT(one.exchange.settlements, IsEmpty());
  ASSERT_TRUE(one.step(5));
  EXPECT_THAT(one.exchange.settlements, ElementsAre(1));
  ASSERT_TRUE(one.step(8));
  EXPECT_THAT(one.exchange.settlements, ElementsAre(1));
  EXPECT_THAT(one.engine.counters().versions, ElementsAre(0, 0));
  EXPECT_EQ(one.engine.counters().traffic.rounds, 0);
}

TEST(Delay, RoundsOverlap) {
  const std::string fragment = "[[channel]]\nport = 'outer'\nperiod = 4\ndelay = 4\n";
  std::string sync;
  for (int i = 0; i < 4; ++i) sync += fragment + fmt::format("name = 'c{0}'\nphase = {0}\n", i);
  Alone one(sync);
  for (int64_t step = 1; step <= 4; ++step) ASSERT_TRUE(one.step(step));
  EXPECT_THAT(one.engine.open_rounds(), ElementsAre(1, 2, 3, 4));
  EXPECT_FALSE(one.step(5));
  one.exchange.decided = 2;
  EXPECT_TRUE(one.step(5));
  EXPECT_TRUE(one.step(6));
  EXPECT_FALSE(one.step(7));
  EXPECT_THAT(one.engine.open_rounds(), ElementsAre(3, 4, 5, 6));
  EXPECT_THAT(one.exchange.settlements, ElementsAre(1, 2));
}

TEST(Delay, NeedsTellsWhichDecisionAStepWaitsFor) {
  const Names moments{"u", "v"};
  for (const std::string& sync :
       {average("x", 4, 2), average("x", 4, 4), average("x", 4, 1) + average("u", 4, 3),
        average("x", 2, 0) + average("u", 3, 2) + average("v", 6, 5, "hook = 'before_update'"),
        "preset = 'ddp'"s, "preset = 'des_loc'\nperiod = 2"s,
        "preset = 'streaming_diloco'\nperiod = 5\ndelay = 4"s}) {
    SCOPED_TRACE(sync);
    const auto plan = toy_bind(sync, moments, {1, 1, {}});
    Script exchange;
    ToyReplica replica(34, 0, moments);
    Engine engine(*plan, 0, replica, exchange);
    for (int64_t step = 1; step <= 30; ++step) {
      const int64_t needed = engine.needs(step);
      int64_t asked = 0;  // the last decision that it waited for
      for (const Hook hook : {Hook::kAfterBackward, Hook::kBeforeUpdate, Hook::kAfterUpdate})
        while (engine.at(hook, step, step) == Go::kWait) asked = ++exchange.decided;
      EXPECT_LE(asked, needed) << step;
      EXPECT_LE(needed, exchange.decided) << step;
    }
    EXPECT_GT(exchange.decided, 4);
  }
}

TEST(Delay, AWorkerThatIsNotFiniteIsLeftOutAndTakesTheConsensus) {
  const auto plan =
      toy_bind(average("x", 4, 2, "feedback = 'ef'\nup = 'int8'"), kOneMoment, {3, 1, {}});
  const auto spoil = [](ToyReplica& replica, WorkerId id, Hook hook, int64_t step) {
    if (id == 1 && hook == Hook::kAfterUpdate && step == 4)
      replica.state("x")[7] = std::numeric_limits<float>::quiet_NaN();
  };
  ToyTeam team(*plan, toy_layout(), {kOneMoment, 2, spoil});
  team.run_to(6);
  ASSERT_EQ(team.outcomes().front().members.size(), 2U);
  EXPECT_TRUE(same_bits(team.replica(1).x(), team.replica(0).x()));
  for (const float lost : team.engine(1).states()[0].get("residual")) EXPECT_EQ(lost, 0);
}

TEST(Mix, KeepsAPartOfTheWorkersOwn) {
  const auto at = [](const std::string& mix) {
    const auto plan =
        toy_bind("[[channel]]\nname = 'x'\nperiod = 2\nport = {name = 'outer', mix = " + mix + "}",
                 kOneMoment, {2, 1, {}});
    ToyTeam team(*plan, toy_layout(), {kOneMoment, 1, {}});
    team.run_to(1);
    team.run_to(2);
    const auto anchor = team.engine(0).states()[0].get("anchor");
    return std::pair(team.replica(0).x(), std::vector<float>(anchor.begin(), anchor.end()));
  };
  ToyReplica own(34, 0, kOneMoment);
  for (int64_t step = 1; step <= 2; ++step) own.backward(step), own.update();
  const auto [none, anchor] = at("0.0");
  EXPECT_TRUE(same_bits(none, anchor));
  EXPECT_TRUE(same_bits(at("1.0").first, own.x()));
  const auto [quarter, same] = at("0.25");
  EXPECT_TRUE(same_bits(same, anchor));
  for (size_t i = 0; i < 34; ++i)
    EXPECT_EQ(quarter[i], 0.25F * own.x()[i] + 0.75F * anchor[i]) << i;
}

}  // namespace
}  // namespace causeway
