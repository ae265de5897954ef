// SPDX-License-Identifier: Apache-2.0
#include "core/byte_source.h"

namespace causeway {

ByteSource ByteSource::slice(int64_t offset, int64_t count) const {
  CW_CHECK(offset >= 0 && count >= 0 && offset + count <= size_, "bytes {} to {} of {}", offset,
           offset + count, size_);
  ByteSource out = *this;
  out.size_ = count;
  if (in_memory())
    out.bytes_ = bytes_.slice(offset, count);
  else
    out.begin_ = begin_ + offset;
  return out;
}

Result<void> ByteSource::read(int64_t offset, std::span<std::byte> out) const {
  CW_CHECK(offset >= 0 && offset + std::ssize(out) <= size_, "bytes {} to {} of {}", offset,
           offset + std::ssize(out), size_);
  if (!in_memory()) return (*read_)(begin_ + offset, out);
  const ByteSpan from = bytes_.view().subspan(static_cast<size_t>(offset), out.size());
  std::ranges::copy(from, out.begin());
  return {};
}

Result<Bytes> ByteSource::all() const {
  Bytes out(static_cast<size_t>(size_));
  CW_TRY(read(0, out));
  return out;
}

ByteSource ByteSource::borrow(ByteSpan bytes) {
  return {std::ssize(bytes), [bytes](int64_t offset, std::span<std::byte> out) {
            std::ranges::copy(bytes.subspan(static_cast<size_t>(offset), out.size()), out.begin());
            return Result<void>();
          }};
}

Result<void> ByteSourceReader::expect(int64_t count) const {
  if (count >= 0 && count <= left()) return {};
  return failure(Fault::kCorrupt, "{} bytes are wanted where {} are left", count, left());
}

Result<std::string_view> ByteSourceReader::get_text(size_t size_max) {
  CW_ASSIGN(const uint32_t size, get<uint32_t>());
  if (size > size_max)
    return failure(Fault::kCorrupt, "a text of {} bytes; wanted: at most {}", size, size_max);
  CW_ASSIGN(const ByteSpan bytes, take(size));
  return std::string_view(reinterpret_cast<const char*>(bytes.data()), bytes.size());
}

Result<void> ByteSourceReader::fill(std::span<std::byte> out) {
  CW_TRY(expect(std::ssize(out)));
  at_ += std::ssize(out);
  return source_.read(at_ - std::ssize(out), out);
}

Result<ByteSource> ByteSourceReader::slice(int64_t count) {
  CW_TRY(expect(count));
  at_ += count;
  return source_.slice(at_ - count, count);
}

Result<ByteSpan> ByteSourceReader::take(int64_t count) {
  CW_TRY(expect(count));
  const int64_t from = at_;
  at_ += count;
  if (source_.in_memory())
    return source_.bytes().view().subspan(static_cast<size_t>(from), static_cast<size_t>(count));
  if (from < piece_at_ || from + count > piece_at_ + std::ssize(piece_)) {
    piece_at_ = from;
    piece_.resize(
        static_cast<size_t>(std::min(std::max(count, kPieceBytes), source_.size() - from)));
    CW_TRY(source_.read(from, piece_));
  }
  return ByteSpan(piece_).subspan(static_cast<size_t>(from - piece_at_),
                                  static_cast<size_t>(count));
}

}  // namespace causeway
