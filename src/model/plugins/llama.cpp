// SPDX-License-Identifier: Apache-2.0
//
// A decoder of the Llama family: RMSNorm before each half of a block, rotary positions, grouped
// queries, SwiGLU, no biases. The same mathematics as Hugging Face's LlamaForCausalLM; Touvron and
// others, "LLaMA", arXiv:2302.13971, section 2.2. Forward and backward are written out, so that
// gradients land in the arena without a pass to zero them or to copy them.
//
// B batch, T time, M = B T rows, C channels, V vocabulary.
#include <ATen/Parallel.h>
#include <ATen/ops/addmm.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/mm.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <utility>

#include "core/check.h"
#include "model/block.h"
#include "model/cross_entropy.h"
#include "model/embedding.h"
#include "model/model.h"

namespace causeway {
namespace {

constexpr std::string_view kEmbedding = "model.embed_tokens.weight";
constexpr std::string_view kHead = "lm_head.weight";
constexpr double kDeviation = 0.02;

struct Options {
  int64_t layers = 4, width = 128, heads = 4, kv_heads = 0, head_width = 0, inner = 0;
  int64_t context = 256, vocabulary = 256;
  double rope_theta = 10'000, norm_eps = 1e-5;
  bool tied = false;

  template <class Visit>
  void each(Visit&& visit) {
    using Integer = Range<int64_t>;
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
    visit("norm_eps", norm_eps, Range<double>{1e-12, 1}, "", "Added to the mean square in norms.");
    visit("tied", tied, Any{}, "", "Whether the head shares the embedding's values.");
  }

  /// What each option alone cannot show.
  void check(const Location& where, Mistakes& mistakes) const {
    const int64_t groups = kv_heads == 0 ? heads : kv_heads;
    if (heads % groups != 0)
      mistakes.add(where,
                   fmt::format("heads = {} does not divide by kv_heads = {}", heads, groups));
    if (head_width == 0 && width % heads != 0)
      mistakes.add(where,
                   fmt::format("width = {} does not divide by heads = {}: change one, or set "
                               "head_width",
                               width, heads));
    else if (const int64_t one = head_width == 0 ? width / heads : head_width; one % 2 != 0)
      mistakes.add(where, fmt::format("head_width is {}: rotary positions need an even one", one));
  }

  /// With the zeros replaced by what they stand for.
  Options resolved() const {
    Options all = *this;
    if (kv_heads == 0) all.kv_heads = heads;
    if (head_width == 0) all.head_width = width / heads;
    if (inner == 0) all.inner = ((8 * width + 2) / 3 + 31) / 32 * 32;
    return all;
  }

  BlockSizes block() const { return {width, heads, kv_heads, head_width, inner, norm_eps}; }
};

std::string prefix(int64_t layer) { return fmt::format("model.layers.{}.", layer); }

/// Hugging Face's names in the order of LlamaForCausalLM.named_parameters().
Layout make_layout(const Options& o) {
  Layout layout;
  const int64_t q = o.heads * o.head_width, kv = o.kv_heads * o.head_width;
  layout.add(std::string(kEmbedding), {o.vocabulary, o.width}, Role::kEmbedding, -1);
  for (int32_t i = 0; i < o.layers; ++i) {
    const std::string p = prefix(i);
    layout.add(p + "self_attn.q_proj.weight", {q, o.width}, Role::kMatrix, i);
    layout.add(p + "self_attn.k_proj.weight", {kv, o.width}, Role::kMatrix, i);
    layout.add(p + "self_attn.v_proj.weight", {kv, o.width}, Role::kMatrix, i);
    layout.add(p + "self_attn.o_proj.weight", {o.width, q}, Role::kMatrix, i);
    layout.add(p + "mlp.gate_proj.weight", {o.inner, o.width}, Role::kMatrix, i);
    layout.add(p + "mlp.up_proj.weight", {o.inner, o.width}, Role::kMatrix, i);
    layout.add(p + "mlp.down_proj.weight", {o.width, o.inner}, Role::kMatrix, i);
    layout.add(p + "input_layernorm.weight", {o.width}, Role::kNorm, i);
    layout.add(p + "post_attention_layernorm.weight", {o.width}, Role::kNorm, i);
  }
  layout.add("model.norm.weight", {o.width}, Role::kNorm, -1);
  if (o.tied)
    layout.add_alias(std::string(kHead), kEmbedding);
  else
    layout.add(std::string(kHead), {o.vocabulary, o.width}, Role::kHead, -1);
  return layout;
}

struct Cache final : KvCache {
  int64_t length() const override { return tokens; }
  int64_t tokens = 0;
  std::vector<LayerCache> layers;
};

class Llama final : public Model {
 public:
  using Options = causeway::Options;

