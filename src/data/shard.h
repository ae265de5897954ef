// SPDX-License-Identifier: Apache-2.0
//
// Files of tokens. A shard is
//
//   64 bytes of header | tokens, each u16 or u32 | padding with zeros to 8 bytes | documents' ends
//
//   u64 magic "CWSHARD1" | u32 bytes of a token, 2 or 4 | u32 reserved, 0 | u64 tokens
//   | u64 documents | u64 vocabulary | u64 high, u64 low of the tokenizer's digest | u64 reserved,
//   0
//
// all little-endian; the ends are u64, the number of tokens up to the end of each document, rising,
// the last one equal to `tokens`. llm.c's .bin files (magic 20240520 with u16, 20240801 with u32)
// are read too; they have no documents' ends and no digest.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/bytes.h"
#include "core/hash.h"
#include "data/corpus.h"

namespace causeway {

inline constexpr int64_t kShardHeaderBytes = 64;

struct ShardHeader {
  int32_t token_bytes = 2;
  int64_t tokens = 0, documents = 0, vocabulary = 0;
  Digest tokenizer;
};

/// The 64 bytes of a header.
Bytes shard_header(const ShardHeader& header);

/// A shard in memory or mapped. Thread-safe.
class Shard {
 public:
  static Result<Shard> open(const std::string& path);
  /// Any bytes are safe: Fault::kCorrupt says what is wrong. `name` is for messages. Tokens are not
  /// compared with the vocabulary, see largest_token().
  static Result<Shard> parse(ByteSpan bytes, const std::string& name);

  int64_t tokens() const { return header_.tokens; }
  int64_t vocabulary() const { return header_.vocabulary; }  ///< 0 if not known
  const std::optional<Digest>& tokenizer() const { return tokenizer_; }
  int32_t token_bytes() const { return header_.token_bytes; }
  /// 0 for llm.c's files.
  int64_t documents() const { return header_.documents; }
  /// One past the last token of document i.
  int64_t document_end(int64_t i) const;
  /// Copies tokens [begin, begin + out.size()), which must lie within.
  void copy(int64_t begin, std::span<int32_t> out) const;
  /// Reads all tokens once.
  int64_t largest_token() const;
  const std::string& name() const { return name_; }

 private:
  std::shared_ptr<const MappedFile> file_;
  std::string name_;
  ShardHeader header_;
  std::optional<Digest> tokenizer_;
  ByteSpan tokens_, ends_;
};

/// The shards of one split, by the manifest of a prepared folder.
struct PreparedSplit {
  std::vector<std::string> files;  ///< paths
  int64_t tokens = 0, documents = 0, bytes = 0;
};

/// manifest.json of a folder that `causeway prepare` wrote.
struct Prepared {
  Digest tokenizer;
  int64_t vocabulary = 0;
  PreparedSplit train, valid;
};

/// Reads and checks a folder's manifest.json; the shards must exist with the sizes stated, their
/// hashes are not computed. Fault::kBadInput or kIo.
Result<Prepared> read_prepared(const std::string& folder);

}  // namespace causeway
