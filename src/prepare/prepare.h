// SPDX-License-Identifier: Apache-2.0
//
// Turns documents into token shards: docs/formats.md says what a prepared folder holds.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "core/options.h"
#include "core/threads.h"
#include "data/documents.h"
#include "tokenizer/tokenizer.h"

namespace causeway {

struct PrepareOptions {
  int64_t shard_bytes = 256 << 20;
  double valid_percent = 0;
  bool deduplicate = false;
  std::string end_token = "auto";
  int64_t record_bytes = 64 << 20;

  template <class Visit>
  void each(Visit&& visit) {
    visit("shard_bytes", shard_bytes, Range<int64_t>{4096, int64_t{1} << 40}, "bytes",
          "No shard is larger. A document that does not fit into one is cut.");
    visit("valid_percent", valid_percent, Range<double>{0, 50}, "%",
          "Share of documents for validation, chosen by their hash.");
    visit("deduplicate", deduplicate, Any{}, "",
          "Keep only the first of equal documents, known by a hash of 128 bits.");
    visit("end_token", end_token, Required{}, "",
          "Added token after each document; auto: the tokenizer's end of text, if it has one; "
          "none: nothing.");
    visit("record_bytes", record_bytes, Range<int64_t>{4096, int64_t{1} << 40}, "bytes",
          "Text between two records of the state, from which a killed preparation goes on. Changes "
          "nothing that is written.");
  }
};

/// How far a preparation is.
struct PrepareProgress {
  int64_t bytes_total = 0, bytes_read = 0;  ///< on disk; a total of 0 is not known
  int64_t text_bytes = 0, tokens = 0, documents = 0;
  int64_t skipped = 0;
};

struct PrepareSummary {
  PrepareProgress progress;
  int64_t train_tokens = 0, valid_tokens = 0;
  int64_t duplicates = 0, replaced = 0, cut = 0;
  int64_t shards = 0;
  bool finished = false;  ///< false: stopped early; call again with the same arguments to go on
};

/// What a caller passes in, called in the thread that called prepare(). `on_trouble` gets the first
/// kTroublesTold of what a policy passed over or replaced, a line each.
inline constexpr int64_t kTroublesTold = 5;
struct PrepareEvents {
  std::function<void(const PrepareProgress&)> on_progress;
  std::function<void(const std::string&)> on_trouble;
};

/// Writes the folder. The same inputs and options give the same bytes whatever the threads, and
/// whether or not the work was interrupted: a folder that an earlier call left unfinished with the
/// same inputs and options is gone on with; with others it is Fault::kBadInput, as is a folder that
/// has something else in it, is finished, or is being written by another process. What was read
/// from standard input cannot be gone on with.
///
/// Memory: for each thread at most 4 MiB of documents, or two documents of `document_bytes_max`,
/// and about six times as much for their tokens while they are encoded; nothing on the heap grows
/// with the corpus but the list of inputs and shards. Hashes for `deduplicate` lie in a file mapped
/// into memory, 24 bytes each in a table at most 60 % full.
///
/// If it fails before its first record, what it wrote is removed again.
Result<PrepareSummary> prepare(const std::vector<std::string>& paths, const std::string& folder,
                               std::shared_ptr<const Tokenizer> tokenizer,
                               const DocumentOptions& documents, const PrepareOptions& options,
                               Threads& threads, const PrepareEvents& events,
                               const std::atomic<bool>& stop);

/// Removes what prepare() wrote to a folder, finished or not, and nothing else. Fault::kBadInput if
/// a process is writing there. A folder that does not exist is fine.
Result<void> discard_prepared(const std::string& folder);

}  // namespace causeway
