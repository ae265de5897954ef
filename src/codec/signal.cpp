// SPDX-License-Identifier: Apache-2.0
#include "codec/signal.h"

#include <algorithm>
#include <cstring>

#include "core/hash.h"
#include "core/random.h"

namespace causeway {
namespace {

constexpr int64_t kFrameBytes = 2 * sizeof(uint32_t);

}  // namespace

int64_t block_count(const Codec& codec, int64_t count) {
  return (count + codec.block_values() - 1) / codec.block_values();
}

int64_t signal_bytes_max(const Codec& codec, int64_t count) {
  const int64_t whole = count / codec.block_values(), rest = count % codec.block_values();
  const int64_t last = rest > 0 ? codec.block_bytes_max(rest) + kFrameBytes : 0;
  return whole * (codec.block_bytes_max(codec.block_values()) + kFrameBytes) + last;
}

Bytes encode_signal(const Codec& codec, std::span<const float> signal, uint64_t seed) {
  Bytes bytes;
  bytes.reserve(static_cast<size_t>(signal_bytes_max(codec, static_cast<int64_t>(signal.size()))));
  const auto block = static_cast<size_t>(codec.block_values());
  const Random random(seed, Stream::kRounding);
  for (size_t begin = 0; begin < signal.size(); begin += block) {
    const size_t frame = bytes.size();
    bytes.resize(frame + kFrameBytes);
    codec.encode(signal.subspan(begin, std::min(block, signal.size() - begin)),
                 random.bits(begin / block), bytes);
    const ByteSpan payload = ByteSpan(bytes).subspan(frame + kFrameBytes);
    const uint32_t head[2] = {static_cast<uint32_t>(payload.size()), crc32c(payload)};
    std::memcpy(bytes.data() + frame, head, sizeof(head));
  }
  return bytes;
}

Result<EncodedSignal> EncodedSignal::open(const Codec& codec, ByteSpan bytes, int64_t count) {
  EncodedSignal out;
  out.codec_ = &codec;
  out.count_ = count;
  ByteReader reader(bytes);
  const int64_t blocks = block_count(codec, count);
  for (int64_t block = 0; block < blocks; ++block) {
    CW_ASSIGN(const uint32_t size, reader.get<uint32_t>());
    CW_ASSIGN(const uint32_t crc, reader.get<uint32_t>());
    CW_ASSIGN(const ByteSpan payload, reader.take(size));
    if (crc32c(payload) != crc)
      return failure(Fault::kCorrupt, "block {} of {}: its checksum is wrong", block, blocks);
    out.frames_.push_back(payload);
  }
  if (reader.left() > 0)
    return failure(Fault::kCorrupt, "{} bytes follow the last of {} blocks", reader.left(), blocks);
  return out;
}

int64_t EncodedSignal::block_size(int64_t index) const {
  return std::min(codec_->block_values(), count_ - block_begin(index));
}

Result<void> EncodedSignal::decode_block(int64_t index, std::span<float> values) const {
  CW_CHECK(static_cast<int64_t>(values.size()) == block_size(index));
  return codec_->decode(frames_[static_cast<size_t>(index)], values);
}

Result<void> EncodedSignal::decode(std::span<float> values) const {
  CW_CHECK(static_cast<int64_t>(values.size()) == count_);
  for (int64_t block = 0; block < blocks(); ++block)
    CW_TRY(decode_block(block, values.subspan(static_cast<size_t>(block_begin(block)),
                                              static_cast<size_t>(block_size(block)))));
  return {};
}

}  // namespace causeway
