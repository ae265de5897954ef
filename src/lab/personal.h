// SPDX-License-Identifier: Apache-2.0
//
// What a site gains from the shared model: the shared model itself, a model of the site alone, and
// the shared model tuned on the site.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/options.h"
#include "lab/trial.h"

namespace causeway {

struct PersonalOptions {
  int64_t steps = 0;
  double rate = 0.3;

  template <class Visit>
  void each(Visit&& visit) {
    visit("steps", steps, Range<int64_t>{0, 1'000'000'000}, "steps",
          "Steps of tuning; 0: one tenth of the run's.");
    visit("rate", rate, Range<double>{1e-6, 100}, "", "Learning rate of tuning, times the run's.");
  }
};

/// Losses on one site's validation text, in bits per byte.
struct PersonalRow {
  std::string site;
  int64_t tokens = 0;  ///< predicted
  double shared = 0, alone = 0, tuned = 0;
};

struct PersonalReport {
  std::string run;         ///< folder
  std::string checkpoint;  ///< of the shared model
  int64_t run_steps = 0, tune_steps = 0;
  double tune_rate = 0;  ///< times the run's
  std::vector<PersonalRow> rows;
};

/// For each site with validation text: tunes the newest checkpoint of `run_folder` on that site
/// alone for `steps`, and trains a model of the site alone, from the run's own beginning, for the
/// run's steps and as many more: the compute that the site spends on its tuned model. Trials lie in
/// run_folder/personal/SITE-{tuned,alone}, and what is finished there is not repeated. Faults as
/// run_trial's.
Result<PersonalReport> personalise(const std::string& run_folder, const PersonalOptions& options,
                                   const TrialContext& context);

/// The report as JSON, and as a page for people, with its bars.
std::string personal_json(const PersonalReport& report);
std::string personal_html(const PersonalReport& report);

}  // namespace causeway
