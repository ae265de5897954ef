// SPDX-License-Identifier: Apache-2.0
//
// Any bytes through EncodedSignal::open and every codec, whole and past the checksum; and any
// values through encode and back.
#include <cmath>

#include "codec/signal.h"

namespace causeway {
namespace {

void decode(const Codec& codec, ByteSpan bytes, std::vector<float>& values) {
  if (!codec.decode(bytes, values).ok()) return;
  for (const float value : values) CW_CHECK(std::isfinite(value), "{}", value);
}

void open(const Codec& codec, ByteSpan bytes, std::vector<float>& values) {
  const auto signal = EncodedSignal::open(codec, bytes, std::ssize(values));
  if (!signal.ok() || !signal->decode(values).ok()) return;
  for (const float value : values) CW_CHECK(std::isfinite(value), "{}", value);
}

void round_trip(const Codec& codec, ByteSpan bytes) {
  std::vector<float> values(bytes.size() / sizeof(float));
  if (!values.empty()) std::memcpy(values.data(), bytes.data(), values.size() * sizeof(float));
  for (float& value : values)
    if (!std::isfinite(value)) value = 0;
  const Bytes encoded = encode_signal(codec, values, 1);
  const auto signal = EncodedSignal::open(codec, encoded, std::ssize(values));
  CW_CHECK(signal.ok() && signal->decode(values).ok());
  for (const float value : values) CW_CHECK(std::isfinite(value), "{}", value);
}

}  // namespace
}  // namespace causeway

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace causeway;
  ByteReader reader({reinterpret_cast<const std::byte*>(data), size});
  const auto count = reader.get<uint16_t>();
  if (!count.ok()) return 0;
  const ByteSpan bytes = reader.take(reader.left()).value();
  for (const Entry<Codec>* entry : codecs()) {
    Mistakes mistakes;
    const auto codec = entry->make(Value(), mistakes);
    std::vector<float> values(*count), block(std::min<size_t>(*count, kBlockValues));
    open(*codec, bytes, values);
    decode(*codec, bytes, block);
    round_trip(*codec, bytes);
  }
  return 0;
}
