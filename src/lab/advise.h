// SPDX-License-Identifier: Apache-2.0
//
// Which method for which link: presets ranked by the predicted time to the loss that data-parallel
// training reaches in a given number of steps.
//
//   time = steps x 2^(gap / doubling) x seconds per step
//
// `gap` is how far a method's loss lies above data-parallel training at equal tokens, `doubling`
// what twice the tokens gain; both from a table of measured losses, so a small model's relation is
// taken for this one's. Seconds per step are those of lab/step_time.h, with the bytes of the
// method's plan on this model. A table's interval of the gap becomes one of the time; nothing else
// of the uncertainty is in it.
#pragma once

#include <string>
#include <vector>

#include "lab/loss_table.h"
#include "lab/step_time.h"
#include "recipe/recipe.h"

namespace causeway {

struct AdviseOptions {
  Value recipe;                    ///< tables of a recipe with its sites; [sync] is left out
  std::string base;                ///< folder that its paths start from
  WorkerLink link;                 ///< of each site
  double hub_bits_per_second = 0;  ///< 0: as fast as the links of all sites together
  double step_seconds = 1;         ///< above 0: what a step computes
  int64_t steps = 100'000;         ///< of data-parallel training, whose loss is to be reached
  int64_t period = 0;              ///< of methods that have one; 0: the table's
  std::string panel;               ///< of the table; empty: "sites" if it has that, else all panels
};

struct AdviceRow {
  std::string preset;
  StepTime step;
  Interval gap;        ///< nats
  double tokens = 1;   ///< times those of data-parallel training
  double seconds = 0;  ///< to the loss
  /// At the ends of the gap's interval: 0 and infinite if one seed alone was measured.
  double seconds_low = 0, seconds_high = 0;
  bool as_good_as_best = false;  ///< its interval meets that of the first
};

/// A preset without a prediction.
struct LeftOut {
  std::string preset;
  std::string why;
};

struct Advice {
  std::vector<AdviceRow> rows;            ///< the fastest first; `ddp` is among them
  std::vector<LeftOut> not_measured;      ///< or diverged
  std::vector<LeftOut> one_process_only;  ///< no hub carries them between sites
  std::vector<LeftOut> do_not_fit;        ///< this recipe
  int64_t parameters = 0;
  int32_t sites = 0;
  int64_t period = 0;
  std::string panel;           ///< empty: all
  double bits_per_second = 0;  ///< that a site gets: its link's, or its share of the hub's

  const AdviceRow* find(const std::string& preset) const;
};

/// Fault::kBadInput if the table is empty or has not the panel, or the recipe has mistakes. Makes
/// plans and none of the model's values: `demo` alone holds 16 bytes for each of its tiles of
/// 4,096.
Result<Advice> advise(const AdviseOptions& options, const LossTable& table);

/// A [sync] table for the preset; the period only if it has one.
Value sync_table(const std::string& preset, int64_t period);

}  // namespace causeway
