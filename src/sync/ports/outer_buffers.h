// SPDX-License-Identifier: Apache-2.0
//
// What ports with an outer optimizer have in common.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "sync/outer.h"
#include "sync/state.h"

namespace causeway {

/// An outer optimizer whose buffers are states of a channel: `outer_b`, `outer_m`, ...
class OuterBuffers {
 public:
  /// The options are checked: PortOuterOptions.
  explicit OuterBuffers(const Plugin& optimizer) {
    Mistakes told_by_check;
    optimizer_ = make_plugin(outer_optimizers(), "outer optimizer", optimizer, told_by_check);
  }

  void declare(int64_t count, Holder holder, std::vector<StateSpec>& specs) const {
    for (const std::string_view buffer : optimizer_->buffers())
      specs.push_back({name(buffer), count, holder});
  }
  /// Round `round` = 1, 2, ...
  template <class AnyStates>
  void step(int64_t round, std::span<const float> delta, std::span<float> anchor,
            AnyStates& states) const {
    std::vector<std::span<float>> buffers;
    for (const std::string_view buffer : optimizer_->buffers())
      buffers.push_back(states.edit(name(buffer)));
    optimizer_->step(round, delta, anchor, buffers);
  }

 private:
  static std::string name(std::string_view buffer) { return "outer_" + std::string(buffer); }
  std::unique_ptr<OuterOptimizer> optimizer_;
};

}  // namespace causeway
