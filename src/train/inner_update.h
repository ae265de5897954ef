// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "optim/inner.h"
#include "tensor/arena.h"

namespace causeway {

/// An inner optimizer on the arenas of a replica: tensors that it takes whole one by one, all else
/// in runs of values. Work is shared among LibTorch's threads and never split where a bit could
/// change. Stateless; the optimizer outlives it.
class InnerUpdate {
 public:
  InnerUpdate(std::shared_ptr<const Placement> placement, const InnerOptimizer& optimizer);

  /// Writes the states that do not start at zero, over zeros.
  void start(std::span<const std::span<float>> states) const;
  /// One update; `update.decays` does not matter. Spans are whole arenas, states in states() order.
  void apply(const Update& update, std::span<float> x, std::span<const float> g,
             std::span<const std::span<float>> states) const;

 private:
  struct Whole {
    TensorPlace place;
    size_t begin, count;
    bool decays;
  };
  void add_group(const Placement::Group& group);

  std::shared_ptr<const Placement> placement_;
  const InnerOptimizer& optimizer_;
  std::vector<Whole> wholes_;
  std::vector<Placement::Group> runs_;
};

}  // namespace causeway
