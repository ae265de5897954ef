// SPDX-License-Identifier: Apache-2.0
#include "codec/signal.h"

#include <algorithm>

#include "core/hash.h"
#include "core/memory.h"
#include "core/spare_bytes.h"

namespace causeway {
namespace {

struct Frame {
  uint32_t length;
  uint32_t crc;
};
static_assert(sizeof(Frame) == 8);

void append_frame(const Codec& codec, std::span<const float> block, const Coding& coding,
                  Bytes& bytes) {
  const size_t start = bytes.size();
  bytes.resize(start + sizeof(Frame));
  codec.encode(block, coding, bytes);
  const ByteSpan body = ByteSpan(bytes).subspan(start + sizeof(Frame));
  CW_CHECK(std::ssize(body) <= codec.block_bytes_max(std::ssize(block)),
           "{} bytes for {} values; the codec promised at most {}", body.size(), block.size(),
           codec.block_bytes_max(std::ssize(block)));
  const Frame frame{static_cast<uint32_t>(body.size()), crc32c(body)};
  std::memcpy(bytes.data() + start, &frame, sizeof(frame));
}

/// The frames of a signal, one after the other, as they come from a stranger.
class Frames {
 public:
  static Result<Frames> of(const Codec& codec, ByteSpan bytes, int64_t count) {
    const int64_t blocks = block_count(codec, count);
    // Before memory is set aside: so many frames cannot hide in fewer bytes.
    if (bytes.size() / sizeof(Frame) < static_cast<size_t>(blocks))
      return failure(Fault::kCorrupt, "a signal of {} values came as {} bytes; wanted: {} frames",
                     count, bytes.size(), blocks);
    return Frames(bytes, blocks);
  }
  int64_t count() const { return count_; }

  /// The bytes of the next frame, their checksum compared.
  Result<ByteSpan> next() {
    Frame frame{};
    if (bytes_.size() < sizeof(frame))
      return failure(Fault::kCorrupt, "block {} of {} has {} bytes; wanted: a frame", index_,
                     count_, bytes_.size());
    std::memcpy(&frame, bytes_.data(), sizeof(frame));
    bytes_ = bytes_.subspan(sizeof(frame));
    if (frame.length > bytes_.size())
      return failure(Fault::kCorrupt, "block {} of {} claims {} bytes; {} are left", index_, count_,
                     frame.length, bytes_.size());
    const ByteSpan body = bytes_.first(frame.length);
    if (const uint32_t got = crc32c(body); got != frame.crc)
      return failure(Fault::kCorrupt, "block {} of {} has checksum {:08x}; wanted: {:08x}", index_,
                     count_, got, frame.crc);
    bytes_ = bytes_.subspan(frame.length);
    ++index_;
    return body;
  }
  /// After the last frame: nothing may follow.
  Result<void> end() const {
    if (bytes_.empty()) return {};
    return failure(Fault::kCorrupt, "{} bytes follow the last of {} blocks; wanted: none",
                   bytes_.size(), count_);
  }

 private:
  Frames(ByteSpan bytes, int64_t count) : bytes_(bytes), count_(count) {}

