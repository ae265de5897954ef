// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "model/model.h"
#include "sync/plan.h"
#include "train/sites.h"
#include "train/worker.h"

namespace causeway {

/// The model that a recipe's shape is of.
std::unique_ptr<const Model> make_model(const Recipe& recipe);
/// How the recipe wants its steps computed.
StepOptions step_options(const Recipe& recipe);

/// What the workers of a run are made from: model, placement, plan, text. Immutable.
class Basis {
 public:
  /// Opens the text of these workers' sites. `closes`: see bind_plan. The recipe outlives the
  /// basis. Fault::kBadInput or kIo if a file of the recipe is not usable.
  static Result<std::unique_ptr<Basis>> make(const Recipe& recipe,
                                             const std::vector<WorkerId>& workers,
                                             bool closes = false);

  const Recipe& recipe() const { return recipe_; }
  const Model& model() const { return *model_; }
  const BoundPlan& plan() const { return *plan_; }
  const std::shared_ptr<const Placement>& placement() const { return placement_; }
  /// By site of the recipe; empty for those that were not opened.
  const std::vector<Sources>& sources() const { return sources_; }
  /// Worker m belongs to site m modulo their number.
  int32_t site_of(WorkerId worker) const { return recipe_.site_of(worker); }

  /// A replica of zeros and a feed at its start. `orders`: of a leader with followers.
  Result<Worker::Parts> parts(WorkerId id, Orders* orders = nullptr) const;
  /// A replica of zeros, which computes one of so many parts of every batch.
  std::unique_ptr<TrainReplica> replica(int64_t parts = 1) const;
  /// Sets the weights that the run begins with.
  Result<void> first_weights(TrainReplica& replica) const;

 private:
  explicit Basis(const Recipe& recipe);
  Result<void> check_recording() const;
  Result<std::unique_ptr<Feed>> open_feed(WorkerId worker) const;

  const Recipe& recipe_;
  std::unique_ptr<const Model> model_;
  std::shared_ptr<const Placement> placement_;
  std::unique_ptr<BoundPlan> plan_;
  std::vector<Sources> sources_;
};

}  // namespace causeway
