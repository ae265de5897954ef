// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "model/model.h"
#include "optim/inner.h"
#include "optim/objective.h"
#include "sync/replica.h"
#include "tensor/arena.h"
#include "train/inner_update.h"

namespace causeway {

/// One copy of the model on the CPU: an arena for each kind of state, and the inner optimizer's
/// step count. One thread at a time.
class TrainReplica final : public Replica {
 public:
  /// All states zero, but for what the optimizer starts otherwise; set the weights through
  /// arena("x"). Model, optimizer and objective outlive the replica. No objective: the plain loss.
  TrainReplica(const Model& model, std::shared_ptr<const Placement> placement,
               const InnerOptimizer& optimizer, const StepOptions& options,
               const Objective* objective = nullptr);

  std::vector<std::string> states() const override;
  void read(std::string_view state, const Region& region, std::span<float> packed) const override;
  void write(std::string_view state, const Region& region, std::span<const float> packed) override;
  void reset_optimizer() override;

  /// tokens [B, T+1] int64: fills the gradient and returns the mean loss in nats; of a part of the
  /// batch if the options say so.
  double loss_and_gradient(const at::Tensor& tokens);
  /// Fills the gradient as the objective wants it; of `step`, all but steps_in_round is read. What
  /// it does not forbid the inner optimizer may follow with update().
  Objective::Outcome local_step(const at::Tensor& tokens, ObjectiveStep step);
  /// L2 norm of the gradient over all parameters; not finite if a value is not.
  double gradient_norm() const;
  /// One step of the inner optimizer, the gradient scaled by `scale`.
  void update(double rate, double scale);

  Arena& arena(std::string_view state);
  const Arena& arena(std::string_view state) const;
  int64_t updates() const { return updates_; }
  void set_updates(int64_t updates) { updates_ = updates; }
  /// Calls of local_step since x was last written, or ever.
  int64_t steps_in_round() const { return steps_in_round_; }
  void set_steps_in_round(int64_t steps) { steps_in_round_ = steps; }
  /// True if the gradient was replaced by a consensus since it was computed.
  bool gradient_replaced() const { return gradient_replaced_; }
  const Model& model() const { return model_; }

  /// What came from elsewhere than loss_and_gradient and update.
  struct Changes {
    bool reset = false;                         ///< reset_optimizer, before what follows
    std::set<std::string, std::less<>> states;  ///< written
  };
  /// Since the last call; at the first one, all that a replica of zeros lacks. What is written
  /// through arena() is not seen, but for the first parameters.
  Changes take_changes() { return std::exchange(changes_, {}); }

 private:
  std::vector<std::span<float>> moment_values();

  const Model& model_;
  const StepOptions options_;
  const InnerUpdate inner_;
  const Objective* const objective_;
  std::map<std::string, std::unique_ptr<Arena>, std::less<>> arenas_;
  std::vector<std::string> moments_;
  int64_t updates_ = 0, steps_in_round_ = 0;
  bool gradient_replaced_ = false;
  Changes changes_{true, {"x"}};
};

}  // namespace causeway
