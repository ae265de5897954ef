// SPDX-License-Identifier: Apache-2.0
//
// Models by their size: "1.3b" as a shape of the Llama family.
#pragma once

#include <cstdint>
#include <string>

#include "shape/llama_options.h"

namespace causeway {

struct ModelSize {
  std::string name;          ///< "1.3b", as it was asked for
  bool usual = false;        ///< a shape that published models have; else made to measure
  LlamaOptions options;      ///< resolved: 32,000 tokens, a context of 2,048, head not tied
  int64_t parameters = 0;    ///< exactly
  double learning_rate = 0;  ///< AdamW's peak, as GPT-3 had it at this size: something to tune from
};

/// "125m", "1.3b", "7B": a number of parameters in millions or billions, 20m to 200b. Sizes that
/// published models have get their shape: 60m, 125m, 350m, 760m, 1.3b, 3b, 7b, 13b, 33b and 65b.
/// Others get as many layers as lie between those, and the width that comes nearest to the number.
/// Fault::kBadInput.
Result<ModelSize> model_size(const std::string& text);

}  // namespace causeway
