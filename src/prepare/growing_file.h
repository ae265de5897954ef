// SPDX-License-Identifier: Apache-2.0
//
// Files that survive a process that is killed, and a machine that loses power.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "core/bytes.h"
#include "core/hash.h"

namespace causeway {

/// Files whose names begin like this are not finished.
inline constexpr std::string_view kAside = ".writing-";

/// Writes `folder`/`name` as one step: beside it first, synced, then renamed.
Result<void> write_durably(const std::string& folder, const std::string& name,
                           std::string_view text);
Result<void> rename_file(const std::string& from, const std::string& to);

/// A file that grows at its end. One thread at a time. Every failure is Fault::kIo, with the path.
class GrowingFile {
 public:
  /// Makes the file if `length` is 0, and cuts it to `length`. Fault::kCorrupt if it is shorter.
  static Result<std::unique_ptr<GrowingFile>> open(const std::string& path, int64_t length);
  ~GrowingFile();
  GrowingFile(const GrowingFile&) = delete;
  GrowingFile& operator=(const GrowingFile&) = delete;

  /// Appends; small pieces are held back until flush().
  Result<void> append(ByteSpan bytes);
  Result<void> flush();
  /// Flushes, and waits until all is on the disk.
  Result<void> sync();

  /// Of what was flushed: replaces bytes, reads them in pieces, their digest.
  Result<void> write_at(int64_t begin, ByteSpan bytes);
  Result<void> append_all_of(const GrowingFile& other);
  Result<Digest> digest() const;

  int64_t length() const { return length_ + static_cast<int64_t>(held_.size()); }
  const std::string& path() const { return path_; }

 private:
  GrowingFile(int number, std::string path) : number_(number), path_(std::move(path)) {}
  Error failed(std::string_view what) const;
  Result<void> write(int64_t begin, ByteSpan bytes) const;
  Result<size_t> read_at(int64_t begin, std::span<std::byte> out) const;

  const int number_;
  const std::string path_;
  Bytes held_;
  int64_t length_ = 0;
};

}  // namespace causeway
