// SPDX-License-Identifier: Apache-2.0
#include "net/reference_sender.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "net/test_transfers.h"

namespace causeway {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

constexpr ChunkTransfers::Line kSenderLine = 7;
constexpr int64_t kSentBytes = 10;
const Digest kSentBlob = {1, 2}, kOtherSentBlob = {1, 3};

class ReferenceSenderTest : public testing::Test {
 protected:
  static BulkRequest at(int64_t offset, const Digest& blob = kSentBlob, int64_t epoch = 1) {
    return {5, epoch, 3, blob, offset, kSentBytes};
  }
  void send(const BulkRequest& what) {
    sender_.send(what, [what]() -> Result<SharedBytes> { return SharedBytes(Bytes(what.bytes)); });
  }
  void send_all(std::initializer_list<int64_t> offsets) {
    for (const int64_t offset : offsets) send(at(offset));
  }
  /// Makes the store away, by chunks of another blob.
  void fail_often() {
    for (int64_t i = 0; i < StoreHealth::kFailuresMax; ++i) {
      send(at(1000 + i, {9, static_cast<uint64_t>(i)}));
      transfers_.fail_put(1000 + i);
    }
    said_.clear();
  }
  /// What was said since the last call.
  std::vector<std::string> said() { return std::exchange(said_, {}); }
  std::vector<std::string> notes() { return std::exchange(notes_, {}); }

