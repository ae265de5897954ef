// SPDX-License-Identifier: Apache-2.0
//
// What is said before a run beside what the parts hold in it. The simulator compares the sum in
// every world.
#include "hub/hub_memory.h"

#include <gtest/gtest.h>

#include "codec/signal.h"
#include "exchange/fold.h"
#include "store/spool.h"
#include "sync/mirror.h"
#include "sync/toy_replica.h"

namespace causeway {
namespace {

constexpr int64_t kCount = 200'000;
const Names kMoments{"u", "v"};

struct Course {
  explicit Course(const std::string& sync, int32_t workers = 4, int64_t steps = 40,
                  int64_t count = kCount) {
    Layout layout;
    for (int block = 0; block < 4; ++block)
      layout.add(fmt::format("w{}", block), {count / 4}, Role::kMatrix, block);
    plan = toy_bind(sync, kMoments, {workers, 1, {}}, layout);
    schedule = std::make_unique<RoundSchedule>(*plan, steps);
  }
  HubMemory memory(int32_t threads = 1) const { return hub_memory(*schedule, {}, threads); }

  std::unique_ptr<BoundPlan> plan;
  std::unique_ptr<RoundSchedule> schedule;
};

struct Nobody final : ConsensusTaker {
  void take(std::span<const float>) override {}
  void begin_anew() override {}
};

const std::vector<std::string> kMethods{
    "preset = 'fedavg'\nperiod = 4", "preset = 'diloco'\nperiod = 4",
    "preset = 'des_loc'\nperiod = 4\nperiods = {u = 8, v = 8}",
    "preset = 'streaming_diloco'\nperiod = 8\nfragments = 4\ndelay = 5\nup = 'int8'"};

TEST(HubMemory, IsWhatAMirrorHolds) {
  for (const std::string& method : kMethods) {
    SCOPED_TRACE(method);
    const Course run(method);
    Mirror mirror(*run.plan, kCount, ToyReplica(kCount, 0, kMoments));
    // Its scratch is made by the first consensus.
    const PlannedRound* first = run.schedule->round(1);
    Commit commit{1, {}};
    for (const int32_t channel : first->channels) {
      const BoundChannel& bound = run.plan->channels()[static_cast<size_t>(channel)];
      const std::vector<float> values(static_cast<size_t>(bound.count));
      commit.results.push_back({channel, {}, encode_signal(*bound.down, values, 0)});
    }
    mirror.decide(1, std::make_shared<Commit>(std::move(commit)));
    const int64_t wanted = run.memory().mirror, held = mirror.memory_bytes();
    EXPECT_LE(held, wanted);
    EXPECT_GT(held, wanted * 9 / 10);
    EXPECT_LE(std::ssize(mirror.snapshot()), wanted);
  }
}

TEST(HubMemory, IsWhatFoldsHold) {
  for (const std::string& method : kMethods) {
    SCOPED_TRACE(method);
    const Course run(method);
    const BoundChannel& channel = run.plan->channels().front();
    Nobody nobody;
    ChannelFold fold(channel, {0, 1, 2, 3}, nobody);
    const std::vector<float> values(static_cast<size_t>(channel.count), 1.0F);
    const Bytes offer = encode_signal(*channel.up, values, 0);
    for (WorkerId worker = 0; worker < 4; ++worker) ASSERT_TRUE(fold.extend(worker, 1, offer).ok());
    Threads threads(1);
    fold.fold_ahead(threads);
    EXPECT_GT(fold.memory_bytes(),
              4 * std::min(channel.count, ChannelFold::kTilesAtOnce * kBlockValues));
    EXPECT_LE(fold.memory_bytes(), run.memory().folds);
  }
}

// A consensus is given away while it is folded: of a model twice as large, only the ends of the
// members' blocks are held besides.
TEST(HubMemory, DoesNotGrowWithTheModelButForItsMirror) {
  constexpr int64_t kLarge = 40'000'000;
  for (const std::string& method : {kMethods[0], kMethods[1], kMethods[3]}) {
    SCOPED_TRACE(method);
    const HubMemory once = Course(method, 4, 40, kLarge).memory();
    const HubMemory twice = Course(method, 4, 40, 2 * kLarge).memory();
    EXPECT_LT(twice.total() - twice.mirror - once.total() + once.mirror, 4 * kLarge / 100);
    EXPECT_GE(twice.mirror, 2 * once.mirror - 100'000);
  }
}

// One of diloco's rounds, which do not overlap; of the fragments of streaming_diloco as many as are
// open at once: with a delay of 5 and one every 2 steps, 3.
TEST(HubMemory, CountsTheRoundsThatOverlap) {
  constexpr int64_t kLarge = 40'000'000;
  const int64_t one = Course(kMethods[1], 4, 40, kLarge).memory().folds;
  const int64_t three = Course(kMethods[3], 4, 40, kLarge).memory().folds;
  EXPECT_GT(three, 2 * one);
  EXPECT_LE(three, 3 * one);
}

// Goal: what grows with the members is what the header says. Tiles of threads do not.
TEST(HubMemory, GrowsWithMembersByWindowsAndBooks) {
  const HubMemory few = Course(kMethods[1], 10).memory(),
                  many = Course(kMethods[1], 1'000).memory();
  EXPECT_EQ(many.mirror, few.mirror);
  EXPECT_EQ(many.windows, 100 * few.windows);
  EXPECT_LT(many.folds - few.folds, 990 * 1'000);
  EXPECT_EQ(few.serving, many.serving);
  const HubMemory threads = Course(kMethods[1], 1'000).memory(9);
  EXPECT_LT(threads.passing - many.passing, int64_t{8} * (10 * 64 * 1024 + 64 * 1'000) + 1);
}

TEST(HubDisk, HoldsEveryOpenOfferAndTheKeptResults) {
  const HubSettings settings;
  const Course run(kMethods[1], 10, 400);
  const HubDisk disk = hub_disk(*run.schedule, settings);
  EXPECT_GT(disk.offers, 10 * 4 * kCount);
  EXPECT_LT(disk.offers, 11 * 4 * kCount);
  EXPECT_GT(disk.results, (settings.retain_rounds + settings.snapshot_rounds) * 4 * kCount);
  EXPECT_LT(disk.results, 30 * 4 * kCount);
  EXPECT_GT(disk.snapshots, 2 * 3 * 4 * kCount);
  // Nobody could be told how to get there without a result of a gradient: all are kept.
  const Course ddp("preset = 'ddp'", 10, 400);
  EXPECT_GT(hub_disk(*ddp.schedule, settings).results, 400 * 4 * kCount);
  EXPECT_EQ(hub_memory(*ddp.schedule, settings, 1).mirror, 0);
}

}  // namespace
}  // namespace causeway
