// SPDX-License-Identifier: Apache-2.0
//
// A recipe as the simulator sees it: the real model, data and optimizer behind the simulated
// network.
#pragma once

#include <memory>

#include "core/clock.h"
#include "exchange/trainer.h"
#include "train/basis.h"

namespace causeway {

/// A worker of the run behind the interface that the protocol's nodes train through. Basis, clock
/// and exchange outlive it.
std::unique_ptr<Trainer> make_trainer(const Basis& basis, const Clock& clock, Exchange& exchange,
                                      Worker::Parts parts);

class RecipeCourse final : public Course {
 public:
  /// Opens data and weights. Recipe and clock outlive the course. Fault::kBadInput or kIo if a file
  /// of the recipe is not usable.
  static Result<std::unique_ptr<RecipeCourse>> make(const Recipe& recipe, const Clock& clock);

  const BoundPlan& plan() const override { return basis_->plan(); }
  const Layout& layout() const override { return basis_->model().layout(); }
  int64_t steps() const override { return basis_->recipe().run.steps; }
  Bytes genesis() const override;
  std::unique_ptr<Trainer> trainer(WorkerId worker, Exchange& exchange) const override;

 private:
  RecipeCourse(std::unique_ptr<Basis> basis, const Clock& clock);

  const std::unique_ptr<Basis> basis_;
  const Clock& clock_;
};

}  // namespace causeway
