// SPDX-License-Identifier: Apache-2.0
#include "sync/plan.h"

#include <algorithm>
#include <set>

namespace causeway {
namespace {

/// A consensus must be applied before, or where, the channel fires again.
void check_delay(const Channel& spec, Mistakes& mistakes) {
  const Location& where = spec.port.options.where;
  if (spec.hook == Hook::kAfterBackward && spec.delay > 0)
    mistakes.add(where, fmt::format("channel `{}` has a delay of {}; wanted: 0, as a gradient is "
                                    "used in its own step",
                                    spec.name, spec.delay));
  else if (spec.delay > spec.period)
    mistakes.add(where,
                 fmt::format("channel `{}` has a delay of {} steps; wanted: at most its period, {}",
                             spec.name, spec.delay, spec.period));
}

/// Everything one channel names must exist and fit.
void bind_channel(const Channel& spec, const Layout& layout,
                  const std::vector<std::string>& replica_states, BoundChannel& out,
                  Mistakes& mistakes) {
  const Location& where = spec.port.options.where;
  out.spec = spec;
  const auto region = layout.select(spec.region);
  if (region) {
    out.region = *region;
    out.count = out.region.count();
  } else {
    mistakes.add(where, fmt::format("channel `{}`: {}", spec.name, region.error().message));
  }
  out.port = make_plugin(ports(), "port", spec.port, mistakes);
  out.feedback = make_plugin(feedbacks(), "feedback", spec.feedback, mistakes);
  out.down_feedback = make_plugin(feedbacks(), "feedback", spec.down_feedback, mistakes);
  out.up = make_plugin(codecs(), "codec", spec.up, mistakes);
  out.down = make_plugin(codecs(), "codec", spec.down, mistakes);
  out.group = make_plugin(groups(), "group", spec.group, mistakes);
  out.rule = make_plugin(rules(), "rule", spec.rule, mistakes);
  if (out.port == nullptr) return;
  if (!out.port->fits(spec.hook))
    mistakes.add(where, fmt::format("channel `{}`: its port `{}` cannot fire at this hook",
                                    spec.name, spec.port.name));
  check_delay(spec, mistakes);
  const std::string reads(out.port->reads());
  if (std::find(replica_states.begin(), replica_states.end(), reads) == replica_states.end())
    mistakes.add(where, fmt::format("channel `{}` sends the state `{}`, which this optimizer has "
                                    "not; there are: {}",
                                    spec.name, reads, fmt::join(replica_states, ", ")));
}

}  // namespace

std::unique_ptr<BoundPlan> BoundPlan::bind(const Plan& plan, const Layout& layout,
                                           const std::vector<std::string>& replica_states,
                                           BindOptions options, Mistakes& mistakes) {
  const size_t before = mistakes.size();
  auto bound = std::make_unique<BoundPlan>();
  bound->options_ = std::move(options);
  bound->count_ = layout.count();
  if (bound->options_.fixed_weights.empty())
    bound->options_.fixed_weights.assign(static_cast<size_t>(bound->options_.workers), 1);
  std::set<std::string> names;
  for (const Channel& channel : plan.channels) {
    if (!names.insert(channel.name).second)
      mistakes.add(channel.port.options.where,
                   fmt::format("two channels are called `{}`", channel.name));
    bind_channel(channel, layout, replica_states, bound->channels_.emplace_back(), mistakes);
  }
  return mistakes.size() == before ? std::move(bound) : nullptr;
}

std::vector<int32_t> BoundPlan::due(Hook hook, int64_t step) const {
  std::vector<int32_t> out;
  for (size_t i = 0; i < channels_.size(); ++i)
    if (is_due(channels_[i].spec, hook, step)) out.push_back(static_cast<int32_t>(i));
  return out;
}

std::vector<int32_t> BoundPlan::members(int32_t channel, Hook hook, int64_t step) const {
  return channels_[static_cast<size_t>(channel)].group->members(steps_at(hook, step),
                                                                options_.workers, options_.seed);
}

bool BoundPlan::trains(int32_t worker, int64_t step) const {
  if (std::ranges::all_of(channels_, [](const auto& one) { return one.spec.closing; })) return true;
  return std::any_of(channels_.begin(), channels_.end(), [&](const BoundChannel& channel) {
    if (channel.spec.closing) return false;
    const auto drawn = channel.group->members(step, options_.workers, options_.seed);
    return std::binary_search(drawn.begin(), drawn.end(), worker);
  });
}

}  // namespace causeway
