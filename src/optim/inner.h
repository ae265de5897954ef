// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>
#include <string>
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

/// An inner optimizer on flat spans: element-wise, so that split spans give the same bits.
/// Stateless; thread-safe.
class InnerOptimizer {
 public:
  virtual ~InnerOptimizer() = default;

  /// Base learning rate, before the schedule.
  virtual double rate() const = 0;
  /// True if weight decay acts on norms and embeddings too.
  virtual bool decays_all() const = 0;
  /// Names of the states, each as long as the parameters and zero at the start.
  virtual std::vector<std::string> states() const = 0;
  /// Updates x and the states in one pass. All spans are of one length; `states` in states() order.
  virtual void step(const Update& update, std::span<float> x, std::span<const float> g,
                    std::span<const std::span<float>> states) const = 0;
};

/// Every inner optimizer, sorted by name.
Entries<InnerOptimizer> inner_optimizers();

}  // namespace causeway
