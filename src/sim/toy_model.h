// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "sync/layout.h"

namespace causeway {

/// Something small to train, with data that differ by worker. Immutable; thread-safe.
class ToyModel {
 public:
  virtual ~ToyModel() = default;
  virtual const Layout& layout() const = 0;
  /// The parameters before the first step.
  virtual std::vector<float> first() const = 0;
  /// Of the worker's batch of step `step`, at `x`. Both have layout().count() values.
  virtual void gradient(int32_t worker, int64_t step, std::span<const float> x,
                        std::span<float> g) const = 0;
  /// Mean over the data of all workers.
  virtual double loss(std::span<const float> x) const = 0;
};

struct ToyModelOptions {
  int32_t workers = 1;
  int32_t width = 1;  ///< a factor on the number of parameters
  uint64_t seed = 0;
};

/// 34 width parameters, each drawn to the worker's own target by d + d^3: convex, but not
/// quadratic, for then the workers' mean would move alike whatever is averaged when.
std::unique_ptr<ToyModel> make_convex_model(const ToyModelOptions& options);

/// A tanh network with one hidden layer, 8 inputs and 16 width hidden units, that learns another
/// one's answers; each worker's inputs have a mean of their own.
std::unique_ptr<ToyModel> make_two_layer_model(const ToyModelOptions& options);

}  // namespace causeway
