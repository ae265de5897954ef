// SPDX-License-Identifier: Apache-2.0
//
// C channels, O outputs of queries, keys and values, K inputs of the output product, I inner width,
// D head width, V vocabulary.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "model/product.h"
#include "shape/llama_options.h"
#include "tensor/arena.h"
#include "tensor/workspace.h"

namespace causeway {

/// A block's weights as the step's products read them: matrices that read the same rows lie one
/// below the other, so that one product serves them all.
struct BlockWeights {
  WeightMatrix qkv, output, gate_up, down;
  at::Tensor bias_O;         ///< wide; undefined without biases
  at::Tensor head_gains_2D;  ///< of queries and of keys, wide; undefined without them
};

struct StepWeights {
  at::Tensor embedding_VC;  ///< wide
  WeightMatrix head;
  std::vector<BlockWeights> blocks;
};

/// The gradients with respect to them, all wide. Every matrix has C rows: those that read the
/// residual stream are transposed.
struct BlockGradients {
  at::Tensor qkv_CO, output_CK, gate_up_C2I, down_CI, bias_O, head_gains_2D;
};

struct StepGradients {
  at::Tensor embedding_VC, head_CV;
  std::vector<BlockGradients> blocks;
};

/// Turns an arena's tensors into a step's matrices, and the step's gradients into the arena's. A
/// norm's gain is folded into the matrices that read its rows, (y * gain) W^T = y (W diag(gain))^T,
/// so that the gain and its gradient cost passes over the weights, once a step, and none over the
/// activations. Immutable; thread-safe.
class StepMatrixMap {
 public:
  StepMatrixMap(const LlamaOptions& options, const Layout& layout);

  /// The weights in `type`. What needs no change refers to `x`; the rest lies in the workspace.
  StepWeights weights(const Arena& x, at::ScalarType type, Workspace& workspace) const;
  /// What `weights` takes of the workspace for an arena of float.
  int64_t weight_bytes(at::ScalarType type) const;

  /// Room for a step's gradients in `flat`, which has gradient_values() of the wide type.
  StepGradients gradients(const at::Tensor& flat) const;
  int64_t gradient_values() const;

  /// Overwrites every gradient in `g` with the sum of the lanes' gradients, lane after lane.
  void collect(const Arena& x, std::span<const StepGradients> lanes, Arena& g) const;

 private:
  /// Matrices that read the rows of one norm.
  struct Gained {
    size_t gain;
    std::vector<size_t> matrices;
    int64_t outputs;
  };
  struct Block {
    Gained qkv, gate_up;
    size_t output, down;
    std::vector<size_t> biases;      // of queries, keys, values; or none
    std::vector<size_t> head_gains;  // of queries, keys; or none
  };

  Gained gained(const Layout& layout, const std::string& gain,
                const std::vector<std::string>& matrices) const;
  WeightMatrix pack(const Gained& gained, const Arena& x, at::ScalarType type,
                    Workspace& workspace) const;
  void unfold(const Gained& gained, const Arena& x, const std::vector<at::Tensor>& lanes,
              Arena& g) const;
  /// The same for tensors that lie one after the other in the lanes.
  void split(const std::vector<size_t>& tensors, const std::vector<at::Tensor>& lanes,
             Arena& g) const;

  int64_t channels_, output_inputs_, inner_, head_width_, vocabulary_;
  bool tied_;
  size_t embedding_;
  Gained head_;
  std::vector<Block> blocks_;
};

/// The index of a tensor that is known to be there.
size_t tensor_index(const Layout& layout, std::string_view name);

}  // namespace causeway
