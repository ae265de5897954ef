// SPDX-License-Identifier: Apache-2.0
#include "codec/signal.h"

#include <algorithm>

#include "core/hash.h"

namespace causeway {
namespace {

struct Frame {
  uint32_t length;
  uint32_t crc;
};
static_assert(sizeof(Frame) == 8);

void append_frame(const Codec& codec, std::span<const float> block, uint64_t seed, Bytes& bytes) {
  const size_t start = bytes.size();
  bytes.resize(start + sizeof(Frame));
  codec.encode(block, seed, bytes);
  const ByteSpan body = ByteSpan(bytes).subspan(start + sizeof(Frame));
  CW_CHECK(std::ssize(body) <= codec.block_bytes_max(std::ssize(block)),
           "{} bytes for {} values; the codec promised at most {}", body.size(), block.size(),
           codec.block_bytes_max(std::ssize(block)));
  const Frame frame{static_cast<uint32_t>(body.size()), crc32c(body)};
  std::memcpy(bytes.data() + start, &frame, sizeof(frame));
}

}  // namespace

int64_t block_count(const Codec& codec, int64_t count) {
  CW_CHECK(count >= 0, "{} values", count);
  return count / codec.block_values() + (count % codec.block_values() != 0);
}

int64_t signal_bytes_max(const Codec& codec, int64_t count) {
  const int64_t whole = codec.block_values();
  const int64_t frames = block_count(codec, count) * static_cast<int64_t>(sizeof(Frame));
  const int64_t rest = count % whole;
  return frames + count / whole * codec.block_bytes_max(whole) +
         (rest > 0 ? codec.block_bytes_max(rest) : 0);
}

Bytes encode_signal(const Codec& codec, std::span<const float> signal, uint64_t seed) {
  Bytes bytes;
  bytes.reserve(static_cast<size_t>(signal_bytes_max(codec, std::ssize(signal))));
  while (!signal.empty()) {
    const auto size = std::min(signal.size(), static_cast<size_t>(codec.block_values()));
    append_frame(codec, signal.first(size), seed, bytes);
    signal = signal.subspan(size);
  }
  return bytes;
}

Result<EncodedSignal> EncodedSignal::open(const Codec& codec, ByteSpan bytes, int64_t count) {
  const int64_t blocks = block_count(codec, count);
  // Before memory is set aside: so many frames cannot hide in fewer bytes.
  if (bytes.size() / sizeof(Frame) < static_cast<size_t>(blocks))
    return failure(Fault::kCorrupt, "a signal of {} values came as {} bytes; wanted: {} frames",
                   count, bytes.size(), blocks);
  EncodedSignal signal;
  signal.codec_ = &codec;
  signal.count_ = count;
  signal.frames_.reserve(static_cast<size_t>(blocks));
  ByteReader reader(bytes);
  for (int64_t i = 0; i < blocks; ++i) {
    CW_ASSIGN(const uint32_t length, reader.get<uint32_t>());
    CW_ASSIGN(const uint32_t crc, reader.get<uint32_t>());
    if (length > reader.left())
      return failure(Fault::kCorrupt, "block {} of {} claims {} bytes; {} are left", i, blocks,
                     length, reader.left());
    CW_ASSIGN(const ByteSpan body, reader.take(length));
    if (const uint32_t got = crc32c(body); got != crc)
      return failure(Fault::kCorrupt, "block {} of {} has checksum {:08x}; wanted: {:08x}", i,
                     blocks, got, crc);
    signal.frames_.push_back(body);
  }
  if (reader.left() > 0)
    return failure(Fault::kCorrupt, "{} bytes follow the last of {} blocks; wanted: none",
                   reader.left(), blocks);
  return signal;
}

int64_t EncodedSignal::block_size(int64_t index) const {
  CW_CHECK(index >= 0 && index < blocks(), "block {} of {}", index, blocks());
  return std::min(codec_->block_values(), count_ - block_begin(index));
}

Result<void> EncodedSignal::decode_block(int64_t index, std::span<float> values) const {
  CW_CHECK(std::ssize(values) == block_size(index), "{} values for block {} of {}", values.size(),
           index, block_size(index));
  return codec_->decode(frames_[static_cast<size_t>(index)], values);
}

Result<void> EncodedSignal::decode(std::span<float> values) const {
  CW_CHECK(std::ssize(values) == count_, "{} values for a signal of {}", values.size(), count_);
  for (int64_t i = 0; i < blocks(); ++i) {
    const auto block =
        values.subspan(static_cast<size_t>(block_begin(i)), static_cast<size_t>(block_size(i)));
    CW_TRY(decode_block(i, block));
  }
  return {};
}

}  // namespace causeway
