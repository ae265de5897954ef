// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>

#include "sim/scenario.h"

namespace causeway {

struct Shrunk {
  Scenario scenario;
  int64_t runs = 0;  ///< worlds that were tried
};

/// A smaller scenario that still fails: fewer faults, workers and steps, simpler method, network,
/// disks and hub, as long as `fails` says so, which is asked at most `runs_max` times. `scenario`
/// fails.
Shrunk shrink(const Scenario& scenario, const std::function<bool(const Scenario&)>& fails,
              int64_t runs_max);

}  // namespace causeway
