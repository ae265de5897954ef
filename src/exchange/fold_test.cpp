// SPDX-License-Identifier: Apache-2.0
#include "exchange/fold.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

#include "codec/signal.h"
#include "core/random.h"
#include "core/squared_norm.h"
#include "exchange/local.h"
#include "sync/toy_replica.h"

namespace causeway {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using Values = std::vector<float>;

/// A fold whose consensus is taken whole.
class WholeFold final : public ConsensusTaker {
 public:
  WholeFold(const BoundChannel& channel, std::vector<WorkerId> expected)
      : fold_(channel, std::move(expected), *this) {}

  Result<void> extend(WorkerId worker, int64_t weight, ByteSpan bytes) {
    return fold_.extend(worker, weight, bytes);
  }
  bool complete(WorkerId worker) const { return fold_.complete(worker); }
  double squared_norm(WorkerId worker) const { return fold_.squared_norm(worker); }
  void drop(WorkerId worker) { fold_.drop(worker); }
  void fold_ahead(Threads& threads) { fold_.fold_ahead(threads); }
  std::optional<WorkerId> damaged() const { return fold_.damaged(); }
  int64_t tiles_refolded() const { return fold_.tiles_refolded(); }
  /// The consensus, given away: to finish again folds all anew.
  Result<Values> finish(std::span<const WorkerId> members, Threads& threads) {
    CW_TRY(fold_.finish(members, threads));
    EXPECT_TRUE(fold_.all_given());
    std::vector<WorkerId> from;
    for (const Member& member : fold_.members()) from.push_back(member.id);
    EXPECT_TRUE(std::ranges::equal(from, members));
    fold_.restart();
    return std::exchange(taken_, {});
  }

  void take(std::span<const float> values) override {
    taken_.insert(taken_.end(), values.begin(), values.end());
  }
  void begin_anew() override { taken_.clear(); }

