// SPDX-License-Identifier: Apache-2.0
//
// An engine goes on from its snapshot with the same bits, and hostile bytes change nothing.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "codec/signal.h"
#include "exchange/toy_team.h"
#include "sync/toy_exchange.h"

namespace causeway {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr int64_t kSnapshotSteps = 20;

const std::vector<std::string> kMethods{
    "preset = 'streaming_diloco'\nperiod = 6\ndelay = 4\nup = 'int8'\nfeedback = 'ef'\n"
    "down = 'int8'\ndown_feedback = 'ef'",
    "preset = 'streaming_diloco'\nperiod = 4\ndelay = 4\nfragments = 3\nparticipation = 0.5",
    "preset = 'des_loc'\nperiod = 2\nperiods = {u = 3, v = 5}\nup = 'int8'\nfeedback = 'ef'",
    "preset = 'des_loc'\nperiod = 3\nordering = 'pre_step'\nserver = 'adam'"};

ToyTeam::Options snapshot_options() { return {kTwoMoments, 2, {}}; }

/// Puts a fresh worker in the place of `id`, with what its predecessor leaves behind as bytes.
void restart(ToyTeam& team, WorkerId id) {
  const ToyTeam::Worker& old = team.worker(id);
  const Bytes snapshot = old.engine.snapshot();
  const ToyReplica replica = old.replica;
  const int64_t steps = old.steps, tokens = old.tokens;
  ToyTeam::Worker& fresh = team.renew(id, team.exchange());
  fresh.replica = replica;
  fresh.steps = steps;
  fresh.tokens = tokens;
  const auto restored = fresh.engine.restore(ByteSource::borrow(snapshot));
  ASSERT_TRUE(restored) << restored.error().message;
  ASSERT_EQ(fresh.engine.snapshot(), snapshot);
}

TEST(EngineSnapshot, GoesOnWithTheSameBitsFromEveryStepsEdge) {
  for (const std::string& method : kMethods) {
    SCOPED_TRACE(method);
    const auto plan = toy_bind(method, kTwoMoments, {4, 1, {}});
    ToyTeam straight(*plan, toy_layout(), snapshot_options()),
        team(*plan, toy_layout(), snapshot_options());
    straight.run_to(kSnapshotSteps);
    size_t open = 0;
    for (int64_t step = 0; step < kSnapshotSteps; ++step) {
      team.run_to(step);
      open = std::max(open, team.engine(0).open_rounds().size());
      for (WorkerId id = 0; id < 4; ++id) ASSERT_NO_FATAL_FAILURE(restart(team, id));
    }
    team.run_to(kSnapshotSteps);
    for (WorkerId id = 0; id < 4; ++id) {
      for (const char* state : {"x", "u", "v"})
        EXPECT_TRUE(same_bits(team.replica(id).state(state), straight.replica(id).state(state)));
      EXPECT_EQ(team.engine(id).snapshot(), straight.engine(id).snapshot());
    }
    EXPECT_EQ(open > 0, method.find("delay") != std::string::npos);
  }
}

/// An engine and what it stands on.
struct LoneEngine {
  explicit LoneEngine(const std::string& sync, WorkerId worker = 0)
      : plan(toy_bind(sync, kTwoMoments, {4, 1, {}})),
        replica(34, worker, kTwoMoments),
        engine(*plan, worker, replica, exchange) {}
  void run(int64_t first, int64_t last) {
    for (int64_t step = first; step <= last; ++step)
      for (const Hook hook : {Hook::kAfterBackward, Hook::kBeforeUpdate, Hook::kAfterUpdate})
        engine.at(hook, step, 10 * step);
  }
  std::unique_ptr<BoundPlan> plan;
  AbortingExchange exchange;
  ToyReplica replica;
  Engine engine;
};

TEST(EngineSnapshot, RefusesEveryTruncationAndChangesNothing) {
  LoneEngine from(kMethods[0]), to(kMethods[0]);
  from.run(1, 6);
  ASSERT_THAT(from.engine.open_rounds(), ElementsAre(1, 2));
  Bytes bytes = from.engine.snapshot();
  const Bytes before = to.engine.snapshot();
  for (size_t size = 0; size < bytes.size(); ++size) {
    const auto restored = to.engine.restore(ByteSource::borrow(ByteSpan(bytes).first(size)));
    ASSERT_FALSE(restored) << size;
    EXPECT_EQ(restored.error().fault, Fault::kCorrupt);
  }
  EXPECT_EQ(to.engine.snapshot(), before);
  bytes.push_back(std::byte{0});
  EXPECT_FALSE(to.engine.restore(ByteSource::borrow(bytes)));
  bytes.pop_back();
  EXPECT_TRUE(to.engine.restore(ByteSource::borrow(bytes)));
  EXPECT_EQ(to.engine.snapshot(), bytes);
}

// Goal: no bytes can bring an engine into a state in which a check fails later. Method: every byte
// of a snapshot set to a few values; whatever is taken over must carry on.
TEST(EngineSnapshot, AnyByteMayBeWrongWithoutHarm) {
  LoneEngine from(kMethods[0]);
  from.run(1, 6);
  const Bytes bytes = from.engine.snapshot();
  LoneEngine to(kMethods[0]);
  int taken = 0;
  for (size_t at = 0; at < bytes.size(); ++at)
    for (const int value : {0x00, 0x01, 0x07, 0xFF}) {
      Bytes wrong = bytes;
      wrong[at] = static_cast<std::byte>(value);
      if (!to.engine.restore(ByteSource::borrow(wrong))) continue;
      ++taken;
      to.run(7, 14);
    }
  EXPECT_GT(taken, 100);
}

TEST(EngineSnapshot, RefusesThoseOfOtherPlans) {
  LoneEngine from(kMethods[0]);
  from.run(1, 6);
  const Bytes bytes = from.engine.snapshot();
  for (const char* other :
       {"preset = 'none'", "preset = 'diloco'",
        "preset = 'streaming_diloco'\nperiod = 6\ndelay = 4",  // without its residuals
        "preset = 'streaming_diloco'\nperiod = 6\ndelay = 1\nup = 'int8'\nfeedback = 'ef'",
        "preset = 'streaming_diloco'\nperiod = 7\ndelay = 4\nup = 'int8'\nfeedback = 'ef'",
        "preset = 'streaming_diloco'\nperiod = 6\ndelay = 4\nfragments = 3\nup = 'int8'\n"
        "feedback = 'ef'"}) {
    LoneEngine to(other);
    const Bytes before = to.engine.snapshot();
    const auto restored = to.engine.restore(ByteSource::borrow(bytes));
    ASSERT_FALSE(restored) << other;
    EXPECT_EQ(restored.error().fault, Fault::kCorrupt) << other;
    EXPECT_EQ(to.engine.snapshot(), before);
  }
}

TEST(EngineSnapshot, StatesThatItLacksBecomeZeros) {
  const auto plan = toy_bind(kMethods[0], kTwoMoments, {4, 1, {}});
  ToyTeam team(*plan, toy_layout(), snapshot_options());
  AbortingExchange nothing;
  ToyReplica flat(34, 0, kTwoMoments);
  Engine follower(*plan, kFollower, flat, nothing);
  const Bytes empty = follower.snapshot();
  team.run_to(12);
  const auto residual = [&] { return team.engine(1).states()[0].get("residual"); };
  EXPECT_TRUE(std::ranges::any_of(residual(), [](float value) { return value != 0; }));
  ASSERT_TRUE(team.engine(1).restore(ByteSource::borrow(empty)));
  EXPECT_TRUE(std::ranges::all_of(residual(), [](float value) { return value == 0; }));
  EXPECT_EQ(team.engine(1).counters().round, 0);
  EXPECT_THAT(team.engine(1).open_rounds(), IsEmpty());
  // The other way a follower has no place for what a worker owes.
  const auto restored = follower.restore(ByteSource::borrow(team.engine(0).snapshot()));
  ASSERT_FALSE(restored);
  EXPECT_THAT(restored.error().message, HasSubstr("`residual`"));
}

/// Commits one offer for each round, and expects the worker in some rounds only.
class Picky final : public Exchange {
 public:
  void launch(Offer offer) override { launched.push_back(offer.round); }
  Poll poll(int64_t round, WorkerId, const Commit*& commit) override {
    commit = &commits[round];
    return commit->results.empty() ? Poll::kAborted : Poll::kReady;
  }
  void settled(int64_t, WorkerId, const Digest&) override {}
  bool expects(int64_t round, WorkerId) const override { return wanted.contains(round); }

