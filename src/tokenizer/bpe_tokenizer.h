// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "tokenizer/added_tokens.h"
#include "tokenizer/bpe.h"
#include "tokenizer/pre_tokenizer.h"
#include "tokenizer/tokenizer.h"

namespace causeway {

/// The bytes of all tokens, by number.
class TokenBytes {
 public:
  /// Tokens come by rising number; those left out have no bytes.
  void add(int32_t token, std::string_view bytes);
  std::string_view of(int32_t token) const;
  /// One more than the largest token.
  int64_t end() const { return static_cast<int64_t>(begins_.size()) - 1; }

 private:
  std::string bytes_;
  std::vector<uint64_t> begins_ = {0};
};

/// All that a tokenizer.json says, checked.
struct BpeParts {
  bool nfc = false;
  PreTokenizer pre_tokenizer;
  BpeModel model;
  std::vector<AddedToken> added;  ///< by number
  AddedTokenFinder raw, normalized;
  TokenBytes bytes;
  std::vector<int32_t> before, after;
  Digest digest;
  std::string json;
};

std::shared_ptr<const Tokenizer> bpe_tokenizer(BpeParts parts);

}  // namespace causeway
