// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "core/bytes.h"
#include "core/error.h"
#include "core/hash.h"
#include "sync/engine.h"
#include "sync/exchange.h"
#include "sync/layout.h"
#include "sync/plan.h"

namespace causeway {

/// One replica that trains, as the protocol sees it. One thread at a time.
class Trainer {
 public:
  virtual ~Trainer() = default;

  enum class Status : uint8_t { kStepped = 1, kWaiting = 2 };
  /// Goes on to the end of the step, or until a consensus is not there yet. After a failure it must
  /// not be advanced again.
  virtual Result<Status> advance() = 0;
  /// After the last step: the closing round (sync/channel.h), if the plan has one.
  virtual Status close() { return Status::kStepped; }
  virtual int64_t steps() const = 0;            ///< finished
  virtual int64_t tokens() const { return 0; }  ///< trained
  /// True if the step that comes next, or is under way, computes a gradient: it then takes time.
  virtual bool trains() const = 0;
  /// Waiting inside a step.
  virtual bool within_step() const = 0;

  /// Between steps: all that a restart on the same machine needs of replica and engine.
  virtual Bytes save() const = 0;
  virtual Result<void> restore(ByteSpan saved) = 0;
  /// Starts from the hub's mirror (sync/mirror.h); returns the last round that was launched there:
  /// up to it all are settled but those in open_rounds().
  virtual Result<int64_t> join(ByteSpan snapshot) = 0;
  /// Rounds that are launched or followed and not yet settled.
  virtual std::vector<int64_t> open_rounds() const = 0;
  virtual const Engine* engine() const = 0;

  virtual Digest replicated() const = 0;  ///< of all replicated states
  virtual Digest weights() const = 0;     ///< of the parameters
  virtual double loss() const = 0;        ///< over all workers' data, of its parameters
  /// Makes what the next offer sends not finite, or huge: a worker that lies.
  virtual void spoil(float value) = 0;
};

/// What is trained: a toy of the simulator, or a recipe with a real model.
class Course {
 public:
  virtual ~Course() = default;
  virtual const BoundPlan& plan() const = 0;
  virtual const Layout& layout() const = 0;
  virtual int64_t steps() const = 0;
  /// The state before the first step: Mirror::snapshot().
  virtual Bytes genesis() const = 0;
  virtual std::unique_ptr<Trainer> trainer(WorkerId worker, Exchange& exchange) const = 0;
};

}  // namespace causeway
