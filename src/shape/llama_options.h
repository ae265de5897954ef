// SPDX-License-Identifier: Apache-2.0
//
// Sizes and kinds of the Llama family, and what follows from them alone.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "core/options.h"
#include "shape/rope_scaling.h"
#include "sync/layout.h"

namespace causeway {

/// What a block is built from; `context` bounds a cache.
struct BlockSizes {
  int64_t width, heads, kv_heads, head_width, inner, context;
  double norm_eps;
};

/// Which of Hugging Face's classes has this mathematics. Mistral's is Llama's.
enum class Architecture : uint8_t {
  kLlama = 1,
  kMistral = 2,
  kQwen2 = 3,  ///< biases on queries, keys and values
  kQwen3 = 4,  ///< a norm of each query's and each key's head
};

/// "llama", as `model_type` of a config.json has it.
std::string_view architecture_name(Architecture architecture);
/// All of them, with their names.
const Choices<Architecture>& architectures();

struct LlamaOptions {
  Architecture architecture = Architecture::kLlama;
  int64_t layers = 4, width = 128, heads = 4, kv_heads = 0, head_width = 0, inner = 0;
  int64_t context = 256, vocabulary = 256;
  double rope_theta = 10'000, rope_factor = 0;
  double rope_low_freq_factor = 1, rope_high_freq_factor = 4;
  int64_t rope_original_context = 8192;
  double norm_eps = 1e-5;
  bool tied = false;

  template <class Visit>
  void each(Visit&& visit) {
    using Integer = Range<int64_t>;
    visit("architecture", architecture, architectures(), "",
          "Hugging Face's class of it. qwen2 has biases on queries, keys and values; qwen3 a norm "
          "of each query's and each key's head; mistral is llama under its own name.");
    visit("layers", layers, Integer{1, 1'000}, "", "Blocks, each attention and MLP.");
    visit("width", width, Integer{1, 65'536}, "channels", "Width of the residual stream.");
    visit("heads", heads, Integer{1, 1'024}, "", "Query heads.");
    visit("kv_heads", kv_heads, Integer{0, 1'024}, "", "Key and value heads; 0: as many as heads.");
    visit("head_width", head_width, Integer{0, 4'096}, "channels",
          "Width of a head, even; 0: width / heads.");
    visit("inner", inner, Integer{0, 262'144}, "channels",
          "Width inside the MLP; 0: 8/3 of width, rounded up to a multiple of 32.");
    visit("context", context, Integer{1, 1'048'576}, "tokens",
          "Longest text that is read at once.");
    visit("vocabulary", vocabulary, Integer{2, 1'048'576}, "", "Different tokens; 256 for bytes.");
    visit("rope_theta", rope_theta, Range<double>{1, 1e12}, "", "Base of the rotary frequencies.");
    visit("rope_factor", rope_factor, Range<double>{0, 1e6}, "",
          "Llama 3's scaling for long texts: how many times slower the longest waves turn; 0: "
          "none.");
    visit("rope_low_freq_factor", rope_low_freq_factor, Range<double>{1e-3, 1e6}, "",
          "Waves longer than rope_original_context divided by this are scaled in full.");
    visit("rope_high_freq_factor", rope_high_freq_factor, Range<double>{1e-3, 1e6}, "",
          "Waves shorter than rope_original_context divided by this are not scaled.");
    visit("rope_original_context", rope_original_context, Integer{1, 1'048'576}, "tokens",
          "Context before the scaling.");
    visit("norm_eps", norm_eps, Range<double>{1e-12, 1}, "", "Added to the mean square in norms.");
    visit("tied", tied, Any{}, "", "Whether the head shares the embedding's values.");
  }

  /// What each option alone cannot show.
  void check(const Location& where, Mistakes& mistakes) const;
  /// With the zeros replaced by what they stand for.
  LlamaOptions resolved() const;

  bool has_biases() const { return architecture == Architecture::kQwen2; }
  bool has_head_norm() const { return architecture == Architecture::kQwen3; }
  RopeScaling rope_scaling() const {
    return {rope_factor, rope_low_freq_factor, rope_high_freq_factor,
            static_cast<double>(rope_original_context)};
  }
  BlockSizes block() const {
    return {width, heads, kv_heads, head_width, inner, context, norm_eps};
  }
};

// The functions below want resolved options.

/// Hugging Face's name of the embedding; of the head; what the names of a layer's tensors begin
/// with: "model.layers.3.".
constexpr std::string_view kEmbeddingName = "model.embed_tokens.weight";
constexpr std::string_view kHeadName = "lm_head.weight";
std::string layer_prefix(int64_t layer);

/// Hugging Face's names in the order of named_parameters().
Layout llama_layout(const LlamaOptions& options);

/// Hugging Face's config.json. It states what transformers 4 and transformers 5 read.
std::string llama_config_json(const LlamaOptions& options);

/// Most logits that are held at once.
constexpr int64_t kLogitsMax = int64_t{1} << 22;
/// How many of `rows` the head takes at a time.
int64_t head_rows(const LlamaOptions& options, int64_t rows);

}  // namespace causeway
