// SPDX-License-Identifier: Apache-2.0
#include "shape/llama_options.h"

#include "core/check.h"

namespace causeway {

const Choices<Architecture>& architectures() {
  static const Choices<Architecture> all{{{"llama", Architecture::kLlama},
                                          {"mistral", Architecture::kMistral},
                                          {"qwen2", Architecture::kQwen2},
                                          {"qwen3", Architecture::kQwen3}}};
  return all;
}

std::string_view architecture_name(Architecture architecture) {
  for (const auto& [name, one] : architectures().names)
    if (one == architecture) return name;
  CW_CHECK(false, "architecture {}", static_cast<int>(architecture));
  return {};
}

void LlamaOptions::check(const Location& where, Mistakes& mistakes) const {
  const int64_t groups = kv_heads == 0 ? heads : kv_heads;
  if (heads % groups != 0)
    mistakes.add(where, fmt::format("heads = {} does not divide by kv_heads = {}", heads, groups));
  if (head_width == 0 && width % heads != 0)
    mistakes.add(where, fmt::format("width = {} does not divide by heads = {}: change one, or set "
                                    "head_width",
                                    width, heads));
  else if (const int64_t one = head_width == 0 ? width / heads : head_width; one % 2 != 0)
    mistakes.add(where, fmt::format("head_width is {}: rotary positions need an even one", one));
  if (rope_factor != 0 && rope_factor < 1)
    mistakes.add(where, fmt::format("rope_factor = {}; wanted: 0, or 1 and more", rope_factor));
  if (rope_factor != 0 && rope_high_freq_factor <= rope_low_freq_factor)
    mistakes.add(where, fmt::format("rope_high_freq_factor = {} is not above "
                                    "rope_low_freq_factor = {}",
                                    rope_high_freq_factor, rope_low_freq_factor));
}

LlamaOptions LlamaOptions::resolved() const {
  LlamaOptions all = *this;
  if (kv_heads == 0) all.kv_heads = heads;
  if (head_width == 0) all.head_width = width / heads;
  if (inner == 0) all.inner = ((8 * width + 2) / 3 + 31) / 32 * 32;
  return all;
}

std::string layer_prefix(int64_t layer) { return fmt::format("model.layers.{}.", layer); }

Layout llama_layout(const LlamaOptions& o) {
  Layout layout;
  const int64_t q = o.heads * o.head_width, kv = o.kv_heads * o.head_width;
  layout.add(std::string(kEmbeddingName), {o.vocabulary, o.width}, Role::kEmbedding, -1);
  for (int32_t i = 0; i < o.layers; ++i) {
    const std::string p = layer_prefix(i);
    const auto project = [&](const std::string& name, int64_t outputs) {
      layout.add(p + name + ".weight", {outputs, o.width}, Role::kMatrix, i);
      if (o.has_biases()) layout.add(p + name + ".bias", {outputs}, Role::kBias, i);
    };
    project("self_attn.q_proj", q);
    project("self_attn.k_proj", kv);
    project("self_attn.v_proj", kv);
    layout.add(p + "self_attn.o_proj.weight", {o.width, q}, Role::kMatrix, i);
    if (o.has_head_norm()) {
      layout.add(p + "self_attn.q_norm.weight", {o.head_width}, Role::kNorm, i);
      layout.add(p + "self_attn.k_norm.weight", {o.head_width}, Role::kNorm, i);
    }
    layout.add(p + "mlp.gate_proj.weight", {o.inner, o.width}, Role::kMatrix, i);
    layout.add(p + "mlp.up_proj.weight", {o.inner, o.width}, Role::kMatrix, i);
    layout.add(p + "mlp.down_proj.weight", {o.width, o.inner}, Role::kMatrix, i);
    layout.add(p + "input_layernorm.weight", {o.width}, Role::kNorm, i);
    layout.add(p + "post_attention_layernorm.weight", {o.width}, Role::kNorm, i);
  }
  layout.add("model.norm.weight", {o.width}, Role::kNorm, -1);
  if (o.tied)
    layout.add_alias(std::string(kHeadName), kEmbeddingName);
  else
    layout.add(std::string(kHeadName), {o.vocabulary, o.width}, Role::kHead, -1);
  return layout;
}

}  // namespace causeway
