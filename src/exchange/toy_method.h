// SPDX-License-Identifier: Apache-2.0
//
// For tests: plans and runs of whole methods on toys. Nothing but tests includes it.
#pragma once

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "exchange/toy_team.h"

namespace causeway {

inline constexpr int32_t kToyWorkers = 4;

/// Values of a toy are near 1, so that one rounding is at most 6e-8; a short run has some hundred
/// of them, and the toy's loss is a contraction.
inline constexpr float kToyRounding = 1e-6F;

/// A preset with options that fire several rounds in a dozen steps of toys. What may be in flight
/// is.
inline std::string short_method(std::string_view preset) {
  const std::string name(preset);
  std::string out = "preset = '" + name + "'\n";
  if (has_option(preset, "period"))
    out += name == "streaming_diloco" || name == "decoupled" ? "period = 4\n" : "period = 2\n";
  if (has_option(preset, "keep")) out += "keep = 0.2\n";
  if (name == "co2") out += "lr = 0.25\n";
  if (name == "des_loc") out += "periods = {u = 3, v = 5}\n";
  if (name == "streaming_diloco") out += "delay = 3\n";
  if (name == "fedbuff") out += "size = 3\n";
  if (name == "fedfix") out += "window = 3\n";
  if (name == "hivemind") out += "target_tokens = 20480\ndelay = 1\n";  // five steps
  if (name == "powersgd") out += "rank = 1\n";
  if (name == "dgc") out += "warmup = 3\n";
  if (name == "demo") out += "chunk = 2\nk = 2\n";
  if (name == "sparseloco") out += "chunk = 8\nk = 3\n";
  return out;
}

/// The channels of a [sync] table; a mistake is a bug of the test.
inline std::vector<Channel> method_channels(const std::string& sync,
                                            int32_t workers = kToyWorkers) {
  Mistakes mistakes;
  PresetContext context = toy_context(kTwoMoments);
  context.workers = workers;
  Plan plan = toy_plan(sync, context, mistakes);
  CW_CHECK(mistakes.empty(), "{}", mistakes.text());
  return std::move(plan.channels);
}
inline Channel only_channel(const std::string& sync, int32_t workers = kToyWorkers) {
  const auto channels = method_channels(sync, workers);
  CW_CHECK(channels.size() == 1, "{} channels", channels.size());
  return channels.front();
}

/// Parameters of all workers, one after the other.
inline std::vector<float> all_x(const ToyTeam& team) {
  std::vector<float> out;
  for (const auto& worker : team.workers())
    out.insert(out.end(), worker->replica.x().begin(), worker->replica.x().end());
  return out;
}
/// Those after so many steps of a method.
inline std::vector<float> x_after(const std::string& sync, int64_t steps,
                                  const Names& moments = kOneMoment,
                                  const BindOptions& options = {kToyWorkers, 5, {}, {}}) {
  const auto plan = toy_bind(sync, moments, options);
  ToyTeam team(*plan, toy_layout(), {moments, 1, {}});
  team.run_to(steps);
  return all_x(team);
}

inline float largest_gap(std::span<const float> a, std::span<const float> b) {
  CW_CHECK(a.size() == b.size());
  float largest = 0;
  for (size_t i = 0; i < a.size(); ++i) {
    const float gap = std::abs(a[i] - b[i]);
    largest = gap <= largest ? largest : gap;  // NaN stays
  }
  return largest;
}

/// True if the parts of `all`, one for each worker, have the same bits.
inline bool workers_agree(const std::vector<float>& all, size_t workers = kToyWorkers) {
  const size_t count = all.size() / workers;
  for (size_t i = 1; i < workers; ++i)
    if (!same_bits(std::span(all).first(count), std::span(all).subspan(i * count, count)))
      return false;
  return true;
}

}  // namespace causeway
