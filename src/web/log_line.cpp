// SPDX-License-Identifier: Apache-2.0
#include "web/log_line.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>

#include "record/words.h"
#include "web/json_writer.h"

namespace causeway {
namespace {

using OrderedJson = nlohmann::ordered_json;

OrderedJson object_of(const LogLine& line) {
  return {{"run", line.run},
          {"round", line.round},
          {"worker", line.worker},
          {"at", iso_time(line.unix_ms)},
          {"text", line.text}};
}

/// Below 0: not known.
double seconds_of(const RoundView& round) {
  return round.opened_s < 0 || round.decided_s < 0 ? -1 : round.decided_s - round.opened_s;
}

}  // namespace

std::string iso_time(int64_t unix_ms) {
  namespace chrono = std::chrono;
  constexpr int64_t kFirst = -62'167'219'200'000, kLast = 253'402'300'799'999;
  const chrono::sys_time<chrono::milliseconds> at(
      chrono::milliseconds(std::clamp(unix_ms, kFirst, kLast)));
  const auto day = chrono::floor<chrono::days>(at);
  const chrono::year_month_day date(day);
  const chrono::hh_mm_ss time(at - day);
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z", static_cast<int>(date.year()),
                     static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                     time.hours().count(), time.minutes().count(), time.seconds().count(),
                     time.subseconds().count());
}

std::string json_of(const LogLine& line) { return json_text(object_of(line)); }

std::string json_of(const LogLine& line, const StepOfLine& step) {
  OrderedJson object = object_of(line);
  object["step"] = step.step;
  object["loss"] = JsonWriter<OrderedJson>::json_of_value(step.loss);
  object["tokens"] = step.tokens;
  return json_text(object);
}

std::string json_of(const LogLine& line, const EndOfLine& end) {
  OrderedJson object = object_of(line);
  object["weights"] = end.weights;
  if (!end.model.empty()) object["model"] = end.model;
  return json_text(object);
}

std::string json_of(LogLine line, const RoundView& round) {
  line.round = round.round;
  line.text = round_text(round);
  OrderedJson object = object_of(line);
  JsonWriter writer(object);
  object["result"] = round_status_name(round.status);
  writer("step", round.step);
  writer("members", round.members);
  writer.pairs("absent", "worker", "reason", round.absent);
  writer.time("seconds", seconds_of(round));
  writer("up_bytes", round.up_bytes);
  writer("result_bytes", round.result_bytes);
  return json_text(object);
}

std::string round_text(const RoundView& round) {
  std::string out = fmt::format("round {} {}", round.round, round_status_name(round.status));
  out += fmt::format(": {} member{}", round.members.size(), round.members.size() == 1 ? "" : "s");
  if (!round.absent.empty()) out += fmt::format(", {} absent", round.absent.size());
  if (const double seconds = seconds_of(round); seconds >= 0) out += ", " + duration_text(seconds);
  if (!round.reason.empty()) out += ": " + round.reason;
  return out;
}

}  // namespace causeway
