// SPDX-License-Identifier: Apache-2.0
//
// B batch, T time, S time seen so far, M = B T rows, C channels, N query heads, G key/value heads,
// H = N + 2G, D head width, I inner width.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

#include "model/attention.h"
#include "model/head_norm.h"
#include "model/norm.h"
#include "model/rope.h"
#include "model/step_matrices.h"
#include "tensor/workspace.h"

namespace causeway {

/// The gradient with respect to h, in the wide type, and in the step's type for products to read:
/// one tensor where these are the same.
struct ResidualGradient {
  at::Tensor wide_MC, narrow_MC;
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

/// h += W_o attention(norm(h)) in place. Queries, keys and values have biases, and queries and keys
/// a norm of each head, if the matrices have such. Thread-safe on distinct workspaces.
class AttentionBlock {
 public:
  /// `rope` outlives it.
  AttentionBlock(const BlockSizes& sizes, const Rope& rope) : sizes_(sizes), rope_(rope) {}

  struct Saved {
    Normed input;
    at::Tensor heads_BTHD;  ///< queries, keys (both turned) and values
    HeadNormed head_norm;   ///< empty without such a norm
    at::Tensor out_BTND, log_sum_BNT;
  };
  /// Computes in `type`; h has the wide type. What it returns lies in the workspace.
  Saved forward(const BlockWeights& weights, at::ScalarType type, int64_t batch,
                const at::Tensor& h_MC, Workspace& workspace) const;
  /// The same for one row of new tokens after the `start` which the cache has; appends to it.
  void forward_cached(const BlockWeights& weights, int64_t start, const at::Tensor& h_MC,
                      LayerCache& cache, Workspace& workspace) const;
  /// Turns the gradient with respect to the new h into that with respect to the old one; sets the
  /// gradients of the weights, or adds to them.
  void backward(const BlockWeights& weights, const Saved& saved, const ResidualGradient& dh,
                bool add, const BlockGradients& gradients, Workspace& workspace) const;

 private:
  HeadCounts counts() const { return {sizes_.heads, sizes_.kv_heads}; }
  HeadNormSizes head_norm_sizes() const { return {sizes_.heads, sizes_.kv_heads, sizes_.norm_eps}; }
  at::Tensor turned(const at::Tensor& heads_BTHD) const;  // queries and keys
  at::Tensor project(const BlockWeights& weights, const at::Tensor& y_MC, int64_t batch,
                     int64_t start, HeadNormed& head_norm, Workspace& workspace) const;

  BlockSizes sizes_;
  const Rope& rope_;
};

/// h += W_down swiglu(norm(h)) in place. Thread-safe on distinct workspaces.
class MlpBlock {
 public:
  explicit MlpBlock(const BlockSizes& sizes) : sizes_(sizes) {}

  struct Saved {
    Normed input;
    at::Tensor gate_up_M2I;  ///< used up by `backward`
  };
  Saved forward(const BlockWeights& weights, at::ScalarType type, const at::Tensor& h_MC,
                Workspace& workspace) const;
  void backward(const BlockWeights& weights, const Saved& saved, const ResidualGradient& dh,
                bool add, const BlockGradients& gradients, Workspace& workspace) const;

 private:
  BlockSizes sizes_;
};

/// The rows of h, normalised, in `type`; in the workspace.
Normed normalised(const at::Tensor& h_MC, at::ScalarType type, double eps, Workspace& workspace);

}  // namespace causeway
