// SPDX-License-Identifier: Apache-2.0
//
// A local exchange goes on from its snapshot with the same bits, and hostile bytes do no harm.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "codec/signal.h"
#include "exchange/toy_team.h"

namespace causeway {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

constexpr int64_t kSnapshotPeriod = 2;

std::unique_ptr<BoundPlan> snapshot_plan() {
  return toy_bind("preset = 'fedavg'\nperiod = 2\nup = 'int8'\ndown = 'int8'\ndown_feedback = 'ef'",
                  {}, {3, 3, {}});
}

Offer snapshot_offer(const BoundPlan& plan, WorkerId worker, int64_t round) {
  std::vector<float> signal(34);
  for (size_t i = 0; i < signal.size(); ++i)
    signal[i] = static_cast<float>((i + 3 * static_cast<size_t>(worker + 7 * round)) % 11) / 7;
  Offer offer{round, kSnapshotPeriod * round, Hook::kAfterUpdate, worker, {}, {}};
  offer.parts.push_back({0, worker + 1, encode_signal(*plan.channels()[0].up, signal, 0)});
  return offer;
}

/// Round 1 is decided and settled by worker 1, round 2 waits for worker 0 with an offer and a
/// refusal, round 3 for all but worker 2.
void fill(LocalExchange& exchange, const BoundPlan& plan) {
  Threads threads(1);
  for (const WorkerId id : {0, 1, 2}) exchange.launch(snapshot_offer(plan, id, 1));
  exchange.pump(threads);
  exchange.settled(1, 1, digest_of("replicated"));
  exchange.launch(snapshot_offer(plan, 1, 2));
  exchange.launch({2, 2 * kSnapshotPeriod, Hook::kAfterUpdate, 2, {}, "it has nothing"});
  exchange.launch(snapshot_offer(plan, 2, 3));
}

Bytes result_bytes(LocalExchange& exchange, int64_t round) {
  const Commit* commit = nullptr;
  CW_CHECK(exchange.poll(round, 0, commit) == Poll::kReady && commit->round == round);
  return commit->results.front().bytes.all().value();
}

TEST(LocalExchangeSnapshot, GoesOnWithTheSameBits) {
  const auto plan = snapshot_plan();
  LocalExchange straight(*plan), restored(*plan);
  fill(straight, *plan);
  EXPECT_FALSE(restored.has_rounds());
  const auto taken = restored.restore(straight.snapshot());
  ASSERT_TRUE(taken) << taken.error().message;
  EXPECT_TRUE(restored.has_rounds());
  restored.states() = straight.states();
  Threads threads(1);
  for (LocalExchange* exchange : {&straight, &restored}) {
    EXPECT_THAT(exchange->pump(threads), IsEmpty());
    exchange->launch(snapshot_offer(*plan, 0, 2));
    const auto outcomes = exchange->pump(threads);
    ASSERT_THAT(outcomes, SizeIs(1));
    EXPECT_THAT(outcomes.front().members, ElementsAre(Member{0, 1}, Member{1, 2}));
    ASSERT_THAT(outcomes.front().dropped, SizeIs(1));
    EXPECT_EQ(outcomes.front().dropped.front().second, "it has nothing");
    for (const WorkerId id : {0, 1}) exchange->launch(snapshot_offer(*plan, id, 3));
    EXPECT_THAT(exchange->pump(threads), SizeIs(1));
  }
  for (const int64_t round : {1, 2, 3})
    EXPECT_EQ(result_bytes(restored, round), result_bytes(straight, round));
  EXPECT_EQ(restored.snapshot(), straight.snapshot());
  EXPECT_DEATH(restored.settled(1, 0, digest_of("other")), "replicated states of worker 0");
  for (const WorkerId id : {0, 2}) restored.settled(1, id, digest_of("replicated"));
  const Commit* commit = nullptr;
  EXPECT_EQ(restored.poll(1, 0, commit), Poll::kPending);
}

// Goal: no bytes do harm. Method: truncations, and every byte set to a few values; what is taken
// over must be folded.
TEST(LocalExchangeSnapshot, RefusesOrStandsAnyBytes) {
  const auto plan = snapshot_plan();
  LocalExchange from(*plan);
  fill(from, *plan);
  const Bytes bytes = from.snapshot();
  for (size_t size = 0; size < bytes.size(); ++size) {
    LocalExchange to(*plan);
    const auto restored = to.restore(ByteSpan(bytes).first(size));
    ASSERT_FALSE(restored) << size;
    EXPECT_EQ(restored.error().fault, Fault::kCorrupt);
    EXPECT_FALSE(to.has_rounds());
  }
  Threads threads(1);
  int taken = 0;
  for (size_t at = 0; at < bytes.size(); ++at)
    for (const int value : {0x00, 0x01, 0x02, 0x7F, 0xFF}) {
      Bytes wrong = bytes;
      wrong[at] = static_cast<std::byte>(value);
      LocalExchange to(*plan);
      if (!to.restore(wrong)) continue;
      ++taken;
      for (const WorkerId id : {0, 1}) to.launch(snapshot_offer(*plan, id, 4));
      to.pump(threads);
    }
  EXPECT_GT(taken, 100);
}

}  // namespace
}  // namespace causeway
