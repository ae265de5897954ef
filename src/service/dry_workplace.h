// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "recipe/shared_recipe.h"
#include "service/workplace.h"

namespace causeway {

/// A worker that trains nothing: its steps move a few parameters a little, by the seed. Everything
/// else is as in a run, so that a hub and its links can be measured and tried with a model of any
/// size, without text, LibTorch or time.
class DryWorkplace final : public Workplace {
 public:
  explicit DryWorkplace(WorkerId worker) : worker_(worker) {}

  Result<void> open(const Charter& charter, const std::string& folder) override;
  const std::string& run() const override { return recipe_.run.name; }
  const BoundPlan& plan() const override { return *plan_; }
  const Digest& layout() const override { return layout_; }
  int64_t steps() const override { return recipe_.run.steps; }
  Result<Fresh> trainer(Exchange& exchange) override;

 private:
  const WorkerId worker_;
  Recipe recipe_;
  Digest layout_, weights_;
  std::unique_ptr<BoundPlan> plan_;
};

}  // namespace causeway
