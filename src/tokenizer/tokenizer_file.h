// SPDX-License-Identifier: Apache-2.0
//
// Reads the JSON of a tokenizer file from a stranger: bounded depth, and memory of a small multiple
// of the text. Vocabulary and merges, which are most of it, never become JSON values.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "core/error.h"
#include "tokenizer/token_texts.h"

namespace causeway {

/// Pairs of texts, one after another in one buffer.
class MergeTexts {
 public:
  void add(std::string_view left, std::string_view right);
  size_t size() const { return entries_.size(); }
  std::string_view left(size_t index) const;
  std::string_view right(size_t index) const;
  /// Both joined.
  std::string_view whole(size_t index) const;

 private:
  struct Entry {
    size_t begin;
    uint32_t left_bytes, right_bytes;
  };
  std::string buffer_;
  std::vector<Entry> entries_;
};

struct TokenizerFile {
  nlohmann::json head;    ///< all that is known at the top, but for model.vocab and model.merges
  TokenTexts vocabulary;  ///< as written, in characters that stand for bytes
  MergeTexts merges;
  bool has_vocabulary = false;
  bool has_merges = false;
};

/// Fault::kBadInput says what is wrong and where; `name` begins the message.
Result<TokenizerFile> read_tokenizer_file(std::string_view text, const std::string& name);

}  // namespace causeway
