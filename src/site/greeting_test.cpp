// SPDX-License-Identifier: Apache-2.0
#include "site/greeting.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "site/socket.h"

namespace causeway::site {
namespace {

using testing::HasSubstr;

const Digest kRun{1, 2};

Hello hello(int32_t rank) { return {kGroupVersion, kRun, 4, rank}; }

TEST(Greeting, ComesBackAsItWas) {
  const auto back = decode_hello(encode(Hello{7, {8, 9}, 10, 11}));
  ASSERT_TRUE(back.ok());
  EXPECT_EQ(back->version, 7U);
  EXPECT_EQ(back->run, (Digest{8, 9}));
  EXPECT_EQ(back->size, 10);
  EXPECT_EQ(back->rank, 11);
  const auto reply = decode_reply(encode(Reply{Verdict::kAgain, "later"}));
  ASSERT_TRUE(reply.ok());
  EXPECT_EQ(reply->verdict, Verdict::kAgain);
  EXPECT_EQ(reply->text, "later");
  const auto ends = decode_ends(encode(Ends{Bytes(3, std::byte{1}), Bytes(136, std::byte{2})}));
  ASSERT_TRUE(ends.ok());
  EXPECT_EQ(ends->to_previous, Bytes(3, std::byte{1}));
  EXPECT_EQ(ends->to_next, Bytes(136, std::byte{2}));
}

TEST(Greeting, OfOneKindIsNoneOfAnother) {
  EXPECT_FALSE(decode_hello(encode(Reply{Verdict::kCome, "a"})).ok());
  EXPECT_FALSE(decode_reply(encode(hello(1))).ok());
  EXPECT_FALSE(decode_ends(encode(hello(1))).ok());
}

TEST(Greeting, CutOrChangedIsRefusedOrAnotherGreeting) {
  const Bytes whole = encode(Reply{Verdict::kSeat, "10.0.0.1"});
  for (size_t size = 0; size < whole.size(); ++size)
    EXPECT_FALSE(decode_reply(ByteSpan(whole).first(size)).ok()) << size;
  Bytes longer = whole;
  longer.push_back({});
  EXPECT_FALSE(decode_reply(longer).ok());
  Bytes unknown = whole;
  unknown[1] = std::byte{9};  // the verdict
  EXPECT_FALSE(decode_reply(unknown).ok());
  EXPECT_FALSE(decode_reply(Bytes(kGreetingBytesMax + 1)).ok());
}

TEST(Frame, SaysItsSizeWithinBounds) {
  Bytes head;
  ByteWriter writer(head);
  writer.put(uint32_t{0x47575743});
  writer.put(uint32_t{64});
  ASSERT_TRUE(frame_size(head, 64).ok());
  EXPECT_EQ(*frame_size(head, 64), 64U);
  EXPECT_EQ(frame_size(head, 63).error().fault, Fault::kCorrupt);
  head[0] = std::byte{0};
  EXPECT_EQ(frame_size(head, 64).error().fault, Fault::kCorrupt);
  EXPECT_EQ(frame_size(ByteSpan(head).first(7), 64).error().fault, Fault::kCorrupt);
}

TEST(Roll, IsCompleteWhenAllAreThere) {
  Roll roll(kRun, 4);
  EXPECT_EQ(roll.missing(), "ranks 1, 2, 3 of 4");
  for (const int32_t rank : {2, 1, 3}) {
    EXPECT_FALSE(roll.complete());
    EXPECT_EQ(roll.enter(hello(rank)).verdict, Verdict::kCome);
  }
  EXPECT_TRUE(roll.complete());
  roll.leave(2);
  EXPECT_FALSE(roll.complete());
  EXPECT_EQ(roll.missing(), "rank 2 of 4");
  EXPECT_EQ(roll.enter(hello(2)).verdict, Verdict::kCome);
  EXPECT_TRUE(roll.complete());
}

TEST(Roll, SendsOthersAway) {
  Roll roll(kRun, 4);
  EXPECT_EQ(roll.enter(hello(1)).verdict, Verdict::kCome);
  EXPECT_EQ(roll.enter(hello(1)).verdict, Verdict::kAgain);
  EXPECT_EQ(roll.enter({kGroupVersion, {1, 3}, 4, 2}).verdict, Verdict::kAgain);
  for (const int32_t rank : {-1, 0, 4, 1 << 30})
    EXPECT_EQ(roll.enter(hello(rank)).verdict, Verdict::kNever) << rank;
  EXPECT_THAT(roll.enter({kGroupVersion, kRun, 5, 2}).text, HasSubstr("a group of 5"));
  // Another version is told so even where its run does not fit, which it may count otherwise.
  EXPECT_THAT(roll.enter({kGroupVersion + 1, {}, 4, 2}).text, HasSubstr("version"));
  EXPECT_EQ(roll.missing(), "ranks 2, 3 of 4");
}

TEST(Roll, OfManyNamesSome) {
  EXPECT_EQ(Roll(kRun, 1000).missing(), "ranks 1, 2, 3, 4, 5, 6, 7, 8 and 991 more of 1000");
  EXPECT_TRUE(Roll(kRun, 1).complete());
}

}  // namespace
}  // namespace causeway::site
