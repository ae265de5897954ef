// SPDX-License-Identifier: Apache-2.0
#include "exchange/local.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "codec/signal.h"
#include "exchange/toy_team.h"

namespace causeway {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

constexpr int64_t kCount = 40'000;  // three blocks
constexpr int64_t kPeriod = 2;

/// x of one large matrix, averaged every other step: the first round is at step 2.
std::unique_ptr<BoundPlan> plan_of(const std::string& sync, int32_t workers = 4) {
  Layout layout;
  layout.add("w", {kCount}, Role::kMatrix, 0);
  return toy_bind("preset = 'fedavg'\nperiod = 2\n" + sync, {}, {workers, 3, {}}, layout);
}

/// Cheap numbers in [-1/2, 1/2), other ones for each worker and round.
std::vector<float> signal_of(WorkerId worker, int64_t round = 1) {
  auto state = static_cast<uint32_t>(1000 * round + worker);
  std::vector<float> out(kCount);
  for (float& value : out) {
    state = state * 1664525U + 1013904223U;
    value = static_cast<float>(state >> 8) * 0x1p-24F - 0.5F;
  }
  return out;
}

Offer offer_of(const BoundPlan& plan, WorkerId worker, int64_t round = 1) {
  Offer offer{round, kPeriod * round, Hook::kAfterUpdate, worker, {}, {}};
  offer.parts.push_back(
      {0, worker + 1, encode_signal(*plan.channels().front().up, signal_of(worker, round), 0)});
  return offer;
}

Offer declined(WorkerId worker) {
  return {1, kPeriod, Hook::kAfterUpdate, worker, {}, "it has nothing"};
}

const ChannelResult& result_of(LocalExchange& exchange, int64_t round = 1) {
  const Commit* commit = nullptr;
  CW_CHECK(exchange.poll(round, 0, commit) == Poll::kReady);
  CW_CHECK(commit->round == round && commit->results.size() == 1);
  return commit->results.front();
}

/// The committed bytes of these offers, launched in this order.
Bytes fold(const BoundPlan& plan, std::vector<Offer> offers, int32_t threads = 1) {
  LocalExchange exchange(plan);
  for (Offer& offer : offers) exchange.launch(std::move(offer));
  Threads pool(threads);
  exchange.pump(pool);
  return result_of(exchange).bytes.all().value();
}

std::vector<float> decode(const Codec& codec, const Bytes& bytes) {
  std::vector<float> out(kCount);
  const auto signal = EncodedSignal::open(codec, bytes, kCount);
  CW_CHECK(signal.ok() && signal->decode(out).ok());
  return out;
}

std::vector<Offer> all_offers(const BoundPlan& plan) {
  std::vector<Offer> out;
  for (WorkerId id = 0; id < plan.options().workers; ++id) out.push_back(offer_of(plan, id));
  return out;
}

TEST(LocalExchange, AnyOrderOfArrivalAndAnyThreadsGiveTheSameBytes) {
  const auto plan = plan_of("up = 'int8'\ndown = 'bf16'");
  const std::vector<Offer> offers = all_offers(*plan);
  const Bytes wanted = fold(*plan, offers);
  std::vector<size_t> order(4);
  std::iota(order.begin(), order.end(), size_t{0});
  int32_t threads = 0;
  do {
    std::vector<Offer> shuffled;
    for (const size_t i : order) shuffled.push_back(offers[i]);
    EXPECT_EQ(fold(*plan, shuffled, threads++ % 3 + 1), wanted);
  } while (std::next_permutation(order.begin(), order.end()));
}

TEST(LocalExchange, FoldsTheWeightedMeanInMemberOrder) {
  const auto plan = plan_of("");
  LocalExchange exchange(*plan);
  for (const WorkerId id : {2, 0, 3, 1}) exchange.launch(offer_of(*plan, id));
  Threads threads(2);
  exchange.pump(threads);
  const ChannelResult& result = result_of(exchange);
  EXPECT_THAT(result.members, ElementsAre(Member{0, 1}, Member{1, 2}, Member{2, 3}, Member{3, 4}));
  const std::vector<float> got = decode(*plan->channels().front().down, result.bytes.all().value());
  std::vector<double> sums(kCount);
  for (WorkerId id = 0; id < 4; ++id) {
    const std::vector<float> signal = signal_of(id);
    for (size_t i = 0; i < sums.size(); ++i) sums[i] += (id + 1) * double{signal[i]};
  }
  for (size_t i = 0; i < sums.size(); ++i) ASSERT_EQ(got[i], static_cast<float>(sums[i] / 10));
}

TEST(LocalExchange, WaitsForEverybody) {
  const auto plan = plan_of("");
  LocalExchange exchange(*plan);
  Threads threads(1);
  const Commit* commit = nullptr;
  for (WorkerId id = 0; id < 4; ++id) {
    EXPECT_THAT(exchange.pump(threads), IsEmpty());
    EXPECT_EQ(exchange.poll(1, id, commit), Poll::kPending);
    exchange.launch(offer_of(*plan, id));
  }
  EXPECT_THAT(exchange.pump(threads), SizeIs(1));
  EXPECT_EQ(exchange.poll(1, 2, commit), Poll::kReady);
  EXPECT_THAT(exchange.pump(threads), IsEmpty());
}

TEST(LocalExchange, LaunchingAgainChangesNothing) {
  const auto plan = plan_of("");
  const Bytes wanted = fold(*plan, all_offers(*plan));
  LocalExchange exchange(*plan);
  Threads threads(1);
  for (const WorkerId id : {0, 1, 1, 0, 2}) exchange.launch(offer_of(*plan, id));
  EXPECT_THAT(exchange.pump(threads), IsEmpty());
  exchange.launch(offer_of(*plan, 3));
  EXPECT_THAT(exchange.pump(threads), SizeIs(1));
  exchange.launch(offer_of(*plan, 3));
  EXPECT_THAT(exchange.pump(threads), IsEmpty());
  EXPECT_EQ(result_of(exchange).bytes, wanted);
}

TEST(LocalExchange, ADamagedOfferLeavesNoTraceInTheResult) {
  const auto plan = plan_of("up = 'bf16'\ndown = 'int8'\ndown_feedback = 'ef'");
  std::vector<Offer> others = all_offers(*plan);
  others[2] = declined(2);
  const Bytes wanted = fold(*plan, others);
  const size_t size = offer_of(*plan, 2).parts.front().bytes.size();
  for (const size_t at : {size_t{0}, size_t{5}, size_t{9}, size / 2, size - 1}) {
    std::vector<Offer> offers = all_offers(*plan);
    offers[2].parts.front().bytes[at] ^= std::byte{0x10};
    LocalExchange exchange(*plan);
    for (Offer& offer : offers) exchange.launch(std::move(offer));
    Threads threads(2);
    const auto outcomes = exchange.pump(threads);
    ASSERT_THAT(outcomes, SizeIs(1));
    EXPECT_TRUE(outcomes.front().committed);
    ASSERT_THAT(outcomes.front().dropped, SizeIs(1));
    EXPECT_EQ(outcomes.front().dropped.front().first, 2);
    EXPECT_THAT(outcomes.front().dropped.front().second, HasSubstr("damaged"));
    EXPECT_EQ(outcomes.front().up_bytes, static_cast<int64_t>(4 * size));
    EXPECT_EQ(result_of(exchange).bytes, wanted) << "byte " << at;
  }
}

TEST(LocalExchange, DamageInOneChannelLeavesNoTraceInAnother) {
  const std::string channel =
      "[[channel]]\nport = 'assign'\nperiod = 2\ndown = 'int8'\ndown_feedback = 'ef'\n";
  // The first channel's residual is settled before the second channel's damage is seen.
  const auto plan =
      toy_bind("preset = 'none'\n" + channel + "name = 'a'\n" + channel + "name = 'b'\n", {},
               {2, 3, {}}, [] {
                 Layout layout;
                 layout.add("w", {kCount}, Role::kMatrix, 0);
                 return layout;
               }());
  const auto residual = [&](bool damaged) {
    LocalExchange exchange(*plan);
    for (WorkerId id = 0; id < 2; ++id) {
      Offer offer = id == 1 && !damaged ? declined(1) : offer_of(*plan, id);
      if (!offer.parts.empty()) offer.parts.push_back({1, 1, offer.parts.front().bytes});
      if (id == 1 && damaged) offer.parts.back().bytes[20] ^= std::byte{1};
      exchange.launch(std::move(offer));
    }
    Threads threads(1);
    CW_CHECK(exchange.pump(threads).front().committed);
    const auto values = exchange.states().front().get("residual");
    return std::vector<float>(values.begin(), values.end());
  };
  EXPECT_TRUE(same_bits(residual(true), residual(false)));
}

/// An fp32 offer whose block `block` is well framed and not finite.
Offer infinite_in(const BoundPlan& plan, WorkerId worker, size_t block) {
  Offer offer = offer_of(plan, worker);
  Bytes& bytes = offer.parts.front().bytes;
  const size_t frame = block * (8 + 4 * static_cast<size_t>(kBlockValues));
  const float value = std::numeric_limits<float>::infinity();
  std::memcpy(bytes.data() + frame + 8, &value, sizeof(value));
  uint32_t length = 0;
  std::memcpy(&length, bytes.data() + frame, sizeof(length));
  const uint32_t crc = crc32c(ByteSpan(bytes).subspan(frame + 8, length));
  std::memcpy(bytes.data() + frame + 4, &crc, sizeof(crc));
  return offer;
}

TEST(LocalExchange, DropsWhatDecodesToNoNumbersInMemberOrder) {
  const auto plan = plan_of("");
  const Bytes wanted =
      fold(*plan, {offer_of(*plan, 0), declined(1), offer_of(*plan, 2), declined(3)});
  for (const int32_t threads : {1, 2, 3}) {
    LocalExchange exchange(*plan);
    for (Offer offer : {offer_of(*plan, 0), infinite_in(*plan, 1, 0), offer_of(*plan, 2),
                        infinite_in(*plan, 3, 2)})
      exchange.launch(std::move(offer));
    Threads pool(threads);
    const auto outcomes = exchange.pump(pool);
    ASSERT_THAT(outcomes.front().dropped, SizeIs(2));
    EXPECT_EQ(outcomes.front().dropped[0].first, 1);
    EXPECT_EQ(outcomes.front().dropped[1].first, 3);
    EXPECT_EQ(result_of(exchange).bytes, wanted);
  }
}

TEST(LocalExchange, AbortsIfNobodyIsLeft) {
  const auto plan = plan_of("down = 'int8'\ndown_feedback = 'ef'", 2);
  LocalExchange exchange(*plan);
  Offer damaged = offer_of(*plan, 0);
  damaged.parts.front().bytes.pop_back();
  exchange.launch(std::move(damaged));
  exchange.launch(declined(1));
  Threads threads(1);
  const auto outcomes = exchange.pump(threads);
  EXPECT_FALSE(outcomes.front().committed);
  EXPECT_THAT(outcomes.front().dropped, SizeIs(2));
  EXPECT_EQ(outcomes.front().down_bytes, 0);
  const Commit* commit = nullptr;
  EXPECT_EQ(exchange.poll(1, 0, commit), Poll::kAborted);
  for (const float value : exchange.states().front().get("residual")) ASSERT_EQ(value, 0);
}

TEST(LocalExchange, TheDownlinkOwesWhatItsCodecLost) {
  for (const std::string down : {"bf16", "int8"}) {
    const auto plan = plan_of("down = '" + down + "'\ndown_feedback = 'ef'", 2);
    LocalExchange exchange(*plan);
    Threads threads(2);
    std::vector<double> means(kCount), sent(kCount);
    double largest = 0;
    for (int64_t round = 1; round <= 5; ++round) {
      for (WorkerId id = 0; id < 2; ++id) exchange.launch(offer_of(*plan, id, round));
      exchange.pump(threads);
      const auto got =
          decode(*plan->channels().front().down, result_of(exchange, round).bytes.all().value());
      const auto first = signal_of(0, round), second = signal_of(1, round);
      const auto owed = exchange.states().front().get("residual");
      for (size_t i = 0; i < sent.size(); ++i) {
        means[i] += (double{first[i]} + 2 * double{second[i]}) / 3;
        sent[i] += got[i];
        largest = std::max<double>(largest, std::abs(owed[i]));
        ASSERT_NEAR(sent[i] + owed[i], means[i], 5e-7) << down << ", round " << round;
      }
    }
    EXPECT_GT(largest, 1e-4);
  }
}

TEST(LocalExchange, CountsTheBytesOfAllWorkers) {
  const auto plan = plan_of("up = 'int8'\ndown = 'bf16'\nparticipation = 0.5");
  LocalExchange exchange(*plan);
  int64_t up = 0;
  for (const WorkerId id : plan->members(0, Hook::kAfterUpdate, kPeriod)) {
    Offer offer = offer_of(*plan, id);
    up += std::ssize(offer.parts.front().bytes);
    exchange.launch(std::move(offer));
  }
  Threads threads(1);
  const auto outcomes = exchange.pump(threads);
  ASSERT_THAT(outcomes, SizeIs(1));
  EXPECT_THAT(outcomes.front().members, SizeIs(2));
  EXPECT_EQ(outcomes.front().up_bytes, up);
  EXPECT_EQ(outcomes.front().down_bytes, 4 * result_of(exchange).bytes.size());
  EXPECT_EQ(outcomes.front().round, 1);
  EXPECT_EQ(outcomes.front().step, kPeriod);
  EXPECT_THAT(outcomes.front().channels, ElementsAre(0));
}

TEST(LocalExchange, ARoundIsFreedWhenAllHaveSettled) {
  const auto plan = plan_of("");
  LocalExchange exchange(*plan);
  for (const Offer& offer : all_offers(*plan)) exchange.launch(offer);
  Threads threads(1);
  exchange.pump(threads);
  const Commit* commit = nullptr;
  for (const WorkerId id : {1, 3, 0}) exchange.settled(1, id, Digest{});
  EXPECT_EQ(exchange.poll(1, 2, commit), Poll::kReady);
  exchange.settled(1, 2, Digest{});
  EXPECT_EQ(exchange.poll(1, 2, commit), Poll::kPending);
}

TEST(LocalExchange, DecidesRoundsInOrderOfNumber) {
  const auto plan = plan_of("down = 'int8'\ndown_feedback = 'ef'", 2);
  const auto bytes = [&](std::vector<int64_t> rounds) {
    LocalExchange exchange(*plan);
    Threads threads(1);
    std::vector<int64_t> decided;
    for (const int64_t round : rounds)
      for (const WorkerId id : {0, 1}) {
        exchange.launch(offer_of(*plan, id, round));
        for (const RoundOutcome& outcome : exchange.pump(threads)) decided.push_back(outcome.round);
      }
    EXPECT_THAT(decided, ElementsAre(1, 2, 3));
    return std::pair(result_of(exchange, 2).bytes, result_of(exchange, 3).bytes);
  };
  EXPECT_EQ(bytes({1, 2, 3}), bytes({3, 2, 1}));
}

TEST(LocalExchange, AnOfferForARoundThatIsOverChangesNothing) {
  const auto plan = plan_of("", 2);
  LocalExchange exchange(*plan);
  Threads threads(1);
  for (const WorkerId id : {0, 1}) exchange.launch(offer_of(*plan, id));
  exchange.pump(threads);
  for (const WorkerId id : {0, 1}) exchange.settled(1, id, Digest{});
  exchange.launch(offer_of(*plan, 0));
  EXPECT_DEATH(exchange.settled(1, 0, Digest{}), "never opened");
}

TEST(LocalExchange, GoesOnAfterTheRoundsBeforeARestart) {
  const auto plan = plan_of("", 2);
  LocalExchange exchange(*plan);
  exchange.resume_after(4);
  Threads threads(1);
  for (const WorkerId id : {0, 1}) exchange.launch(offer_of(*plan, id, 5));
  EXPECT_THAT(exchange.pump(threads), SizeIs(1));
}

TEST(LocalExchangeDeathTest, RefusesAnOfferOfWhoIsNotDrawn) {
  const auto plan = plan_of("participation = 0.25");
  const auto drawn = plan->members(0, Hook::kAfterUpdate, kPeriod);
  ASSERT_THAT(drawn, SizeIs(1));
  LocalExchange exchange(*plan);
  EXPECT_DEATH(exchange.launch(offer_of(*plan, (drawn.front() + 1) % 4)), "is not in round 1");
}

TEST(LocalExchangeDeathTest, RefusesWorkersThatAreNotAtTheSameStep) {
  const auto plan = plan_of("");
  LocalExchange exchange(*plan);
  exchange.launch(offer_of(*plan, 0));
  Offer late = offer_of(*plan, 1);
  late.step = 4;
  EXPECT_DEATH(exchange.launch(late), "worker 1 has round 1 at step 4, others at step 2");
}

TEST(LocalExchangeDeathTest, RefusesReplicatedStatesThatDiffer) {
  const auto plan = plan_of("", 2);
  LocalExchange exchange(*plan);
  for (const Offer& offer : all_offers(*plan)) exchange.launch(offer);
  Threads threads(1);
  exchange.pump(threads);
  Hasher hasher;
  hasher.add(std::as_bytes(std::span("else", 4)));
  exchange.settled(1, 0, Hasher{}.digest());
  EXPECT_DEATH(exchange.settled(1, 1, hasher.digest()), "replicated states of worker 1");
}

TEST(LocalExchangeDeathTest, RefusesToSettleWhatWasNeverOpened) {
  const auto plan = plan_of("");
  LocalExchange exchange(*plan);
  EXPECT_DEATH(exchange.settled(7, 0, Digest{}), "round 7");
}

}  // namespace
}  // namespace causeway
