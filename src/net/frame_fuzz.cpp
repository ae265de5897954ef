// SPDX-License-Identifier: Apache-2.0
//
// The first byte says which decoder; any bytes after it are what that decoder takes, or nothing.
// What is taken can be said again, and is then the same.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <cstring>

#include "net/frame.h"

namespace causeway {
namespace {

void check_head(ByteSpan bytes) {
  if (bytes.size() != kFrameHeadBytes) return;
  const auto head = decode_frame_head(bytes);
  if (!head) return;
  if (head->length > kCharterBytesMax) std::abort();
  if (!std::ranges::equal(encode_frame_head(*head), bytes)) std::abort();
}

/// All of the input was read, and nothing else: so saying it again gives the input.
void check_same(const Bytes& again, ByteSpan bytes) {
  if (!std::ranges::equal(again, bytes)) std::abort();
}

}  // namespace
}  // namespace causeway

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace causeway;
  if (size == 0 || size > (1U << 16)) return 0;
  const ByteSpan bytes(reinterpret_cast<const std::byte*>(data + 1), size - 1);
  switch (data[0] % 5) {
    case 0:
      check_head(bytes);
      break;
    case 1:
      if (const auto preface = decode_preface(bytes)) check_same(encode_preface(*preface), bytes);
      break;
    case 2:
      if (const auto charter = decode_charter(bytes))
        check_same(encode_charter(*charter).joined(), bytes);
      break;
    case 3:
      if (const auto one = decode_referral(bytes)) check_same(encode_referral(*one), bytes);
      break;
    default:
      if (const auto refusal = decode_refusal(bytes)) check_same(encode_refusal(*refusal), bytes);
  }
  return 0;
}
