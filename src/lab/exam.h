// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/error.h"
#include "train/team.h"

namespace causeway {

/// The text that all trainings of an experiment are judged by: the first tokens of each site's
/// validation text. Immutable, so that trainings side by side share it.
class Exam {
 public:
  /// Reads at most `tokens` of each site of the recipe. Fault::kBadInput if no site has any.
  static Result<Exam> make(const Recipe& recipe, int64_t tokens);

  /// Nats per token of the mean of the team's replicas, over all sites' text. Between steps.
  double nats(Team& team) const;

  int64_t tokens() const { return tokens_; }

 private:
  std::vector<std::vector<int32_t>> texts_;  ///< one of each site
  int64_t tokens_ = 0;
};

}  // namespace causeway
