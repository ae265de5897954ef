// SPDX-License-Identifier: Apache-2.0
#include "sync/mirror.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>
#include <set>

#include "exchange/toy_team.h"
#include "sync/toy_exchange.h"

namespace causeway {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

constexpr int32_t kMirrorWorkers = 4;
constexpr int64_t kMirrorCount = 34;
constexpr int64_t kMirrorSteps = 30;

std::string average_of(const std::string& state, int64_t period, int64_t delay, int64_t phase = 0) {
  return fmt::format(
      "[[channel]]\nname = '{0}'\nport = {{name = 'assign', state = '{0}'}}\nperiod = {1}\n"
      "delay = {2}\nphase = {3}\n",
      state, period, delay, phase);
}

const std::vector<std::string> kMirrorMethods{
    "preset = 'fedavg'\nperiod = 3", "preset = 'fedavg'\nperiod = 3\nreset_inner = true",
    "preset = 'des_loc'\nperiod = 2\nperiods = {u = 3, v = 5}",
    "preset = 'des_loc'\nperiod = 2\nordering = 'pre_step'\nserver = 'adam'",
    "preset = 'diloco'\nperiod = 4\nup = 'int8'\nfeedback = 'ef'\ndown = 'int8'\n"
    "down_feedback = 'ef'",
    "preset = 'photon'\nperiod = 3\nparticipation = 0.5", "preset = 'streaming_diloco'\nperiod = 4",
    "preset = 'streaming_diloco'\nperiod = 4\ndelay = 2\nmix = 0",
    "preset = 'streaming_diloco'\nperiod = 6\ndelay = 6\nfragments = 3",
    "[[channel]]\nname = 'x'\nport = 'outer'\nperiod = 4\ndelay = 1\n" + average_of("u", 4, 3),
    // Round 2 is applied while round 1 is in flight, and round 3 holds both up.
    average_of("x", 8, 4, 4) + average_of("u", 8, 0, 6) + average_of("v", 8, 0, 7)};

std::unique_ptr<BoundPlan> plan_of(const std::string& method) {
  return toy_bind(method, kTwoMoments, {kMirrorWorkers, 1, {}});
}

/// What a run was at each step's edge, and what was decided in it.
struct Told {
  explicit Told(const BoundPlan& plan, ToyTeam::Disturb disturb = {}) {
    ToyTeam team(plan, toy_layout(), {kTwoMoments, 2, std::move(disturb)});
    for (int64_t step = 0; step <= kMirrorSteps; ++step) {
      team.run_to(step);
      digests.push_back(team.engine(0).replicated_digest());
      replicas.push_back(team.replica(0));
    }
    decisions = team.decisions();
  }
  std::vector<Digest> digests;
  std::vector<ToyReplica> replicas;
  std::vector<std::shared_ptr<const Commit>> decisions;
};

struct Joiner {
  explicit Joiner(const BoundPlan& plan)
      : replica(kMirrorCount, 3, kTwoMoments), engine(plan, 3, replica, exchange) {}
  AbortingExchange exchange;
  ToyReplica replica;
  Engine engine;
};

/// The values that a consensus wrote in this very step are those of the member.
int compare_written(const BoundPlan& plan, int64_t step, const ToyReplica& member,
                    const ToyReplica& mirrored) {
  int compared = 0;
  for (const BoundChannel& channel : plan.channels()) {
    const int64_t fired = step - channel.spec.delay;
    const Value* mix = channel.spec.port.options.find("mix");
    if (channel.spec.hook != Hook::kAfterUpdate || !is_due(channel.spec, channel.spec.hook, fired))
      continue;
    if (mix != nullptr && mix->number() > 0) continue;
    std::vector<float> a(static_cast<size_t>(channel.count)), b(a);
    member.read(channel.port->reads(), channel.region, a);
    mirrored.read(channel.port->reads(), channel.region, b);
    EXPECT_TRUE(same_bits(a, b)) << "channel " << channel.spec.name << " at step " << step;
    ++compared;
  }
  return compared;
}

TEST(Mirror, IsAMemberAfterEachRound) {
  for (const std::string& method : kMirrorMethods) {
    SCOPED_TRACE(method);
    const auto plan = plan_of(method);
    const Told told(*plan);
    Mirror mirror(*plan, kMirrorCount, told.replicas.front());
    int compared = 0;
    for (size_t r = 0; r < told.decisions.size() && mirror.steps() < kMirrorSteps; ++r) {
      mirror.decide(static_cast<int64_t>(r) + 1, told.decisions[r]);
      if (mirror.steps() > kMirrorSteps) break;
      const auto step = static_cast<size_t>(mirror.steps());
      ASSERT_EQ(mirror.replicated_digest(), told.digests[step]) << "round " << r + 1;
      Joiner joiner(*plan);
      ASSERT_TRUE(join(mirror.snapshot(), *plan, joiner.replica, joiner.engine));
      compared += compare_written(*plan, mirror.steps(), told.replicas[step], joiner.replica);
    }
    EXPECT_GE(mirror.steps(), kMirrorSteps - 6);
    const bool mixes = method.find("streaming") != method.npos && method.find("mix") == method.npos;
    EXPECT_EQ(compared > 5, !mixes && method.find("pre_step") == method.npos);
  }
}

// What fires near the end of a run and would be applied after it is applied by no member.
TEST(Mirror, GoesNotBeyondTheRunsEnd) {
  const auto plan = plan_of("preset = 'streaming_diloco'\nperiod = 4\ndelay = 2");
  const Told told(*plan);
  Mirror mirror(*plan, kMirrorCount, told.replicas.front());
  mirror.end_at(kMirrorSteps);
  for (size_t r = 0; r < told.decisions.size(); ++r)
    mirror.decide(static_cast<int64_t>(r) + 1, told.decisions[r]);
  EXPECT_EQ(mirror.round(), std::ssize(told.decisions));
  EXPECT_EQ(mirror.steps(), kMirrorSteps);
  EXPECT_EQ(mirror.replicated_digest(), told.digests.back());
}

struct Stand {
  int64_t steps, oldest_open;
  bool operator==(const Stand&) const = default;
};
void PrintTo(const Stand& stand, std::ostream* out) {
  *out << "step " << stand.steps << ", oldest open " << stand.oldest_open;
}

/// Where a mirror stands after each of the first decisions; `aborted` are null.
std::vector<Stand> stands(const std::string& method, size_t rounds, std::set<size_t> aborted = {}) {
  const auto plan = plan_of(method);
  const Told told(*plan);
  Mirror mirror(*plan, kMirrorCount, told.replicas.front());
  std::vector<Stand> out;
  for (size_t r = 1; r <= rounds; ++r) {
    mirror.decide(static_cast<int64_t>(r), aborted.contains(r) ? nullptr : told.decisions[r - 1]);
    EXPECT_EQ(mirror.round(), static_cast<int64_t>(r));
    out.push_back({mirror.steps(), mirror.oldest_open()});
  }
  return out;
}

TEST(Mirror, StandsBehindTheLastApplicationAndNotBeyond) {
  using Stands = std::vector<Stand>;
  EXPECT_EQ(stands("preset = 'fedavg'\nperiod = 3", 3), (Stands{{3, 2}, {6, 3}, {9, 4}}));
  EXPECT_EQ(stands("preset = 'des_loc'\nperiod = 4\nordering = 'pre_step'", 2),
            (Stands{{5, 2}, {9, 3}}));
  // Fires at 2, 4, 6, ...: round 1 is applied at 4, where round 2 is launched.
  EXPECT_EQ(stands("preset = 'streaming_diloco'\nperiod = 4\ndelay = 2", 3),
            (Stands{{4, 2}, {6, 3}, {8, 4}}));
  // x fires at 4 and is applied at 8; u fires at 6 and is applied there. Round 1 alone leads
  // nowhere; both lead to step 8.
  EXPECT_EQ(stands(average_of("x", 8, 4, 4) + average_of("u", 8, 0, 6), 3),
            (Stands{{0, 1}, {8, 3}, {8, 3}}));
  // One round: x is applied at 5, u at 7, before v fires at 8 and is waited for.
  EXPECT_EQ(stands(average_of("x", 4, 1) + average_of("u", 4, 3), 2), (Stands{{7, 2}, {11, 3}}));
}

TEST(Mirror, AnAbortedRoundEndsWhereItWouldFirstApply) {
  using Stands = std::vector<Stand>;
  const std::string both = average_of("x", 4, 1) + average_of("u", 4, 3);
  EXPECT_EQ(stands(both, 2, {1}), (Stands{{5, 2}, {11, 3}}));
  EXPECT_EQ(stands("preset = 'fedavg'\nperiod = 3", 2, {1, 2}), (Stands{{3, 2}, {6, 3}}));
}

TEST(Mirror, FollowsAbortedRoundsAsMembersDo) {
  const auto spoil = [](ToyReplica& replica, WorkerId, Hook hook, int64_t step) {
    if (hook == Hook::kAfterUpdate && step == 6)
      replica.state("x")[7] = std::numeric_limits<float>::quiet_NaN();
  };
  const auto plan = plan_of("preset = 'diloco'\nperiod = 3");
  const Told told(*plan, spoil);
  ASSERT_EQ(told.decisions[1], nullptr);
  Mirror mirror(*plan, kMirrorCount, told.replicas.front());
  for (int64_t round = 1; round <= 4; ++round) {
    mirror.decide(round, told.decisions[static_cast<size_t>(round - 1)]);
    EXPECT_EQ(mirror.steps(), 3 * round);
    EXPECT_EQ(mirror.replicated_digest(), told.digests[static_cast<size_t>(3 * round)]);
  }
}

TEST(Mirror, OpenedFromItsSnapshotItGoesOnWithTheSameBits) {
  for (const std::string& method : kMirrorMethods) {
    SCOPED_TRACE(method);
    const auto plan = plan_of(method);
    const Told told(*plan);
    Mirror straight(*plan, kMirrorCount, told.replicas.front());
    auto mirror = std::make_unique<Mirror>(*plan, kMirrorCount, told.replicas.front());
    for (size_t r = 1; r <= told.decisions.size(); ++r) {
      straight.decide(static_cast<int64_t>(r), told.decisions[r - 1]);
      while (mirror->round() < static_cast<int64_t>(r))
        mirror->decide(mirror->round() + 1, told.decisions[static_cast<size_t>(mirror->round())]);
      ASSERT_EQ(mirror->snapshot(), straight.snapshot()) << "round " << r;
      auto opened = Mirror::open(*plan, kMirrorCount, mirror->snapshot());
      ASSERT_TRUE(opened) << opened.error().message;
      EXPECT_EQ((*opened)->oldest_open(), mirror->oldest_open());
      EXPECT_EQ((*opened)->steps(), mirror->steps());
      EXPECT_EQ((*opened)->snapshot(), mirror->snapshot());
      mirror = *std::move(opened);
    }
  }
}

/// A LocalExchange behind which one worker is not expected before a round. What it then does not
/// offer it declines, so that the others go on.
class Gate final : public Exchange {
 public:
  Gate(LocalExchange& inner, const BoundPlan& plan, WorkerId worker, int64_t first)
      : inner_(inner), plan_(plan), worker_(worker), first_(first) {
    for (int64_t step = 1; step <= kMirrorSteps; ++step)
      for (const Hook hook : {Hook::kAfterBackward, Hook::kBeforeUpdate, Hook::kAfterUpdate})
        if (!plan.due(hook, step).empty()) events_.emplace_back(step, hook);
  }
  void launch(Offer offer) override {
    EXPECT_GE(offer.round, first_);
    inner_.launch(std::move(offer));
  }
  Poll poll(int64_t round, WorkerId worker, const Commit*& commit) override {
    const auto [step, hook] = events_[static_cast<size_t>(round - 1)];
    for (const int32_t channel : plan_.due(hook, step))
      if (round < first_ && std::ranges::count(plan_.members(channel, hook, step), worker_) > 0)
        inner_.launch({round, step, hook, worker_, {}, "it follows"});
    return inner_.poll(round, worker, commit);
  }
  void settled(int64_t round, WorkerId worker, const Digest& replicated) override {
    inner_.settled(round, worker, replicated);
  }
  bool expects(int64_t round, WorkerId) const override { return round >= first_; }

