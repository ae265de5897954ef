// SPDX-License-Identifier: Apache-2.0
//
// B batch, T time, S time seen so far, M = B T rows, C channels, N query heads, G key/value heads,
// D head width, I inner width.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "model/attention.h"
#include "model/bias.h"
#include "model/gain.h"
#include "model/head_norm.h"
#include "model/norm.h"
#include "model/rope.h"
#include "model/swiglu.h"
#include "tensor/arena.h"

namespace causeway {

struct BlockSizes {
  int64_t width, heads, kv_heads, head_width, inner, context;
  double norm_eps;
};

/// Keys and values that a generation has seen: [1, S, G, D]. Room grows as tokens come, so that a
/// long context costs nothing until it is used.
class LayerCache {
 public:
  /// Appends to the `start` that are there, of at most `context`.
  void append(const at::Tensor& keys_1TGD, const at::Tensor& values_1TGD, int64_t start,
              int64_t context);
  at::Tensor keys(int64_t seen) const { return keys_.narrow(1, 0, seen); }
  at::Tensor values(int64_t seen) const { return values_.narrow(1, 0, seen); }

 private:
  at::Tensor keys_, values_;
};

/// h += W_o attention(norm(h)). Queries, keys and values have biases, and queries and keys a norm
/// of each head, if the layout has such tensors. `h_MC` is changed in place. Thread-safe.
class AttentionBlock {
 public:
  /// The layer's tensors are found in the layout by `prefix` ("model.layers.3."). `rope` outlives
  /// it.
  AttentionBlock(const Layout& layout, const std::string& prefix, const BlockSizes& sizes,
                 const Rope& rope);

  struct Saved {
    Normed input;
    at::Tensor heads_BTHD;  ///< queries, keys (both turned) and values: H = N + 2G
    HeadNormed head_norm;   ///< empty without such a norm
    Attended attended;
  };
  Saved forward(const Arena& x, at::Tensor& h_MC, int64_t batch) const;
  /// The same for one row of new tokens after the `start` which the cache has; appends to it.
  void forward_cached(const Arena& x, at::Tensor& h_MC, int64_t start, LayerCache& cache) const;
  /// Turns the gradient with respect to the new h into that with respect to the old one; overwrites
  /// the gradients of the weights.
  void backward(const Arena& x, const Saved& saved, at::Tensor& dh_MC, Arena& g) const;

 private:
  at::Tensor queries(const at::Tensor& heads_BTHD) const;
  at::Tensor keys(const at::Tensor& heads_BTHD) const;
  at::Tensor values(const at::Tensor& heads_BTHD) const;
  at::Tensor turned(const at::Tensor& heads_BTHD) const;  // queries and keys
  at::Tensor project(const Arena& x, const at::Tensor& y_MC, int64_t batch, int64_t start,
                     HeadNormed& head_norm) const;
  void add_output(const Arena& x, const Attended& attended, at::Tensor& h_MC) const;

  BlockSizes sizes_;
  const Rope& rope_;
  GainedMatrices input_;
  Biases biases_;
  std::optional<HeadNorm> head_norm_;
  size_t output_;
};

/// h += W_down swiglu(norm(h)). `h_MC` is changed in place. Thread-safe.
class MlpBlock {
 public:
  MlpBlock(const Layout& layout, const std::string& prefix, const BlockSizes& sizes);

  struct Saved {
    Normed input;
    at::Tensor gate_up_M2I;
    Gated gated;
  };
  Saved forward(const Arena& x, at::Tensor& h_MC) const;
  void backward(const Arena& x, const Saved& saved, at::Tensor& dh_MC, Arena& g) const;

 private:
  BlockSizes sizes_;
  GainedMatrices input_;
  size_t output_;
};

/// The index of a tensor that is known to be there.
size_t tensor_index(const Layout& layout, std::string_view name);

}  // namespace causeway
