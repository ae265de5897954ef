// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "exchange/trainer.h"
#include "sim/toy_model.h"
#include "sync/engine.h"
#include "sync/replica.h"

namespace causeway {

/// How a toy takes a step.
struct ToyInner {
  /// No u: SGD; u: momentum; u and v: Adam's. c is taken from the gradient; others only lie there.
  std::vector<std::string> moments;
  float rate = 0.05F;
  float momentum_part = 1;  ///< of a step; the gradient itself has the rest
};

/// Flat states: x, g and moments. Adam goes without bias correction, so that a joiner, who is given
/// the moments but not their age, goes on as the others do.
class FlatReplica final : public Replica {
 public:
  /// `x`: the first parameters.
  FlatReplica(std::vector<float> x, ToyInner inner);

  static std::vector<std::string> names(const std::vector<std::string>& moments);

  std::vector<std::string> states() const override { return names(inner_.moments); }
  void read(std::string_view name, const Region& region, std::span<float> packed) const override;
  void write(std::string_view name, const Region& region, std::span<const float> packed) override;
  void reset_optimizer() override;

  /// The inner optimizer's step by what g holds.
  void update();
  std::vector<float>& x() { return x_; }
  const std::vector<float>& x() const { return x_; }
  std::vector<float>& g() { return g_; }
  /// x and moments, all that lives between steps.
  std::vector<std::vector<float>*> kept();
  std::vector<const std::vector<float>*> kept() const;

 private:
  const std::vector<float>& state(std::string_view name) const;
  float* moment(std::string_view name);

  const ToyInner inner_;
  std::vector<float> x_, g_;
  std::vector<std::vector<float>> moments_;
};

/// A toy replica under the real engine.
class ToyTrainer final : public Trainer {
 public:
  /// All outlive the trainer.
  ToyTrainer(const ToyModel& model, const ToyInner& inner, const BoundPlan& plan, WorkerId worker,
             Exchange& exchange);

  Result<Status> advance() override;
  int64_t steps() const override { return steps_; }
  bool trains() const override { return entered_ ? trained_ : engine_.trains(steps_ + 1); }
  bool within_step() const override { return entered_; }
  Bytes save() const override;
  Result<void> restore(ByteSpan saved) override;
  Result<int64_t> join(ByteSpan snapshot) override;
  const Engine* engine() const override { return &engine_; }
  std::vector<int64_t> open_rounds() const override { return engine_.open_rounds(); }
  Digest replicated() const override { return engine_.replicated_digest(); }
  Digest weights() const override;
  double loss() const override { return model_.loss(replica_.x()); }
  void spoil(float value) override { spoil_ = value; }

 private:
  void enter();
  void leave(Go go);
  Go at_hook(bool fresh);

  const ToyModel& model_;
  const BoundPlan& plan_;
  const WorkerId worker_;
  FlatReplica replica_;
  Engine engine_;
  Hook hook_ = Hook::kAfterBackward;
  bool entered_ = false, within_hook_ = false, trained_ = false, updates_ = false;
  int64_t steps_ = 0, tokens_ = 0;
  std::optional<float> spoil_;
};

}  // namespace causeway
