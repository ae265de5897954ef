// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "model/model.h"
#include "optim/inner.h"
#include "sync/replica.h"
#include "tensor/arena.h"

namespace causeway {

/// One copy of the model on the CPU: an arena for each kind of state, and the inner optimizer's
/// step count. One thread at a time.
class TrainReplica final : public Replica {
 public:
  /// All states zero; set the weights through arena("x"). Model and optimizer outlive the replica.
  TrainReplica(const Model& model, std::shared_ptr<const Placement> placement,
               const InnerOptimizer& optimizer, const StepOptions& options);

  std::vector<std::string> states() const override;
  void read(std::string_view state, const Region& region, std::span<float> packed) const override;
  void write(std::string_view state, const Region& region, std::span<const float> packed) override;
  void reset_optimizer() override;

  /// tokens [B, T+1] int64: fills the gradient and returns the mean loss in nats; of a part of the
  /// batch if the options say so.
  double loss_and_gradient(const at::Tensor& tokens);
  /// L2 norm of the gradient over all parameters; not finite if a value is not.
  double gradient_norm() const;
  /// One step of the inner optimizer, the gradient scaled by `scale`.
  void update(double rate, double scale);

  Arena& arena(std::string_view state);
  const Arena& arena(std::string_view state) const;
  int64_t updates() const { return updates_; }
  void set_updates(int64_t updates) { updates_ = updates; }
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
  const Model& model_;
  const InnerOptimizer& optimizer_;
  const StepOptions options_;
  std::map<std::string, std::unique_ptr<Arena>, std::less<>> arenas_;
  std::vector<std::string> moments_;
  int64_t updates_ = 0;
  bool gradient_replaced_ = false;
  Changes changes_{true, {"x"}};
};

}  // namespace causeway
