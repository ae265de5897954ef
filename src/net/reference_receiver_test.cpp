// SPDX-License-Identifier: Apache-2.0
#include "net/reference_receiver.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "net/test_transfers.h"

namespace causeway {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

constexpr ChunkTransfers::Line kReceiverLine = 8;
constexpr int64_t kTakenBytes = 10;
const Digest kTakenBlob = {1, 2}, kOtherTakenBlob = {1, 3};

class ReferenceReceiverTest : public testing::Test {
 protected:
  static Referral reference(int64_t offset, const Digest& blob = kTakenBlob, int64_t epoch = 1) {
    return {5, epoch, 3, TestTransfers::reference_of({5, epoch, 3, blob, offset, kTakenBytes})};
  }
  static Message plain(int64_t offset, const Digest& blob = kTakenBlob, int64_t epoch = 1,
                       int64_t bytes = kTakenBytes) {
    return {5, epoch, 3, Chunk{blob, offset, Bytes(static_cast<size_t>(bytes))}};
  }
  void take_all(std::initializer_list<int64_t> offsets) {
    for (const int64_t offset : offsets) receiver_.take(reference(offset));
  }
  void end_get(int64_t offset) { transfers_.end_get(offset, Bytes(kTakenBytes)); }
  void fail_often() {
    for (int64_t i = 0; i < StoreHealth::kFailuresMax; ++i) {
      receiver_.take(reference(1000 + i, {9, static_cast<uint64_t>(i)}));
      transfers_.fail_get(1000 + i);
    }
    said_.clear();
    notes_.clear();
  }
  std::vector<std::string> said() { return std::exchange(said_, {}); }
  std::vector<std::string> notes() { return std::exchange(notes_, {}); }

