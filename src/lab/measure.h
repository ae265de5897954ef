// SPDX-License-Identifier: Apache-2.0
//
// One training of an experiment, as numbers. Unlike a run it leaves no checkpoints: it takes a
// minute, and is either measured or not.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/clock.h"
#include "lab/exam.h"

namespace causeway {

/// A look at the training on the way.
struct CurvePoint {
  int64_t step = 0;
  int64_t bytes = 0;  ///< sent and received by all workers so far
  double nats = 0;    ///< per token of the exam
};

struct Outcome {
  bool diverged = false;  ///< a gradient or the loss was not finite: `nats` is infinite
  double nats = 0;        ///< per token of the exam, after the last step
  int64_t up_bytes = 0, down_bytes = 0;  ///< counted, all workers
  int64_t ddp_bytes = 0;                 ///< what fp32 gradients every step would have taken
  int64_t tokens = 0;                    ///< trained, all workers
  int64_t round_bytes = 0;  ///< the most that one worker sends and receives in one round
  double seconds = 0;
  std::string weights_digest;     ///< of the mean
  std::vector<CurvePoint> curve;  ///< the last one is the end

  int64_t bytes() const { return up_bytes + down_bytes; }
};

/// Trains the recipe from start to end in this process, with `looks` measurements evenly spaced.
/// A training that runs into values which are not finite is an outcome; Fault::kTimeout if `stop`
/// came first; else the faults of Team.
Result<Outcome> measure(const Recipe& recipe, const Exam& exam, int64_t looks, const Clock& clock,
                        const std::atomic<bool>& stop);

/// For files: numbers that are not finite are null.
std::string outcome_json(const Outcome& outcome);
/// Fault::kCorrupt if it is not what outcome_json wrote.
Result<Outcome> parse_outcome(const std::string& text);

}  // namespace causeway
