// SPDX-License-Identifier: Apache-2.0
#include "sync/moment_channels.h"

#include <fmt/format.h>

#include <algorithm>

#include "sync/outer.h"

namespace causeway {

void MomentOptions::check(const Location&, Mistakes& mistakes) const {
  if (server.name != "mean") make_plugin(outer_optimizers(), "outer optimizer", server, mistakes);
  if (!periods.is(Value::Kind::kTable))
    return mistakes.add(periods.where,
                        fmt::format("`periods` is {}; wanted: a table of steps by state, as "
                                    "{{ u = 96, v = 192 }}",
                                    periods.kind_name()));
  for (const auto& [state, steps] : periods.table())
    if (!steps.is(Value::Kind::kInteger) || steps.integer() < 0)
      mistakes.add(steps.where, fmt::format("the period of `{}` is {}; wanted: a number of steps, "
                                            "0 for never",
                                            state, steps.text()));
}

Channel average_channel(const std::string& state, int64_t period, Hook hook) {
  Channel channel;
  channel.name = state;
  channel.port.name = "assign";
  channel.port.options.set("state", state);
  channel.hook = hook;
  channel.period = period;
  return channel;
}

std::vector<Channel> moment_channels(const MomentOptions& options, const PresetContext& context,
                                     Mistakes& mistakes) {
  std::vector<Channel> channels;
  for (const auto& [state, steps] : options.periods.table())
    if (std::find(context.moments.begin(), context.moments.end(), state) == context.moments.end())
      mistakes.add(steps.where,
                   fmt::format("the inner optimizer `{}` has no state `{}`; it has: {}",
                               context.optimizer, state, fmt::join(context.moments, ", ")));
  for (const std::string& state : context.moments) {
    const Value* given = options.periods.find(state);
    const int64_t period =
        given != nullptr ? given->integer() : options.period * (state == "v" ? 6 : 3);
    if (period > 0) channels.push_back(average_channel(state, period, options.ordering));
  }
  if (options.period == 0) return channels;
  Channel x = average_channel("x", options.period, options.ordering);
  if (options.server.name != "mean") {
    x.port = {"outer", {}};
    x.port.options.set("optimizer", options_detail::write(options.server));
  }
  channels.push_back(std::move(x));
  return channels;
}

}  // namespace causeway