  explicit Llama(const Options& options)
      : options_(options.resolved()),
        layout_(make_layout(options_)),
        rope_(options_.context, options_.head_width, options_.rope_theta),
        embedding_(tensor_index(layout_, kEmbedding)),
        head_(layout_, tensor_index(layout_, "model.norm.weight"), {tensor_index(layout_, kHead)}) {
    for (int64_t layer = 0; layer < options_.layers; ++layer) {
      attention_.emplace_back(layout_, prefix(layer), options_.block(), rope_);
      mlp_.emplace_back(layout_, prefix(layer), options_.block());
    }
  }

  Llama(const Llama&) = delete;  // its blocks refer to rope_
  Llama& operator=(const Llama&) = delete;

  const Layout& layout() const override { return layout_; }
  int64_t vocabulary() const override { return options_.vocabulary; }
  int64_t context() const override { return options_.context; }

  void initialise(uint64_t seed, Arena& x) const override;
  double loss_and_gradient(const Arena& x, const at::Tensor& tokens, Arena& g) const override;
  at::Tensor losses(const Arena& x, const at::Tensor& tokens) const override;
  at::Tensor logits(const Arena& x, const at::Tensor& tokens) const override;
  std::unique_ptr<KvCache> make_cache() const override { return std::make_unique<Cache>(); }
  at::Tensor next_logits(const Arena& x, std::span<const int64_t> tokens,
                         KvCache& cache) const override;
  int64_t activation_bytes(int64_t rows, int64_t time) const override;
  std::string config_json() const override;

 private:
  double deviation(const Tensor& tensor) const;
  /// The mean loss; turns the last h into the gradient with respect to it.
  double head_loss_and_gradient(const Arena& x, const at::Tensor& targets_M, at::Tensor& h_MC,
                                Arena& g) const;
  void check_tokens(const at::Tensor& tokens, int64_t time_max) const;
  at::Tensor forward(const Arena& x, const at::Tensor& inputs_BT) const;

