// SPDX-License-Identifier: Apache-2.0
//
// What a tokenizer learnt by the sites together is worth: the same recipe with bytes as tokens,
// with a tokenizer learnt from the counts that sites share, and with one learnt from all text
// pooled.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "lab/trial.h"
#include "tokenizer/learn.h"

namespace causeway {

struct TokenizersOptions {
  Words words = Words::kLlama3;
  SharingOptions sharing;
  LearnOptions learn;
};

struct TokenizerRow {
  std::string tokenizer;  ///< bytes, federated or pooled
  int64_t vocabulary = 0, parameters = 0;
  double bytes_per_token = 0;                         ///< on the validation texts
  double bits_per_byte = 0;                           ///< over all sites' validation bytes
  std::vector<std::pair<std::string, double>> sites;  ///< bits per byte of each
  double seconds = 0;
};

/// Runs the recipe three times, in folder/{bytes,federated,pooled}; tokenizers and the counts that
/// each site would send lie beside. Same steps and tokens a step for each, so that a tokenizer
/// whose tokens are longer sees more text. Sites have text, or shards of bytes. What is finished in
/// `folder` is not repeated.
Result<std::vector<TokenizerRow>> compare_tokenizers(const TrialRecipe& recipe,
                                                     const std::string& folder,
                                                     const TokenizersOptions& options,
                                                     const TrialContext& context);

}  // namespace causeway
