// SPDX-License-Identifier: Apache-2.0
#include <nlohmann/json.hpp>

#include "shape/llama_options.h"

namespace causeway {
namespace {

using nlohmann::ordered_json;

std::string_view class_name(Architecture architecture) {
  switch (architecture) {
    case Architecture::kLlama:
      return "LlamaForCausalLM";
    case Architecture::kMistral:
      return "MistralForCausalLM";
    case Architecture::kQwen2:
      return "Qwen2ForCausalLM";
    case Architecture::kQwen3:
      return "Qwen3ForCausalLM";
  }
  CW_CHECK(false, "architecture {}", static_cast<int>(architecture));
  return {};
}

ordered_json rope_scaling(const LlamaOptions& o) {
  return {{"rope_type", "llama3"},
          {"factor", o.rope_factor},
          {"low_freq_factor", o.rope_low_freq_factor},
          {"high_freq_factor", o.rope_high_freq_factor},
          {"original_max_position_embeddings", o.rope_original_context}};
}

/// What the classes do not share. A field that is left out would get the class's default.
void add_own_fields(const LlamaOptions& o, ordered_json& config) {
  switch (o.architecture) {
    case Architecture::kLlama:
      config["attention_bias"] = false;
      config["mlp_bias"] = false;
      break;
    case Architecture::kMistral:
      config["sliding_window"] = nullptr;
      break;
    case Architecture::kQwen3:
      config["attention_bias"] = false;
      [[fallthrough]];
    case Architecture::kQwen2:
      config["use_sliding_window"] = false;
      config["sliding_window"] = nullptr;
      break;
  }
}

}  // namespace

std::string llama_config_json(const LlamaOptions& o) {
  ordered_json config = {
      {"architectures", {class_name(o.architecture)}},
      {"model_type", architecture_name(o.architecture)},
      {"vocab_size", o.vocabulary},
      {"hidden_size", o.width},
      {"num_hidden_layers", o.layers},
      {"num_attention_heads", o.heads},
      {"num_key_value_heads", o.kv_heads},
      {"head_dim", o.head_width},
      {"intermediate_size", o.inner},
      {"max_position_embeddings", o.context},
      {"rms_norm_eps", o.norm_eps},
      {"rope_theta", o.rope_theta},
      {"rope_parameters", {{"rope_type", "default"}, {"rope_theta", o.rope_theta}}},
      {"hidden_act", "silu"},
      {"tie_word_embeddings", o.tied},
      {"bos_token_id", nullptr},
      {"eos_token_id", nullptr},
      {"dtype", "float32"},
      {"torch_dtype", "float32"},
  };
  if (o.rope_factor != 0) {
    // transformers 5 prefers `rope_scaling`, so it has the base as well.
    config["rope_scaling"] = rope_scaling(o);
    config["rope_scaling"]["rope_theta"] = o.rope_theta;
    config["rope_parameters"] = config["rope_scaling"];
  }
  add_own_fields(o, config);
  return config.dump(2) + "\n";
}

}  // namespace causeway
