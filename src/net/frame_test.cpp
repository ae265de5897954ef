// SPDX-License-Identifier: Apache-2.0
#include "net/frame.h"

#include <gtest/gtest.h>

#include <map>

#include "core/random.h"

namespace causeway {
namespace {

Bytes some_bytes(size_t count) {
  Bytes out;
  for (size_t i = 0; i < count; ++i) out.push_back(static_cast<std::byte>(i * 31 + 7));
  return out;
}

Preface some_preface() { return {Preface{}.magic, 9, 3, "1.2.3", "secret", "a/b"}; }
Charter some_charter() {
  return {77, "dickens", some_bytes(300), some_bytes(999), {1, 2}, {3, 4}, {5, 6}, {7, 8}, "a/b"};
}
Refusal some_refusal() { return {Fault::kIo, "the disk is full"}; }

/// By kind: most bytes of a payload, as docs/security.md has them.
const std::map<FrameKind, uint32_t>& limits() {
  static const std::map<FrameKind, uint32_t> table = {
      {FrameKind::kPreface, 4096},          {FrameKind::kCharter, 64U << 20},
      {FrameKind::kRefusal, 4096},          {FrameKind::kMessage, (1U << 20) + 4096},
      {FrameKind::kPing, sizeof(uint64_t)}, {FrameKind::kPong, sizeof(uint64_t)},
      {FrameKind::kReference, 88},          {FrameKind::kMissing, 88}};
  return table;
}

TEST(FrameHead, OfEveryKindComesBackAtItsBounds) {
  for (const auto& [kind, most] : limits())
    for (const uint32_t length : {0U, 1U, most - 1, most}) {
      const auto bytes = encode_frame_head({kind, length});
      const auto back = decode_frame_head(bytes);
      ASSERT_TRUE(back.ok()) << static_cast<int>(kind) << " " << length;
      EXPECT_EQ(back->kind, kind);
      EXPECT_EQ(back->length, length);
    }
}

TEST(FrameHead, IsWhatItWasOnTheWire) {
  const auto bytes = encode_frame_head({FrameKind::kMessage, 0x00010203});
  const std::array<std::byte, 5> wanted{std::byte{4}, std::byte{3}, std::byte{2}, std::byte{1},
                                        std::byte{0}};
  EXPECT_EQ(bytes, wanted);
}

TEST(FrameHead, IsRefusedForEveryOtherKindAndEveryGreaterLength) {
  for (int kind = 0; kind < 256; ++kind) {
    std::array<std::byte, 5> bytes{static_cast<std::byte>(kind)};
    const auto known = limits().find(static_cast<FrameKind>(kind));
    const auto back = decode_frame_head(bytes);
    ASSERT_EQ(back.ok(), known != limits().end()) << kind;
    if (!back) {
      EXPECT_EQ(back.error().fault, Fault::kCorrupt);
      continue;
    }
    for (const uint32_t length : {known->second + 1, 2 * known->second, 1U << 31, UINT32_MAX}) {
      std::memcpy(bytes.data() + 1, &length, sizeof(length));
      ASSERT_FALSE(decode_frame_head(bytes).ok()) << kind << " " << length;
    }
  }
}

TEST(FrameHeadDeathTest, IsNotMadeForAPayloadThatNobodyWouldTake) {
  EXPECT_DEATH(encode_frame_head({FrameKind::kPing, 9}), "9 bytes");
  EXPECT_DEATH(encode_frame_head({static_cast<FrameKind>(9), 0}), "kind 9");
}

TEST(Frame, PrefaceCharterAndRefusalComeBackAsTheyWere) {
  const auto preface = decode_preface(encode_preface(some_preface()));
  ASSERT_TRUE(preface.ok());
  EXPECT_EQ(preface->magic, Preface{}.magic);
  EXPECT_EQ(preface->protocol, 9);
  EXPECT_EQ(preface->worker, 3);
  EXPECT_EQ(preface->version, "1.2.3");
  EXPECT_EQ(preface->token, "secret");
  const auto charter = decode_charter(encode_charter(some_charter()).joined());
  ASSERT_TRUE(charter.ok());
  EXPECT_EQ(charter->site, "dickens");
  EXPECT_EQ(charter->recipe, some_charter().recipe);
  EXPECT_EQ(charter->tokenizer, some_charter().tokenizer);
  EXPECT_EQ(charter->weights, some_charter().weights);
  const auto refusal = decode_refusal(encode_refusal(some_refusal()));
  ASSERT_TRUE(refusal.ok());
  EXPECT_EQ(refusal->fault, Fault::kIo);
  EXPECT_EQ(refusal->reason, "the disk is full");
}

// Goal: the wire does not change by accident. Method: digests, seen once and written down.
TEST(Frame, TheWireIsWhatItWas) {
  EXPECT_EQ(digest_of(encode_preface(some_preface())).hex(), "f052b05820a53b8329365137460642a2");
  EXPECT_EQ(digest_of(encode_charter(some_charter()).joined()).hex(),
            "0b41738645bd2462743773cbc50e559a");
  EXPECT_EQ(digest_of(encode_refusal(some_refusal())).hex(), "39b6efef2ba7e62f529122838d4132d3");
}

Referral referral() {
  Referral out{7, 3, 2, {{1, 2}, int64_t{1} << 40, int64_t{kChunkBytesMax}, 0xDEADBEEF, {}}};
  out.chunk.sha256.back() = std::byte{9};
  return out;
}

TEST(Frame, AReferralComesBackAsItWas) {
  const Bytes bytes = encode_referral(referral());
  EXPECT_EQ(bytes.size(), 88U);
  EXPECT_EQ(decode_referral(bytes).value(), referral());
  for (const FrameKind kind : {FrameKind::kReference, FrameKind::kMissing}) {
    const auto head = encode_frame_head({kind, static_cast<uint32_t>(bytes.size())});
    EXPECT_EQ(decode_frame_head(head)->kind, kind);
    EXPECT_EQ(decode_frame_head(head)->length, 88U);
  }
}

TEST(Frame, AStrangersReferralIsRefused) {
  const Bytes good = encode_referral(referral());
  Bytes longer = good;
  longer.push_back({});
  EXPECT_EQ(decode_referral(longer).error().fault, Fault::kCorrupt);
  for (size_t size = 0; size < good.size(); ++size)
    EXPECT_FALSE(decode_referral(ByteSpan(good).first(size)).ok());
  Referral bad = referral();
  bad.worker = -1;
  EXPECT_FALSE(decode_referral(encode_referral(bad)).ok());
  bad = referral();
  bad.chunk.bytes = 0;
  EXPECT_FALSE(decode_referral(encode_referral(bad)).ok());
  // A head that promises more than one has.
  auto head = encode_frame_head({FrameKind::kReference, 88});
  head[1] = std::byte{89};
  EXPECT_FALSE(decode_frame_head(head).ok());
  head[0] = std::byte{9};
  EXPECT_FALSE(decode_frame_head(head).ok());
}

TEST(Frame, BothSidesSayWhichStoreTheyUse) {
  Preface preface;
  preface.store = "runs/team";
  EXPECT_EQ(decode_preface(encode_preface(preface))->store, "runs/team");
  Charter charter;
  charter.store = "runs/team";
  EXPECT_EQ(decode_charter(encode_charter(charter).joined())->store, "runs/team");
}

// Goal: a tokenizer of many megabytes is not copied for each worker.
TEST(Frame, ACharterSharesItsTokenizer) {
  const Charter charter = some_charter();
  EXPECT_EQ(encode_charter(charter).body.view().data(), charter.tokenizer.view().data());
}

TEST(FrameDeathTest, ACharterThatNoWorkerTakesIsNotMade) {
  Charter charter = some_charter();
  charter.tokenizer = SharedBytes(Bytes(kCharterBytesMax));
  EXPECT_DEATH(encode_charter(charter), "a charter of");
}

TEST(Frame, TextsAreBounded) {
  Preface preface = some_preface();
  preface.token = std::string(5000, 't');
  EXPECT_LE(encode_preface(preface).size(), 4096U);
  Refusal refusal = some_refusal();
  refusal.reason = std::string(5000, 'r');
  EXPECT_LE(encode_refusal(refusal).size(), 4096U);
}

/// What a decoder makes of `bytes` and of every part and every neighbour of it. A Result of either
/// kind is right; what is taken can be said again.
template <class Decode, class Encode>
void expect_harmless(const Bytes& bytes, Decode decode, Encode encode) {
  const auto look = [&](const Bytes& one) {
    const auto back = decode(one);
    if (!back)
      ASSERT_EQ(back.error().fault, Fault::kCorrupt);
    else
      ASSERT_TRUE(decode(encode(*back)).ok());
  };
  for (size_t size = 0; size < bytes.size(); ++size) {
    EXPECT_FALSE(
        decode(Bytes(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(size))).ok())
        << "the first " << size << " bytes";
  }
  Bytes more = bytes;
  more.push_back({});
  EXPECT_FALSE(decode(more).ok()) << "a byte more";
  for (size_t bit = 0; bit < bytes.size() * 8; ++bit) {
    Bytes changed = bytes;
    changed[bit / 8] ^= static_cast<std::byte>(1U << bit % 8);
    look(changed);
  }
  const Random random(7, Stream::kSample);
  for (uint64_t i = 0; i < 2'000; ++i) {
    Bytes noise(random.below(4 * i, 2 * bytes.size()));
    for (size_t at = 0; at < noise.size(); ++at)
      noise[at] = static_cast<std::byte>(random.bits(1'000 * i + at));
    look(noise);
  }
}

TEST(Frame, HostileBytesAreARefusalOrAnotherFrame) {
  expect_harmless(encode_preface(some_preface()), decode_preface, encode_preface);
  expect_harmless(encode_refusal(some_refusal()), decode_refusal, encode_refusal);
  expect_harmless(encode_charter(some_charter()).joined(), decode_charter,
                  [](const Charter& charter) { return encode_charter(charter).joined(); });
}

// Goal: a length that is claimed is not believed. Method: the largest counts in front of nothing.
TEST(Frame, ClaimedLengthsCostNothing) {
  for (const uint32_t claimed : {1U << 20, 1U << 31, UINT32_MAX}) {
    Bytes bytes;
    ByteWriter writer(bytes);
    writer.put(uint64_t{1});
    writer.put_text("site");
    writer.put(claimed);
    EXPECT_FALSE(decode_charter(bytes).ok());
  }
}

}  // namespace
}  // namespace causeway
