// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/plugin.h"

namespace causeway {

/// One update of a span of values.
struct Update {
  int64_t count = 0;   ///< updates made since the start or the last reset: 0 at the first
  double rate = 0;     ///< scheduled learning rate
  double scale = 1;    ///< the gradient is multiplied by this first (the clip)
  bool decays = true;  ///< weight decay acts on this span
};

/// What a tensor is to an optimizer that looks at more than one value at a time.
struct TensorPlace {
  enum class Kind : uint8_t {
    kMatrix = 1,  ///< of a block: takes vectors to vectors
    kTable = 2,   ///< embedding, head: a row for each token
    kVector = 3,  ///< one dimension: norms, biases
  };
  std::string_view name;
  Kind kind = Kind::kVector;
  int64_t rows = 1, columns = 0;  ///< row-major; a vector is one row
};

/// An inner optimizer on flat spans: element-wise, so that split spans give the same bits; tensors
/// that it asks for it gets whole instead. Stateless; thread-safe.
class InnerOptimizer {
 public:
  virtual ~InnerOptimizer() = default;

  /// Base learning rate, before the schedule.
  virtual double rate() const = 0;
  /// True if weight decay acts on norms and embeddings too.
  virtual bool decays_all() const = 0;
  /// Names of the states, each as long as the parameters and zero at the start, but for what
  /// start_tensor writes.
  virtual std::vector<std::string> states() const = 0;
  /// Updates x and the states in one pass. All spans are of one length; `states` in states() order.
  virtual void step(const Update& update, std::span<float> x, std::span<const float> g,
                    std::span<const std::span<float>> states) const = 0;

  /// True: this tensor goes to step_tensor, whole and unpadded, and never to step.
  virtual bool takes_whole(const TensorPlace& place) const;
  /// As step, on a tensor that takes_whole claims. A state that needs less room than the tensor
  /// lies in the first values of its span; the rest stays zero.
  virtual void step_tensor(const Update& update, const TensorPlace& place, std::span<float> x,
                           std::span<const float> g,
                           std::span<const std::span<float>> states) const;
  /// Writes the states of such a tensor that do not start at zero, over zeros: once before the
  /// first update and after each reset.
  virtual void start_tensor(const TensorPlace& place,
                            std::span<const std::span<float>> states) const;
};

/// Every inner optimizer, sorted by name.
Entries<InnerOptimizer> inner_optimizers();

}  // namespace causeway