 private:
  LocalExchange& inner_;
  const BoundPlan& plan_;
  const WorkerId worker_;
  const int64_t first_;
  std::vector<std::pair<int64_t, Hook>> events_;
};

TEST(Mirror, AJoinerInTheMiddleOfARunIsAMemberFromThen) {
  for (const std::string& method : kMirrorMethods) {
    SCOPED_TRACE(method);
    const auto plan = plan_of(method);
    const Told told(*plan);
    Mirror mirror(*plan, kMirrorCount, told.replicas.front());
    while (mirror.steps() < 9)
      mirror.decide(mirror.round() + 1, told.decisions[static_cast<size_t>(mirror.round())]);
    ToyTeam team(*plan, toy_layout(), {kTwoMoments, 2, {}});
    team.run_to(mirror.steps());
    const int64_t launched = team.engine(3).counters().round;
    const auto open = team.engine(3).open_rounds();
    Gate gate(team.exchange(), *plan, 3, launched + 2);
    ToyTeam::Worker& joiner = team.renew(3, gate);
    const auto joined = join(mirror.snapshot(), *plan, joiner.replica, joiner.engine);
    ASSERT_TRUE(joined) << joined.error().message;
    EXPECT_EQ(joined->steps, mirror.steps());
    EXPECT_EQ(joined->round + 1, mirror.oldest_open());
    EXPECT_EQ(joiner.engine.open_rounds(), open);
    joiner.steps = joined->steps;
    for (int64_t step = joined->steps; step <= kMirrorSteps; ++step) {
      team.run_to(step);
      ASSERT_EQ(joiner.engine.replicated_digest(), team.engine(0).replicated_digest()) << step;
    }
    size_t took_part = 0;
    for (const RoundOutcome& outcome : team.outcomes()) {
      ASSERT_TRUE(outcome.committed);
      const bool member = std::ranges::count(outcome.members, 3, &Member::id) > 0;
      EXPECT_FALSE(member && outcome.round == launched + 1);
      took_part += member && outcome.round > launched + 1 ? 1U : 0U;
    }
    EXPECT_GT(took_part, 1U);
    EXPECT_GT(joiner.tokens, 0);
  }
}

TEST(Mirror, AJoinerForgetsItsOwnPast) {
  const auto plan = plan_of("preset = 'fedavg'\nperiod = 3");
  const Told told(*plan);
  Mirror mirror(*plan, kMirrorCount, told.replicas.front());
  mirror.decide(1, told.decisions[0]);
  Joiner joiner(*plan);
  for (int64_t step = 1; step <= 8; ++step) {
    joiner.replica.backward(step), joiner.replica.update();
    joiner.engine.at(Hook::kAfterUpdate, step, step);
  }
  ASSERT_TRUE(join(mirror.snapshot(), *plan, joiner.replica, joiner.engine));
  EXPECT_TRUE(same_bits(joiner.replica.x(), told.replicas[3].x()));
  for (const char* moment : {"u", "v"})
    EXPECT_TRUE(same_bits(joiner.replica.state(moment), std::vector<float>(kMirrorCount)));
  EXPECT_EQ(joiner.engine.counters().round, 1);
  EXPECT_EQ(joiner.engine.counters().traffic.down_bytes, 0);
}

/// Forwards to a toy, and tells in which order it was called.
class Noted final : public Replica {
 public:
  explicit Noted(ToyReplica& inner) : inner_(inner) {}
  std::vector<std::string> states() const override { return inner_.states(); }
  void read(std::string_view state, const Region& region, std::span<float> packed) const override {
    inner_.read(state, region, packed);
  }
  void write(std::string_view state, const Region& region, std::span<const float> packed) override {
    calls.push_back(std::string(state));
    inner_.write(state, region, packed);
  }
  void reset_optimizer() override { calls.push_back("reset"); }

