// SPDX-License-Identifier: Apache-2.0
#include "service/dry_workplace.h"

#include <algorithm>
#include <map>

#include "core/fields.h"
#include "core/memory.h"
#include "core/random.h"
#include "recipe/genesis.h"
#include "service/charter_recipe.h"
#include "sync/mirror.h"

namespace causeway {
namespace {

/// Flat arrays.
class DryReplica final : public Replica {
 public:
  DryReplica(std::vector<float> x, const std::vector<std::string>& moments) {
    const size_t count = x.size();
    arrays_.emplace("x", std::move(x));
    for (const std::string& name : moments) arrays_.emplace(name, large_zeros<float>(count));
  }

  std::vector<std::string> states() const override {
    std::vector<std::string> out;
    for (const auto& [name, values] : arrays_) out.push_back(name);
    return out;
  }
  void read(std::string_view state, const Region& region, std::span<float> packed) const override {
    const std::vector<float>& from = arrays_.find(state)->second;
    auto to = packed.begin();
    for (const Span& span : region.spans)
      to = std::copy_n(from.begin() + span.begin, span.count, to);
  }
  void write(std::string_view state, const Region& region, std::span<const float> packed) override {
    std::vector<float>& to = arrays_.find(state)->second;
    auto from = packed.begin();
    for (const Span& span : region.spans) {
      std::copy_n(from, span.count, to.begin() + span.begin);
      from += span.count;
    }
  }
  void reset_optimizer() override {
    for (auto& [name, values] : arrays_)
      if (name != "x") std::ranges::fill(values, 0.0F);
  }
  std::map<std::string, std::vector<float>, std::less<>>& arrays() { return arrays_; }
  const std::map<std::string, std::vector<float>, std::less<>>& arrays() const { return arrays_; }

 private:
  std::map<std::string, std::vector<float>, std::less<>> arrays_;
};

struct Saved {
  int64_t steps = 0;
  std::map<std::string, std::vector<float>> states;
  Bytes engine;
};
void each_field(auto&& visit, auto& s)
  requires std::same_as<std::remove_const_t<std::remove_reference_t<decltype(s)>>, Saved>
{
  visit(s.steps), visit(s.states), visit(s.engine);
}

class DryTrainer final : public Trainer {
 public:
  DryTrainer(const BoundPlan& plan, WorkerId worker, uint64_t seed, int64_t step_tokens,
             DryReplica replica, Exchange& exchange)
      : plan_(plan),
        random_(seed, Stream::kSample, static_cast<uint32_t>(worker)),
        step_tokens_(step_tokens),
        replica_(std::move(replica)),
        engine_(plan, worker, replica_, exchange) {}

  Result<Status> advance() override {
    constexpr Hook kHooks[] = {Hook::kAfterBackward, Hook::kBeforeUpdate, Hook::kAfterUpdate};
    if (next_hook_ == 0 && trains()) move();
    for (; next_hook_ < std::size(kHooks); ++next_hook_)
      if (engine_.at(kHooks[next_hook_], steps_ + 1, tokens()) == Go::kWait)
        return Status::kWaiting;
    next_hook_ = 0;
    ++steps_;
    return Status::kStepped;
  }
  Status close() override {
    const Go go = engine_.at(Hook::kBeforeUpdate, steps_ + 1, tokens());
    return go == Go::kWait ? Status::kWaiting : Status::kStepped;
  }
  int64_t steps() const override { return steps_; }
  int64_t tokens() const override { return steps_ * step_tokens_; }
  bool trains() const override { return engine_.trains(steps_ + 1); }
  bool within_step() const override { return next_hook_ > 0; }

  Bytes save() const override {
    Saved saved{steps_, {}, engine_.snapshot()};
    for (const auto& [name, values] : replica_.arrays()) saved.states.emplace(name, values);
    return write_fields(saved);
  }
  Result<void> restore(ByteSpan bytes) override {
    CW_ASSIGN(Saved saved, read_fields<Saved>(bytes));
    for (const auto& [name, values] : replica_.arrays())
      if (!saved.states.contains(name) || saved.states[name].size() != values.size())
        return failure(Fault::kCorrupt, "what was saved has no state `{}`", name);
    CW_TRY(engine_.restore(ByteSource::borrow(saved.engine)));
    for (auto& [name, values] : replica_.arrays()) values = std::move(saved.states[name]);
    steps_ = saved.steps;
    return {};
  }
  Result<int64_t> join(ByteSpan snapshot) override {
    CW_ASSIGN(const Joined joined, causeway::join(snapshot, plan_, replica_, engine_));
    steps_ = joined.steps;
    return engine_.counters().round;
  }
  std::vector<int64_t> open_rounds() const override { return engine_.open_rounds(); }
  const Engine* engine() const override { return &engine_; }

  Digest replicated() const override { return engine_.replicated_digest(); }
  Digest weights() const override {
    return digest_of(std::as_bytes(std::span(replica_.arrays().find("x")->second)));
  }
  double loss() const override { return 0; }
  void spoil(float value) override { replica_.arrays().find("x")->second[0] = value; }

 private:
  /// Every 1,024th value: other bytes in each round, at no cost.
  void move() {
    constexpr size_t kStride = 1024;
    std::vector<float>& x = replica_.arrays().find("x")->second;
    for (size_t i = 0; i < x.size(); i += kStride)
      x[i] +=
          1e-3F * static_cast<float>(random_.normal(static_cast<uint64_t>(steps_) * x.size() + i));
  }

  const BoundPlan& plan_;
  const Random random_;
  const int64_t step_tokens_;
  DryReplica replica_;
  Engine engine_;
  int64_t steps_ = 0;
  size_t next_hook_ = 0;
};

}  // namespace

Result<void> DryWorkplace::open(const Charter& charter, const std::string& folder) {
  CW_ASSIGN(recipe_, read_charter_recipe(charter, {}, folder));
  layout_ = recipe_.shape->layout().digest();
  weights_ = charter.weights;
  CW_ASSIGN(plan_, bind_plan(recipe_, true));
  for (const BoundChannel& channel : plan_->channels())
    if (channel.port->reads() == "g")
      return failure(Fault::kBadInput,
                     "channel `{}` exchanges gradients, which a worker that "
                     "trains nothing has not",
                     channel.spec.name);
  return {};
}

Result<Workplace::Fresh> DryWorkplace::trainer(Exchange& exchange) {
  CW_ASSIGN(std::vector<float> x, first_parameters(recipe_));
  const bool at_start = digest_of(std::as_bytes(std::span(x))) == weights_;
  return Fresh{
      std::make_unique<DryTrainer>(*plan_, worker_, static_cast<uint64_t>(recipe_.run.seed),
                                   recipe_.train.batch_tokens,
                                   DryReplica(std::move(x), recipe_.optimizer->states()), exchange),
      at_start};
}

}  // namespace causeway
