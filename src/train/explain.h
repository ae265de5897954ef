// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "recipe/recipe.h"
#include "sync/account.h"

namespace causeway {

/// Memory of a run in this process, by part.
struct MemoryPrediction {
  struct Part {
    std::string name;
    int64_t bytes = 0;
  };
  std::vector<Part> parts;
  int64_t sum() const;
};

/// Most memory that the run will hold. `program_bytes`: what program_memory_bytes() measured.
MemoryPrediction predict_memory(const Recipe& recipe, const BoundPlan& plan, int64_t program_bytes);

/// What the program itself holds, libraries included: computes one step of a model of a few
/// thousand parameters, so that every library has set itself up, and measures the process. Call
/// early.
int64_t program_memory_bytes();

/// Most memory that this process has held.
int64_t peak_memory_bytes();

}  // namespace causeway
