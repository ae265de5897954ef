// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "sync/layout.h"

namespace causeway {

/// The one door from synchronisation to training; torch, CUDA and shards live behind it. Called by
/// one thread at a time, between steps or at a hook.
///
/// Names of state: `x` parameters, `g` gradient, and the inner optimizer's: `u` (`u1`, `u2`, ...)
/// first moments, `v` second moment, `b` momentum. Each has the layout's size.
class Replica {
 public:
  virtual ~Replica() = default;

  virtual std::vector<std::string> states() const = 0;
  /// Packs a region of a state, in global order. `packed` has region.count() values.
  virtual void read(std::string_view state, const Region& region,
                    std::span<float> packed) const = 0;
  /// The reverse of read.
  virtual void write(std::string_view state, const Region& region,
                     std::span<const float> packed) = 0;
  /// All inner optimizer state and its step count to zero.
  virtual void reset_optimizer() = 0;
};

}  // namespace causeway
