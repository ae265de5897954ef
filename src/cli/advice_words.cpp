// SPDX-License-Identifier: Apache-2.0
#include "cli/advice_words.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "record/words.h"

namespace causeway {
namespace {

using nlohmann::json;

bool one_seed(const AdviceRow& row) { return !std::isfinite(row.seconds_high); }

std::string interval_words(const AdviceRow& row) {
  if (one_seed(row)) return "unknown: one seed";
  if (row.gap.half == 0) return "";
  return duration_text(row.seconds_low) + " to " + duration_text(row.seconds_high);
}

std::string step_words(double seconds) {
  return seconds < 1'000 ? fmt::format("{:.3g} s", seconds) : duration_text(seconds);
}

/// How many times faster than data-parallel training.
double speed_up(const AdviceRow& row, const Advice& advice) {
  const AdviceRow* ddp = advice.find("ddp");
  return ddp == nullptr ? 1 : ddp->seconds / row.seconds;
}

int64_t whole_bytes(double bytes) {
  return static_cast<int64_t>(std::llround(std::min(bytes, 9e18)));
}

std::string row_text(const AdviceRow& row, size_t rank, const Advice& advice) {
  return fmt::format("{:>4}{} {:<18} {:>11}  {:<24} {:>8} {:>10} {:>7} {:>9} {:>8}\n", rank,
                     row.as_good_as_best && rank > 1 ? '=' : ' ', row.preset,
                     duration_text(row.seconds), interval_words(row),
                     fmt::format("{:.3g}x", speed_up(row, advice)), step_words(row.step.seconds()),
                     fmt::format("{:.0f} %", 100 * row.step.stalled_seconds / row.step.seconds()),
                     bytes_text(whole_bytes(row.step.bytes())),
                     fmt::format("{:+.1f} %", 100 * (row.tokens - 1)));
}

std::string left_out_text(const std::string& title, const std::vector<LeftOut>& list) {
  std::string out;
  for (const LeftOut& one : list)
    out += fmt::format("  {:<18} {}\n", one.preset, printable_text(one.why));
  return list.empty() ? out : "\n" + title + "\n" + out;
}

json left_out_json(const std::vector<LeftOut>& list) {
  json out = json::array();
  for (const LeftOut& one : list) out.push_back({{"preset", one.preset}, {"why", one.why}});
  return out;
}

/// JSON has no infinity: null.
json row_json(const AdviceRow& row, size_t rank, const Advice& advice) {
  return {{"rank", rank},
          {"preset", row.preset},
          {"seconds", row.seconds},
          {"seconds_low", row.seconds_low},
          {"seconds_high", row.seconds_high},
          {"as_good_as_best", row.as_good_as_best},
          {"times_faster_than_ddp", speed_up(row, advice)},
          {"step_seconds", row.step.seconds()},
          {"stalled_seconds", row.step.stalled_seconds},
          {"up_bytes_per_step", row.step.up_bytes},
          {"down_bytes_per_step", row.step.down_bytes},
          {"tokens", row.tokens},
          {"gap_nats", row.gap.mean},
          {"gap_half_nats", row.gap.half},
          {"seeds", row.gap.count}};
}

}  // namespace

std::string model_words(const ModelSize& size) {
  return fmt::format("{}: {} layers of {} channels, {} parameters with {} tokens ({})", size.name,
                     size.options.layers, grouped_text(size.options.width),
                     grouped_text(size.parameters), grouped_text(size.options.vocabulary),
                     size.usual ? "a usual shape" : "made to measure between usual shapes");
}

std::string ranking_text(const Advice& advice, int64_t rows) {
  std::string out =
      fmt::format("{:>4}  {:<18} {:>11}  {:<24} {:>8} {:>10} {:>7} {:>9} {:>8}\n", "rank", "method",
                  "time", "95 % interval", "speed-up", "a step", "stalled", "sent", "tokens");
  for (size_t i = 0; i < advice.rows.size(); ++i)
    if (static_cast<int64_t>(i) < rows || advice.rows[i].preset == "ddp")
      out += row_text(advice.rows[i], i + 1, advice);
  if (static_cast<size_t>(rows) < advice.rows.size())
    out += fmt::format("      of {} methods; --all shows them\n", advice.rows.size());
  const auto equals = std::ranges::count(advice.rows, true, &AdviceRow::as_good_as_best) - 1;
  if (equals > 0)
    out += fmt::format("\n=  within the uncertainty of the first: {} {}\n", equals,
                       equals == 1 ? "method" : "methods");
  out += left_out_text("Not ranked, as no loss is known:", advice.not_measured);
  out += left_out_text("Inside one process only, not between sites:", advice.one_process_only);
  out += left_out_text("Do not fit this recipe:", advice.do_not_fit);
  return out;
}

std::vector<std::string> assumptions(const AdviceQuestion& question, const Advice& advice,
                                     const LossTable& table) {
  const AdviseOptions& options = question.options;
  std::vector<std::string> out;
  out.push_back(fmt::format(
      "Time is to the loss that data-parallel training over all {} sites has after {} steps. "
      "speed-up is beside it; sent is what one site moves in a step, up and down.",
      advice.sites, grouped_text(options.steps)));
  out.push_back(fmt::format(
      "Losses were measured on: {}; {} workers{}. The ranking takes for granted that a method is "
      "as "
      "far from data-parallel training here as there, and that twice the tokens gain {:.3g} nats "
      "here, too.",
      table.measured, table.workers,
      advice.panel.empty() ? ", all data" : ", data `" + advice.panel + "`", table.doubling_nats));
  if (advice.period == table.period)
    out.push_back(fmt::format("Rounds are {} steps apart where a method has a period, as measured.",
                              advice.period));
  else
    out.push_back(
        fmt::format("Rounds are {} steps apart where a method has a period; losses were "
                    "measured at {} only, and a longer period costs some.",
                    advice.period, table.period));
  out.push_back("Intervals are those of the measured losses; speeds are taken as exact.");
  if (question.hub_stated)
    out.push_back(
        fmt::format("The hub's link is shared by all: a site gets {:.4g} Mbit/s each way.",
                    advice.bits_per_second / 1e6));
  else
    out.push_back(
        fmt::format("The hub's link is at least {} times as fast as a site's "
                    "(--hub-link says otherwise).",
                    advice.sites));
  out.push_back(
      "Sites are equally fast, one worker each; no stragglers, no faults, no time for "
      "encoding.");
  return out;
}

std::string row_words(const AdviceRow& row, const Advice& advice) {
  const std::string interval = interval_words(row);
  return fmt::format("{}: {}{}, {:.3g} times as fast as data-parallel training", row.preset,
                     duration_text(row.seconds), interval.empty() ? "" : " (" + interval + ")",
                     speed_up(row, advice));
}

json advice_json(const AdviceQuestion& question, const Advice& advice, const LossTable& table) {
  const AdviseOptions& options = question.options;
  json rows = json::array();
  for (size_t i = 0; i < advice.rows.size(); ++i)
    rows.push_back(row_json(advice.rows[i], i + 1, advice));
  return {{"model", question.model},
          {"parameters", advice.parameters},
          {"sites", advice.sites},
          {"bits_per_second", advice.bits_per_second},
          {"latency_seconds", options.link.latency_seconds},
          {"compute_seconds", options.step_seconds},
          {"steps", options.steps},
          {"period", advice.period},
          {"data", advice.panel},
          {"measured", table.measured},
          {"measured_period", table.period},
          {"doubling_nats", table.doubling_nats},
          {"methods", std::move(rows)},
          {"not_measured", left_out_json(advice.not_measured)},
          {"one_process_only", left_out_json(advice.one_process_only)},
          {"do_not_fit", left_out_json(advice.do_not_fit)},
          {"assumptions", assumptions(question, advice, table)}};
}

}  // namespace causeway
