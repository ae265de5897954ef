// SPDX-License-Identifier: Apache-2.0
#include "sim/toy_course.h"

#include "sync/mirror.h"
#include "sync/preset.h"

namespace causeway {
namespace {

struct InnerFacts {
  std::string name;
  ToyInner inner;
};

InnerFacts facts_of(ToyOptimizer optimizer) {
  switch (optimizer) {
    case ToyOptimizer::kSgd:
      return {"sgd", {}};
    case ToyOptimizer::kMomentum:
      return {"sgd_momentum", {.moments = {"u"}}};
    case ToyOptimizer::kAdam:
      return {"adamw", {.moments = {"u", "v"}}};
    case ToyOptimizer::kSlow:
      return {"qhm", {.moments = {"u"}, .momentum_part = 0.7F}};
    case ToyOptimizer::kCorrected:
      return {"sgd", {.moments = {"c"}}};
    case ToyOptimizer::kLowRank:
      return {"lordo", {.moments = {"u", "v", "q"}}};
  }
  return {};
}

}  // namespace

std::unique_ptr<ToyCourse> ToyCourse::make(const ToyOptions& options, const Value& sync,
                                           const Shape& shape, Mistakes& mistakes) {
  const size_t before = mistakes.size();
  auto [name, inner] = facts_of(options.optimizer);
  inner.rate = static_cast<float>(options.lr);
  const SyncTable table = read_sync(sync, mistakes);
  const Plan plan = make_plan(table, {name, inner.moments, {}}, mistakes);
  const ToyModelOptions model_options{shape.workers, static_cast<int32_t>(options.width),
                                      shape.seed};
  auto model = options.kind == ToyKind::kConvex ? make_convex_model(model_options)
                                                : make_two_layer_model(model_options);
  BindOptions bind;
  bind.workers = shape.workers;
  bind.seed = shape.seed;
  auto bound = BoundPlan::bind(plan, model->layout(), FlatReplica::names(inner.moments),
                               std::move(bind), mistakes);
  if (bound == nullptr || mistakes.size() != before) return nullptr;
  if (const auto crosses = can_cross_processes(*bound); !crosses) {
    mistakes.add(sync.where, crosses.error().message);
    return nullptr;
  }
  return std::unique_ptr<ToyCourse>(
      new ToyCourse(shape, std::move(inner), std::move(model), std::move(bound)));
}

Bytes ToyCourse::genesis() const {
  if (!can_mirror(*plan_)) {
    // Nobody can join; but all must begin alike.
    const std::vector<float> x = model_->first();
    const auto bytes = std::as_bytes(std::span(x));
    return {bytes.begin(), bytes.end()};
  }
  const FlatReplica first(model_->first(), inner_);
  return Mirror(*plan_, layout().count(), first).snapshot();
}

std::unique_ptr<Trainer> ToyCourse::trainer(WorkerId worker, Exchange& exchange) const {
  return std::make_unique<ToyTrainer>(*model_, inner_, *plan_, worker, exchange);
}

}  // namespace causeway
