// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "core/error.h"

namespace causeway {

/// A read-only memory-mapped file, which nobody may shorten meanwhile. Thread-safe.
class MappedFile {
 public:
  /// Fault::kIo if it cannot be opened or is no regular file. An empty file gives an empty span.
  static Result<std::shared_ptr<const MappedFile>> open(const std::string& path);
  ~MappedFile();
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;

  std::span<const std::byte> bytes() const { return bytes_; }
  const std::string& path() const { return path_; }

 private:
  MappedFile() = default;
  std::span<const std::byte> bytes_;
  std::string path_;
};

/// A part of each file, by bytes: [begin, end) of its length, cut at the start of a UTF-8
/// character.
struct Slice {
  double begin = 0.0, end = 1.0;
};

/// Text files as one sequence of bytes, in the order given; folders stand for all regular files
/// below them, sorted by path. Memory-mapped: nothing is held on the heap. Thread-safe.
class Corpus {
 public:
  /// Fault::kIo names the path that is missing or unreadable; Fault::kBadInput if there is no byte.
  static Result<std::shared_ptr<const Corpus>> open(const std::vector<std::string>& paths,
                                                    Slice slice = {});

  int64_t size_bytes() const { return size_bytes_; }
  int64_t files() const { return static_cast<int64_t>(pieces_.size()); }
  /// The bytes of one file that belong to the corpus.
  std::span<const std::byte> file(int64_t index) const {
    return pieces_[static_cast<size_t>(index)].bytes;
  }
  /// Copies [begin, begin + out.size()); within the corpus, else a check fails.
  void copy(int64_t begin, std::span<uint8_t> out) const;

 private:
  struct Piece {
    std::shared_ptr<const MappedFile> file;
    std::span<const std::byte> bytes;
    int64_t begin = 0;  ///< in the corpus
  };
  std::vector<Piece> pieces_;
  int64_t size_bytes_ = 0;
};

}  // namespace causeway
