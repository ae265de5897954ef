// SPDX-License-Identifier: Apache-2.0
//
// Small files of a model's folder, for folders that came without them.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "train/saved_model.h"

namespace causeway {

/// The tokens that end a text: the configuration's, else the tokenizer's mark between documents.
std::vector<int64_t> end_tokens(const SavedModel& saved);

/// generation_config.json: greedy unless told otherwise, up to one of `end_tokens`.
std::string generation_config_json(const std::vector<int64_t>& end_tokens);

/// tokenizer_config.json, so that transformers reads tokenizer.json as it is. There is a tokenizer.
std::string tokenizer_config_json(const SavedModel& saved);

}  // namespace causeway
