// SPDX-License-Identifier: Apache-2.0
//
// Documents on their way: read by one thread, made into tokens by all, written in order.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "core/bytes.h"
#include "core/hash.h"
#include "data/documents.h"
#include "tokenizer/tokenizer.h"

namespace causeway {

/// What the writer needs to know of a document.
struct EncodedDocument {
  size_t token_bytes = 0;  ///< of its tokens in Batch::tokens; 0: there is no text
  int64_t text_bytes = 0;
  Digest digest;  ///< of its text
  bool skipped = false, replaced = false, continues = false;
};

/// The work of one task.
struct Batch {
  std::vector<RawDocument> raw;
  std::vector<EncodedDocument> documents;
  Bytes tokens;                       ///< of all documents, joined
  std::vector<std::string> troubles;  ///< the first few
  std::optional<Error> error;         ///< of the document after those
};

/// The batches between two meetings of all threads.
struct Wave {
  std::vector<Batch> batches;
  DocumentPosition end;  ///< of the reader after it
  int64_t bytes_read = 0;
  bool is_last = false;
  std::optional<Error> error;  ///< of the reader, after those batches
};

/// Reads the next wave for so many threads: 2 MiB for each, or a document for each if those are
/// larger.
Wave read_wave(DocumentReader& reader, int32_t threads);

/// Makes batches into tokens. Thread-safe.
class BatchEncoder {
 public:
  /// `end` is put after each document. All arguments outlive it.
  BatchEncoder(const Tokenizer& tokenizer, std::optional<int32_t> end, int32_t token_bytes,
               const std::vector<std::string>& files, const DocumentOptions& options);

  /// Fills in all but `raw`, which is emptied. The same whoever encodes it.
  void encode(Batch& batch);

 private:
  /// What one thread needs, and keeps for the next batch.
  struct Scratch {
    std::unique_ptr<Encoder> encoder;
    std::vector<int32_t> tokens;
  };
  std::unique_ptr<Scratch> take();
  void give(std::unique_ptr<Scratch> scratch);
  void encode_text(const std::string& text, Scratch& scratch, EncodedDocument& document,
                   Bytes& out) const;

  const Tokenizer& tokenizer_;
  const std::optional<int32_t> end_;
  const int32_t token_bytes_;
  const std::vector<std::string>& files_;
  const DocumentOptions& options_;
  std::mutex mutex_;
  std::vector<std::unique_ptr<Scratch>> idle_;
};

/// Whether a text is for validation, by its digest alone: `percent` of all texts are.
bool is_for_validation(const Digest& text, double percent);

}  // namespace causeway
