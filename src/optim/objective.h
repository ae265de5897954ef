// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/plugin.h"

namespace causeway {

/// One step of a worker's local training.
struct ObjectiveStep {
  int64_t step = 1;            ///< of the run: 1, 2, ...
  int64_t steps_in_round = 0;  ///< objective steps since a consensus last wrote x, or ever
  int32_t worker = 0;
  uint64_t seed = 0;  ///< the run's
  double rate = 0;    ///< scheduled learning rate

  /// x is new: written by a consensus since the last step, or it is the first one.
  bool new_round() const { return steps_in_round == 0; }
};

/// What an objective works on: one replica and the batch of this step.
class Subject {
 public:
  virtual ~Subject() = default;

  /// A tensor's values: from `at` in every state, from `begin` in the layout.
  struct Place {
    size_t at, count;
    int64_t begin;
    bool matrix;  ///< two dimensions
  };
  /// Every tensor that has values. Between them is padding, which is and stays zero.
  virtual const std::vector<Place>& places() const = 0;
  /// All values of `x`, `g`, or one of the objective's own states; padding included.
  virtual std::span<float> state(std::string_view name) = 0;
  /// Fills g with the gradient at x; returns the mean loss in nats.
  virtual double gradient() = 0;
  /// The same loss, and nothing else.
  virtual double loss() = 0;
};

/// What a local step optimises: puts into g what the inner optimizer takes for the gradient.
/// Stateless; thread-safe.
class Objective {
 public:
  virtual ~Objective() = default;

  /// States that it adds to a replica: of the layout's size, zero at the start, kept in
  /// checkpoints. A channel may carry them; resets of the optimizer leave them.
  virtual std::vector<std::string> states() const { return {}; }
  /// Copies of the parameters' size that step() takes for its own work, for memory's account.
  virtual int64_t copies() const { return 0; }

  struct Outcome {
    double loss = 0;      ///< at x, in nats
    bool updates = true;  ///< false: the inner optimizer is left out of this step
  };
  /// Fills g. x has the same bits afterwards.
  virtual Outcome step(Subject& subject, const ObjectiveStep& step) const = 0;
};

/// Every objective, sorted by name.
Entries<Objective> objectives();

}  // namespace causeway
