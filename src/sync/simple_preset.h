// SPDX-License-Identifier: Apache-2.0
//
// Short forms for presets.
#pragma once

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

}  // namespace causeway
