// SPDX-License-Identifier: Apache-2.0
#include "sync/engine.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

#include "exchange/toy_team.h"

namespace causeway {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();

ToyTeam::Options options(ToyTeam::Disturb disturb = {}) {
  return {kOneMoment, 2, std::move(disturb)};
}

/// A team whose `who` (or -1: everybody) has a NaN in `state` before `hook` of step `when`.
ToyTeam::Disturb spoil(WorkerId who, std::string state, Hook when, int64_t at) {
  return [=](ToyReplica& replica, WorkerId worker, Hook hook, int64_t step) {
    if ((who == -1 || worker == who) && hook == when && step == at) replica.state(state)[7] = kNaN;
  };
}

std::vector<WorkerId> ids(const std::vector<Member>& members) {
  std::vector<WorkerId> out;
  for (const Member& member : members) out.push_back(member.id);
  return out;
}

TEST(Engine, UndrawnWorkersRestAndTakeTheConsensus) {
  constexpr int64_t kPeriod = 3;
  const auto plan =
      toy_bind("preset = 'fedavg'\nperiod = 3\nparticipation = 0.5", kOneMoment, {4, 1, {}});
  ToyTeam team(*plan, toy_layout(), options());
  for (int64_t round = 1; round <= 8; ++round) {
    std::vector<ToyReplica> before;
    for (const auto& worker : team.workers()) before.push_back(worker->replica);
    team.run_to(round * kPeriod - 1);
    const auto drawn = plan->members(0, Hook::kAfterUpdate, round * kPeriod);
    ASSERT_EQ(drawn.size(), 2U);
    for (WorkerId id = 0; id < 4; ++id) {
      const bool rests = std::count(drawn.begin(), drawn.end(), id) == 0;
      EXPECT_EQ(same_bits(team.replica(id).x(), before[static_cast<size_t>(id)].x()), rests);
    }
    team.run_to(round * kPeriod);
    EXPECT_EQ(ids(team.outcomes().back().members), drawn);
    for (WorkerId id = 1; id < 4; ++id)
      EXPECT_TRUE(same_bits(team.replica(id).x(), team.replica(0).x())) << "round " << round;
  }
}

TEST(Engine, UndrawnWorkersTakeTheGradientToo) {
  const auto plan = toy_bind("preset = 'ddp'\nparticipation = 0.5", kOneMoment, {4, 1, {}});
  ToyTeam team(*plan, toy_layout(), options());
  team.run_to(10);
  for (WorkerId id = 1; id < 4; ++id)
    EXPECT_TRUE(same_bits(team.replica(id).x(), team.replica(0).x()));
  EXPECT_FALSE(same_bits(team.replica(0).x(), ToyReplica(34, 0, kOneMoment).x()));
}

TEST(Engine, AWorkerThatIsNotFiniteIsLeftOutAndHealed) {
  const auto plan = toy_bind("preset = 'diloco'\nperiod = 2\nfeedback = 'ef'\nup = 'int8'",
                             kOneMoment, {3, 1, {}});
  ToyTeam team(*plan, toy_layout(), options(spoil(1, "x", Hook::kAfterUpdate, 4)));
  team.run_to(3);
  const States before = team.engine(1).states()[0];
  team.run_to(4);
  const RoundOutcome& outcome = team.outcomes().back();
  EXPECT_TRUE(outcome.committed);
  EXPECT_THAT(ids(outcome.members), ElementsAre(0, 2));
  ASSERT_EQ(outcome.dropped.size(), 1U);
  EXPECT_EQ(outcome.dropped.front().first, 1);
  EXPECT_THAT(outcome.dropped.front().second, HasSubstr("channel `x`"));
  EXPECT_THAT(outcome.dropped.front().second, HasSubstr("not finite"));
  // It has the others' parameters, and its residual waits for a round that counts it.
  EXPECT_TRUE(same_bits(team.replica(1).x(), team.replica(0).x()));
  EXPECT_TRUE(same_bits(team.engine(1).states()[0].get("residual"), before.get("residual")));
  EXPECT_EQ(team.engine(1).counters().versions, team.engine(0).counters().versions);
  team.run_to(6);
  EXPECT_THAT(ids(team.outcomes().back().members), ElementsAre(0, 1, 2));
}

TEST(Engine, ARoundWithoutAnyFiniteOfferChangesNothing) {
  const auto plan = toy_bind(
      "preset = 'diloco'\nperiod = 2\nfeedback = 'ef'\nup = 'int8'\n"
      "down_feedback = 'ef'\ndown = 'int8'",
      kOneMoment, {3, 1, {}});
  ToyTeam team(*plan, toy_layout(), options(spoil(-1, "x", Hook::kAfterUpdate, 4)));
  team.run_to(3);
  std::vector<std::vector<States>> before;
  for (const auto& worker : team.workers()) before.push_back(worker->engine.states());
  const States folder = team.exchange().states()[0];
  team.run_to(4);
  const RoundOutcome& outcome = team.outcomes().back();
  EXPECT_FALSE(outcome.committed);
  EXPECT_EQ(outcome.dropped.size(), 3U);
  EXPECT_THAT(outcome.members, IsEmpty());
  EXPECT_EQ(outcome.up_bytes + outcome.down_bytes, 0);
  for (WorkerId id = 0; id < 3; ++id) {
    EXPECT_TRUE(same_bits(team.engine(id).states()[0], before[static_cast<size_t>(id)][0]));
    EXPECT_THAT(team.engine(id).counters().versions, ElementsAre(1));
  }
  EXPECT_TRUE(same_bits(team.exchange().states()[0], folder));
  team.run_to(8);
  EXPECT_EQ(team.outcomes().size(), 4U);
}

TEST(Engine, WithoutAGradientTheUpdateIsLeftOut) {
  const auto plan = toy_bind("preset = 'ddp'", kOneMoment, {3, 1, {}});
  ToyTeam team(*plan, toy_layout(), options(spoil(-1, "g", Hook::kAfterBackward, 4)));
  team.run_to(3);
  const std::vector<float> x = team.replica(0).x();
  team.run_to(4);
  EXPECT_FALSE(team.outcomes().back().committed);
  EXPECT_TRUE(same_bits(team.replica(0).x(), x));
  team.run_to(5);
  EXPECT_TRUE(team.outcomes().back().committed);
  EXPECT_FALSE(same_bits(team.replica(0).x(), x));
}

TEST(Engine, ADeclinedOfferCostsNoBytesInAnyChannel) {
  // b is encoded before x turns out not to be finite.
  const auto plan = toy_bind("preset = 'local_adam'\nperiod = 2", kOneMoment, {3, 1, {}});
  ToyTeam team(*plan, toy_layout(), options(spoil(1, "x", Hook::kAfterUpdate, 2)));
  team.run_to(2);
  const int64_t one = team.engine(0).counters().traffic.up_bytes;
  EXPECT_GT(one, 0);
  EXPECT_EQ(team.engine(1).counters().traffic.up_bytes, 0);
  EXPECT_EQ(team.outcomes().back().up_bytes, 2 * one);
}

TEST(Engine, ChannelsOfARoundCommitTogether) {
  const auto plan = toy_bind("preset = 'local_adam'\nperiod = 2", kOneMoment, {2, 1, {}});
  ToyTeam team(*plan, toy_layout(), options(spoil(-1, "x", Hook::kAfterUpdate, 2)));
  team.run_to(2);
  // b was finite everywhere, but x was not: neither is averaged.
  EXPECT_THAT(team.engine(0).counters().versions, ElementsAre(0, 0));
  EXPECT_FALSE(same_bits(team.replica(0).state("b"), team.replica(1).state("b")));
}

std::vector<Member> members_of_first_round(const std::string& weight) {
  const auto plan = toy_bind("preset = 'fedavg'\nperiod = 3\nweight = '" + weight + "'", kOneMoment,
                             {3, 1, {7, 2, 5}});
  ToyTeam team(*plan, toy_layout(), options());
  std::vector<ToyReplica> alone;
  for (WorkerId id = 0; id < 3; ++id) {
    ToyReplica& replica = alone.emplace_back(34, id, kOneMoment);
    for (int64_t step = 1; step <= 3; ++step) replica.backward(step), replica.update();
  }
  team.run_to(3);
  const std::vector<Member> members = team.outcomes().front().members;
  for (size_t i = 0; i < 34; ++i) {
    double sum = 0, total = 0;
    for (const Member& member : members) {
      const auto part = static_cast<double>(member.weight);
      sum += part * alone[static_cast<size_t>(member.id)].x()[i];
      total += part;
    }
    EXPECT_EQ(team.replica(0).x()[i], static_cast<float>(sum / total)) << weight;
  }
  return members;
}

TEST(Engine, WeightsReachTheFold) {
  EXPECT_THAT(members_of_first_round("equal"),
              ElementsAre(Member{0, 1}, Member{1, 1}, Member{2, 1}));
  EXPECT_THAT(members_of_first_round("fixed"),
              ElementsAre(Member{0, 7}, Member{1, 2}, Member{2, 5}));
  EXPECT_THAT(members_of_first_round("tokens"),
              ElementsAre(Member{0, 30}, Member{1, 60}, Member{2, 90}));
}

TEST(Engine, TokensCountFromTheLastRoundThatFoldedThem) {
  const auto plan = toy_bind("preset = 'fedavg'\nperiod = 2", kOneMoment, {2, 1, {}});
  ToyTeam team(*plan, toy_layout(), options(spoil(1, "x", Hook::kAfterUpdate, 4)));
  team.run_to(8);
  ASSERT_EQ(team.outcomes().size(), 4U);
  EXPECT_THAT(team.outcomes()[0].members, ElementsAre(Member{0, 20}, Member{1, 40}));
  EXPECT_THAT(team.outcomes()[1].members, ElementsAre(Member{0, 20}));
  EXPECT_THAT(team.outcomes()[2].members, ElementsAre(Member{0, 20}, Member{1, 80}));
  EXPECT_THAT(team.outcomes()[3].members, ElementsAre(Member{0, 20}, Member{1, 40}));
}

TEST(Engine, AllStagesOfAFiringCountTheSameTokens) {
  const auto plan = toy_bind("preset = 'powersgd'", kOneMoment, {3, 1, {}});
  ToyTeam team(*plan, toy_layout(), {kOneMoment, 1, {}});
  team.run_to(2);
  ASSERT_EQ(team.outcomes().size(), 4U);
  for (const RoundOutcome& outcome : team.outcomes())
    EXPECT_THAT(outcome.members, ElementsAre(Member{0, 10}, Member{1, 20}, Member{2, 30}));
}

TEST(Engine, GoesOnAfterARestartWithTheSameBits) {
  const std::string all =
      "up = 'int8'\ndown = 'int8'\nfeedback = 'ef'\ndown_feedback = 'ef'\n"
      "participation = 0.5\nperiod = 3\n";
  for (const char* preset :
       {"preset = 'diloco'", "preset = 'fedopt'", "preset = 'des_loc'\nperiods = {b = 2}",
        "preset = 'streaming_diloco'\ndelay = 3", "preset = 'streaming_diloco'\ndelay = 1"}) {
    const auto plan = toy_bind(all + preset, kOneMoment, {4, 1, {}});
    ToyTeam straight(*plan, toy_layout(), options()), first(*plan, toy_layout(), options()),
        second(*plan, toy_layout(), options());
    straight.run_to(20);
    first.run_to(10);
    second.resume(first);
    second.run_to(20);
    for (WorkerId id = 0; id < 4; ++id) {
      EXPECT_TRUE(same_bits(straight.replica(id).x(), second.replica(id).x())) << preset;
      for (size_t i = 0; i < plan->channels().size(); ++i)
        EXPECT_TRUE(same_bits(straight.engine(id).states()[i], second.engine(id).states()[i]));
      const EngineCounters &a = straight.engine(id).counters(), &b = second.engine(id).counters();
      EXPECT_EQ(a.round, b.round);
      EXPECT_EQ(a.versions, b.versions);
      EXPECT_EQ(a.tokens_at, b.tokens_at);
      EXPECT_EQ(a.traffic.up_bytes, b.traffic.up_bytes);
      EXPECT_EQ(a.traffic.down_bytes, b.traffic.down_bytes);
      EXPECT_EQ(a.traffic.rounds, b.traffic.rounds);
    }
  }
}

TEST(EngineDeathTest, RefusesCountersOfAnotherPlan) {
  const auto plan = toy_bind("preset = 'fedavg'", kOneMoment, {1, 1, {}});
  ToyTeam team(*plan, toy_layout(), {kOneMoment, 1, {}});
  EXPECT_DEATH(team.engine(0).restore(EngineCounters{}), "");
}

TEST(Engine, ReplicatedDigestIsOneForAllMembersAndSeesEveryBit) {
  const auto plan = toy_bind("preset = 'diloco'\nperiod = 2\nfeedback = 'ef'\nup = 'int8'",
                             kOneMoment, {3, 1, {}});
  ToyTeam team(*plan, toy_layout(), options());
  const Digest start = team.engine(0).replicated_digest();
  team.run_to(6);
  const Digest digest = team.engine(0).replicated_digest();
  EXPECT_NE(digest, start);
  EXPECT_EQ(team.engine(1).replicated_digest(), digest);
  EXPECT_EQ(team.engine(2).replicated_digest(), digest);
  // Residuals differ between workers and do not count.
  EXPECT_FALSE(same_bits(team.engine(0).states()[0].get("residual"),
                         team.engine(1).states()[0].get("residual")));
  for (const char* state : {"anchor", "outer_b"}) {
    float& value = team.engine(1).states()[0].edit(state)[33];
    const float kept = value;
    value = std::nextafter(value, 2.0F);
    EXPECT_NE(team.engine(1).replicated_digest(), digest) << state;
    value = kept;
  }
}

TEST(EngineDeathTest, AReplicaThatDriftedApartIsFound) {
  const auto plan = toy_bind("preset = 'diloco'\nperiod = 2", kOneMoment, {2, 1, {}});
  ToyTeam team(*plan, toy_layout(), {kOneMoment, 1, {}});
  team.run_to(2);
  team.engine(1).states()[0].edit("anchor")[3] += 0.5F;
  EXPECT_DEATH(team.run_to(4), "the replicated states of worker");
}

}  // namespace
}  // namespace causeway
