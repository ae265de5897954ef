// SPDX-License-Identifier: Apache-2.0
//
// Random worlds by the thousand, in processes of their own, so that one that crashes or hangs is a
// failure like any other.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "sim/coverage.h"
#include "sim/scenario.h"

namespace causeway {

/// What is wrong with a world, if anything.
struct Verdict {
  std::vector<std::string> wrong;     ///< empty: nothing
  std::vector<std::string> timeline;  ///< its last lines, if they were asked for
  Digest history;
  int64_t events = 0, virtual_us = 0;
};

/// Runs the world twice in this process: under the auditor with its checks, then alone. Two
/// histories are wrong. A failed check of the code ends the process.
Verdict try_world(const Scenario& scenario, size_t timeline_lines, Coverage& coverage);

/// The same in a process of its own, within `seconds_max`: a crash and a hang are wrong, too.
Verdict try_apart(const Scenario& scenario, size_t timeline_lines, int seconds_max);

struct FuzzOptions {
  uint64_t from = 1;
  int64_t count = 1'000;
  int processes = 1;
  int seconds_max = 120;  ///< for one world
  /// Called about once a second with how many worlds have been run.
  std::function<void(int64_t done)> on_progress;
};

struct FuzzReport {
  int64_t worlds = 0;            ///< that were run
  std::optional<uint64_t> seed;  ///< that failed: the lowest known
  Coverage coverage;             ///< of those that did not
};

/// Runs the worlds of seeds from, from + 1, ... until one fails.
FuzzReport fuzz(const FuzzOptions& options);

}  // namespace causeway