  std::set<int64_t> wanted;
  std::vector<int64_t> launched;
  std::map<int64_t, Commit> commits;
};

TEST(Following, AWorkerThatIsNotExpectedTrainsNothingAndOffersNothing) {
  const auto plan = toy_bind("preset = 'fedavg'\nperiod = 3", kTwoMoments, {2, 1, {}});
  ToyReplica replica(34, 0, kTwoMoments);
  Picky exchange;
  exchange.wanted = {1, 3};
  Engine engine(*plan, 0, replica, exchange);
  for (int64_t step = 1; step <= 12; ++step) {
    const bool wanted = step <= 3 || (step > 6 && step <= 9);
    EXPECT_EQ(engine.trains(step), wanted) << step;
    EXPECT_EQ(engine.at(Hook::kAfterBackward, step, 0), wanted ? Go::kUpdate : Go::kSkipUpdate);
    engine.at(Hook::kBeforeUpdate, step, 0);
    engine.at(Hook::kAfterUpdate, step, 0);
  }
  EXPECT_THAT(exchange.launched, ElementsAre(1, 3));
  EXPECT_EQ(engine.counters().round, 4);
}

TEST(Following, TheConsensusIsTakenAllTheSame) {
  const auto plan = toy_bind("preset = 'fedavg'\nperiod = 3", kTwoMoments, {2, 1, {}});
  const std::vector<float> shared(34, 0.5F);
  const ChannelResult result{0, {{1, 1}}, encode_signal(*plan->channels()[0].down, shared, 0)};
  for (const WorkerId id : {0, kFollower}) {
    ToyReplica replica(34, 0, kTwoMoments);
    Picky exchange;
    if (id == kFollower) exchange.wanted = {1};
    exchange.commits[1] = {1, {result}};
    Engine engine(*plan, id, replica, exchange);
    for (int64_t step = 1; step <= 3; ++step) {
      EXPECT_FALSE(engine.trains(step));
      engine.at(Hook::kAfterUpdate, step, 0);
    }
    EXPECT_THAT(exchange.launched, IsEmpty());
    EXPECT_TRUE(same_bits(replica.x(), shared));
    EXPECT_THAT(engine.counters().versions, ElementsAre(1));
    EXPECT_EQ(engine.counters().traffic.up_bytes, 0);
  }
}

TEST(Following, AFollowerHasTheReplicatedStatesAlone) {
  LoneEngine worker(kMethods[0]), follower(kMethods[0], kFollower);
  EXPECT_EQ(worker.engine.states()[0].entries().size(), 3U);
  EXPECT_EQ(follower.engine.states()[0].entries().size(), 2U);
  EXPECT_EQ(follower.engine.replicated_digest(), worker.engine.replicated_digest());
  follower.run(1, 12);
}

}  // namespace
}  // namespace causeway
