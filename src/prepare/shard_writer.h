// SPDX-License-Identifier: Apache-2.0
//
// Writes the shards of one split: the current one as two files aside, its tokens and its documents'
// ends, which become one when it is full.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "data/shard.h"
#include "prepare/growing_file.h"

namespace causeway {

/// A finished shard.
struct ShardEntry {
  std::string name;
  int64_t tokens = 0, documents = 0, bytes = 0;
  Digest digest;  ///< of the whole file
};

/// What has been written: finished shards, and the contents of the current one.
struct ShardProgress {
  std::vector<ShardEntry> closed;
  int64_t tokens = 0, documents = 0;
};

/// What all shards of a preparation share.
struct ShardKind {
  int32_t token_bytes = 2;
  int64_t vocabulary = 0;
  Digest tokenizer;
  int64_t shard_bytes = 0;  ///< no file is larger; at least 4096
};

/// One thread at a time. After a failure it must not be used.
class ShardWriter {
 public:
  /// Goes on from `progress`, as progress() once was when recorded() was called; whatever was
  /// written after that is dropped. Fault::kCorrupt if something of it is gone.
  static Result<std::unique_ptr<ShardWriter>> open(const std::string& folder,
                                                   const std::string& split, const ShardKind& kind,
                                                   ShardProgress progress);

  /// Appends a document's tokens, at least one, each of `token_bytes`. A document that does not fit
  /// goes into the next shard; one that fits into none is cut. Returns the number of cuts.
  Result<int64_t> add(ByteSpan tokens);
  /// Waits until all is on the disk; then progress() may be recorded, and then recorded() called.
  Result<void> sync();
  Result<void> recorded();
  /// Finishes the current shard.
  Result<void> finish();
  const ShardProgress& progress() const { return progress_; }

 private:
  ShardWriter(std::string folder, std::string split, const ShardKind& kind, ShardProgress progress)
      : folder_(std::move(folder)),
        split_(std::move(split)),
        kind_(kind),
        progress_(std::move(progress)) {}
  std::string name(size_t index) const;
  std::string aside(size_t index, std::string_view part) const;
  Result<void> recover();
  Result<void> remove_later(size_t index) const;
  Result<void> open_files();
  int64_t room(int64_t documents) const;
  Result<void> append(ByteSpan tokens);
  Result<void> close();

  const std::string folder_, split_;
  const ShardKind kind_;
  ShardProgress progress_;
  std::unique_ptr<GrowingFile> tokens_, ends_;
  std::vector<std::string> leftovers_;  ///< removed when a record no longer needs them
};

}  // namespace causeway
