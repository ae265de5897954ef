// SPDX-License-Identifier: Apache-2.0
//
// A decoder of the Llama family: RMSNorm before each half of a block, rotary positions, grouped
// queries, SwiGLU; as options biases on queries, keys and values (Qwen2), a norm of each head
// (Qwen3) and scaled rotary frequencies (Llama 3). The same mathematics as Hugging Face's classes;
// Touvron and others, "LLaMA", arXiv:2302.13971, section 2.2. Forward and backward are written out,
// so that gradients land in the arena without a pass to zero them or to copy them.
//
// B batch, T time, M = B T rows, C channels, V vocabulary.
#include <ATen/ops/addmm.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/mm.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "core/check.h"
#include "model/block.h"
#include "model/cross_entropy.h"
#include "model/embedding.h"
#include "model/llama_options.h"
#include "model/model.h"

namespace causeway {
namespace {

constexpr double kDeviation = 0.02;

struct Cache final : KvCache {
  int64_t length() const override { return tokens; }
  int64_t tokens = 0;
  std::vector<LayerCache> layers;
};

class Llama final : public Model {
 public:
  using Options = LlamaOptions;

  explicit Llama(const Options& options)
      : options_(options.resolved()),
        layout_(llama_layout(options_)),
        rope_(options_.context,
              rope_frequencies(options_.head_width, options_.rope_theta, options_.rope_scaling())),
        embedding_(tensor_index(layout_, kEmbeddingName)),
        head_(layout_, tensor_index(layout_, "model.norm.weight"),
              {tensor_index(layout_, kHeadName)}) {
    for (int64_t layer = 0; layer < options_.layers; ++layer) {
      attention_.emplace_back(layout_, layer_prefix(layer), options_.block(), rope_);
      mlp_.emplace_back(layout_, layer_prefix(layer), options_.block());
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
  int64_t activation_bytes(int64_t rows, int64_t time) const override {
    return llama_activation_bytes(options_, rows, time);
  }
  std::string config_json() const override { return llama_config_json(options_); }

 private:
  double deviation(const Tensor& tensor) const;
  /// The mean loss; turns the last h into the gradient with respect to it.
  double head_loss_and_gradient(const Arena& x, const at::Tensor& targets_M, at::Tensor& h_MC,
                                Arena& g) const;
  void check_tokens(const at::Tensor& tokens, int64_t time_max) const;
  /// The normalised rows that the head reads: [M, C].
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
    if (tensor.role == Role::kBias)
      std::fill(values.begin(), values.end(), 0.0f);
    else if (tensor.role != Role::kNorm)
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
  at::Tensor dfolded_VC = at::empty_like(folded_VC), dlast_MC = at::empty_like(h_MC);
  // The division by the number of targets rides on the two products.
  const int64_t rows = h_MC.size(0), step = head_rows(options_, rows);
  const double share = 1.0 / static_cast<double>(rows);
  double sum = 0;
  for (int64_t row = 0; row < rows; row += step) {
    const int64_t count = std::min(step, rows - row);
    const at::Tensor y_MC = last.y_MC.narrow(0, row, count);
    const at::Tensor targets = targets_M.narrow(0, row, count);
    at::Tensor logits_MV = at::mm(y_MC, folded_VC.t());
    sum += cross_entropy(logits_MV, targets).sum(at::kDouble).item<double>();
    cross_entropy_backward(logits_MV, targets);
    at::Tensor dy_MC = dlast_MC.narrow(0, row, count);
    at::addmm_out(dfolded_VC, dfolded_VC, logits_MV.t(), y_MC, row == 0 ? 0 : 1, share);
    at::addmm_out(dy_MC, dy_MC, logits_MV, folded_VC, 0, share);
  }
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
  return normalise(h_MC, options_.norm_eps).y_MC;
}

at::Tensor Llama::losses(const Arena& x, const at::Tensor& tokens) const {
  check_tokens(tokens, options_.context + 1);
  const int64_t batch = tokens.size(0), time = tokens.size(1) - 1, rows = batch * time;
  CW_CHECK(time > 0);
  const at::Tensor y_MC = forward(x, tokens.narrow(1, 0, time));
  const at::Tensor targets_M = tokens.narrow(1, 1, time).reshape({rows}).contiguous();
  const at::Tensor folded_VC = head_.fold(x);
  at::Tensor losses_M = at::empty({rows}, y_MC.options());
  const int64_t step = head_rows(options_, rows);
  for (int64_t row = 0; row < rows; row += step) {
    const int64_t count = std::min(step, rows - row);
    at::Tensor logits_MV = at::mm(y_MC.narrow(0, row, count), folded_VC.t());
    losses_M.narrow(0, row, count).copy_(cross_entropy(logits_MV, targets_M.narrow(0, row, count)));
  }
  return losses_M.view({batch, time});
}

at::Tensor Llama::logits(const Arena& x, const at::Tensor& tokens) const {
  check_tokens(tokens, options_.context);
  return at::mm(forward(x, tokens), head_.fold(x).t())
      .view({tokens.size(0), tokens.size(1), options_.vocabulary});
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

  own->layers.resize(static_cast<size_t>(options_.layers));
  at::Tensor h_TC = embed(x[embedding_], new_T);
  for (size_t i = 0; i < mlp_.size(); ++i) {
    attention_[i].forward_cached(x, h_TC, own->tokens, own->layers[i]);
    mlp_[i].forward(x, h_TC);
  }
  own->tokens += count;
  const at::Tensor last_1C = normalise(h_TC.narrow(0, count - 1, 1), options_.norm_eps).y_MC;
  return at::mm(last_1C, head_.fold(x).t()).squeeze(0);
}

}  // namespace

extern const Entry<Model> models_llama;
const Entry<Model> models_llama = entry<Model, Llama>(
    "llama", "Decoder with RMSNorm, rotary positions, grouped queries, SwiGLU.");

}  // namespace causeway