  std::vector<std::string> calls;

 private:
  ToyReplica& inner_;
};

TEST(Mirror, AJoinersOptimizerStartsAnewBeforeItsMomentsAreWritten) {
  const auto plan = plan_of("preset = 'des_loc'\nperiod = 2");
  ToyReplica toy(kMirrorCount, 3, kTwoMoments);
  const Mirror mirror(*plan, kMirrorCount, toy);
  Noted replica(toy);
  AbortingExchange nothing;
  Engine engine(*plan, 3, replica, nothing);
  ASSERT_TRUE(join(mirror.snapshot(), *plan, replica, engine));
  EXPECT_THAT(replica.calls, ElementsAre("reset", "u", "v", "x"));
}

// Goal: moments that no consensus writes cost neither the hub nor a joiner's link anything.
TEST(Mirror, KeepsWhatAConsensusWritesAndNoMore) {
  const ToyReplica first(kMirrorCount, 0, kTwoMoments);
  const auto bytes = [&](const std::string& method) {
    return Mirror(*plan_of(method), kMirrorCount, first).snapshot().size();
  };
  EXPECT_THAT(mirrored_states(*plan_of("preset = 'diloco'\nperiod = 4")), ElementsAre("x"));
  EXPECT_THAT(mirrored_states(*plan_of("preset = 'des_loc'\nperiod = 2")),
              ElementsAre("u", "v", "x"));
  // x, anchor and outer momentum; names and counters.
  EXPECT_LT(bytes("preset = 'diloco'\nperiod = 4"), 3 * 4 * kMirrorCount + 300);
  EXPECT_GT(bytes("preset = 'des_loc'\nperiod = 2"), 3 * 4 * kMirrorCount);
}

TEST(Mirror, HoldsNoDecisionThatItHasApplied) {
  const auto plan = plan_of(kMirrorMethods.back());
  const Told told(*plan);
  Mirror mirror(*plan, kMirrorCount, told.replicas.front());
  mirror.decide(1, told.decisions[0]);
  mirror.decide(2, told.decisions[1]);
  EXPECT_EQ(mirror.steps(), 6);
  EXPECT_EQ(told.decisions[0].use_count(), 2);
  EXPECT_EQ(told.decisions[1].use_count(), 1);
  const auto opened = Mirror::open(*plan, kMirrorCount, mirror.snapshot());
  ASSERT_TRUE(opened);
  ASSERT_EQ((*opened)->round(), 0);
  for (int64_t round = 1; round <= 3; ++round)
    (*opened)->decide(round, told.decisions[static_cast<size_t>(round - 1)]);
  EXPECT_EQ((*opened)->steps(), 8);
  for (size_t r : {1, 2}) EXPECT_EQ(told.decisions[r].use_count(), 1);
  EXPECT_EQ(told.decisions[0].use_count(), 2);  // the first mirror's
}

TEST(Mirror, CannotFollowGradients) {
  const auto mirrored = can_mirror(*plan_of("preset = 'ddp'"));
  ASSERT_FALSE(mirrored);
  EXPECT_THAT(mirrored.error().message, HasSubstr("channel `g` exchanges gradients"));
  for (const std::string& method : kMirrorMethods) EXPECT_TRUE(can_mirror(*plan_of(method)));
  EXPECT_DEATH(
      Mirror(*plan_of("preset = 'ddp'"), kMirrorCount, ToyReplica(kMirrorCount, 0, kTwoMoments)),
      "exchanges gradients");
}

}  // namespace
}  // namespace causeway
