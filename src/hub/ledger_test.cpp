// SPDX-License-Identifier: Apache-2.0
#include "hub/ledger.h"

#include <gtest/gtest.h>

#include <set>

namespace causeway {
namespace {

const Parcel kParcel{0, 10, {1, 2}, 100};

/// A run with a bit of everything.
std::vector<Record> a_story() {
  return {RunStarted{7, {1, 1}, {2, 2}, {{3, 3}, 30}},
          Admitted{0, 1, 100, 1},
          Admitted{1, 2, 200, 1},
          Admitted{2, 3, 300, 1},
          Opened{1},
          Held{1, 0, 0, 1, {kParcel}, {}},
          Held{1, 0, 1, 2, {}, "not finite"},
          Struck{1, 2, 3, "garbage"},
          Closed{1, 0, {{0, 1, {kParcel}}}, {{1, "declined"}, {2, "garbage"}}},
          Committed{1, {{5, 5}, 50}, {{6, 6}, 60}},
          SatOut{2, 3, 4},
          Opened{2},
          Removed{1, 2, "no word", true},
          Aborted{2, "no quorum"},
          SnapshotTaken{1, {{8, 8}, 80}, 1}};
}

Ledger after(const std::vector<Record>& records) {
  Ledger ledger;
  for (const Record& record : records) {
    const auto applied = ledger.apply(record);
    EXPECT_TRUE(applied.ok()) << record_name(record) << ": " << applied.error().message;
  }
  return ledger;
}

TEST(Ledger, TellsWhatTheRecordsSay) {
  const Ledger ledger = after(a_story());
  EXPECT_EQ(ledger.decided, 2);
  EXPECT_EQ(ledger.opened, 2);
  EXPECT_TRUE(ledger.rounds.empty());
  EXPECT_EQ(ledger.kept_from(), 2);
  EXPECT_FALSE(ledger.decisions.at(2).committed);
  EXPECT_FALSE(ledger.members.at(1).present);
  EXPECT_TRUE(ledger.members.at(1).reload);
  EXPECT_EQ(ledger.members.at(1).gone_reason, "no word");
  EXPECT_EQ(ledger.members.at(2).strikes, 1);
  EXPECT_EQ(ledger.members.at(2).offer_from, 4);
  EXPECT_EQ(ledger.folder.bytes, 60);
  EXPECT_EQ(ledger.snapshot.bytes, 80);
}

TEST(Ledger, EveryRecordComesBackFromItsBytes) {
  const std::vector<Record> story = a_story();
  std::set<size_t> kinds;
  for (const Record& record : story) {
    kinds.insert(record.index());
    const Bytes bytes = encode_record(record);
    const auto back = decode_record(bytes);
    ASSERT_TRUE(back.ok()) << record_name(record);
    EXPECT_EQ(encode_record(*back), bytes) << record_name(record);
    for (size_t cut = 0; cut < bytes.size(); ++cut)
      EXPECT_FALSE(decode_record(ByteSpan(bytes).first(cut)).ok()) << record_name(record);
  }
  EXPECT_EQ(kinds.size(), std::variant_size_v<Record>);
}

// Goal: recovery from any prefix is the state that was there then. Method: for every prefix, the
// state's bytes and back, then the rest of the story on top.
TEST(Ledger, ItsBytesAreAsGoodAsItsRecords) {
  const std::vector<Record> story = a_story();
  const Bytes end = after(story).encode();
  for (size_t cut = 0; cut <= story.size(); ++cut) {
    auto ledger = Ledger::decode(
        after({story.begin(), story.begin() + static_cast<std::ptrdiff_t>(cut)}).encode());
    ASSERT_TRUE(ledger.ok());
    for (size_t i = cut; i < story.size(); ++i) ASSERT_TRUE(ledger->apply(story[i]).ok());
    EXPECT_EQ(ledger->encode(), end) << cut;
  }
  EXPECT_FALSE(Ledger::decode(encode_record(story.front())).ok());
}

TEST(Ledger, RefusesWhatDoesNotFitAndStaysAsItWas) {
  const std::vector<Record> story = a_story();
  const std::vector<Record> start(story.begin(), story.begin() + 8);
  const Parcel other{0, 11, {1, 2}, 100};
  const std::vector<std::pair<const char*, Record>> misfits = {
      {"a run starts twice", story[0]},
      {"an epoch is given twice", Admitted{3, 3, 1, 1}},
      {"who is removed is of an old epoch", Removed{0, 9, "", false}},
      {"a round is left out", Opened{3}},
      {"a round is opened twice", Opened{1}},
      {"an offer is held twice", Held{1, 0, 0, 1, {kParcel}, {}}},
      {"an offer is from a fenced epoch", Held{1, 0, 2, 1, {kParcel}, {}}},
      {"an offer is for no round", Held{2, 0, 2, 3, {kParcel}, {}}},
      {"a member counts whose offer is not held", Closed{1, 0, {{2, 3, {kParcel}}}, {}}},
      {"a member counts with another offer", Closed{1, 0, {{0, 1, {other}}}, {}}},
      {"a round is committed that is not closed", Committed{1, {}, {}}},
      {"a later round is decided first", Aborted{2, ""}},
  };
  for (const auto& [what, record] : misfits) {
    Ledger ledger = after(start);
    const Bytes before = ledger.encode();
    EXPECT_FALSE(ledger.apply(record).ok()) << what;
    EXPECT_EQ(ledger.encode(), before) << what;
  }
}

TEST(Ledger, ACloseIsDecidedOnce) {
  std::vector<Record> story = a_story();
  story.resize(9);
  Ledger ledger = after(story);
  EXPECT_FALSE(ledger.apply(story[8]).ok());
  EXPECT_FALSE(ledger.apply(Held{1, 0, 2, 3, {kParcel}, {}}).ok());
}

// What a member handed in under an epoch that is over does not count, unless it already does.
TEST(Ledger, ANewEpochEndsTheOldOne) {
  const std::vector<Record> story = a_story();
  Ledger open = after({story.begin(), story.begin() + 6});
  ASSERT_TRUE(open.apply(Admitted{0, 4, 101, 2}).ok());
  EXPECT_FALSE(open.rounds.at(1).held.contains(0));
  EXPECT_TRUE(open.rounds.at(1).lost.contains(0));
  EXPECT_FALSE(open.apply(Removed{0, 1, "", false}).ok());

  Ledger closed = after({story.begin(), story.begin() + 9});
  ASSERT_TRUE(closed.apply(Admitted{0, 4, 101, 2}).ok());
  EXPECT_EQ(closed.rounds.at(1).closed->size(), 1U);
}

}  // namespace
}  // namespace causeway
