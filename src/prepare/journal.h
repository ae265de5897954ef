// SPDX-License-Identifier: Apache-2.0
//
// What a preparation writes down about itself: with what it was begun, how far it is, and at last
// the manifest. All are JSON.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>

#include "data/documents.h"
#include "prepare/output_folder.h"
#include "prepare/prepare.h"
#include "prepare/shard_writer.h"

namespace causeway {

struct Counters {
  int64_t documents = 0, text_bytes = 0, tokens = 0;
  int64_t skipped = 0, duplicates = 0, replaced = 0, cut = 0;
};

/// How far a preparation is.
struct Journal {
  DocumentPosition position;
  Counters counters;
  ShardProgress train, valid;
};

/// What decides about the bytes that are written: tokenizer, options, inputs with their sizes.
nlohmann::json identity_of(const Tokenizer& tokenizer, std::optional<int32_t> end,
                           const DocumentOptions& documents, const PrepareOptions& options,
                           const DocumentReader& reader);

/// Fault::kBadInput says in what the folder's preparation is another one.
Result<void> expect_same_identity(const OutputFolder& folder, const nlohmann::json& identity);

Result<void> write_journal(const OutputFolder& folder, const Journal& journal);
/// Fault::kCorrupt if it is damaged.
Result<Journal> read_journal(const OutputFolder& folder);

/// Makes the preparation complete.
Result<void> write_manifest(const OutputFolder& folder, const nlohmann::json& identity,
                            const Journal& journal);

}  // namespace causeway
