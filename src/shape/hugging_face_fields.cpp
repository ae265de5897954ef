// SPDX-License-Identifier: Apache-2.0
#include "shape/hugging_face_fields.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

namespace causeway {
namespace {

using nlohmann::json;

constexpr size_t kShownMax = 60;

/// Fields that say where a model comes from, what its tokens mean, how it was trained, or how text
/// is generated if nobody says otherwise. transformers has every one of them.
constexpr std::string_view kHarmless[] = {
    "_name_or_path",
    "architectures",
    "attention_dropout",
    "attn_implementation",
    "bad_words_ids",
    "begin_suppress_tokens",
    "bos_token_id",
    "chunk_size_feed_forward",
    "decoder_start_token_id",
    "diversity_penalty",
    "do_sample",
    "dtype",
    "early_stopping",
    "encoder_no_repeat_ngram_size",
    "eos_token_id",
    "exponential_decay_length_penalty",
    "finetuning_task",
    "forced_bos_token_id",
    "forced_eos_token_id",
    "hidden_dropout",
    "id2label",
    "initializer_range",
    "label2id",
    "length_penalty",
    "max_length",
    "max_sequence_length",
    "max_window_layers",
    "min_length",
    "model_type",
    "name_or_path",
    "no_repeat_ngram_size",
    "num_beam_groups",
    "num_beams",
    "num_labels",
    "num_return_sequences",
    "output_attentions",
    "output_hidden_states",
    "output_scores",
    "pad_token_id",
    "prefix",
    "pretraining_tp",
    "problem_type",
    "remove_invalid_values",
    "repetition_penalty",
    "resid_pdrop",
    "return_dict",
    "return_dict_in_generate",
    "sep_token_id",
    "suppress_tokens",
    "task_specific_params",
    "temperature",
    "tokenizer_class",
    "top_k",
    "top_p",
    "torch_dtype",
    "torchscript",
    "transformers_version",
    "typical_p",
    "unsloth_fixed",
    "use_bfloat16",
    "use_cache",
};

/// Fields of other families that are known to change the mathematics, with what they mean.
constexpr std::pair<std::string_view, std::string_view> kKnown[] = {
    {"add_cross_attention", "attention to another text"},
    {"attention_multiplier", "another scale of the scores"},
    {"attn_logit_softcapping", "scores that are bounded"},
    {"auto_map", "code of its own"},
    {"embedding_multiplier", "scaled embeddings"},
    {"final_logit_softcapping", "logits that are bounded"},
    {"is_encoder_decoder", "an encoder"},
    {"logit_scale", "scaled logits"},
    {"logits_scaling", "scaled logits"},
    {"moe_intermediate_size", "experts"},
    {"n_routed_experts", "experts"},
    {"no_rope_layers", "layers without positions"},
    {"num_experts", "experts"},
    {"num_experts_per_tok", "experts"},
    {"num_local_experts", "experts"},
    {"num_nextn_predict_layers", "several tokens at once"},
    {"quantization_config", "quantised weights"},
    {"query_pre_attn_scalar", "another scale of the scores"},
    {"residual_multiplier", "a scaled residual stream"},
    {"text_config", "a model within a model"},
    {"use_qk_norm", "a norm of queries and keys beside the class's own"},
    {"vision_config", "images"},
};

bool may_matter(const json& value) {
  if (value.is_boolean()) return value.get<bool>();
  return value.is_number() || (value.is_structured() && !value.empty());
}

}  // namespace

std::string shown(const json& value) {
  std::string text = value.dump(-1, ' ', true, json::error_handler_t::replace);
  if (text.size() <= kShownMax) return text;
  return text.substr(0, kShownMax) + "...";
}

void refuse_unknown(const json& table, std::span<const std::string_view> read,
                    std::string_view prefix, std::vector<std::string>& problems) {
  for (const auto& [name, value] : table.items()) {
    if (!may_matter(value) || std::ranges::find(read, name) != read.end() ||
        std::ranges::binary_search(kHarmless, std::string_view(name)))
      continue;
    if (problems.size() > kProblemsMax) return;
    const std::string field = fmt::format("`{}{}` is {}", prefix, shown(name), shown(value));
    const auto* known = std::ranges::find(kKnown, std::string_view(name),
                                          &std::pair<std::string_view, std::string_view>::first);
    if (known != std::end(kKnown))
      problems.push_back(fmt::format("{}: {}, which this program has not", field, known->second));
    else
      problems.push_back(field +
                         ": not known to this program, and it may change the mathematics; remove "
                         "it if it does not");
  }
}

}  // namespace causeway
