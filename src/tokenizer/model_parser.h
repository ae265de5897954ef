// SPDX-License-Identifier: Apache-2.0
//
// The parts of a tokenizer.json that are checked against its vocabulary.
#pragma once

#include <string>
#include <vector>

#include "core/error.h"
#include "tokenizer/added_tokens.h"
#include "tokenizer/bpe.h"
#include "tokenizer/bpe_tokenizer.h"
#include "tokenizer/tokenizer_file.h"

namespace causeway {

/// The model. Fault::kBadInput for what is wrong, or for a model that is no byte-level BPE.
Result<BpeModel> parse_model(const TokenizerFile& file, const std::string& name);

/// The added tokens by number. The package gives a token that the vocabulary lacks the next free
/// number; a file that says otherwise is refused.
Result<std::vector<AddedToken>> parse_added_tokens(const TokenizerFile& file,
                                                   const std::string& name);

/// The bytes of all tokens. Fault::kBadInput if two tokens have one number or the numbers are
/// much larger than tokens are many.
Result<TokenBytes> token_bytes(const TokenizerFile& file, const std::vector<AddedToken>& added,
                               const std::string& name);

/// What the post-processor puts before and after a text.
struct Surroundings {
  std::vector<int32_t> before, after;
};
Result<Surroundings> parse_post_processor(const nlohmann::json& value, const TokenBytes& bytes,
                                          const std::string& name);

}  // namespace causeway