  ByteSpan bytes_;
  int64_t count_, index_ = 0;
};

/// Values of a block that are coded at once.
size_t part_values(const Codec& codec) {
  constexpr size_t kPart = 1024;
  return codec.joins() ? kPart : static_cast<size_t>(codec.block_values());
}

/// Encodes a block, part by part, in the cache and copies it past that. Returns its bytes.
size_t encode_block_past_cache(const Codec& codec, std::span<const float> block, Coding coding,
                               Bytes& cached, PastCache& past, std::byte* to) {
  Frame frame{};
  const auto size = part_values(codec);
  for (size_t start = 0; start < block.size(); start += size) {
    cached.clear();
    const auto part = block.subspan(start, std::min(size, block.size() - start));
    codec.encode(part, coding, cached);
    coding.begin += std::ssize(part);
    frame.crc = crc32c(cached, frame.crc);
    past.copy(cached, to + sizeof(frame) + frame.length);
    frame.length += static_cast<uint32_t>(cached.size());
  }
  std::memcpy(to, &frame, sizeof(frame));
  return sizeof(frame) + frame.length;
}

void encode_past_cache(const Codec& codec, std::span<const float> signal, Coding coding,
                       Bytes& bytes) {
  bytes.resize(static_cast<size_t>(signal_bytes_max(codec, std::ssize(signal))));
  PastCache past;
  Bytes cached;
  size_t written = 0;
  while (!signal.empty()) {
    const auto block =
        signal.first(std::min(signal.size(), static_cast<size_t>(codec.block_values())));
    signal = signal.subspan(block.size());
    written += encode_block_past_cache(codec, block, coding, cached, past, bytes.data() + written);
    coding.begin += std::ssize(block);
  }
  bytes.resize(written);
}

Result<void> decode_past_cache(const Codec& codec, Frames& frames, std::span<float> signal) {
  const auto size = part_values(codec);
  std::vector<float> cached(size);
  PastCache past;
  while (!signal.empty()) {
    auto block = signal.first(std::min(signal.size(), static_cast<size_t>(codec.block_values())));
    signal = signal.subspan(block.size());
    CW_ASSIGN(ByteSpan body, frames.next());
    while (!block.empty()) {
      const auto part = std::span(cached).first(std::min(block.size(), size));
      const bool last = part.size() == block.size();
      const auto bytes = static_cast<size_t>(codec.block_bytes_max(std::ssize(part)));
      const ByteSpan head = last ? body : body.first(std::min(body.size(), bytes));
      CW_TRY(codec.decode(head, part));
      past.copy(std::as_bytes(part), std::as_writable_bytes(block).data());
      body = body.subspan(head.size());
      block = block.subspan(part.size());
    }
  }
  return frames.end();
}

/// The encoding of a whole signal, frames included, if a block takes what `block_bytes` says.
template <class BlockBytes>
int64_t bytes_of_blocks(const Codec& codec, int64_t count, const BlockBytes& block_bytes) {
  const int64_t whole = codec.block_values(), rest = count % whole;
  const int64_t frames = block_count(codec, count) * static_cast<int64_t>(sizeof(Frame));
  return frames + count / whole * block_bytes(whole) + (rest > 0 ? block_bytes(rest) : 0);
}

}  // namespace

int64_t block_count(const Codec& codec, int64_t count) {
  CW_CHECK(count >= 0, "{} values", count);
  return count / codec.block_values() + (count % codec.block_values() != 0);
}

int64_t signal_bytes_max(const Codec& codec, int64_t count) {
  return bytes_of_blocks(codec, count, [&](int64_t size) { return codec.block_bytes_max(size); });
}

int64_t signal_bytes_likely(const Codec& codec, int64_t count) {
  return bytes_of_blocks(codec, count,
                         [&](int64_t size) { return codec.block_bytes_likely(size); });
}

void encode_signal(const Codec& codec, std::span<const float> signal, Coding coding, Bytes& bytes) {
  const Bytes survey = codec.surveys() ? codec.survey(signal, coding) : Bytes();
  coding.survey = survey;
  const auto most = static_cast<size_t>(signal_bytes_max(codec, std::ssize(signal)));
  const auto likely = static_cast<size_t>(signal_bytes_likely(codec, std::ssize(signal)));
  if (bytes.capacity() < likely) {
    bytes = Bytes();  // or what it holds would be copied
    reserve_large(bytes, likely);
  }
  // Where most blocks take less than their bound, an array of all bounds would be filled in vain.
  if (most >= kPastCacheBytes && likely == most)
    return encode_past_cache(codec, signal, coding, bytes);
  bytes.clear();
  while (!signal.empty()) {
    const auto size = std::min(signal.size(), static_cast<size_t>(codec.block_values()));
    append_frame(codec, signal.first(size), coding, bytes);
    coding.begin += static_cast<int64_t>(size);
    signal = signal.subspan(size);
  }
}

Bytes encode_signal(const Codec& codec, std::span<const float> signal, const Coding& coding) {
  Bytes bytes =
      take_spare_bytes(static_cast<size_t>(signal_bytes_likely(codec, std::ssize(signal))));
  encode_signal(codec, signal, coding, bytes);
  return bytes;
}

Result<void> decode_signal(const Codec& codec, ByteSpan bytes, std::span<float> signal) {
  CW_ASSIGN(Frames frames, Frames::of(codec, bytes, std::ssize(signal)));
  if (signal.size_bytes() >= kPastCacheBytes) return decode_past_cache(codec, frames, signal);
  while (!signal.empty()) {
    const auto size = std::min(signal.size(), static_cast<size_t>(codec.block_values()));
    CW_ASSIGN(const ByteSpan body, frames.next());
    CW_TRY(codec.decode(body, signal.first(size)));
    signal = signal.subspan(size);
  }
  return frames.end();
}

Result<void> decode_blocks(const Codec& codec, const ByteSource& bytes, int64_t count,
                           const std::function<void(int64_t, std::span<const float>)>& take) {
  ByteSourceReader reader(bytes);
  std::vector<float> values(static_cast<size_t>(std::min(codec.block_values(), count)));
  for (int64_t begin = 0; begin < count; begin += codec.block_values()) {
    const auto block =
        std::span(values).first(static_cast<size_t>(std::min(codec.block_values(), count - begin)));
    Frame frame{};
    CW_ASSIGN(const ByteSpan head, reader.take(sizeof(frame)));
    std::memcpy(&frame, head.data(), sizeof(frame));
    // Before so many are held.
    if (frame.length > codec.block_bytes_max(std::ssize(block)))
      return failure(Fault::kCorrupt, "the block of value {} claims {} bytes; wanted: at most {}",
                     begin, frame.length, codec.block_bytes_max(std::ssize(block)));
    CW_ASSIGN(const ByteSpan body, reader.take(frame.length));
    if (const uint32_t got = crc32c(body); got != frame.crc)
      return failure(Fault::kCorrupt, "the block of value {} has checksum {:08x}; wanted: {:08x}",
                     begin, got, frame.crc);
    CW_TRY(codec.decode(body, block));
    take(begin, block);
  }
  if (reader.left() == 0) return {};
  return failure(Fault::kCorrupt, "{} bytes follow the last block; wanted: none", reader.left());
}

void SignalEncoder::push(std::span<const float> values, Bytes& bytes) {
  const auto whole = static_cast<size_t>(codec_.block_values());
  while (!values.empty()) {
    if (rest_.empty() && values.size() >= whole) {
      append_frame(codec_, values.first(whole), coding_, bytes);
      coding_.begin += static_cast<int64_t>(whole);
      values = values.subspan(whole);
      continue;
    }
    const auto part = values.first(std::min(values.size(), whole - rest_.size()));
    rest_.insert(rest_.end(), part.begin(), part.end());
    values = values.subspan(part.size());
    if (rest_.size() == whole) finish(bytes);
  }
}

void SignalEncoder::finish(Bytes& bytes) {
  if (!rest_.empty()) append_frame(codec_, rest_, coding_, bytes);
  coding_.begin += std::ssize(rest_);
  rest_.clear();
}

Result<EncodedSignal> EncodedSignal::open(const Codec& codec, ByteSpan bytes, int64_t count) {
  CW_ASSIGN(Frames frames, Frames::of(codec, bytes, count));
  EncodedSignal signal;
  signal.codec_ = &codec;
  signal.count_ = count;
  signal.frames_.reserve(static_cast<size_t>(frames.count()));
  for (int64_t i = 0; i < frames.count(); ++i) {
    CW_ASSIGN(const ByteSpan body, frames.next());
    signal.frames_.push_back(body);
  }
  CW_TRY(frames.end());
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
