// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "recipe/shared_recipe.h"
#include "service/workplace.h"
#include "train/basis.h"

namespace causeway {

/// Trains the model of the hub's recipe on the text of this place.
class RecipeWorkplace final : public Workplace {
 public:
  /// Clock and orders outlive it. `orders`: of the site's processes, if there are several: then
  /// each takes as many rows of every batch as the others, and followers need no text.
  RecipeWorkplace(WorkerId worker, OwnPart own, const Clock& clock, Orders* orders = nullptr)
      : worker_(worker), own_(std::move(own)), clock_(clock), orders_(orders) {}

  Result<void> open(const Charter& charter, const std::string& folder) override;
  const std::string& run() const override { return recipe_.run.name; }
  const BoundPlan& plan() const override { return basis_->plan(); }
  const Digest& layout() const override { return layout_; }
  int64_t steps() const override { return recipe_.run.steps; }
  Result<Fresh> trainer(Exchange& exchange) override;
  Result<int32_t> follow(Orders& orders, const std::atomic<bool>& stop) override;

 private:
  const WorkerId worker_;
  OwnPart own_;
  const Clock& clock_;
  Orders* const orders_;
  Recipe recipe_;
  Digest layout_, weights_;
  std::unique_ptr<Basis> basis_;
};

}  // namespace causeway
