// SPDX-License-Identifier: Apache-2.0
#include "service/hub_objects.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace causeway {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;
using testing::UnorderedElementsAre;

constexpr uint64_t kRun = 7;
constexpr int64_t kBytes = 100, kWaitMs = 60'000;
const Digest kResult = {1, 1}, kOffer = {2, 2};

class HubObjectsTest : public testing::Test {
 protected:
  static BulkRequest to(WorkerId worker, int64_t offset = 0) {
    return {kRun, 1, worker, kResult, offset, kBytes};
  }
  void say(const std::string& text) {
    const std::lock_guard lock(mutex_);
    said_.push_back(text);
    news_.notify_all();
  }
  /// The next `count` things that were said, when they are.
  std::vector<std::string> hear(size_t count) {
    std::unique_lock lock(mutex_);
    news_.wait(lock, [&] { return said_.size() >= count; });
    return std::exchange(said_, {});
  }
  HubObjects::Hooks hooks() {
    return {
        [this](FrameKind kind, const Referral& what) {
          {
            const std::lock_guard lock(mutex_);
            referrals_[what.worker] = what;
          }
          say(fmt::format("{} {} to {}", kind == FrameKind::kReference ? "reference" : "missing",
                          what.chunk.offset, what.worker));
        },
        [this](const BulkRequest& what) { say(fmt::format("bytes to {}", what.worker)); },
        [this](const BulkRequest& what) -> Result<SharedBytes> {
          ++reads_;
          return SharedBytes(Bytes(static_cast<size_t>(what.bytes)));
        },
        [this](const Message& message) {
          say(fmt::format("{} of {}", message_name(message.body), message.worker));
        },
        nullptr};
  }
  /// A worker's chunk, as it puts it by itself.
  Referral offer_of(WorkerId worker, bool put = true) {
    const Bytes bytes(kBytes);
    const Referral out{kRun, 1, worker, {kOffer, 0, kBytes, crc32c(bytes), sha256_of(bytes)}};
    if (put) CW_CHECK(store_->put(chunk_key(kRun, out.chunk), bytes).ok());
    return out;
  }
  std::vector<std::string> keys() { return store_->list("", 100).value(); }
  /// Until removals that were asked for are done.
  void wait_until_keys(size_t count) {
    while (keys().size() != count) std::this_thread::yield();
  }

  std::unique_ptr<ObjectStore> store_ = memory_object_store();
  ManualClock clock_;
  std::mutex mutex_;
  std::condition_variable news_;
  std::vector<std::string> said_;
  std::map<WorkerId, Referral> referrals_;
  std::atomic<int64_t> reads_ = 0;
  HubObjects objects_{*store_, clock_, {}, kRun, hooks()};
};

TEST_F(HubObjectsTest, AResultIsPutOnceForAllWhoAskForIt) {
  for (const WorkerId worker : {0, 1, 2}) objects_.connected(worker, worker != 2);
  EXPECT_TRUE(objects_.serves(1));
  EXPECT_FALSE(objects_.serves(2));
  EXPECT_FALSE(objects_.serves(3));
  objects_.send(to(0));
  EXPECT_THAT(hear(1), ElementsAre("reference 0 to 0"));
  objects_.send(to(1));
  objects_.send(to(2));
  EXPECT_THAT(hear(2), UnorderedElementsAre("reference 0 to 1", "bytes to 2"));
  EXPECT_EQ(reads_, 1);
  EXPECT_EQ(referrals_[0].chunk, referrals_[1].chunk);
  EXPECT_THAT(keys(), SizeIs(1));
  const auto bytes = objects_.bytes();
  EXPECT_EQ(bytes.at(0).sent, kBytes);
  EXPECT_EQ(bytes.at(2).sent, 0);
}

TEST_F(HubObjectsTest, AnOfferIsGotAndGivenOn) {
  objects_.connected(0, true);
  objects_.receive(FrameKind::kReference, offer_of(0));
  EXPECT_THAT(hear(1), ElementsAre("chunk of 0"));
  EXPECT_EQ(objects_.bytes().at(0).received, kBytes);
  objects_.receive({kRun, 1, 0, Ask{1}});
  objects_.receive({kRun, 1, 5, Chunk{kOffer, 0, Bytes(1)}});
  EXPECT_THAT(hear(2), ElementsAre("ask of 0", "chunk of 5"));
  // Not of a worker that uses no store, nor of another run.
  objects_.receive(FrameKind::kReference, offer_of(1));
  Referral other = offer_of(0);
  other.run = kRun + 1;
  objects_.receive(FrameKind::kReference, other);
  store_->cancel();
  objects_.receive(FrameKind::kReference, offer_of(0, false));
  EXPECT_THAT(hear(1), ElementsAre("missing 0 to 0"));
}

TEST_F(HubObjectsTest, WhatAWorkerCannotGetIsAskedForInItsName) {
  objects_.connected(0, true);
  for (const int64_t offset : {0, 100, 200}) objects_.send(to(0, offset));
  hear(3);
  Referral missing = referrals_[0];
  missing.chunk.offset = 100;
  objects_.receive(FrameKind::kMissing, missing);
  EXPECT_THAT(hear(1), ElementsAre("get of 0"));
  objects_.send(to(0, 100));
  EXPECT_THAT(hear(1), ElementsAre("bytes to 0"));
  // A new connection may use the store again.
  objects_.connected(0, true);
  objects_.send(to(0, 100));
  EXPECT_THAT(hear(1), ElementsAre("reference 100 to 0"));
}

TEST_F(HubObjectsTest, WhatIsDroppedIsRemoved) {
  objects_.connected(0, true);
  objects_.send(to(0));
  objects_.receive(FrameKind::kReference, offer_of(0));
  hear(2);
  EXPECT_THAT(keys(), SizeIs(2));
  objects_.dropped(kOffer);
  wait_until_keys(1);
  // What comes late is not got, and removed too.
  objects_.receive(FrameKind::kReference, offer_of(0));
  wait_until_keys(1);
  // Unless the hub wants it again.
  objects_.opened(kOffer);
  objects_.receive(FrameKind::kReference, offer_of(0));
  EXPECT_THAT(hear(1), ElementsAre("chunk of 0"));
  objects_.dropped(kResult);
  wait_until_keys(1);
}

TEST_F(HubObjectsTest, AllIsRemovedWhenTheRunIsOver) {
  objects_.connected(0, true);
  objects_.send(to(0));
  hear(1);
  offer_of(3);  // by somebody whom this hub never heard of
  ASSERT_TRUE(store_->put(fmt::format("chunks/{:016x}/{}/0-1", kRun + 1, kOffer.hex()), {}).ok());
  EXPECT_TRUE(objects_.clear(kWaitMs));
  EXPECT_THAT(keys(), SizeIs(1));
  EXPECT_TRUE(objects_.clear(kWaitMs));
  store_->cancel();
  EXPECT_FALSE(objects_.clear(kWaitMs));
}

}  // namespace
}  // namespace causeway
