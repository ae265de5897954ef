// SPDX-License-Identifier: Apache-2.0
//
// A first byte chooses a chain, or that the rest is the text of one; else two bytes are a number of
// values, and what follows goes through the chain as signal_fuzz.cpp does with every codec.
#include <array>
#include <cmath>

#include "codec/chain.h"
#include "codec/signal.h"

namespace causeway {
namespace {

// Each selector, each packer, a codec with runs and one with a codebook, at least once.
constexpr std::array<const char*, 8> kChains = {
    "topk(0.01)|int8|rice",
    "topk(k=64, scope=chunk, chunk=4096)|two_bit",
    "topk(0.3, scope=chunk, chunk=100)|e3m0|huffman",
    "randk(0.05)|fp16(stochastic)",
    "threshold(0.5)|fp32|planes",
    "topk(0.1)|kmeans(15)|huffman",
    "int8(50)|zstd",
    "lowrank(2)|zstd",
};

std::unique_ptr<Codec> chain_of(std::string text) {
  Mistakes mistakes;
  return make_codec({std::move(text), {}}, mistakes);
}

void check_finite_values(std::span<const float> values) {
  for (const float value : values) CW_CHECK(std::isfinite(value), "{}", value);
}

void decode_any(const Codec& codec, ByteSpan bytes, size_t count) {
  std::vector<float> values(count);
  if (decode_signal(codec, bytes, values).ok()) check_finite_values(values);
  values.resize(std::min(count, static_cast<size_t>(codec.block_values())));
  if (codec.decode(bytes, values).ok()) check_finite_values(values);
}

void code_any(const Codec& codec, ByteSpan bytes) {
  std::vector<float> values(bytes.size() / sizeof(float));
  if (values.empty()) return;
  std::memcpy(values.data(), bytes.data(), values.size() * sizeof(float));
  for (float& value : values)
    if (!std::isfinite(value)) value = 0;
  const Bytes encoded = encode_signal(codec, values, 1);
  CW_CHECK(decode_signal(codec, encoded, values).ok());
  check_finite_values(values);
}

}  // namespace
}  // namespace causeway

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace causeway;
  if (size < 3) return 0;
  if (data[0] % (kChains.size() + 1) == kChains.size()) {
    chain_of(std::string(reinterpret_cast<const char*>(data + 1), size - 1));
    return 0;
  }
  const auto codec = chain_of(kChains[data[0] % (kChains.size() + 1)]);
  const size_t count = data[1] + size_t{256} * data[2];
  const ByteSpan bytes(reinterpret_cast<const std::byte*>(data + 3), size - 3);
  decode_any(*codec, bytes, count);
  code_any(*codec, bytes);
  return 0;
}