  TestTransfers transfers_;
  ManualClock clock_;
  std::vector<std::string> said_, notes_;
  ReferenceSender sender_{transfers_,
                          clock_,
                          kSenderLine,
                          {[this](const Referral& referral) {
                             EXPECT_EQ(referral.run, 5U);
                             EXPECT_EQ(referral.worker, 3);
                             said_.push_back(fmt::format("reference {}", referral.chunk.offset));
                           },
                           [this](const BulkRequest& what, const ReferenceSender::Read& read) {
                             EXPECT_EQ(read()->size(), what.bytes);
                             said_.push_back(fmt::format("bytes {}", what.offset));
                           },
                           [this](const std::string& text) { notes_.push_back(text); }}};
};

TEST_F(ReferenceSenderTest, ReferencesGoInOrderWhateverThePutsDo) {
  send_all({0, 10, 20, 30});
  EXPECT_THAT(transfers_.put_offsets(), ElementsAre(0, 10, 20, 30));
  transfers_.end_put(20);
  transfers_.end_put(10);
  EXPECT_THAT(said(), IsEmpty());
  transfers_.end_put(0);
  EXPECT_THAT(said(), ElementsAre("reference 0", "reference 10", "reference 20"));
  transfers_.end_put(30);
  EXPECT_THAT(said(), ElementsAre("reference 30"));
  EXPECT_EQ(sender_.referred_bytes(), 40);
  EXPECT_THAT(notes(), IsEmpty());
}

TEST_F(ReferenceSenderTest, BlobsDoNotWaitForEachOther) {
  send(at(0));
  send(at(0, kOtherSentBlob));
  send(at(10, kOtherSentBlob));
  transfers_.end_put(10);
  transfers_.puts.back().done(TestTransfers::reference_of(at(0, kOtherSentBlob)));
  EXPECT_THAT(said(), ElementsAre("reference 0", "reference 10"));
}

// Its machine goes back, as the hub has lost some: what is under way is not put twice, and what
// comes again goes first.
TEST_F(ReferenceSenderTest, WhatIsUnderWayIsNotSentTwice) {
  send_all({20, 30});
  send_all({0, 10, 20, 30});
  EXPECT_THAT(transfers_.put_offsets(), ElementsAre(20, 30, 0, 10));
  transfers_.end_put(20);
  transfers_.end_put(0);
  EXPECT_THAT(said(), ElementsAre("reference 0"));
  transfers_.end_put(10);
  EXPECT_THAT(said(), ElementsAre("reference 10", "reference 20"));
  send_all({0});  // it was lost, and is sent anew
  EXPECT_THAT(transfers_.put_offsets(), ElementsAre(30, 0));
}

TEST_F(ReferenceSenderTest, WhatCannotBePutGoesOverTheConnectionInItsPlace) {
  send_all({0, 10, 20, 30});
  transfers_.end_put(0);
  transfers_.end_put(20);
  transfers_.fail_put(10);
  EXPECT_THAT(said(), ElementsAre("reference 0", "bytes 10", "bytes 20", "bytes 30"));
  EXPECT_THAT(notes(), ElementsAre(HasSubstr("could not be put")));
  transfers_.end_put(30);  // too late
  send_all({40});
  EXPECT_THAT(said(), ElementsAre("bytes 40"));
  send(at(0, kOtherSentBlob));
  transfers_.end_put(0);
  EXPECT_THAT(said(), ElementsAre("reference 0"));
}

TEST_F(ReferenceSenderTest, WhatIsMissingGoesOverTheConnectionFromThere) {
  send_all({0, 10, 20});
  transfers_.end_put(0);
  transfers_.end_put(10);
  said();
  const Referral ten{5, 1, 3, TestTransfers::reference_of(at(10))};
  const auto again = sender_.missing(ten);
  ASSERT_TRUE(again.has_value());
  EXPECT_EQ(again->offset, 10);
  EXPECT_EQ(again->bytes, 20);
  EXPECT_EQ(again->worker, 3);
  EXPECT_EQ(again->blob, kSentBlob);
  EXPECT_THAT(transfers_.forgotten, ElementsAre(kSentBlob));
  transfers_.end_put(20);
  EXPECT_THAT(said(), IsEmpty());
  send_all({10, 20, 30});
  EXPECT_THAT(said(), ElementsAre("bytes 10", "bytes 20", "bytes 30"));
}

TEST_F(ReferenceSenderTest, AStrangersMissingIsLeftOut) {
  send_all({0});
  for (Referral wrong : {Referral{6, 1, 3, TestTransfers::reference_of(at(0))},
                         Referral{5, 2, 3, TestTransfers::reference_of(at(0))},
                         Referral{5, 1, 3, TestTransfers::reference_of(at(0, kOtherSentBlob))},
                         Referral{5, 1, 3, TestTransfers::reference_of(at(10))}})
    EXPECT_FALSE(sender_.missing(wrong).has_value());
  transfers_.end_put(0);
  EXPECT_THAT(said(), ElementsAre("reference 0"));
}

TEST_F(ReferenceSenderTest, AStoreThatFailsOftenIsLeftAlone) {
  send_all({0, 10, 20, 30, 40});
  transfers_.end_put(10);
  transfers_.fail_put(20);
  EXPECT_THAT(said(), SizeIs(5));
  send(at(50, kOtherSentBlob));
  transfers_.fail_put(40);  // of a blob that goes over the connection by now
  EXPECT_THAT(said(), IsEmpty());
  notes();
  transfers_.fail_put(30);
  EXPECT_THAT(said(), ElementsAre("bytes 50"));
  EXPECT_THAT(notes(), ElementsAre(HasSubstr("all bytes go over the connection")));
  EXPECT_THAT(transfers_.dropped, ElementsAre(kSenderLine));
  EXPECT_THAT(transfers_.puts, IsEmpty());
  send(at(60, {4, 4}));
  EXPECT_THAT(said(), ElementsAre("bytes 60"));
  EXPECT_THAT(transfers_.puts, IsEmpty());
}

TEST_F(ReferenceSenderTest, TriesAfterAWhileWhetherTheStoreIsBack) {
  fail_often();
  clock_.advance_ns(StoreHealth::kAgainMs * 1'000'000);
  notes();
  send_all({0, 10});
  EXPECT_THAT(said(), ElementsAre("bytes 0", "bytes 10"));
  EXPECT_THAT(transfers_.put_offsets(), ElementsAre(0));  // one at a time
  transfers_.fail_put(0);
  send_all({20});
  EXPECT_THAT(transfers_.puts, IsEmpty());
  clock_.advance_ns(StoreHealth::kAgainMs * 1'000'000);
  send_all({30});
  EXPECT_THAT(transfers_.put_offsets(), ElementsAre(30));
  EXPECT_THAT(notes(), IsEmpty());
  transfers_.end_put(30);
  EXPECT_THAT(notes(), ElementsAre(HasSubstr("again")));
  said();
  send(at(0, kOtherSentBlob));
  transfers_.end_put(0);
  EXPECT_THAT(said(), ElementsAre("reference 0"));
}

TEST_F(ReferenceSenderTest, ATryThatIsDroppedIsMadeAgain) {
  fail_often();
  clock_.advance_ns(StoreHealth::kAgainMs * 1'000'000);
  send_all({0});
  EXPECT_THAT(transfers_.puts, SizeIs(1));
  sender_.reset();
  EXPECT_THAT(transfers_.puts, IsEmpty());
  send_all({0});
  EXPECT_THAT(transfers_.puts, SizeIs(1));
}

TEST_F(ReferenceSenderTest, AnewConnectionBeginsAnew) {
  send_all({0, 10});
  auto before = std::move(transfers_.puts);
  transfers_.puts.clear();
  sender_.reset();
  send_all({0, 10});
  for (auto& call : before) call.done(TestTransfers::reference_of(call.what));
  EXPECT_THAT(said(), IsEmpty());
  transfers_.end_put(0);
  transfers_.end_put(10);
  EXPECT_THAT(said(), ElementsAre("reference 0", "reference 10"));
  // So does another epoch.
  send_all({20, 30});
  send(at(20, kSentBlob, 2));
  transfers_.end_put(30);
  EXPECT_THAT(said(), IsEmpty());
}

TEST_F(ReferenceSenderTest, WhatCannotBeReadIsLeftOut) {
  sender_.send(at(0), [] { return Result<SharedBytes>(Error{Fault::kIo, "no such blob"}); });
  sender_.send(at(10), [] { return Result<SharedBytes>(SharedBytes()); });
  send_all({20});
  transfers_.end_put(20);
  transfers_.end_put(0);
  const auto call = std::move(transfers_.puts.front());
  EXPECT_EQ(call.read()->size(), 0);
  call.done(Error{Fault::kBadInput, "there are no bytes"});
  EXPECT_THAT(said(), ElementsAre("reference 20"));
  EXPECT_THAT(notes(), IsEmpty());
}

TEST_F(ReferenceSenderTest, IsBounded) {
  for (size_t i = 0; i < ReferenceSender::kChunksMax + 10; ++i)
    send(at(static_cast<int64_t>(i) * kSentBytes));
  EXPECT_THAT(transfers_.puts, SizeIs(ReferenceSender::kChunksMax));
  // Blobs without anything under way are forgotten first.
  ReferenceSender::Hooks hooks{[](const auto&) {}, [](const auto&, const auto&) {}, nullptr};
  TestTransfers transfers;
  ReferenceSender other(transfers, clock_, kSenderLine, hooks);
  const auto read = []() -> Result<SharedBytes> { return SharedBytes(Bytes(kSentBytes)); };
  for (uint64_t i = 0; i < ReferenceSender::kBlobsMax; ++i) other.send(at(0, {2, i}), read);
  transfers.puts[5].done(TestTransfers::reference_of(at(0, {2, 5})));
  other.send(at(0, {2, 1000}), read);
  const auto known = [&](uint64_t low) {
    return other.missing({5, 1, 3, TestTransfers::reference_of(at(0, {2, low}))}).has_value();
  };
  EXPECT_FALSE(known(5));
  EXPECT_TRUE(known(0));
  EXPECT_TRUE(known(1000));
}

}  // namespace
}  // namespace causeway
