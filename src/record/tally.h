// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <vector>

#include "core/clock.h"
#include "record/listener.h"

namespace causeway {

/// Tokens per second over the last 15 seconds or so, up to the last tokens that came; a silence of
/// more than 5 seconds counts as time without tokens.
class Pace {
 public:
  void add(int64_t now_ns, int64_t tokens);
  double per_second(int64_t now_ns) const;

 private:
  std::deque<std::pair<int64_t, int64_t>> marks_;  // time and tokens up to then; at most 32
  int64_t tokens_ = 0, last_ns_ = 0;
};

/// An exponential mean over about ten values, not pulled toward zero at its start. A value that is
/// not finite shows at once and is forgotten at the next one.
class Smoothed {
 public:
  void add(double value);
  bool empty() const { return weight_ == 0; }
  double value() const { return sum_ / weight_; }

 private:
  double sum_ = 0, weight_ = 0;
};

/// What the displays count while a run goes on. Not thread-safe.
class Tally {
 public:
  /// What one line of a display shows: a worker, or a site if there are many workers.
  struct Row {
    std::string name;
    int64_t step = 0;
    Smoothed loss;
    Pace pace;
    bool trained = true;  ///< drawn for its last step
  };

  explicit Tally(const Clock& clock) : clock_(clock) {}

  void start(const RunInfo& info);
  void step(const StepReport& report);
  void round(const RoundReport& report);

  const RunInfo& info() const { return info_; }
  const std::vector<Row>& rows() const { return rows_; }
  int64_t at_step() const { return at_step_; }
  double fraction() const;      ///< of the run's steps, 0 to 1
  double seconds_left() const;  ///< negative: not known yet
  double tokens_per_second() const { return pace_.per_second(clock_.now_ns()); }
  double loss() const;  ///< mean over rows that have one; NaN: none has
  /// Bytes up and down since the run's first step, and what DDP would have sent.
  int64_t sent_bytes() const { return sent_bytes_; }
  int64_t ddp_bytes() const { return info_.ddp_bytes_per_step * at_step_; }
  /// "round 12: 3 of 4"; empty before the first.
  const std::string& last_round() const { return last_round_; }

 private:
  const Clock& clock_;
  RunInfo info_;
  std::vector<Row> rows_;
  std::vector<size_t> worker_rows_;
  Pace pace_;
  int64_t started_ns_ = 0, last_ns_ = 0, at_step_ = 0, sent_bytes_ = 0;
  std::string last_round_;
};

}  // namespace causeway
