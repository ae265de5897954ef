// SPDX-License-Identifier: Apache-2.0
//
// Advice for a terminal, for machines and for the head of a recipe. Pure functions.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "lab/advise.h"
#include "lab/model_sizes.h"

namespace causeway {

/// What was asked for, beside what was found.
struct AdviceQuestion {
  std::string command;  ///< as a shell takes it
  std::string model;    ///< in words: shape and parameters
  AdviseOptions options;
  bool hub_stated = false;
};

std::string model_words(const ModelSize& size);

/// The ranking: the first `rows`, and `ddp`; then what is left out.
std::string ranking_text(const Advice& advice, int64_t rows);

/// What the ranking goes by, a sentence each.
std::vector<std::string> assumptions(const AdviceQuestion& question, const Advice& advice,
                                     const LossTable& table);

/// Of one method: "des_loc: 12 d 4 h (11 d 2 h to 13 d 6 h), ...".
std::string row_words(const AdviceRow& row, const Advice& advice);

nlohmann::json advice_json(const AdviceQuestion& question, const Advice& advice,
                           const LossTable& table);

}  // namespace causeway
