// SPDX-License-Identifier: Apache-2.0
//
// B batch, T time, V vocabulary.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "core/plugin.h"
#include "shape/shape.h"
#include "tensor/arena.h"

namespace causeway {

/// What a generation keeps between tokens: keys and values by layer. One thread at a time.
class KvCache {
 public:
  virtual ~KvCache() = default;
  virtual int64_t length() const = 0;  ///< tokens seen
};

/// How a step is computed. Type, lanes and slices decide about its bits; recomputing changes none.
struct StepOptions {
  /// kFloat; or kBFloat16: products and what is kept between them are in bfloat16, while weights,
  /// the residual stream, sums and gradients stay float32. Arenas of double compute in double.
  at::ScalarType type = at::kFloat;
  /// Parts of the rows that threads may do side by side, each with its own gradients; 0: by size.
  int64_t lanes = 0;
  /// Tokens of a lane that go through the model at once, in whole rows, at least one.
  int64_t micro_tokens = 1024;
  /// Keep only each block's input, and compute the rest again in the backward pass: Chen and
  /// others, "Training Deep Nets with Sublinear Memory Cost", arXiv:1604.06174.
  bool recompute = false;
  /// The rows are one of so many parts of a batch, all with as many rows: loss and gradient are
  /// divided by it, so that those of the parts add up to the batch's.
  int64_t parts = 1;
};

/// A language model as explicit forward and backward passes over flat arenas. Immutable: weights
/// lie in the arena that is passed in. Const methods are thread-safe on distinct gradient arenas.
class Model {
 public:
  virtual ~Model() = default;

  virtual const ModelShape& shape() const = 0;
  const Layout& layout() const { return shape().layout(); }
  int64_t vocabulary() const { return shape().vocabulary(); }
  int64_t context() const { return shape().context(); }  ///< longest T
  std::string config_json() const { return shape().config_json(); }

  /// Sets `x` to the initial weights of the seed.
  void initialise(uint64_t seed, Arena& x) const;

  /// tokens [B, T+1], int64: mean cross-entropy in nats of tokens[:, 1:] given tokens[:, :-1].
  /// Overwrites every gradient in `g` (same placement and dtype as `x`); padding stays zero.
  /// Shared among LibTorch's threads; their number changes no bit if there are two lanes or more.
  virtual double loss_and_gradient(const Arena& x, const at::Tensor& tokens, Arena& g,
                                   const StepOptions& options) const = 0;

  /// The same loss for each position: [B, T], in the arena's dtype. No gradient.
  virtual at::Tensor losses(const Arena& x, const at::Tensor& tokens) const = 0;

  /// tokens [B, T] -> logits [B, T, V].
  virtual at::Tensor logits(const Arena& x, const at::Tensor& tokens) const = 0;

  /// Logits [V] after appending `tokens` (1 to context of them) to the cache's text. A cache keeps
  /// what it made of `x`, which must stay as it was at the first call.
  virtual std::unique_ptr<KvCache> make_cache() const = 0;
  virtual at::Tensor next_logits(const Arena& x, std::span<const int64_t> tokens,
                                 KvCache& cache) const = 0;

  /// Most bytes that loss_and_gradient takes at once on `threads` threads for rows x T tokens and
  /// arenas of float: for `explain`.
  virtual int64_t step_bytes(int64_t rows, int64_t time, const StepOptions& options,
                             int64_t threads) const = 0;
};

/// Every model family, sorted by name: the same names as shapes().
Entries<Model> models();

}  // namespace causeway
