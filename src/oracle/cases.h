// SPDX-License-Identifier: Apache-2.0
//
// Replays golden traces: another implementation's account of the same run, step by step.
#pragma once

#include <ATen/core/Tensor.h>

#include <nlohmann/json.hpp>
#include <string>

#include "core/error.h"
#include "core/value.h"
#include "oracle/tally.h"

namespace causeway::oracle {

using nlohmann::json;

/// The folder's fixtures: model, weights, batches.
struct Fixtures {
  json config;                   ///< Hugging Face's
  json shapes;                   ///< of the model's tensors, by name
  std::string weights, batches;  ///< paths
  int64_t batch_tokens = 0;      ///< of one step of one worker
  at::Tensor tokens;             ///< [steps, workers, rows, T+1] int32
  at::Tensor valid;              ///< [rows, T+1] int64
};

/// Opens FOLDER/fixtures.
Result<Fixtures> open_fixtures(const std::string& folder);

/// A training case: the recipe that its trace describes is run, and every loss, gradient norm and
/// checkpoint compared.
Outcome run_training(const json& trace, const Fixtures& fixtures);

/// One forward and backward pass.
Outcome run_forward(const json& trace, const Fixtures& fixtures);

/// Averaging on the lines of a grid, without training.
Outcome run_grid(const json& trace, const Fixtures& fixtures);

/// Optimizers, schedules, clip and codecs on vectors of a few numbers.
Outcome run_units(const json& trace);

/// The recipe's tables for a case, or why there is none.
std::variant<Value, Skipped> recipe_of(const json& trace, const Fixtures& fixtures);

/// JSON as an option tree; nulls are left out.
Value to_value(const json& from);

}  // namespace causeway::oracle