  Options options_;
  Layout layout_;
  Rope rope_;
  size_t embedding_;
  std::vector<AttentionBlock> attention_;
  std::vector<MlpBlock> mlp_;
  GainedMatrices head_;
};

/// N(0, 0.02), and less for what is added to the residual stream, which 2 layers' matrices share:
/// Radford and others, "Language Models are Unsupervised Multitask Learners", section 2.3.
double Llama::deviation(const Tensor& tensor) const {
  const bool adds =
      tensor.name.ends_with("o_proj.weight") || tensor.name.ends_with("down_proj.weight");
  return adds ? kDeviation / std::sqrt(2.0 * static_cast<double>(options_.layers)) : kDeviation;
}

void Llama::initialise(uint64_t seed, Arena& x) const {
  std::vector<float> values;
  for (size_t i = 0; i < layout_.tensors().size(); ++i) {
    const Tensor& tensor = layout_.tensors()[i];
    if (tensor.count == 0) continue;
    values.assign(static_cast<size_t>(tensor.count), 1.0f);
    const Random random(seed, Stream::kWeights, static_cast<uint32_t>(i));
    const double scale = deviation(tensor);
    if (tensor.role != Role::kNorm)
      for (size_t j = 0; j < values.size(); ++j)
        values[j] = static_cast<float>(scale * random.normal(j));
    x.write(Region{{{tensor.begin, tensor.count}}}, values);
  }
}

void Llama::check_tokens(const at::Tensor& tokens, int64_t time_max) const {
  CW_CHECK(tokens.dim() == 2 && tokens.scalar_type() == at::kLong && tokens.numel() > 0,
           "tokens are int64 [B, T]");
  CW_CHECK(tokens.size(1) <= time_max, "{} tokens, context {}", tokens.size(1), options_.context);
  const at::Tensor flat = tokens.contiguous();
  const int64_t* values = flat.const_data_ptr<int64_t>();
  for (int64_t i = 0; i < flat.numel(); ++i)
    CW_CHECK(values[i] >= 0 && values[i] < options_.vocabulary, "token {} of {}", values[i],
             options_.vocabulary);
}

double Llama::loss_and_gradient(const Arena& x, const at::Tensor& tokens, Arena& g) const {
  check_tokens(tokens, options_.context + 1);
  const int64_t batch = tokens.size(0), time = tokens.size(1) - 1, rows = batch * time;
  CW_CHECK(time > 0 && x.flat().scalar_type() == g.flat().scalar_type());
  // With one token a row, reshape alone would leave gaps between the values.
  const at::Tensor inputs_M = tokens.narrow(1, 0, time).reshape({rows}).contiguous();
  const at::Tensor targets_M = tokens.narrow(1, 1, time).reshape({rows}).contiguous();

  at::Tensor h_MC = embed(x[embedding_], inputs_M);
  std::vector<std::pair<AttentionBlock::Saved, MlpBlock::Saved>> saved;
  for (size_t i = 0; i < mlp_.size(); ++i) {
    auto attention = attention_[i].forward(x, h_MC, batch);
    saved.emplace_back(std::move(attention), mlp_[i].forward(x, h_MC));
  }
  const double loss = head_loss_and_gradient(x, targets_M, h_MC, g);
  // From here on h_MC holds the gradient with respect to h.
  for (size_t i = mlp_.size(); i-- > 0; saved.pop_back()) {
    mlp_[i].backward(x, saved.back().second, h_MC, g);
    attention_[i].backward(x, saved.back().first, h_MC, g);
  }
  at::Tensor dembedding = g[embedding_];
  if (!options_.tied) dembedding.zero_();  // tied: the head's gradient is there already
  embed_backward(h_MC, inputs_M, dembedding);
  return loss;
}

double Llama::head_loss_and_gradient(const Arena& x, const at::Tensor& targets_M, at::Tensor& h_MC,
                                     Arena& g) const {
  const Normed last = normalise(h_MC, options_.norm_eps);
  const at::Tensor folded_VC = head_.fold(x);
  at::Tensor logits_MV = at::mm(last.y_MC, folded_VC.t());
  const double sum = cross_entropy(logits_MV, targets_M).sum(at::kDouble).item<double>();

  // The division by the number of targets rides on the two products.
  const double share = 1.0 / static_cast<double>(targets_M.size(0));
  cross_entropy_backward(logits_MV, targets_M);
  at::Tensor dfolded_VC = at::empty_like(folded_VC), dlast_MC = at::empty_like(h_MC);
  at::addmm_out(dfolded_VC, dfolded_VC, logits_MV.t(), last.y_MC, 0, share);
  at::addmm_out(dlast_MC, dlast_MC, logits_MV, folded_VC, 0, share);
  head_.backward(x, dfolded_VC, g);
  normalise_backward(last, dlast_MC, h_MC.zero_());
  return sum * share;
}

at::Tensor Llama::forward(const Arena& x, const at::Tensor& inputs_BT) const {
  at::Tensor h_MC = embed(x[embedding_], inputs_BT.reshape({-1}));
  for (size_t i = 0; i < mlp_.size(); ++i) {
    attention_[i].forward(x, h_MC, inputs_BT.size(0));
    mlp_[i].forward(x, h_MC);
  }
  return at::mm(normalise(h_MC, options_.norm_eps).y_MC, head_.fold(x).t());
}

at::Tensor Llama::losses(const Arena& x, const at::Tensor& tokens) const {
  check_tokens(tokens, options_.context + 1);
  const int64_t batch = tokens.size(0), time = tokens.size(1) - 1;
  CW_CHECK(time > 0);
  at::Tensor logits_MV = forward(x, tokens.narrow(1, 0, time));
  const at::Tensor targets_M = tokens.narrow(1, 1, time).reshape({batch * time});
  return cross_entropy(logits_MV, targets_M).view({batch, time});
}

at::Tensor Llama::logits(const Arena& x, const at::Tensor& tokens) const {
  check_tokens(tokens, options_.context);
  return forward(x, tokens).view({tokens.size(0), tokens.size(1), options_.vocabulary});
}

at::Tensor Llama::next_logits(const Arena& x, std::span<const int64_t> tokens,
                              KvCache& cache) const {
  auto* own = dynamic_cast<Cache*>(&cache);
  CW_CHECK(own != nullptr, "a cache of another model");
  const auto count = static_cast<int64_t>(tokens.size());
  CW_CHECK(own->tokens + count <= options_.context, "{} tokens after {}, context {}", count,
           own->tokens, options_.context);
  at::Tensor new_T = at::empty({count}, at::kLong);
  std::copy(tokens.begin(), tokens.end(), new_T.data_ptr<int64_t>());
  check_tokens(new_T.unsqueeze(0), options_.context);

  if (own->layers.empty())
    for (int64_t i = 0; i < options_.layers; ++i) {
      const auto room = [&] {
        return at::empty({1, options_.context, options_.kv_heads, options_.head_width},
                         x.flat().options());
      };
      own->layers.push_back({room(), room()});
    }
  at::Tensor h_TC = embed(x[embedding_], new_T);
  for (size_t i = 0; i < mlp_.size(); ++i) {
    attention_[i].forward_cached(x, h_TC, own->tokens, own->layers[i]);
    mlp_[i].forward(x, h_TC);
  }
  own->tokens += count;
  const at::Tensor last_1C = normalise(h_TC.narrow(0, count - 1, 1), options_.norm_eps).y_MC;
  return at::mm(last_1C, head_.fold(x).t()).squeeze(0);
}

/// A bound on the values of scores that LibTorch's attention kernel holds in all its threads.
int64_t kernel_tiles(int64_t time) {
  const int64_t queries = std::clamp<int64_t>(time, 32, 256), keys = std::min<int64_t>(time, 512);
  return at::get_num_threads() * 2 * queries * (keys + 1);
}

// What the blocks keep, and the largest of what the head and the backward passes of the last block
// add to it. Every term is a tensor of the code above or of block.cpp.
int64_t Llama::activation_bytes(int64_t rows, int64_t time) const {
  const Options& o = options_;
  const int64_t m = rows * time, c = o.width, inner = o.inner;
  const int64_t q = o.heads * o.head_width, kv = o.kv_heads * o.head_width, qkv = q + 2 * kv;
  const int64_t saved_attention = m * (c + 1 + qkv + q + o.heads);
  const int64_t saved_mlp = m * (c + 1 + 4 * inner);
  const int64_t head = m * (2 * c + 1 + o.vocabulary) + 2 * o.vocabulary * c;
  const int64_t mlp = m * (3 * inner + c) + 4 * inner * c;
  // Grouped keys and values are repeated for the kernel, and their gradients summed after it.
  const int64_t kernel = m * (4 * q + (kv == q ? 0 : std::max(2 * q, 2 * kv))) + kernel_tiles(time);
  const int64_t project = m * (2 * q + 2 * kv + qkv + c) + 2 * qkv * c;
  const int64_t values =
      m * c + o.layers * (saved_attention + saved_mlp) + std::max({head, mlp, kernel, project});
  return values * static_cast<int64_t>(sizeof(float)) +
         2 * m * static_cast<int64_t>(sizeof(int64_t));
}

std::string Llama::config_json() const {
  const Options& o = options_;
  nlohmann::ordered_json config = {
      {"architectures", {"LlamaForCausalLM"}},
      {"model_type", "llama"},
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
      {"hidden_act", "silu"},
      {"attention_bias", false},
      {"mlp_bias", false},
      {"tie_word_embeddings", o.tied},
      {"bos_token_id", nullptr},
      {"eos_token_id", nullptr},
      {"torch_dtype", "float32"},
  };
  return config.dump(2) + "\n";
}

}  // namespace

extern const Entry<Model> models_llama;
const Entry<Model> models_llama = entry<Model, Llama>(
    "llama", "Decoder with RMSNorm, rotary positions, grouped queries, SwiGLU.");

}  // namespace causeway
