// SPDX-License-Identifier: Apache-2.0
#include "exchange/messages.h"

#include <gtest/gtest.h>

#include "core/random.h"
#include "exchange/commit_blob.h"

namespace causeway {
namespace {

Bytes some_bytes(size_t count) {
  Bytes bytes;
  for (size_t i = 0; i < count; ++i) bytes.push_back(static_cast<std::byte>(i * 7));
  return bytes;
}

/// One message of every kind, no field at its default.
std::vector<Message> every_message() {
  const Digest a{1, 2}, b{3, 4};
  std::vector<Message> out;
  const auto add = [&out](Body body) { out.push_back({77, 5, 3, std::move(body)}); };
  add(Hello{9, a, b, {5, 6}, "build", "token", -1});
  add(OfferReady{4, 0, 40, Hook::kBeforeUpdate, {{0, 10, a, 100}, {2, 11, b, 200}}, "declined"});
  add(Chunk{a, 64, SharedBytes(some_bytes(33))});
  add(Get{b, 5, 6});
  add(Ask{8});
  add(Progress{3, 4, a, 41, 5000, 1.5});
  add(Leave{"SIGTERM"});
  add(Welcome{9, 3, 4, a, 999, 1000, 64, 256, 5});
  add(Refused{9, Fault::kRefused, "the token is wrong"});
  add(ChunkHeld{a, 12});
  add(OfferHeld{4, 0});
  add(OfferRefused{4, 0, Fault::kTimeout, "late", 6});
  add(Decision{4, true, b, 77, "", 5});
  add(Want{a, 3});
  add(Fenced{"lease", false});
  return out;
}

TEST(Messages, EveryKindComesBackAsItWas) {
  const std::vector<Message> all = every_message();
  ASSERT_EQ(all.size(), std::variant_size_v<Body>);
  for (size_t i = 0; i < all.size(); ++i) {
    EXPECT_EQ(all[i].body.index(), i);
    const Bytes bytes = encode_message(all[i]);
    const auto back = decode_message(bytes);
    ASSERT_TRUE(back.ok()) << message_name(all[i].body) << ": " << back.error().message;
    EXPECT_EQ(back->body.index(), i);
    EXPECT_EQ(encode_message(*back), bytes) << message_name(all[i].body);
  }
}

// Goal: the wire does not change by accident: what one build sends another must read. Method: the
// digest of every kind's bytes, seen once and written down.
TEST(Messages, TheWireIsWhatItWas) {
  Bytes all;
  for (const Message& message : every_message()) {
    const Bytes bytes = encode_message(message);
    all.insert(all.end(), bytes.begin(), bytes.end());
  }
  EXPECT_EQ(digest_of(all).hex(), "d295d30d0c8e0fbe164e8222586a9e52");
}

// Goal: sending in pieces and receiving without a copy are the same wire.
TEST(Messages, PiecesJoinedAreTheMessageAndAChunkSharesItsFrame) {
  for (const Message& message : every_message()) {
    const MessagePieces pieces = encode_pieces(message);
    Bytes joined = pieces.head;
    joined.insert(joined.end(), pieces.body.view().begin(), pieces.body.view().end());
    joined.insert(joined.end(), pieces.tail.begin(), pieces.tail.end());
    ASSERT_EQ(joined, encode_message(message)) << message_name(message.body);
    EXPECT_EQ(pieces.size(), joined.size());
    const auto frame = std::make_shared<const Bytes>(joined);
    const auto back = decode_message(frame);
    ASSERT_TRUE(back.ok());
    EXPECT_EQ(encode_message(*back), joined);
    if (const auto* chunk = std::get_if<Chunk>(&back->body)) {
      EXPECT_GE(chunk->bytes.view().data(), frame->data());
      EXPECT_LE(chunk->bytes.view().data() + chunk->bytes.size(), frame->data() + frame->size());
    }
  }
}

TEST(Messages, OneChangedBitIsFound) {
  for (const Message& message : every_message()) {
    const Bytes right = encode_message(message);
    for (size_t bit = 0; bit < 8 * right.size(); ++bit) {
      Bytes wrong = right;
      wrong[bit / 8] ^= static_cast<std::byte>(1U << (bit % 8));
      EXPECT_FALSE(decode_message(wrong).ok()) << message_name(message.body) << " bit " << bit;
    }
  }
}

TEST(Messages, AnotherVersionIsRefusedByName) {
  Bytes bytes = encode_message(every_message().front());
  bytes.front() = std::byte{9};
  const auto got = decode_message(bytes);
  ASSERT_FALSE(got.ok());
  EXPECT_EQ(got.error().fault, Fault::kRefused);
  EXPECT_NE(got.error().message.find("version 9"), std::string::npos);
}

// A checksum is no defence against who computes it anew.
TEST(Messages, HostileBytesWithRightChecksumsAreSafe) {
  const Random random(1, Stream::kSample);
  const std::vector<Message> all = every_message();
  int64_t read = 0;
  for (uint64_t i = 0; i < 20'000; ++i) {
    Bytes bytes = encode_message(all[random.below(4 * i, all.size())]);
    bytes.resize(bytes.size() - sizeof(uint32_t));
    bytes[1 + random.below(4 * i + 1, bytes.size() - 1)] =
        static_cast<std::byte>(random.below(4 * i + 2, 256));
    if (random.below(4 * i + 3, 4) == 0) bytes.resize(bytes.size() / 2 + 1);
    ByteWriter(bytes).put(crc32c(bytes));
    if (const auto got = decode_message(bytes)) {
      ++read;
      EXPECT_EQ(decode_message(encode_message(*got)).ok(), true);
    }
  }
  EXPECT_GT(read, 1000) << "mutations that still decode were wanted, too";
}

TEST(Messages, ACommitComesBackAsItWas) {
  const Commit commit{7, {{0, {{1, 10}, {4, 3}}, some_bytes(50)}, {3, {{1, 10}}, {}}}};
  const Bytes bytes = encode_commit(commit);
  const auto back = decode_commit(Bytes(bytes));
  ASSERT_TRUE(back.ok());
  EXPECT_EQ(back->round, 7);
  ASSERT_EQ(back->results.size(), 2U);
  EXPECT_EQ(back->results[0].members, commit.results[0].members);
  EXPECT_EQ(back->results[0].bytes, commit.results[0].bytes);
  for (size_t cut = 0; cut < bytes.size(); ++cut)
    EXPECT_FALSE(
        decode_commit(Bytes(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(cut))).ok())
        << cut;
}

}  // namespace
}  // namespace causeway
