// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string_view>
#include <utility>

#include "core/bytes.h"
#include "core/shared_bytes.h"

namespace causeway {

/// Bytes that never change, in memory or wherever `read` finds them: a file that is larger than
/// what one wants to hold. A value; copies are cheap and share what they read from.
class ByteSource {
 public:
  /// Fills all of `out` with the bytes from `offset` on, which are there.
  using Read = std::function<Result<void>(int64_t offset, std::span<std::byte> out)>;

  ByteSource() = default;
  ByteSource(SharedBytes bytes) : size_(bytes.size()), bytes_(std::move(bytes)) {}
  ByteSource(Bytes bytes) : ByteSource(SharedBytes(std::move(bytes))) {}
  ByteSource(int64_t size, Read read)
      : size_(size), read_(std::make_shared<const Read>(std::move(read))) {}

  int64_t size() const { return size_; }
  /// Of bytes that outlive it and all copies of it.
  static ByteSource borrow(ByteSpan bytes);

  /// Of the heap.
  int64_t memory_bytes() const { return bytes_.size(); }
  bool in_memory() const { return read_ == nullptr; }
  /// Those in memory, without a copy.
  const SharedBytes& bytes() const {
    CW_CHECK(in_memory());
    return bytes_;
  }
  /// A part, which must be there.
  ByteSource slice(int64_t offset, int64_t count) const;
  Result<void> read(int64_t offset, std::span<std::byte> out) const;
  /// All of it, copied.
  Result<Bytes> all() const;
  /// Whether the bytes are the same; both can be read.
  bool operator==(const ByteSource& other) const {
    return size_ == other.size_ && all().value() == other.all().value();
  }

 private:
  int64_t size_ = 0, begin_ = 0;
  SharedBytes bytes_;
  std::shared_ptr<const Read> read_;
};

/// Reads a source from front to back; at most a megabyte of it is held at a time.
class ByteSourceReader {
 public:
  explicit ByteSourceReader(ByteSource source) : source_(std::move(source)) {}

  int64_t left() const { return source_.size() - at_; }
  /// The next bytes, valid until the next call. Fault::kCorrupt if there are not so many;
  /// Fault::kIo from where they lie.
  Result<ByteSpan> take(int64_t count);
  /// A number, as ByteReader::get.
  template <class T>
  Result<T> get() {
    CW_ASSIGN(const ByteSpan part, take(sizeof(T)));
    return ByteReader(part).get<T>();
  }
  /// At most `size_max` bytes of text; as long valid.
  Result<std::string_view> get_text(size_t size_max);
  /// All of `out` from the next bytes.
  Result<void> fill(std::span<std::byte> out);
  /// The next bytes, not read yet.
  Result<ByteSource> slice(int64_t count);

 private:
  Result<void> expect(int64_t count) const;

  static constexpr int64_t kPieceBytes = int64_t{1} << 20;
  const ByteSource source_;
  int64_t at_ = 0;
  Bytes piece_;  // of a source that is not in memory, from piece_at_ on
  int64_t piece_at_ = 0;
};

}  // namespace causeway
