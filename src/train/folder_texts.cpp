// SPDX-License-Identifier: Apache-2.0
#include "train/folder_texts.h"

#include <nlohmann/json.hpp>

#include "core/check.h"

namespace causeway {
namespace {

using nlohmann::ordered_json;

std::string text_of(const ordered_json& value) {
  return value.dump(2, ' ', false, ordered_json::error_handler_t::replace) + "\n";
}

}  // namespace

std::vector<int64_t> end_tokens(const SavedModel& saved) {
  if (!saved.config.end_tokens.empty() || saved.tokenizer == nullptr)
    return saved.config.end_tokens;
  const auto mark = saved.tokenizer->end_of_text();
  return mark ? std::vector<int64_t>{*mark} : std::vector<int64_t>{};
}

std::string generation_config_json(const std::vector<int64_t>& end_tokens) {
  ordered_json config = {{"do_sample", false}};
  if (end_tokens.size() == 1)
    config["eos_token_id"] = end_tokens.front();
  else if (!end_tokens.empty())
    config["eos_token_id"] = end_tokens;
  return text_of(config);
}

std::string tokenizer_config_json(const SavedModel& saved) {
  CW_CHECK(saved.tokenizer != nullptr);
  const Tokenizer& tokenizer = *saved.tokenizer;
  ordered_json config = {{"tokenizer_class", "PreTrainedTokenizerFast"},
                         {"model_max_length", saved.model->context()},
                         {"clean_up_tokenization_spaces", false}};
  const auto name = [&](const char* field, int64_t token) {
    if (token < tokenizer.vocabulary() && tokenizer.is_special(static_cast<int32_t>(token)))
      config[field] = std::string(tokenizer.bytes_of(static_cast<int32_t>(token)));
  };
  if (tokenizer.before().size() == 1) name("bos_token", tokenizer.before().front());
  if (const auto ends = end_tokens(saved); !ends.empty()) name("eos_token", ends.front());
  return text_of(config);
}

}  // namespace causeway
