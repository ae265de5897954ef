// SPDX-License-Identifier: Apache-2.0
#include "train/recipe_workplace.h"

#include <string>

#include "service/charter_recipe.h"
#include "train/recipe_course.h"
#include "train/team.h"
#include "train/weights.h"

namespace causeway {
namespace {

/// Every process takes as many rows, so that none waits for another.
Result<void> check_rows(const Recipe& recipe, int64_t processes) {
  const int64_t rows = recipe.rows(), context = recipe.shape->context();
  if (rows % processes == 0) return {};
  const int64_t fewer = rows / processes * processes;
  const std::string batch_tokens =
      fewer == 0 ? std::to_string(processes * context)
                 : fmt::format("{} or {}", fewer * context, (fewer + processes) * context);
  return failure(Fault::kBadInput,
                 "a step of this run has {} rows (train.batch_tokens = {}, model.context = {}), "
                 "which the {} processes of this worker cannot share evenly; wanted: a number of "
                 "processes that divides {}, or train.batch_tokens = {} in the hub's recipe",
                 rows, recipe.train.batch_tokens, context, processes, rows, batch_tokens);
}

/// Followers compute shares of the plain gradient and nothing else.
Result<void> check_objective(const Recipe& recipe, int64_t processes) {
  if (processes == 1 || recipe.train.objective.name == "plain") return {};
  return failure(
      Fault::kBadInput,
      "this run's train.objective is \"{}\", which one process must compute; this worker "
      "has {}: start it with one, or set train.objective = \"plain\" in the hub's recipe",
      recipe.train.objective.name, processes);
}

}  // namespace

Result<void> RecipeWorkplace::open(const Charter& charter, const std::string& folder) {
  CW_ASSIGN(recipe_, read_charter_recipe(charter, own_, folder));
  layout_ = recipe_.shape->layout().digest();
  weights_ = charter.weights;
  std::vector<WorkerId> text_of = {worker_};
  if (orders_ != nullptr) {
    CW_TRY(check_rows(recipe_, orders_->group().size()));
    CW_TRY(check_objective(recipe_, orders_->group().size()));
    if (!orders_->group().leads()) text_of.clear();
  }
  CW_ASSIGN(basis_, Basis::make(recipe_, text_of, true));
  prepare_compute_threads(thread_count(recipe_.run.threads));
  return {};
}

Result<Workplace::Fresh> RecipeWorkplace::trainer(Exchange& exchange) {
  CW_ASSIGN(Worker::Parts parts, basis_->parts(worker_, orders_));
  CW_TRY(basis_->first_weights(*parts.replica));
  const bool at_start = weights_digest(std::as_const(*parts.replica).arena("x")) == weights_;
  return Fresh{make_trainer(*basis_, clock_, exchange, std::move(parts)), at_start};
}

Result<int32_t> RecipeWorkplace::follow(Orders& orders, const std::atomic<bool>& stop) {
  const auto replica = basis_->replica(orders.group().size());
  return causeway::follow(orders, *replica, stop);
}

}  // namespace causeway
