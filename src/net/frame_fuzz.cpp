// SPDX-License-Identifier: Apache-2.0
//
// What comes on a connection beside messages, by the kind in its first byte: any bytes are one or
// none, and one that is has one encoding.
#include <cstdlib>
#include <cstring>

#include "net/frame.h"

namespace causeway {
namespace {

void expect_same(const Bytes& again, ByteSpan payload) {
  if (again.size() != payload.size() ||
      std::memcmp(again.data(), payload.data(), again.size()) != 0)
    std::abort();
}

void look_at(FrameKind kind, ByteSpan payload) {
  if (kind == FrameKind::kPreface) {
    if (const auto one = decode_preface(payload)) expect_same(encode_preface(*one), payload);
  } else if (kind == FrameKind::kCharter) {
    if (const auto one = decode_charter(payload)) expect_same(encode_charter(*one), payload);
  } else if (kind == FrameKind::kRefusal) {
    if (const auto one = decode_refusal(payload)) expect_same(encode_refusal(*one), payload);
  } else if (kind == FrameKind::kReference || kind == FrameKind::kMissing) {
    if (const auto one = decode_referral(payload)) expect_same(encode_referral(*one), payload);
  }
}

}  // namespace
}  // namespace causeway

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace causeway;
  if (size < kFrameHeadBytes) return 0;
  const ByteSpan bytes = std::as_bytes(std::span(data, size));
  const auto head = decode_frame_head(bytes.first(kFrameHeadBytes));
  if (head) look_at(head->kind, bytes.subspan(kFrameHeadBytes));
  return 0;
}
