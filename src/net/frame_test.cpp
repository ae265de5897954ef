// SPDX-License-Identifier: Apache-2.0
#include "net/frame.h"

#include <gtest/gtest.h>

namespace causeway {
namespace {

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
  EXPECT_EQ(decode_charter(encode_charter(charter))->store, "runs/team");
}

}  // namespace
}  // namespace causeway
