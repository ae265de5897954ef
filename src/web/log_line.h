// SPDX-License-Identifier: Apache-2.0
//
// What hub and workers print with --json: one JSON object a line, for who collects logs. `run`,
// `round`, `worker`, `at` (UTC, ISO 8601) and `text` are in each.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "web/view.h"

namespace causeway {

struct LogLine {
  std::string run;      ///< its name; empty before a worker knows it
  int64_t round = 0;    ///< 0: none
  int32_t worker = -1;  ///< -1: the hub itself
  int64_t unix_ms = 0;
  std::string text;  ///< for people
};

/// A step that a worker has finished.
struct StepOfLine {
  int64_t step = 0;
  double loss = 0;  ///< nats per token; null if it is not finite
  int64_t tokens = 0;
};

/// How a run ended.
struct EndOfLine {
  std::string weights;  ///< digest, hexadecimal
  std::string model;    ///< folder; empty: none here
};

/// "2026-11-26T14:03:07.125Z". Years 0 to 9999; others are clamped.
std::string iso_time(int64_t unix_ms);

/// Without the line's end. Any bytes in texts are safe. Pure.
std::string json_of(const LogLine& line);
std::string json_of(const LogLine& line, const StepOfLine& step);
std::string json_of(const LogLine& line, const EndOfLine& end);
/// A decided round: with `result`, `step`, `members`, `absent` (`worker`, `reason`), `seconds` from
/// its opening (null: an earlier hub opened it), `up_bytes` of its offers, and `result_bytes`. What
/// the line has of round and text is not used.
std::string json_of(LogLine line, const RoundView& round);

/// "round 7 committed: 3 members, 1 absent, 4.2 s".
std::string round_text(const RoundView& round);

}  // namespace causeway
