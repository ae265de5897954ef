// SPDX-License-Identifier: Apache-2.0
//
// The hub's host alone, over a spool in memory. Whole worlds are in sim/.
#include "hub/hub_host.h"

#include <gtest/gtest.h>

#include "codec/signal.h"
#include "sync/toy_replica.h"

namespace causeway {
namespace {

constexpr int64_t kSpoolBytes = 64 << 20;

/// For what writes nothing there.
class NoLog final : public DurableLog {
 public:
  const std::vector<LogEntry>& entries() const override { return none_; }
  void forget_entries() override {}
  int64_t last_sequence() const override { return 0; }
  int64_t durable_sequence() const override { return 0; }
  Result<void> append(int64_t, ByteSpan) override { return {}; }
  Result<void> sync() override { return {}; }
  Result<void> restart(int64_t, ByteSpan) override { return {}; }
  int64_t bytes() const override { return 0; }
  int64_t torn_bytes() const override { return 0; }

 private:
  std::vector<LogEntry> none_;
};

struct Home {
  explicit Home(const std::string& sync) : plan(toy_bind(sync, {"u"}, {3, 1, {}})) {}

  /// An offer of one value for all, which lies in the spool whole.
  Parcel offer(WorkerId worker, int32_t channel, float value) {
    const BoundChannel& bound = plan->channels()[static_cast<size_t>(channel)];
    const std::vector<float> values(static_cast<size_t>(bound.count), value);
    const Bytes bytes = encode_signal(*bound.up, values, 0);
    const Parcel parcel{channel, 1, digest_of(bytes), std::ssize(bytes)};
    CW_CHECK(spool->put({worker, parcel.digest}, bytes).ok());
    return parcel;
  }
  Commit result(const Folded& folded) {
    const ByteSpan bytes = spool->view({kHubOwner, folded.result.digest}).value();
    return decode_commit(Bytes(bytes.begin(), bytes.end())).value();
  }

  std::unique_ptr<BoundPlan> plan;
  NoLog log;
  std::unique_ptr<Spool> spool = memory_spool(kSpoolBytes);
  Threads threads{1};
  HubHost host{*plan, plan->count(), log, *spool, threads, {}};
};

// Goal: after a restart the fold meets members whom it did not expect, and of whom some have not
// offered in every channel; what it had of the other channels is not lost. Seed 3000630.
TEST(HubHost, FoldsChannelsOfUnlikeMembersThatItDidNotExpect) {
  Home home(
      "[[channel]]\nname = 'x'\nport = {name = 'assign', state = 'x'}\n"
      "[[channel]]\nname = 'u'\nport = {name = 'assign', state = 'u'}\n");
  home.host.start(Expect{1, {0}});
  const Fold fold{1,
                  0,
                  {0, 1},
                  {{0, 1, {home.offer(0, 0, 2), home.offer(0, 1, 5)}},
                   {1, 2, {home.offer(1, 0, 4)}},
                   {2, 3, {home.offer(2, 0, 6)}}}};
  const auto finished = home.host.finish(fold);
  ASSERT_TRUE(finished.has_value());
  const auto& folded = std::get<Folded>(*finished);
  ASSERT_FALSE(folded.trouble.has_value());
  ASSERT_TRUE(folded.damaged.empty());
  const Commit commit = home.result(folded);
  ASSERT_EQ(commit.results.size(), 2U);
  EXPECT_EQ(commit.results[0].members.size(), 3U);
  EXPECT_EQ(commit.results[1].members.size(), 1U);
  const float wanted[] = {4, 5};
  for (size_t channel = 0; channel < 2; ++channel) {
    const BoundChannel& bound = home.plan->channels()[channel];
    std::vector<float> values(static_cast<size_t>(bound.count));
    ASSERT_TRUE(
        decode_signal(*bound.down, commit.results[channel].bytes.all().value(), values).ok());
    EXPECT_EQ(values, std::vector<float>(values.size(), wanted[channel]));
  }
}

TEST(HubHost, LetsGoOfAnOfferWhoseFoldWasBegunAnew) {
  Home home(
      "[[channel]]\nname = 'x'\nport = {name = 'assign', state = 'x'}\n"
      "[[channel]]\nname = 'u'\nport = {name = 'assign', state = 'u'}\n");
  home.host.start(Expect{1, {0}});
  const Parcel both = home.offer(0, 1, 5), other = home.offer(1, 0, 4);
  home.host.start(OpenBlob{{0, both.digest}, 1, both});
  // Not expected: what was begun is given up.
  home.host.start(OpenBlob{{1, other.digest}, 1, other});
  home.host.start(DropBlob{{0, both.digest}});
  EXPECT_FALSE(home.spool->progress({0, both.digest}).has_value());
}

// Goal: any piece of a blob, whoever asks for which in which order.
TEST(HubHost, ServesAnyPieceOfABlob) {
  Home home("preset = 'fedavg'\nperiod = 1");
  std::vector<Bytes> blobs;
  for (size_t size : {3'500'000, 70}) {
    Bytes& bytes = blobs.emplace_back(size);
    for (size_t i = 0; i < size; ++i) bytes[i] = static_cast<std::byte>(i * 31 + i / 256);
    ASSERT_TRUE(home.spool->put({kHubOwner, digest_of(bytes)}, bytes).ok());
  }
  for (const int64_t offset : {0, 1'000'000, 1'048'575, 3'499'999, 2'097'152, 5, 60, 3'500'000})
    for (const Bytes& bytes : blobs) {
      const BlobId blob{kHubOwner, digest_of(bytes)};
      const auto got = home.host.chunk({0, 1, blob, offset, 1'000'000});
      ASSERT_TRUE(got.ok());
      const auto from = std::min(static_cast<size_t>(offset), bytes.size());
      const auto wanted =
          ByteSpan(bytes).subspan(from, std::min<size_t>(1'000'000, bytes.size() - from));
      EXPECT_TRUE(std::ranges::equal(got->view(), wanted)) << offset << " of " << bytes.size();
      EXPECT_LE(home.host.memory_bytes(), 4 << 20);
    }
  EXPECT_EQ(home.host.chunk({0, 1, {kHubOwner, {1, 2}}, 0, 10}).error().fault, Fault::kCorrupt);
}

}  // namespace
}  // namespace causeway
