// SPDX-License-Identifier: Apache-2.0
//
// A decoder of the Llama family: RMSNorm before each half of a block, rotary positions, grouped
// queries, SwiGLU; as options biases on queries, keys and values (Qwen2), a norm of each head
// (Qwen3) and scaled rotary frequencies (Llama 3). The same mathematics as Hugging Face's classes;
// Touvron and others, "LLaMA", arXiv:2302.13971, section 2.2. Forward and backward are written out,
// so that gradients land in the arena without a pass to zero them or to copy them.
//
// B batch, T time, M = B T rows, C channels, V vocabulary.
#include <ATen/Parallel.h>
#include <ATen/ops/empty.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <optional>
#include <utility>

#include "core/check.h"
#include "model/block.h"
#include "model/cross_entropy.h"
#include "model/element.h"
#include "model/embedding.h"
#include "model/llama_memory.h"
#include "model/model.h"
#include "model/product.h"
#include "model/step_matrices.h"
#include "shape/llama_shape.h"

namespace causeway {
namespace {

struct Cache final : KvCache {
  int64_t length() const override { return tokens; }
  int64_t tokens = 0;
  std::vector<LayerCache> layers;
  Workspace memory;  // of the weights
  std::optional<StepWeights> weights;
};

struct SavedBlock {
  AttentionBlock::Saved attention;
  MlpBlock::Saved mlp;
};

/// Some rows of a step.
struct Slice {
  at::Tensor inputs_M, targets_M;
  int64_t batch;
  double share;  ///< of each of its losses in the step's
  bool add;      ///< to gradients of slices before it
};

class Llama final : public Model {
 public:
  using Options = LlamaOptions;

  explicit Llama(const Options& options)
      : shape_(options),
        options_(shape_.options()),
        rope_(options_.context,
              rope_frequencies(options_.head_width, options_.rope_theta, options_.rope_scaling())),
        map_(options_, shape_.layout()),
        attention_(options_.block(), rope_),
        mlp_(options_.block()) {}

  Llama(const Llama&) = delete;  // its blocks refer to rope_
  Llama& operator=(const Llama&) = delete;

  const ModelShape& shape() const override { return shape_; }
  double loss_and_gradient(const Arena& x, const at::Tensor& tokens, Arena& g,
                           const StepOptions& options) const override;
  at::Tensor losses(const Arena& x, const at::Tensor& tokens) const override;
  at::Tensor logits(const Arena& x, const at::Tensor& tokens) const override;
  std::unique_ptr<KvCache> make_cache() const override { return std::make_unique<Cache>(); }
  at::Tensor next_logits(const Arena& x, std::span<const int64_t> tokens,
                         KvCache& cache) const override;
  int64_t step_bytes(int64_t rows, int64_t time, const StepOptions& options,
                     int64_t threads) const override {
    return llama_step_bytes(options_, map_, rows, time, options, threads);
  }

 private:
  void check_tokens(const at::Tensor& tokens, int64_t time_max) const;
  /// The tokens' embeddings, with which the residual stream begins: [M, C].
  at::Tensor embedded(const StepWeights& weights, const at::Tensor& inputs_M,
                      Workspace& workspace) const;
  double slice_loss_and_gradient(const StepWeights& weights, const Slice& slice,
                                 const StepOptions& options, const StepGradients& gradients,
                                 Workspace& workspace) const;
  /// The sum of the slice's losses; sets the gradient with respect to h before the last norm.
  double head_loss_and_gradient(const StepWeights& weights, const Slice& slice, const Normed& last,
                                const ResidualGradient& dh, const StepGradients& gradients,
                                Workspace& workspace) const;
  /// Calls each(weights, first token, the rows that the head reads [M, C]) for slices of the texts,
  /// shared among threads.
  void each_slice(
      const Arena& x, const at::Tensor& inputs_BT,
      const std::function<void(const StepWeights&, int64_t, const at::Tensor&)>& each) const;
  void head_losses(const StepWeights& weights, const at::Tensor& y_MC, const at::Tensor& targets_M,
                   const at::Tensor& losses_M) const;
  /// The normalised rows that the head reads: [M, C].
  at::Tensor forward(const StepWeights& weights, const at::Tensor& inputs_BT,
                     Workspace& workspace) const;

