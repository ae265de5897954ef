// SPDX-License-Identifier: Apache-2.0
//
// Short forms for presets.
#pragma once

#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <utility>

#include "sync/outer.h"
#include "sync/preset.h"

namespace causeway {

/// An option of a plug-in: its key, and its value.
using PluginOption = std::pair<std::string, Value>;

inline Plugin plugin_with(const std::string& name, std::vector<PluginOption> options = {}) {
  Plugin out{name, Value::Table{}};
  for (auto& [key, value] : options) out.options.set(key, std::move(value));
  return out;
}

/// A plug-in as the value of another's option.
inline Value as_value(const Plugin& plugin) { return options_detail::write(plugin); }

inline Channel channel_with(const std::string& name, Plugin port, Hook hook, int64_t period) {
  Channel out;
  out.name = name;
  out.port = std::move(port);
  out.hook = hook;
  out.period = period;
  return out;
}

/// The gradient, every step.
inline Channel gradient_channel() {
  return channel_with("g", plugin_with("gradient"), Hook::kAfterBackward, 1);
}

/// anchor - x through an outer optimizer, every `period` steps.
inline Channel delta_channel(const Plugin& outer, int64_t period) {
  return channel_with("x", plugin_with("outer", {{"optimizer", as_value(outer)}}),
                      Hook::kAfterUpdate, period);
}

/// The parameters are replaced, every `period` steps.
inline Channel parameter_channel(int64_t period) {
  return channel_with("x", plugin_with("assign", {{"state", "x"}}), Hook::kAfterUpdate, period);
}

inline constexpr Range<int64_t> kPeriodRange{1, 1'000'000'000};
/// Of the part of values that a sparse codec keeps.
inline constexpr Range<double> kKeepRange{1e-6, 1};

/// How the consensus of offers that have `keep` of the values each goes down: whole, but for its
/// zeros.
inline Plugin sparse_down(double keep, const PresetContext& context) {
  const double part = std::min(1.0, keep * static_cast<double>(context.workers));
  return {fmt::format("threshold(0, expect={})|fp32", part), {}};
}

/// FedAvg's family with other rules: `Traits::kRule` combines the parameters.
template <class Traits>
class RulePreset final : public Preset {
 public:
  struct Options {
    int64_t period = 32;

    template <class Visit>
    void each(Visit&& visit) {
      visit("period", period, kPeriodRange, "steps", "Local steps between rounds (K).");
    }
  };
  explicit RulePreset(const Options& options) : options_(options) {}

  std::vector<Channel> channels(const PresetContext&, Mistakes&) const override {
    Channel x = parameter_channel(options_.period);
    x.rule = plugin_with(Traits::kRule);
    return {x};
  }

 private:
  const Options options_;
};

/// EF21's family: sparse changes of gradients; `Traits::set` says what is its own.
template <class Traits>
class ChangePreset final : public Preset {
 public:
  struct Options {
    double keep = 0.05;

    template <class Visit>
    void each(Visit&& visit) {
      visit("keep", keep, kKeepRange, "", "Part of the values that is sent.");
    }
  };
  explicit ChangePreset(const Options& options) : options_(options) {}

  std::vector<Channel> channels(const PresetContext& context, Mistakes&) const override {
    Channel g = gradient_channel();
    g.feedback = plugin_with("ef21");
    g.up = {fmt::format("topk({})|fp32", options_.keep), {}};
    g.down = sparse_down(options_.keep, context);
    Traits::set(g);
    return {g};
  }

 private:
  const Options options_;
};

}  // namespace causeway
