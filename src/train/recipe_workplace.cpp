// SPDX-License-Identifier: Apache-2.0
#include "train/recipe_workplace.h"

#include "service/charter_recipe.h"
#include "train/recipe_course.h"
#include "train/team.h"
#include "train/weights.h"

namespace causeway {

Result<void> RecipeWorkplace::open(const Charter& charter, const std::string& folder) {
  CW_ASSIGN(recipe_, read_charter_recipe(charter, own_, folder));
  layout_ = recipe_.shape->layout().digest();
  weights_ = charter.weights;
  CW_ASSIGN(basis_, Basis::make(recipe_, {worker_}, true));
  prepare_compute_threads(thread_count(recipe_.run.threads));
  return {};
}

Result<Workplace::Fresh> RecipeWorkplace::trainer(Exchange& exchange) {
  CW_ASSIGN(Worker::Parts parts, basis_->parts(worker_));
  CW_TRY(basis_->first_weights(*parts.replica));
  const bool at_start = weights_digest(std::as_const(*parts.replica).arena("x")) == weights_;
  return Fresh{make_trainer(*basis_, clock_, exchange, std::move(parts)), at_start};
}

}  // namespace causeway