  const LlamaShape shape_;
  const Options& options_;  // resolved
  Rope rope_;
  StepMatrixMap map_;
  AttentionBlock attention_;
  MlpBlock mlp_;
};

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

at::Tensor Llama::embedded(const StepWeights& weights, const at::Tensor& inputs_M,
                           Workspace& workspace) const {
  const at::Tensor h_MC =
      workspace.take({inputs_M.size(0), options_.width}, weights.embedding_VC.scalar_type());
  embed(weights.embedding_VC, inputs_M, h_MC);
  return h_MC;
}

double Llama::loss_and_gradient(const Arena& x, const at::Tensor& tokens, Arena& g,
                                const StepOptions& options) const {
  check_tokens(tokens, options_.context + 1);
  const int64_t batch = tokens.size(0), time = tokens.size(1) - 1;
  const at::ScalarType wide = x.flat().scalar_type();
  StepOptions step = options;
  if (wide == at::kDouble) step.type = wide;
  CW_CHECK(time > 0 && wide == g.flat().scalar_type());
  // With one token a row, reshape alone would leave gaps between the values.
  const at::Tensor inputs_M = tokens.narrow(1, 0, time).reshape({-1}).contiguous();
  const at::Tensor targets_M = tokens.narrow(1, 1, time).reshape({-1}).contiguous();

  Workspace& workspace = Workspace::of_this_thread();
  const Workspace::Scope scope(workspace);
  const StepWeights weights = map_.weights(x, step.type, workspace);
  const StepShape shape = step_shape(map_, batch, time, step);
  std::vector<StepGradients> gradients;
  for (int64_t lane = 0; lane < shape.lanes; ++lane)
    gradients.push_back(map_.gradients(workspace.take({map_.gradient_values()}, wide)));
  std::vector<double> losses(static_cast<size_t>(shape.lanes));
  at::parallel_for(0, shape.lanes, 1, [&](int64_t begin, int64_t end) {
    for (int64_t lane = begin; lane < end; ++lane) {
      const auto index = static_cast<size_t>(lane);
      gradients[index].embedding_VC.zero_();
      const int64_t first = shape.begin(lane), last = shape.begin(lane + 1);
      for (int64_t row = first; row < last; row += shape.slice_rows) {
        const int64_t count = std::min(shape.slice_rows, last - row);
        const Slice slice{inputs_M.narrow(0, row * time, count * time),
                          targets_M.narrow(0, row * time, count * time), count,
                          1.0 / static_cast<double>(batch * time * options.parts), row > first};
        losses[index] += slice_loss_and_gradient(weights, slice, step, gradients[index],
                                                 Workspace::of_this_thread());
      }
    }
  });
  map_.collect(x, gradients, g);
  double sum = 0;
  for (const double loss : losses) sum += loss;
  return sum / static_cast<double>(batch * time * options.parts);
}

double Llama::slice_loss_and_gradient(const StepWeights& weights, const Slice& slice,
                                      const StepOptions& options, const StepGradients& gradients,
                                      Workspace& workspace) const {
  const Workspace::Scope scope(workspace);
  const size_t layers = weights.blocks.size();
  const auto forward = [&](size_t layer, const at::Tensor& h_MC) {
    const BlockWeights& block = weights.blocks[layer];
    auto attention = attention_.forward(block, options.type, slice.batch, h_MC, workspace);
    return SavedBlock{std::move(attention), mlp_.forward(block, options.type, h_MC, workspace)};
  };
  const at::Tensor h_MC = embedded(weights, slice.inputs_M, workspace);
  const auto copied = [&](const at::Tensor& source_MC) {
    return workspace.take(source_MC.sizes(), source_MC.scalar_type()).copy_(source_MC);
  };
  std::vector<SavedBlock> saved;
  std::vector<at::Tensor> inputs_MC;  // of each block, if that is all that is kept
  for (size_t layer = 0; layer < layers; ++layer) {
    if (options.recompute) {
      inputs_MC.push_back(copied(h_MC));
      const Workspace::Scope block(workspace);
      forward(layer, h_MC);
    } else {
      saved.push_back(forward(layer, h_MC));
    }
  }
  const Normed last = normalised(h_MC, options.type, options_.norm_eps, workspace);
  // The residual stream is not read any more: its memory takes the gradient.
  const bool narrow = options.type != h_MC.scalar_type();
  const ResidualGradient dh{h_MC, narrow ? workspace.take(h_MC.sizes(), options.type) : h_MC};
  const double loss = head_loss_and_gradient(weights, slice, last, dh, gradients, workspace);
  for (size_t layer = layers; layer-- > 0;) {
    const Workspace::Scope block(workspace);
    if (options.recompute) saved.assign(1, forward(layer, inputs_MC[layer]));
    const SavedBlock& one = saved.back();
    mlp_.backward(weights.blocks[layer], one.mlp, dh, slice.add, gradients.blocks[layer],
                  workspace);
    attention_.backward(weights.blocks[layer], one.attention, dh, slice.add,
                        gradients.blocks[layer], workspace);
    saved.pop_back();
  }
  embed_backward(dh.wide_MC, slice.inputs_M, gradients.embedding_VC);
  return loss;
}

double Llama::head_loss_and_gradient(const StepWeights& weights, const Slice& slice,
                                     const Normed& last, const ResidualGradient& dh,
                                     const StepGradients& gradients, Workspace& workspace) const {
  const int64_t rows = slice.targets_M.size(0), step = head_rows(options_, rows);
  const at::ScalarType type = last.y_MC.scalar_type();
  const Workspace::Scope scope(workspace);
  const at::Tensor dlast_MC = workspace.take(last.y_MC.sizes(), type);
  const at::Tensor losses_M = workspace.take({rows}, dh.wide_MC.scalar_type());
  const at::Tensor all_logits_MV = workspace.take({step, options_.vocabulary}, type);
  for (int64_t row = 0; row < rows; row += step) {
    const int64_t count = std::min(step, rows - row);
    const at::Tensor y_MC = last.y_MC.narrow(0, row, count);
    const at::Tensor logits_MV = all_logits_MV.narrow(0, 0, count);
    product(y_MC, weights.head, logits_MV);
    cross_entropy_and_gradient(logits_MV, slice.targets_M.narrow(0, row, count), slice.share,
                               losses_M.narrow(0, row, count));
    product_backward(logits_MV, weights.head, dlast_MC.narrow(0, row, count));
    add_outer_product(y_MC, logits_MV, slice.add || row > 0, gradients.head_CV);
  }
  normalise_backward(last, dlast_MC, dh.wide_MC.zero_(), dh.narrow_MC);
  return losses_M.sum(at::kDouble).item<double>();
}

at::Tensor Llama::forward(const StepWeights& weights, const at::Tensor& inputs_BT,
                          Workspace& workspace) const {
  const at::Tensor h_MC = embedded(weights, inputs_BT.reshape({-1}).contiguous(), workspace);
  for (const BlockWeights& block : weights.blocks) {
    const Workspace::Scope scope(workspace);
    attention_.forward(block, h_MC.scalar_type(), inputs_BT.size(0), h_MC, workspace);
    mlp_.forward(block, h_MC.scalar_type(), h_MC, workspace);
  }
  return normalised(h_MC, h_MC.scalar_type(), options_.norm_eps, workspace).y_MC;
}

void Llama::each_slice(
    const Arena& x, const at::Tensor& inputs_BT,
    const std::function<void(const StepWeights&, int64_t, const at::Tensor&)>& each) const {
  Workspace& workspace = Workspace::of_this_thread();
  const Workspace::Scope scope(workspace);
  const StepWeights weights = map_.weights(x, x.flat().scalar_type(), workspace);
  const int64_t batch = inputs_BT.size(0), time = inputs_BT.size(1);
  const int64_t rows = std::max<int64_t>(1, StepOptions{}.micro_tokens / time);
  at::parallel_for(0, (batch + rows - 1) / rows, 1, [&](int64_t begin, int64_t end) {
    Workspace& own = Workspace::of_this_thread();
    for (int64_t slice = begin; slice < end; ++slice) {
      const Workspace::Scope part(own);
      const int64_t row = slice * rows, count = std::min(rows, batch - row);
      each(weights, row * time, forward(weights, inputs_BT.narrow(0, row, count), own));
    }
  });
}

at::Tensor Llama::losses(const Arena& x, const at::Tensor& tokens) const {
  check_tokens(tokens, options_.context + 1);
  const int64_t batch = tokens.size(0), time = tokens.size(1) - 1;
  CW_CHECK(time > 0);
  const at::Tensor targets_M = tokens.narrow(1, 1, time).reshape({-1}).contiguous();
  const at::Tensor losses_M = at::empty({batch * time}, x.flat().options());
  each_slice(x, tokens.narrow(1, 0, time),
             [&](const StepWeights& weights, int64_t first, const at::Tensor& y_MC) {
               head_losses(weights, y_MC, targets_M.narrow(0, first, y_MC.size(0)),
                           losses_M.narrow(0, first, y_MC.size(0)));
             });
  return losses_M.view({batch, time});
}

void Llama::head_losses(const StepWeights& weights, const at::Tensor& y_MC,
                        const at::Tensor& targets_M, const at::Tensor& losses_M) const {
  Workspace& workspace = Workspace::of_this_thread();
  const int64_t rows = y_MC.size(0), step = head_rows(options_, rows);
  for (int64_t row = 0; row < rows; row += step) {
    const Workspace::Scope part(workspace);
    const int64_t count = std::min(step, rows - row);
    const at::Tensor logits_MV = workspace.take({count, options_.vocabulary}, y_MC.scalar_type());
    product(y_MC.narrow(0, row, count), weights.head, logits_MV);
    cross_entropy(logits_MV, targets_M.narrow(0, row, count), losses_M.narrow(0, row, count));
  }
}

at::Tensor Llama::logits(const Arena& x, const at::Tensor& tokens) const {
  check_tokens(tokens, options_.context);
  const at::Tensor logits_MV = at::empty({tokens.numel(), options_.vocabulary}, x.flat().options());
  each_slice(x, tokens, [&](const StepWeights& weights, int64_t first, const at::Tensor& y_MC) {
    product(y_MC, weights.head, logits_MV.narrow(0, first, y_MC.size(0)));
  });
  return logits_MV.view({tokens.size(0), tokens.size(1), options_.vocabulary});
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

  if (!own->weights) own->weights = map_.weights(x, x.flat().scalar_type(), own->memory);
  own->layers.resize(static_cast<size_t>(options_.layers));
  Workspace& workspace = Workspace::of_this_thread();
  const Workspace::Scope scope(workspace);
  const at::Tensor h_TC = embedded(*own->weights, new_T, workspace);
  for (size_t layer = 0; layer < own->layers.size(); ++layer) {
    const BlockWeights& block = own->weights->blocks[layer];
    const Workspace::Scope scratch(workspace);
    attention_.forward_cached(block, own->tokens, h_TC, own->layers[layer], workspace);
    mlp_.forward(block, h_TC.scalar_type(), h_TC, workspace);
  }
  own->tokens += count;
  const Normed last =
      normalised(h_TC.narrow(0, count - 1, 1), h_TC.scalar_type(), options_.norm_eps, workspace);
  at::Tensor logits_1V = at::empty({1, options_.vocabulary}, h_TC.options());
  product(last.y_MC, own->weights->head, logits_1V);
  return logits_1V.squeeze(0);
}

}  // namespace

extern const Entry<Model> models_llama;
const Entry<Model> models_llama = entry<Model, Llama>(
    "llama", "Decoder with RMSNorm, rotary positions, grouped queries, SwiGLU.");

}  // namespace causeway