  TestTransfers transfers_;
  ManualClock clock_;
  std::vector<std::string> said_, notes_;
  ReferenceReceiver receiver_{
      transfers_,
      clock_,
      kReceiverLine,
      {[this](const Message& message) {
         EXPECT_EQ(message.run, 5U);
         EXPECT_EQ(message.worker, 3);
         said_.push_back(fmt::format("chunk {}", std::get<Chunk>(message.body).offset));
       },
       [this](const Referral& referral) {
         said_.push_back(fmt::format("missing {}", referral.chunk.offset));
       },
       [this](const std::string& text) { notes_.push_back(text); }}};
};

TEST_F(ReferenceReceiverTest, ChunksAreGivenOnInOrderWhateverTheGetsDo) {
  take_all({0, 10, 20});
  EXPECT_THAT(transfers_.get_offsets(), ElementsAre(0, 10, 20));
  end_get(20);
  end_get(10);
  EXPECT_THAT(said(), IsEmpty());
  end_get(0);
  EXPECT_THAT(said(), ElementsAre("chunk 0", "chunk 10", "chunk 20"));
  EXPECT_EQ(receiver_.got_bytes(), 30);
}

TEST_F(ReferenceReceiverTest, BytesOverTheConnectionTakeTheirTurn) {
  receiver_.take(plain(100));
  EXPECT_THAT(said(), ElementsAre("chunk 100"));
  take_all({0, 10});
  receiver_.take(plain(20));
  receiver_.take(plain(0, kOtherTakenBlob));
  EXPECT_THAT(said(), ElementsAre("chunk 0"));  // of the other
  end_get(0);
  end_get(10);
  EXPECT_THAT(said(), ElementsAre("chunk 0", "chunk 10", "chunk 20"));
  EXPECT_EQ(receiver_.got_bytes(), 20);
}

TEST_F(ReferenceReceiverTest, WhatIsUnderWayIsNotGotTwice) {
  take_all({20, 30, 20, 0, 10, 30});
  EXPECT_THAT(transfers_.get_offsets(), ElementsAre(20, 30, 0, 10));
  for (const int64_t offset : {30, 20, 10}) end_get(offset);
  take_all({20});
  EXPECT_THAT(said(), IsEmpty());
  end_get(0);
  EXPECT_THAT(said(), ElementsAre("chunk 0", "chunk 10", "chunk 20", "chunk 30"));
  // The sender has cut it otherwise: the newer one counts.
  take_all({40});
  Referral longer = reference(40);
  longer.chunk.bytes = 20;
  receiver_.take(longer);
  end_get(40);
  EXPECT_THAT(said(), IsEmpty());
  transfers_.end_get(40, Bytes(20));
  EXPECT_THAT(said(), ElementsAre("chunk 40"));
}

TEST_F(ReferenceReceiverTest, WhatCannotBeGotIsAskedForAndTheRestWaitsForIt) {
  take_all({0, 10, 20, 30});
  end_get(20);
  transfers_.fail_get(10, Fault::kBadInput);
  EXPECT_THAT(said(), ElementsAre("missing 10"));
  EXPECT_THAT(notes(), ElementsAre(HasSubstr("could not be got")));
  end_get(30);  // nobody waits for it any more
  take_all({40});
  receiver_.take(plain(50));  // was sent before the sender knew
  end_get(0);
  EXPECT_THAT(said(), ElementsAre("chunk 0"));
  EXPECT_THAT(transfers_.gets, IsEmpty());
  for (const int64_t offset : {10, 20, 30, 40, 50}) receiver_.take(plain(offset));
  EXPECT_THAT(said(), ElementsAre("chunk 10", "chunk 20", "chunk 30", "chunk 40", "chunk 50"));
}

TEST_F(ReferenceReceiverTest, AnEarlierOneMayBeMissingToo) {
  take_all({0, 10, 20});
  transfers_.fail_get(20, Fault::kCorrupt);
  receiver_.take(plain(20));
  EXPECT_THAT(said(), ElementsAre("missing 20"));
  transfers_.fail_get(10, Fault::kCorrupt);
  EXPECT_THAT(said(), ElementsAre("missing 10"));
  end_get(0);
  receiver_.take(plain(30));
  EXPECT_THAT(said(), ElementsAre("chunk 0"));
  for (const int64_t offset : {10, 20, 30}) receiver_.take(plain(offset));
  EXPECT_THAT(said(), ElementsAre("chunk 10", "chunk 20", "chunk 30"));
}

// A member that refers to what is not there must not turn off the store for the others' objects.
TEST_F(ReferenceReceiverTest, OnlyAStoreThatFailsIsAway) {
  for (uint64_t i = 0; i < 10; ++i) {
    receiver_.take(reference(0, {2, i}));
    transfers_.fail_get(0, i % 2 == 0 ? Fault::kBadInput : Fault::kCorrupt);
  }
  receiver_.take(reference(0));
  EXPECT_THAT(transfers_.gets, SizeIs(1));
}

TEST_F(ReferenceReceiverTest, AStoreThatFailsOftenIsLeftAlone) {
  take_all({0, 10});
  receiver_.take(reference(100, kOtherTakenBlob));
  receiver_.take(reference(110, kOtherTakenBlob));
  end_get(110);
  for (int64_t i = 0; i < StoreHealth::kFailuresMax; ++i) {
    receiver_.take(reference(1000 + i, {9, static_cast<uint64_t>(i)}));
    transfers_.fail_get(1000 + i);
  }
  EXPECT_THAT(said(), ElementsAre("missing 1000", "missing 1001", "missing 1002", "missing 0",
                                  "missing 100"));
  EXPECT_THAT(notes().back(), HasSubstr("all bytes are asked for over the connection"));
  EXPECT_THAT(transfers_.gets, IsEmpty());
  receiver_.take(reference(0, {4, 4}));
  EXPECT_THAT(said(), ElementsAre("missing 0"));
  EXPECT_THAT(transfers_.gets, IsEmpty());
  receiver_.take(plain(0, {4, 4}));
  EXPECT_THAT(said(), ElementsAre("chunk 0"));
}

TEST_F(ReferenceReceiverTest, TriesAfterAWhileWhetherTheStoreIsBack) {
  fail_often();
  clock_.advance_ns(StoreHealth::kAgainMs * 1'000'000);
  receiver_.take(reference(0, {4, 1}));
  receiver_.take(reference(0, {4, 2}));
  EXPECT_THAT(said(), ElementsAre("missing 0", "missing 0"));
  EXPECT_THAT(transfers_.gets, SizeIs(1));
  transfers_.end_get(0, Bytes(kTakenBytes));
  EXPECT_THAT(said(), IsEmpty());
  EXPECT_THAT(notes(), ElementsAre(HasSubstr("again")));
  take_all({0});
  end_get(0);
  EXPECT_THAT(said(), ElementsAre("chunk 0"));
}

TEST_F(ReferenceReceiverTest, ATryThatIsNoAnswerIsMadeAgain) {
  fail_often();
  clock_.advance_ns(StoreHealth::kAgainMs * 1'000'000);
  receiver_.take(reference(0, {4, 1}));
  transfers_.fail_get(0, Fault::kBadInput);
  receiver_.take(reference(0, {4, 2}));
  EXPECT_THAT(transfers_.gets, SizeIs(1));
  receiver_.reset();
  receiver_.take(reference(0, {4, 3}));
  EXPECT_THAT(transfers_.gets, SizeIs(1));
}

TEST_F(ReferenceReceiverTest, ANewConnectionBeginsAnew) {
  take_all({0, 10});
  auto before = std::move(transfers_.gets);
  transfers_.gets.clear();
  receiver_.reset();
  take_all({10});
  for (auto& call : before)
    call.done(Chunk{kTakenBlob, call.what.chunk.offset, Bytes(static_cast<size_t>(kTakenBytes))});
  EXPECT_THAT(said(), IsEmpty());
  end_get(10);
  EXPECT_THAT(said(), ElementsAre("chunk 10"));
  // So does another epoch.
  take_all({20});
  receiver_.take(reference(30, kTakenBlob, 2));
  end_get(20);
  EXPECT_THAT(said(), IsEmpty());
  end_get(30);
  EXPECT_THAT(said(), ElementsAre("chunk 30"));
}

TEST_F(ReferenceReceiverTest, IsBounded) {
  for (size_t i = 0; i < ReferenceReceiver::kChunksMax + 10; ++i)
    receiver_.take(reference(static_cast<int64_t>(i) * kTakenBytes));
  EXPECT_THAT(transfers_.gets, SizeIs(ReferenceReceiver::kChunksMax));
  receiver_.reset();
  for (uint64_t i = 0; i < ReferenceReceiver::kBlobsMax + 10; ++i)
    receiver_.take(reference(0, {2, i}));
  EXPECT_THAT(transfers_.gets, SizeIs(ReferenceReceiver::kBlobsMax));
  // A blob that is given up makes room.
  transfers_.fail_get(0, Fault::kBadInput);
  receiver_.take(reference(0, {3, 0}));
  EXPECT_THAT(transfers_.gets, SizeIs(ReferenceReceiver::kBlobsMax));
}

TEST_F(ReferenceReceiverTest, BytesThatWaitAreBounded) {
  constexpr int64_t kMax = ReferenceReceiver::kPlainBytesMax, kChunk = int64_t{kChunkBytesMax};
  take_all({0});
  for (int64_t offset = kTakenBytes; offset <= kMax + 10 * kChunk; offset += kChunk)
    receiver_.take(plain(offset, kTakenBlob, 1, kChunk));
  end_get(0);
  EXPECT_THAT(said(), SizeIs(1 + kMax / kChunk));
}

}  // namespace
}  // namespace causeway
