// SPDX-License-Identifier: Apache-2.0
//
// An experiment is one file in lab/experiments/: a question of the field, asked in miniature.
#pragma once

#include "core/plugin.h"
#include "lab/laboratory.h"
#include "lab/report.h"

namespace causeway {

class Experiment {
 public:
  virtual ~Experiment() = default;
  /// Sizes that suit the question.
  virtual Scale scale(bool quick) const { return small_scale(quick); }
  /// Name and setting of the report are filled in by who calls.
  virtual Result<Report> run(Laboratory& laboratory) const = 0;
};

Entries<Experiment> experiments();

/// Runs one in `folder` and writes its report there.
Result<Report> run_experiment(const Entry<Experiment>& entry, const Experiment& experiment,
                              Laboratory& laboratory, const std::string& folder);

}  // namespace causeway
