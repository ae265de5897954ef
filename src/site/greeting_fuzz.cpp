// SPDX-License-Identifier: Apache-2.0
//
// Any bytes are a greeting or none; one that is can be said again in the same bytes. And a roll
// takes any greeting.
#include <algorithm>

#include "site/greeting.h"
#include "site/socket.h"

namespace causeway::site {
namespace {

void check(ByteSpan bytes, const Bytes& again) {
  CW_CHECK(std::ranges::equal(bytes, again), "{} bytes became {}", bytes.size(), again.size());
}

void take(ByteSpan bytes) {
  static_cast<void>(frame_size(bytes.first(std::min(bytes.size(), kFrameHeadBytes)), bytes.size()));
  if (const auto reply = decode_reply(bytes)) check(bytes, encode(*reply));
  if (const auto ends = decode_ends(bytes)) check(bytes, encode(*ends));
  const auto hello = decode_hello(bytes);
  if (!hello) return;
  check(bytes, encode(*hello));
  Roll roll(hello->run, 5);
  if (roll.enter(*hello).verdict == Verdict::kCome) roll.leave(hello->rank);
  CW_CHECK(roll.missing() == "ranks 1, 2, 3, 4 of 5", "{}", roll.missing());
}

}  // namespace
}  // namespace causeway::site

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  causeway::site::take({reinterpret_cast<const std::byte*>(data), size});
  return 0;
}
