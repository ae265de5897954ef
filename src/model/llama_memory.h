// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "model/model.h"
#include "model/step_matrices.h"
#include "shape/llama_options.h"

namespace causeway {

/// How the rows of a step are shared out; a function of the recipe alone.
struct StepShape {
  int64_t rows, lanes, slice_rows;
  /// The first row of a lane.
  int64_t begin(int64_t lane) const { return rows * lane / lanes; }
};
StepShape step_shape(const StepMatrixMap& map, int64_t rows, int64_t time,
                     const StepOptions& options);

/// See Model::step_bytes.
int64_t llama_step_bytes(const LlamaOptions& sizes, const StepMatrixMap& map, int64_t rows,
                         int64_t time, const StepOptions& options, int64_t threads);

}  // namespace causeway
