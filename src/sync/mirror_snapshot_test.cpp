// SPDX-License-Identifier: Apache-2.0
//
// Whatever bytes come as a mirror's snapshot, who opens them or joins from them stays whole.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "exchange/toy_team.h"
#include "sync/mirror.h"
#include "sync/toy_exchange.h"

namespace causeway {
namespace {

using testing::HasSubstr;

constexpr int32_t kSnapshotWorkers = 4;
constexpr int64_t kSnapshotCount = 34;
const std::string kMethod = "preset = 'streaming_diloco'\nperiod = 4\ndelay = 3\nmix = 0";

std::unique_ptr<BoundPlan> snapshot_plan() {
  return toy_bind(kMethod, kTwoMoments, {kSnapshotWorkers, 1, {}});
}

struct SnapshotJoiner {
  explicit SnapshotJoiner(const BoundPlan& plan)
      : replica(kSnapshotCount, 3, kTwoMoments), engine(plan, 3, replica, exchange) {}
  AbortingExchange exchange;
  ToyReplica replica;
  Engine engine;
};

/// A snapshot with rounds in flight.
Bytes in_flight(const BoundPlan& plan) {
  ToyTeam team(plan, toy_layout(), {kTwoMoments, 2, {}});
  Mirror mirror(plan, kSnapshotCount, team.replica(0));
  team.run_to(12);
  for (int64_t round = 1; round <= 4; ++round)
    mirror.decide(round, team.decisions()[static_cast<size_t>(round - 1)]);
  EXPECT_EQ(mirror.oldest_open(), 5);
  return mirror.snapshot();
}

TEST(MirrorSnapshot, RefusesEveryTruncationAndChangesNothing) {
  const auto plan = snapshot_plan();
  const Bytes bytes = in_flight(*plan);
  SnapshotJoiner joiner(*plan);
  const std::vector<float> x = joiner.replica.x();
  const Bytes engine = joiner.engine.snapshot();
  for (size_t size = 0; size < bytes.size(); ++size) {
    const ByteSpan part = ByteSpan(bytes).first(size);
    const auto joined = join(part, *plan, joiner.replica, joiner.engine);
    ASSERT_FALSE(joined) << size;
    EXPECT_EQ(joined.error().fault, Fault::kCorrupt);
    const auto opened = Mirror::open(*plan, kSnapshotCount, Bytes(part.begin(), part.end()));
    ASSERT_FALSE(opened) << size;
    EXPECT_EQ(opened.error().fault, Fault::kCorrupt);
  }
  EXPECT_TRUE(same_bits(joiner.replica.x(), x));
  EXPECT_EQ(joiner.engine.snapshot(), engine);
}

// Goal: no bytes do harm. Method: every byte set to a few values; what is taken over must go on.
TEST(MirrorSnapshot, AnyByteMayBeWrongWithoutHarm) {
  const auto plan = snapshot_plan();
  const Bytes bytes = in_flight(*plan);
  int joined = 0, opened = 0;
  for (size_t at = 0; at < bytes.size(); ++at)
    for (const int value : {0x00, 0x07, 0xFF}) {
      Bytes wrong = bytes;
      wrong[at] = static_cast<std::byte>(value);
      SnapshotJoiner joiner(*plan);
      if (const auto stands = join(wrong, *plan, joiner.replica, joiner.engine)) {
        ++joined;
        for (int64_t step = stands->steps + 1; step <= stands->steps + 9; ++step)
          joiner.engine.at(Hook::kAfterUpdate, step, step);
      }
      if (const auto mirror = Mirror::open(*plan, kSnapshotCount, wrong)) {
        ++opened;
        for (int i = 0; i < 4; ++i) (*mirror)->decide((*mirror)->round() + 1, nullptr);
      }
    }
  EXPECT_GT(joined, 100);
  EXPECT_GT(opened, 100);
}

TEST(MirrorSnapshot, RefusesTheSnapshotOfAnotherModel) {
  const auto plan = snapshot_plan();
  const Bytes bytes = in_flight(*plan);
  const auto more =
      toy_bind("preset = 'des_loc'\nperiod = 3", kTwoMoments, {kSnapshotWorkers, 1, {}});
  ToyReplica other(kSnapshotCount, 0, kTwoMoments);
  AbortingExchange nothing;
  Engine engine(*more, 0, other, nothing);
  const auto joined = join(bytes, *more, other, engine);
  ASSERT_FALSE(joined);
  EXPECT_THAT(joined.error().message, HasSubstr("lacks the state `u`"));

  Layout larger = toy_layout();
  larger.add("head", {2}, Role::kHead, -1);
  const auto wide = toy_bind(kMethod, kTwoMoments, {kSnapshotWorkers, 1, {}}, larger);
  EXPECT_FALSE(Mirror::open(*wide, kSnapshotCount + 2, bytes));
  ToyReplica wider(kSnapshotCount + 2, 0, kTwoMoments);
  Engine wide_engine(*wide, 0, wider, nothing);
  EXPECT_FALSE(join(bytes, *wide, wider, wide_engine));
}

}  // namespace
}  // namespace causeway