 private:
  ChannelFold fold_;
  Values taken_;
};

constexpr int64_t kFoldCount = 70'000;  // five blocks, the last one shorter
constexpr int64_t kTiles = 5;
const std::vector<WorkerId> kAll = {0, 1, 2, 3, 4};

std::unique_ptr<BoundPlan> fold_plan(const std::string& sync, int64_t count = kFoldCount) {
  Layout layout;
  layout.add("w", {count}, Role::kMatrix, 0);
  return toy_bind("preset = 'fedavg'\nperiod = 1\n" + sync, {}, {5, 3, {}}, layout);
}

/// Numbers of many sizes, other ones for each worker and round.
Values fold_signal(WorkerId worker, int64_t round = 1, int64_t count = kFoldCount) {
  const Random random(static_cast<uint64_t>(round), Stream::kSample, static_cast<uint32_t>(worker));
  Values out(static_cast<size_t>(count));
  for (size_t i = 0; i < out.size(); ++i)
    out[i] = static_cast<float>(random.uniform(i) - 0.5) * (i % 3 == 0 ? 1000.0F : 1.0F);
  return out;
}

Bytes fold_offer(const BoundChannel& channel, WorkerId worker, int64_t round = 1) {
  return encode_signal(*channel.up, fold_signal(worker, round, channel.count), 0);
}

int64_t weight_of(WorkerId worker) { return 1'000 * worker + 7; }

/// The weighted mean of what these members sent, by the plainest means: a loop in double.
Values plain_mean(const BoundChannel& channel, const std::vector<WorkerId>& members) {
  std::vector<double> sums(static_cast<size_t>(channel.count));
  double total = 0;
  for (const WorkerId id : members) {
    Values values(sums.size());
    CW_CHECK(decode_signal(*channel.up, fold_offer(channel, id), values).ok());
    const auto weight = static_cast<double>(weight_of(id));
    for (size_t i = 0; i < sums.size(); ++i) sums[i] += weight * double{values[i]};
    total += weight;
  }
  Values out;
  for (const double sum : sums) out.push_back(static_cast<float>(sum / total));
  return out;
}

auto dice(uint64_t seed) {
  return [random = Random(seed, Stream::kSample, 77), next = uint64_t{0}](size_t bound) mutable {
    return random.below(next++, bound);
  };
}

/// Offers on their way, in chunks of any size. What has come lies in fresh memory each time.
class Arrivals {
 public:
  Arrivals(const BoundChannel& channel, const std::vector<WorkerId>& workers) {
    for (const WorkerId id : workers) offers_[id] = {fold_offer(channel, id), {}, 0};
  }
  bool all(WorkerId worker) const {
    return offers_.at(worker).came == offers_.at(worker).whole.size();
  }
  /// Up to `most` further bytes.
  Result<void> come(WholeFold& fold, WorkerId worker, size_t most) {
    Offer& offer = offers_[worker];
    offer.came = std::min(offer.whole.size(), offer.came + most);
    auto moved = std::make_unique<Bytes>(offer.whole.begin(),
                                         offer.whole.begin() + static_cast<ptrdiff_t>(offer.came));
    auto result = fold.extend(worker, weight_of(worker), *moved);
    offer.here = std::move(moved);
    return result;
  }

 private:
  struct Offer {
    Bytes whole;
    std::unique_ptr<Bytes> here;
    size_t came = 0;
  };
  std::map<WorkerId, Offer> offers_;
};

// Goal: any order of arrival and any boundaries of chunks give the same bits, also if a member
// drops half-way. Method: seeded arrivals against a loop that knows nothing of tiles.
TEST(ChannelFold, TheOrderOfArrivalChangesNoBit) {
  for (const std::string up : {"fp32", "int8", "bf16", "topk", "nf4"}) {
    const auto plan = fold_plan("up = '" + up + "'");
    const BoundChannel& channel = plan->channels().front();
    for (uint64_t seed = 0; seed < 6; ++seed) {
      auto below = dice(seed);
      Threads threads(static_cast<int32_t>(1 + seed % 3));
      WholeFold fold(channel, {3, 1, 4, 0, 2});
      Arrivals arrivals(channel, kAll);
      std::vector<WorkerId> on_the_way = kAll, members = kAll;
      const bool drops = seed % 2 == 1;
      const size_t largest = below(2) == 0 ? 20'000 : 90'000;
      for (int event = 0; !on_the_way.empty(); ++event) {
        const size_t at = below(on_the_way.size());
        const WorkerId id = on_the_way[at];
        ASSERT_TRUE(arrivals.come(fold, id, below(largest)).ok());
        EXPECT_EQ(fold.complete(id), arrivals.all(id));
        if (fold.complete(id)) on_the_way.erase(on_the_way.begin() + static_cast<ptrdiff_t>(at));
        if (event % 4 == 0) fold.fold_ahead(threads);
        if (drops && members.size() == kAll.size() && on_the_way.size() == 2) {
          const WorkerId lost = on_the_way.front();
          fold.drop(lost);
          std::erase(on_the_way, lost);
          std::erase(members, lost);
        }
      }
      const Values got = fold.finish(members, threads).value();
      ASSERT_TRUE(same_bits(got, plain_mean(channel, members))) << up << ", seed " << seed;
      EXPECT_TRUE(drops || fold.tiles_refolded() == 0);
    }
  }
}

/// A fold into which these members' offers have come whole.
struct Folded {
  explicit Folded(const BoundChannel& channel, const std::vector<WorkerId>& workers = kAll)
      : fold(channel, kAll), arrivals(channel, workers) {
    for (const WorkerId id : workers) CW_CHECK(arrivals.come(fold, id, SIZE_MAX / 2).ok());
  }
  WholeFold fold;
  Arrivals arrivals;
  Threads threads{2};
};

// Goal: with more members than are decoded at once the bits stay those of a plain loop, and who is
// damaged in a later group is named.
TEST(ChannelFold, FoldsManyMembersAFewAtATime) {
  const auto plan = fold_plan("up = 'int8'", 20'000);
  const BoundChannel& channel = plan->channels().front();
  for (const WorkerId members : {8, 9, 23}) {
    EXPECT_EQ(fold_rows(*channel.rule, members), 8);
    std::vector<WorkerId> ids;
    for (WorkerId id = 0; id < members; ++id) ids.push_back(id);
    std::map<WorkerId, Bytes> offers;
    WholeFold fold(channel, ids);
    for (const WorkerId id : ids) {
      offers[id] = fold_offer(channel, id);
      ASSERT_TRUE(fold.extend(id, weight_of(id), offers[id]).ok());
    }
    Threads threads(2);
    EXPECT_TRUE(same_bits(fold.finish(ids, threads).value(), plain_mean(channel, ids))) << members;
    Bytes& last = offers[members - 1];
    last.back() ^= std::byte{1};
    EXPECT_FALSE(fold.finish(ids, threads).ok());
    EXPECT_EQ(fold.damaged(), members - 1);
  }
}

TEST(ChannelFold, FoldsAnewWhatWasFoldedFromOthers) {
  const auto plan = fold_plan("");
  const BoundChannel& channel = plan->channels().front();
  Folded all(channel);
  all.fold.fold_ahead(all.threads);
  all.fold.fold_ahead(all.threads);
  all.fold.drop(2);
  EXPECT_EQ(all.fold.tiles_refolded(), 0);
  const std::vector<WorkerId> members = {0, 1, 3, 4};
  const Values got = all.fold.finish(members, all.threads).value();
  EXPECT_EQ(all.fold.tiles_refolded(), kTiles);
  EXPECT_TRUE(same_bits(got, plain_mean(channel, members)));
}

TEST(ChannelFold, LeavesOutWhoIsCompleteButNoMember) {
  const auto plan = fold_plan("");
  const BoundChannel& channel = plan->channels().front();
  Folded all(channel);
  all.fold.fold_ahead(all.threads);
  const std::vector<WorkerId> members = {1, 4};
  const Values got = all.fold.finish(members, all.threads).value();
  EXPECT_TRUE(same_bits(got, plain_mean(channel, members)));
  EXPECT_EQ(all.fold.tiles_refolded(), kTiles);
  // What was given away is folded anew, from whomever.
  EXPECT_TRUE(same_bits(all.fold.finish(kAll, all.threads).value(), plain_mean(channel, kAll)));
  EXPECT_EQ(all.fold.tiles_refolded(), 2 * kTiles);
}

TEST(ChannelFold, FoldsAheadOnlyWhatEverybodySent) {
  const auto plan = fold_plan("");
  const BoundChannel& channel = plan->channels().front();
  const std::vector<WorkerId> members = {0, 1, 2, 3};
  Folded most(channel, members);
  most.fold.fold_ahead(most.threads);
  const Bytes late = fold_offer(channel, 4);
  const size_t block = 8 + 4 * kBlockValues;
  ASSERT_TRUE(most.fold.extend(4, weight_of(4), ByteSpan(late).first(2 * block + 5)).ok());
  most.fold.fold_ahead(most.threads);
  most.fold.drop(4);
  EXPECT_TRUE(
      same_bits(most.fold.finish(members, most.threads).value(), plain_mean(channel, members)));
  EXPECT_EQ(most.fold.tiles_refolded(), 2) << "two blocks had come from all before the drop";
}

TEST(ChannelFold, RefusesADamagedBlockByName) {
  const auto plan = fold_plan("up = 'int8'");
  const BoundChannel& channel = plan->channels().front();
  const Bytes good = fold_offer(channel, 1);
  const auto block = static_cast<size_t>(8 + channel.up->block_bytes_max(kBlockValues));
  auto below = dice(1);
  for (int i = 0; i < 40; ++i) {
    const size_t at = below(good.size());
    Bytes bad = good;
    bad[at] ^= static_cast<std::byte>(1U << below(8));
    WholeFold fold(channel, kAll);
    const auto refused = fold.extend(1, 5, bad);
    ASSERT_FALSE(refused.ok()) << "byte " << at;
    EXPECT_EQ(refused.error().fault, Fault::kCorrupt);
    EXPECT_THAT(refused.error().message, HasSubstr(fmt::format("block {} of 5", at / block)));
    EXPECT_FALSE(fold.complete(1));
    // The true bytes may still come.
    ASSERT_TRUE(fold.extend(1, 5, good).ok());
    EXPECT_TRUE(fold.complete(1));
  }
}

/// Puts the right checksum before a block's bytes.
void seal(Bytes& offer, size_t frame) {
  uint32_t length = 0;
  std::memcpy(&length, offer.data() + frame, sizeof(length));
  const uint32_t crc = crc32c(ByteSpan(offer).subspan(frame + 8, length));
  std::memcpy(offer.data() + frame + 4, &crc, sizeof(crc));
}

TEST(ChannelFold, RefusesWhatIsNoOffer) {
  const auto plan = fold_plan("");
  const BoundChannel& channel = plan->channels().front();
  const Bytes good = fold_offer(channel, 1);
  const size_t block = 8 + 4 * kBlockValues;
  const auto reason = [&](Bytes bytes, int64_t weight = 1) {
    WholeFold fold(channel, kAll);
    const auto refused = fold.extend(1, weight, bytes);
    CW_CHECK(!refused.ok() && refused.error().fault == Fault::kCorrupt);
    return refused.error().message;
  };
  for (const float value : {std::numeric_limits<float>::infinity(), -NAN}) {
    Bytes bad = good;
    std::memcpy(bad.data() + 3 * block + 400, &value, sizeof(value));
    seal(bad, 3 * block);
    EXPECT_THAT(reason(bad), HasSubstr("worker 1: block 3 of 5"));
  }
  Bytes bad = good;
  bad[block + 2] = std::byte{0xff};
  EXPECT_THAT(reason(bad), HasSubstr("block 1 of 5 claims 16711680 bytes; wanted: at most 65536"));
  bad = good;
  bad.resize(bad.size() + 3);
  EXPECT_THAT(reason(bad), HasSubstr("3 bytes follow the last of 5 blocks"));
  for (const int64_t weight : {int64_t{0}, int64_t{-1}, kWeightMax + 1, INT64_MAX})
    EXPECT_THAT(reason(good, weight), HasSubstr("weight"));
  WholeFold fold(channel, kAll);
  ASSERT_TRUE(fold.extend(1, 5, ByteSpan(good).first(9)).ok());
  EXPECT_THAT(fold.extend(1, 6, good).error().message, HasSubstr("had weight 5, and now has 6"));
}

// A sender whose checksums are right and whose digest is not: what it sent is cut off, and other
// blocks come in its place after the first were folded.
TEST(ChannelFold, FoldsAnewWhatCameInPlaceOfOtherBytes) {
  const auto plan = fold_plan("");
  const BoundChannel& channel = plan->channels().front();
  for (const size_t kept : {size_t{0}, size_t{70'000}}) {
    Folded all(channel, {0, 1, 2, 4});
    Bytes lie = fold_offer(channel, 3);
    const size_t block = 8 + 4 * kBlockValues;
    lie[2 * block + 8] ^= std::byte{1};
    seal(lie, 2 * block);
    ASSERT_TRUE(all.fold.extend(3, weight_of(3), lie).ok());
    all.fold.fold_ahead(all.threads);
    ASSERT_TRUE(all.fold.extend(3, weight_of(3), ByteSpan(lie).first(kept)).ok());
    EXPECT_FALSE(all.fold.complete(3));
    const Bytes truth = fold_offer(channel, 3);
    ASSERT_TRUE(all.fold.extend(3, weight_of(3), truth).ok());
    EXPECT_TRUE(same_bits(all.fold.finish(kAll, all.threads).value(), plain_mean(channel, kAll)));
    EXPECT_EQ(all.fold.tiles_refolded(), kTiles);
  }
}

TEST(ChannelFold, SaysWhoseBytesChangedAfterTheyWereTaken) {
  const auto plan = fold_plan("up = 'bf16'");
  const BoundChannel& channel = plan->channels().front();
  for (int32_t count = 1; count <= 3; ++count) {
    Threads threads(count);
    WholeFold fold(channel, kAll);
    std::vector<Bytes> offers;
    for (const WorkerId id : kAll) offers.push_back(fold_offer(channel, id));
    for (const WorkerId id : kAll)
      ASSERT_TRUE(fold.extend(id, weight_of(id), offers[static_cast<size_t>(id)]).ok());
    offers[3][100] ^= std::byte{4};
    offers[1].back() ^= std::byte{4};
    const auto failed = fold.finish(kAll, threads);
    ASSERT_FALSE(failed.ok());
    EXPECT_EQ(failed.error().fault, Fault::kCorrupt);
    EXPECT_THAT(failed.error().message, HasSubstr("worker 1: block 4 of 5 has changed"));
    EXPECT_EQ(fold.damaged(), 1);
    fold.drop(1);
    offers[3][100] ^= std::byte{4};
    const std::vector<WorkerId> members = {0, 2, 3, 4};
    EXPECT_TRUE(same_bits(fold.finish(members, threads).value(), plain_mean(channel, members)));
    EXPECT_FALSE(fold.damaged().has_value());
  }
}

TEST(ChannelFold, MeasuresWhatWasSent) {
  const auto plan = fold_plan("up = 'int8'");
  const BoundChannel& channel = plan->channels().front();
  WholeFold fold(channel, kAll);
  Arrivals arrivals(channel, kAll);
  EXPECT_EQ(fold.squared_norm(2), 0);
  Values sent(kFoldCount);
  ASSERT_TRUE(decode_signal(*channel.up, fold_offer(channel, 2), sent).ok());
  const auto block = static_cast<size_t>(channel.up->block_values());
  double wanted = 0;
  for (size_t begin = 0; begin < sent.size(); begin += block) {
    const size_t size = std::min(block, sent.size() - begin);
    wanted += squared_norm(std::span(sent).subspan(begin, size));
  }
  while (!fold.complete(2)) ASSERT_TRUE(arrivals.come(fold, 2, 10'000).ok());
  EXPECT_EQ(fold.squared_norm(2), wanted);
  // Cut off and given again: counted once.
  ASSERT_TRUE(fold.extend(2, weight_of(2), {}).ok());
  ASSERT_TRUE(arrivals.come(fold, 2, 0).ok());
  EXPECT_EQ(fold.squared_norm(2), wanted);
}

// The parts that a hub is made of give the bytes and the residuals of the exchange in one process.
TEST(ChannelFold, GivesTheBytesOfALocalExchange) {
  const auto plan = fold_plan("up = 'nf4'\ndown = 'int8'\ndown_feedback = 'ef'");
  const BoundChannel& channel = plan->channels().front();
  LocalExchange exchange(*plan);
  States states;
  for (StateSpec& spec : channel.down_feedback->states(channel.count, Holder::kFolder))
    states.declare(std::move(spec));
  Threads threads(2);
  for (int64_t round = 1; round <= 4; ++round) {
    WholeFold fold(channel, kAll);
    std::vector<Bytes> offers;
    std::vector<Member> members;
    for (const WorkerId id : kAll) {
      members.push_back({id, weight_of(id)});
      offers.push_back(fold_offer(channel, id, round));
      exchange.launch(
          {round, round, Hook::kAfterUpdate, id, {{0, weight_of(id), offers.back()}}, {}});
    }
    for (const WorkerId id : {4, 2, 0, 1, 3})
      ASSERT_TRUE(fold.extend(id, weight_of(id), offers[static_cast<size_t>(id)]).ok());
    ASSERT_EQ(exchange.pump(threads).size(), 1U);
    const Commit* commit = nullptr;
    ASSERT_EQ(exchange.poll(round, 0, commit), Poll::kReady);
    Values consensus = fold.finish(kAll, threads).value();
    const ChannelResult got =
        encode_consensus(*plan, FoldedKey{round}, 0, members, consensus, states);
    EXPECT_EQ(got.bytes, commit->results.front().bytes) << "round " << round;
    EXPECT_EQ(got.members, commit->results.front().members);
    EXPECT_EQ(got.channel, 0);
    EXPECT_TRUE(same_bits(states, exchange.states().front()));
  }
}

TEST(FoldRound, DropsInAllChannelsWhoIsDamagedInOne) {
  const auto plan = fold_plan("down = 'int8'\ndown_feedback = 'ef'");
  const BoundChannel& channel = plan->channels().front();
  const std::vector<int32_t> channels = {0};
  Threads threads(1);
  const auto folded = [&](std::optional<WorkerId> bad, const std::vector<WorkerId>& workers,
                          std::vector<States>& states) {
    std::map<WorkerId, Offer> offers;
    for (const WorkerId id : workers) {
      offers[id] = {1, 1, Hook::kAfterUpdate, id, {{0, 1, fold_offer(channel, id)}}, {}};
      if (bad == id) offers[id].parts.front().bytes[30] ^= std::byte{1};
    }
    return fold_round(*plan, FoldedKey{1}, channels, std::move(offers), states, threads);
  };
  const std::vector<States> fresh = LocalExchange(*plan).states();
  std::vector<States> with = fresh, without = fresh, none = fresh;
  const FoldedRound got = folded(2, kAll, with);
  const FoldedRound wanted = folded({}, {0, 1, 3, 4}, without);
  ASSERT_EQ(got.results.size(), 1U);
  EXPECT_EQ(got.results.front().bytes, wanted.results.front().bytes);
  EXPECT_EQ(got.results.front().members, wanted.results.front().members);
  EXPECT_THAT(got.dropped, ElementsAre(std::pair(2, "its offer is damaged")));
  EXPECT_TRUE(same_bits(with.front(), without.front()));
  EXPECT_FALSE(same_bits(with.front(), fresh.front()));
  const FoldedRound nobody = folded(3, {3}, none);
  EXPECT_TRUE(nobody.results.empty());
  EXPECT_EQ(nobody.dropped.size(), 1U);
  EXPECT_TRUE(same_bits(none.front(), fresh.front()));
}

TEST(ChannelFoldDeathTest, RefusesWhatIsTheCallersMistake) {
  const auto plan = fold_plan("", 100);
  const BoundChannel& channel = plan->channels().front();
  Threads threads(1);
  WholeFold fold(channel, {1, 2, 3});
  const Bytes one = fold_offer(channel, 1), two = fold_offer(channel, 2);
  ASSERT_TRUE(fold.extend(1, 1, one).ok());
  ASSERT_TRUE(fold.extend(2, 1, two).ok());
  const auto finish = [&](std::vector<WorkerId> ids) { return fold.finish(ids, threads).ok(); };
  EXPECT_DEATH((void)fold.extend(4, 1, {}).ok(), "worker 4 is not expected");
  EXPECT_DEATH((void)finish({}), "a round of nobody");
  EXPECT_DEATH((void)finish({1, 3}), "worker 3 is not complete");
  EXPECT_DEATH((void)finish({2, 1}), "worker 1 is out of order");
  EXPECT_DEATH((void)finish({1, 1}), "worker 1 is out of order");
  EXPECT_DEATH(WholeFold(channel, {1, 1}), "twice");
  EXPECT_DEATH(WholeFold(channel, {}), "nobody");
  fold.drop(2);
  EXPECT_DEATH((void)fold.extend(2, 1, two).ok(), "worker 2 was dropped");
  EXPECT_DEATH((void)finish({1, 2}), "worker 2 is not complete");
  EXPECT_TRUE(finish({1}));
}

}  // namespace
}  // namespace causeway
