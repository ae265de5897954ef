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
#include "core/random.h"
#include "sync/layout.h"
#include "tensor/arena.h"

namespace causeway {

/// What a generation keeps between tokens: keys and values by layer. One thread at a time.
class KvCache {
 public:
  virtual ~KvCache() = default;
  virtual int64_t length() const = 0;  ///< tokens seen
};

/// A language model as explicit forward and backward passes over flat arenas. Immutable: weights
/// lie in the arena that is passed in. Const methods are thread-safe on distinct gradient arenas.
class Model {
 public:
  virtual ~Model() = default;

  virtual const Layout& layout() const = 0;
  virtual int64_t vocabulary() const = 0;
  virtual int64_t context() const = 0;  ///< longest T

  /// Sets `x` to the initial weights of the seed: a pure function of (seed, tensor, index).
  virtual void initialise(uint64_t seed, Arena& x) const = 0;

  /// tokens [B, T+1], int64: mean cross-entropy in nats of tokens[:, 1:] given tokens[:, :-1].
  /// Overwrites every gradient in `g` (same placement and dtype as `x`); padding stays zero.
  virtual double loss_and_gradient(const Arena& x, const at::Tensor& tokens, Arena& g) const = 0;

  /// The same loss for each position: [B, T], in the arena's dtype. No gradient.
  virtual at::Tensor losses(const Arena& x, const at::Tensor& tokens) const = 0;

  /// tokens [B, T] -> logits [B, T, V].
  virtual at::Tensor logits(const Arena& x, const at::Tensor& tokens) const = 0;

  /// Logits [V] after appending `tokens` (1 to context of them) to the cache's text.
  virtual std::unique_ptr<KvCache> make_cache() const = 0;
  virtual at::Tensor next_logits(const Arena& x, std::span<const int64_t> tokens,
                                 KvCache& cache) const = 0;

  /// Most bytes that loss_and_gradient allocates at once for fp32 rows x T tokens: for `explain`.
  virtual int64_t activation_bytes(int64_t rows, int64_t time) const = 0;

  /// Hugging Face's config.json for these sizes.
  virtual std::string config_json() const = 0;
};

/// Every model family, sorted by name.
Entries<Model> models();

}  // namespace causeway
