// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>

#include "core/options.h"
#include "exchange/trainer.h"
#include "sim/toy_model.h"
#include "sim/toy_trainer.h"

namespace causeway {

enum class ToyKind : uint8_t { kConvex = 1, kTwoLayer = 2 };
enum class ToyOptimizer : uint8_t {
  kSgd = 1,
  kMomentum = 2,
  kAdam = 3,
  kSlow = 4,
  kCorrected = 5,
  kLowRank = 6
};

struct ToyOptions {
  ToyKind kind = ToyKind::kTwoLayer;
  ToyOptimizer optimizer = ToyOptimizer::kAdam;
  double lr = 0.01;
  int64_t width = 1;

  template <class Visit>
  void each(Visit&& visit) {
    visit("kind", kind,
          Choices<ToyKind>{{{"convex", ToyKind::kConvex}, {"two_layer", ToyKind::kTwoLayer}}}, "",
          "What is trained: a convex function, or a small tanh network.");
    visit("optimizer", optimizer,
          Choices<ToyOptimizer>{{{"sgd", ToyOptimizer::kSgd},
                                 {"momentum", ToyOptimizer::kMomentum},
                                 {"adam", ToyOptimizer::kAdam},
                                 {"slow", ToyOptimizer::kSlow},
                                 {"corrected", ToyOptimizer::kCorrected},
                                 {"low_rank", ToyOptimizer::kLowRank}}},
          "",
          "Inner optimizer: no moments; u; u and v; u, quasi-hyperbolic, as mt_dao wants it; no "
          "moments and fedspeed's correction c; u, v and lordo's basis q.");
    visit("lr", lr, Range<double>{0, 1}, "", "Its step size.");
    visit("width", width, Range<int64_t>{1, 64}, "", "A factor on the number of parameters.");
  }
};

/// A toy and its data under a plan. Immutable; thread-safe.
class ToyCourse final : public Course {
 public:
  struct Shape {
    int32_t workers = 1;
    int64_t steps = 1;
    uint64_t seed = 0;
  };
  /// `sync`: a [sync] table as recipes have it. Null if there are mistakes.
  static std::unique_ptr<ToyCourse> make(const ToyOptions& options, const Value& sync,
                                         const Shape& shape, Mistakes& mistakes);

  const BoundPlan& plan() const override { return *plan_; }
  const Layout& layout() const override { return model_->layout(); }
  int64_t steps() const override { return shape_.steps; }
  Bytes genesis() const override;
  std::unique_ptr<Trainer> trainer(WorkerId worker, Exchange& exchange) const override;

 private:
  ToyCourse(Shape shape, ToyInner inner, std::unique_ptr<ToyModel> model,
            std::unique_ptr<BoundPlan> plan)
      : shape_(shape), inner_(std::move(inner)), model_(std::move(model)), plan_(std::move(plan)) {}

  const Shape shape_;
  const ToyInner inner_;
  const std::unique_ptr<ToyModel> model_;
  const std::unique_ptr<BoundPlan> plan_;
};

}  // namespace causeway
