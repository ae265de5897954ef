// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "exchange/trainer.h"
#include "sim/scenario.h"
#include "sim/world.h"

namespace causeway {

/// What came of a scenario.
struct Outcome {
  std::vector<std::string> wrong;  ///< "check: what is wrong"; empty: it passes
  int64_t committed = 0, aborted = 0;
  int64_t virtual_us = 0, events = 0;
  Digest history;
  std::vector<std::string> timeline;

  bool passed() const { return wrong.empty(); }
};

/// What the scenario trains.
std::unique_ptr<Course> make_course(const Scenario& scenario, Mistakes& mistakes);

/// Runs a scenario and its checks. A world that ends in trouble fails, whether or not it is asked
/// to finish.
Outcome run_scenario(const Scenario& scenario, const Course& course,
                     const World::Options& options = {});

/// Scenario files at `paths`: files as they are, of folders all *.toml below, in order of name.
Result<std::vector<std::string>> scenario_files(const std::vector<std::string>& paths);

}  // namespace causeway
