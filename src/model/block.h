// SPDX-License-Identifier: Apache-2.0
//
// B batch, T time, S time seen so far, M = B T rows, C channels, N query heads, G key/value heads,
// D head width, I inner width.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <string>

#include "model/attention.h"
#include "model/gain.h"
#include "model/norm.h"
#include "model/rope.h"
#include "model/swiglu.h"
#include "tensor/arena.h"

namespace causeway {

struct BlockSizes {
  int64_t width, heads, kv_heads, head_width, inner;
  double norm_eps;
};

/// Keys and values that a generation has seen: [1, S, G, D] of room for the whole context.
struct LayerCache {
  at::Tensor keys, values;
};

/// h += W_o attention(norm(h)). `h_MC` is changed in place. Thread-safe.
class AttentionBlock {
 public:
  /// The layer's tensors are found in the layout by `prefix` ("model.layers.3."). `rope` outlives
  /// it.
  AttentionBlock(const Layout& layout, const std::string& prefix, const BlockSizes& sizes,
                 const Rope& rope);

  struct Saved {
    Normed input;
    at::Tensor heads_BTHD;  ///< queries, keys (both turned) and values: H = N + 2G
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
  at::Tensor project(const Arena& x, const at::Tensor& y_MC, int64_t batch, int64_t start) const;
  void add_output(const Arena& x, const Attended& attended, at::Tensor& h_MC) const;

  BlockSizes sizes_;
  const Rope& rope_;
  GainedMatrices input_;
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
