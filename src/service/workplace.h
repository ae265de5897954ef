// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>

#include "exchange/trainer.h"
#include "net/frame.h"
#include "site/orders.h"

namespace causeway {

/// What a worker's process trains with: known when the hub has said what the run is. One thread at
/// a time.
class Workplace {
 public:
  virtual ~Workplace() = default;

  /// Once. `folder` is the worker's own, for what has to lie in files. Fault::kBadInput or kIo if
  /// the text of this site is not usable; kRefused if the model is another one here.
  virtual Result<void> open(const Charter& charter, const std::string& folder) = 0;

  // ---- After that.
  virtual const std::string& run() const = 0;  ///< its name
  virtual const BoundPlan& plan() const = 0;
  virtual const Digest& layout() const = 0;
  virtual int64_t steps() const = 0;  ///< of the run
  struct Fresh {
    std::unique_ptr<Trainer> trainer;
    bool at_start = false;  ///< it has the run's first weights; else it must join
  };
  /// One that has not trained yet. The exchange outlives it.
  virtual Result<Fresh> trainer(Exchange& exchange) = 0;
  /// Instead, in a process that follows its site's leader: trains as that orders until it ends it,
  /// and gives the exit code that it says. `stop`: this process is told to leave.
  virtual Result<int32_t> follow(Orders&, const std::atomic<bool>&) {
    return failure(Fault::kBadInput, "this worker is one process");
  }
};

}  // namespace causeway
