// SPDX-License-Identifier: Apache-2.0
#include "train/recipe_course.h"

#include <numeric>

#include "core/fields.h"
#include "recipe/genesis.h"
#include "sync/mirror.h"
#include "train/weights.h"

namespace causeway {
namespace {

/// All that a worker needs to go on.
struct Saved {
  int64_t steps = 0, tokens = 0, updates = 0, steps_in_round = 0;
  std::vector<int64_t> cursor;
  std::map<std::string, std::vector<float>> states;
  Bytes engine;
};
void each_field(auto&& visit, auto& s)
  requires std::same_as<std::remove_const_t<std::remove_reference_t<decltype(s)>>, Saved>
{
  visit(s.steps), visit(s.tokens), visit(s.updates), visit(s.steps_in_round);
  visit(s.cursor), visit(s.states), visit(s.engine);
}

class RecipeTrainer final : public Trainer {
 public:
  RecipeTrainer(const Basis& basis, const Clock& clock, Exchange& exchange, Worker::Parts parts)
      : plan_(basis.plan()),
        all_{{{0, basis.model().layout().count()}}},
        worker_(basis.recipe(), basis.plan(), exchange, clock, std::move(parts)) {}

  Result<Status> advance() override {
    const Worker::Status status = worker_.advance();
    if (status == Worker::Status::kFailed) return worker_.error();
    return status == Worker::Status::kStepped ? Status::kStepped : Status::kWaiting;
  }
  Status close() override {
    const Go go = worker_.engine().at(Hook::kBeforeUpdate, worker_.steps() + 1, worker_.tokens());
    return go == Go::kWait ? Status::kWaiting : Status::kStepped;
  }
  int64_t steps() const override { return worker_.steps(); }
  int64_t tokens() const override { return worker_.tokens(); }
  bool trains() const override { return worker_.engine().trains(worker_.steps() + 1); }
  bool within_step() const override { return worker_.within_step(); }

  Bytes save() const override {
    Saved saved{worker_.steps(),
                worker_.tokens(),
                worker_.replica().updates(),
                worker_.replica().steps_in_round(),
                worker_.feed().cursor(),
                {},
                worker_.engine().snapshot()};
    for (const std::string& state : worker_.replica().states()) {
      std::vector<float>& values = saved.states[state];
      values.resize(static_cast<size_t>(all_.count()));
      worker_.replica().read(state, all_, values);
    }
    return write_fields(saved);
  }
  Result<void> restore(ByteSpan bytes) override {
    CW_ASSIGN(const Saved saved, read_fields<Saved>(bytes));
    for (const std::string& state : worker_.replica().states())
      if (!saved.states.contains(state) || std::ssize(saved.states.at(state)) != all_.count())
        return failure(Fault::kCorrupt, "what was saved has no state `{}`", state);
    CW_TRY(worker_.engine().restore(ByteSource::borrow(saved.engine)));
    CW_TRY(worker_.feed().seek(saved.cursor));
    for (const std::string& state : worker_.replica().states())
      worker_.replica().write(state, all_, saved.states.at(state));
    worker_.replica().set_updates(saved.updates);
    worker_.replica().set_steps_in_round(saved.steps_in_round);
    worker_.restore(saved.steps, saved.tokens);
    return {};
  }
  Result<int64_t> join(ByteSpan snapshot) override {
    CW_ASSIGN(const Joined joined,
              causeway::join(snapshot, plan_, worker_.replica(), worker_.engine()));
    worker_.restore(joined.steps, 0);
    return worker_.engine().counters().round;
  }
  std::vector<int64_t> open_rounds() const override { return worker_.engine().open_rounds(); }
  const Engine* engine() const override { return &worker_.engine(); }

  Digest replicated() const override { return worker_.engine().replicated_digest(); }
  Digest weights() const override { return weights_digest(worker_.replica().arena("x")); }
  double loss() const override { return worker_.report().loss; }
  void spoil(float value) override { worker_.replica().arena("x").values()[0] = value; }

 private:
  const BoundPlan& plan_;
  const Region all_;
  Worker worker_;
};

}  // namespace

std::unique_ptr<Trainer> make_trainer(const Basis& basis, const Clock& clock, Exchange& exchange,
                                      Worker::Parts parts) {
  return std::make_unique<RecipeTrainer>(basis, clock, exchange, std::move(parts));
}

RecipeCourse::RecipeCourse(std::unique_ptr<Basis> basis, const Clock& clock)
    : basis_(std::move(basis)), clock_(clock) {}

Result<std::unique_ptr<RecipeCourse>> RecipeCourse::make(const Recipe& recipe, const Clock& clock) {
  std::vector<WorkerId> ids(static_cast<size_t>(recipe.workers()));
  std::iota(ids.begin(), ids.end(), 0);
  CW_ASSIGN(std::unique_ptr<Basis> basis, Basis::make(recipe, ids));
  return std::unique_ptr<RecipeCourse>(new RecipeCourse(std::move(basis), clock));
}

Bytes RecipeCourse::genesis() const {
  auto genesis = genesis_of(basis_->recipe(), plan());
  CW_CHECK(genesis.ok(), "{}", genesis.error().message);
  return *std::move(genesis);
}

std::unique_ptr<Trainer> RecipeCourse::trainer(WorkerId worker, Exchange& exchange) const {
  auto parts = basis_->parts(worker);
  CW_CHECK(parts.ok(), "{}", parts.error().message);
  const auto set = basis_->first_weights(*parts->replica);
  CW_CHECK(set.ok(), "{}", set.error().message);
  return make_trainer(*basis_, clock_, exchange, *std::move(parts));
}

}  // namespace causeway
