// SPDX-License-Identifier: Apache-2.0
//
// Which texts there have been, by their digests: a hash table in a file that is mapped into memory,
// so that the system may write it out when memory is short.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "core/error.h"
#include "core/hash.h"

namespace causeway {

/// One thread at a time. Adding costs constant time on average; the file doubles when it is 60 %
/// full. XXH3 finds accidents: who chooses the texts can make two share a digest.
class Seen {
 public:
  /// Opens or makes `folder`/`name`. Entries numbered `numbers_below` or more are dropped: they are
  /// of an interrupted run that goes on from there. Fault::kIo; kCorrupt if it is no such file.
  static Result<std::unique_ptr<Seen>> open(const std::string& folder, const std::string& name,
                                            uint64_t numbers_below);
  ~Seen();
  Seen(const Seen&) = delete;
  Seen& operator=(const Seen&) = delete;

  /// Adds a digest under a number; false if it is there already. Fault::kIo if the disk is full.
  Result<bool> add(const Digest& digest, uint64_t number);
  /// Waits until all is on the disk.
  Result<void> sync();
  uint64_t size() const { return size_; }

 private:
  struct Table;
  Seen(std::string folder, std::string name);
  Result<void> rebuild(uint64_t capacity, uint64_t numbers_below);

  const std::string folder_, name_;
  std::unique_ptr<Table> table_;
  uint64_t size_ = 0;
};

}  // namespace causeway
