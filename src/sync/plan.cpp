// SPDX-License-Identifier: Apache-2.0
#include "sync/plan.h"

#include <algorithm>
#include <set>

#include "codec/chain.h"

namespace causeway {
namespace {

/// A consensus must be applied before, or where, the channel fires again.
void check_delay(const BoundChannel& channel, Mistakes& mistakes) {
  const Channel& spec = channel.spec;
  const int64_t gap = channel.group->paces() ? channel.group->least_gap() : spec.period;
  const Location& where = spec.port.options.where;
  if (spec.hook == Hook::kAfterBackward && spec.delay > 0 && !channel.port->holds_updates())
    mistakes.add(where, fmt::format("channel `{}` has a delay of {}; wanted: 0, as a gradient is "
                                    "used in its own step",
                                    spec.name, spec.delay));
  else if (spec.delay > gap)
    mistakes.add(where,
                 fmt::format("channel `{}` has a delay of {} steps; wanted: at most its period, {}",
                             spec.name, spec.delay, gap));
}

void check_port(const Channel& spec, const Port& port,
                const std::vector<std::string>& replica_states, Mistakes& mistakes) {
  const Location& where = spec.port.options.where;
  if (!port.fits(spec.hook))
    mistakes.add(where, fmt::format("channel `{}`: its port `{}` cannot fire at this hook",
                                    spec.name, spec.port.name));
  const std::string reads(port.reads());
  if (std::find(replica_states.begin(), replica_states.end(), reads) == replica_states.end())
    mistakes.add(where, fmt::format("channel `{}` sends the state `{}`, which this optimizer has "
                                    "not; there are: {}",
                                    spec.name, reads, fmt::join(replica_states, ", ")));
}

/// What goes over the wire in each stage.
void make_wires(const Channel& spec, const ChannelPlace& place, BoundChannel& out,
                Mistakes& mistakes) {
  for (int32_t stage = 0; stage < out.port->stages(); ++stage) {
    Wire& wire = out.wires.emplace_back();
    wire.cuts = out.port->signal(place, stage);
    for (const TensorCut& cut : wire.cuts) wire.count += cut.count;
    wire.consensus = out.rule->gathers() ? wire.count * place.workers : wire.count;
    wire.up = make_codec(spec.up, mistakes);
    wire.down = make_codec(spec.down, mistakes);
    if (wire.up != nullptr) wire.up->fit(wire.cuts);
    if (wire.down != nullptr && !out.rule->gathers()) wire.down->fit(wire.cuts);
  }
  out.count = out.wires.front().count;
  out.up = out.wires.front().up.get();
  out.down = out.wires.front().down.get();
}

/// What does not go together in one channel.
void check_together(const BoundChannel& channel, Mistakes& mistakes) {
  const Channel& spec = channel.spec;
  const Location& where = spec.port.options.where;
  const bool feeds = !channel.feedback->states(1, Holder::kWorker).empty();
  const bool feeds_down = !channel.down_feedback->states(1, Holder::kFolder).empty();
  if (channel.stages() > 1 && (spec.delay > 0 || feeds || feeds_down))
    mistakes.add(where, fmt::format("channel `{}` has {} stages; wanted: no delay and no feedback",
                                    spec.name, channel.stages()));
  if (channel.down_feedback->integrates())
    mistakes.add(where, fmt::format("channel `{}`: the feedback `{}` is for offers alone",
                                    spec.name, spec.down_feedback.name));
  if (channel.rule->by_tensor() && channel.group->parted())
    mistakes.add(where, fmt::format("channel `{}`: the rule `{}` is for one group", spec.name,
                                    spec.rule.name));
  if (channel.rule->gathers() && (feeds || feeds_down || channel.group->parted()))
    mistakes.add(where,
                 fmt::format("channel `{}` gathers; wanted: no feedback, one group", spec.name));
}

}  // namespace

/// Everything one channel names must exist and fit.
void BoundPlan::bind_channel(const Channel& spec, const Layout& layout,
                             const std::vector<std::string>& replica_states, BoundChannel& out,
                             Mistakes& mistakes) const {
  const Location& where = spec.port.options.where;
  const size_t before = mistakes.size();
  out.spec = spec;
  const auto region = layout.select(spec.region);
  if (region)
    out.region = *region;
  else
    mistakes.add(where, fmt::format("channel `{}`: {}", spec.name, region.error().message));
  out.port = make_plugin(ports(), "port", spec.port, mistakes);
  out.feedback = make_plugin(feedbacks(), "feedback", spec.feedback, mistakes);
  out.down_feedback = make_plugin(feedbacks(), "feedback", spec.down_feedback, mistakes);
  out.group = make_plugin(groups(), "group", spec.group, mistakes);
  out.rule = make_plugin(rules(), "rule", spec.rule, mistakes);
  if (out.port != nullptr) check_port(spec, *out.port, replica_states, mistakes);
  if (mistakes.size() != before) {
    make_codec(spec.up, mistakes);
    make_codec(spec.down, mistakes);
    return;
  }
  const ChannelPlace place{layout, out.region, options_.workers, *clock_};
  if (const std::string wrong = out.port->bind(place); !wrong.empty())
    mistakes.add(where, fmt::format("channel `{}`: {}", spec.name, wrong));
  out.group->bind(*clock_, spec.period);
  out.group->seed(options_.seed);
  make_wires(spec, place, out, mistakes);
  check_together(out, mistakes);
  check_delay(out, mistakes);
}

std::unique_ptr<BoundPlan> BoundPlan::bind(const Plan& plan, const Layout& layout,
                                           const std::vector<std::string>& replica_states,
                                           BindOptions options, Mistakes& mistakes) {
  const size_t before = mistakes.size();
  auto bound = std::make_unique<BoundPlan>();
  bound->options_ = std::move(options);
  bound->options_.speeds.resize(static_cast<size_t>(bound->options_.workers), 1.0);
  bound->clock_ = std::make_unique<const VirtualClock>(bound->options_.speeds);
  bound->count_ = layout.count();
  if (bound->options_.fixed_weights.empty())
    bound->options_.fixed_weights.assign(static_cast<size_t>(bound->options_.workers), 1);
  std::set<std::string> names;
  for (const Channel& channel : plan.channels) {
    if (!names.insert(channel.name).second)
      mistakes.add(channel.port.options.where,
                   fmt::format("two channels are called `{}`", channel.name));
    bound->bind_channel(channel, layout, replica_states, bound->channels_.emplace_back(), mistakes);
  }
  return mistakes.size() == before ? std::move(bound) : nullptr;
}

std::vector<int32_t> BoundPlan::due(Hook hook, int64_t step, int32_t stage) const {
  std::vector<int32_t> out;
  for (size_t i = 0; i < channels_.size(); ++i) {
    const BoundChannel& channel = channels_[i];
    if (!is_due(channel.spec, hook, step) || stage >= channel.stages() ||
        !channel.group->fires(steps_at(hook, step)))
      continue;
    const auto index = static_cast<int32_t>(i);
    if (sends_this_gradient(channel) && members(index, hook, step, stage).empty()) continue;
    out.push_back(index);
  }
  return out;
}

/// A worker that is too slow for a step has no gradient of it to send.
bool BoundPlan::sends_this_gradient(const BoundChannel& channel) const {
  return !clock_->even() && channel.port->reads() == "g" && !channel.port->holds_updates();
}

void BoundPlan::leave_out_the_slow(const BoundChannel& channel, int64_t step,
                                   std::vector<int32_t>& members) const {
  if (sends_this_gradient(channel))
    std::erase_if(members, [&](int32_t worker) { return !clock_->trains(worker, step); });
}

Gathering BoundPlan::gathering(Hook hook, int64_t step, int32_t stage) const {
  return {steps_at(hook, step), stage, options_.workers, options_.seed};
}

std::vector<int32_t> BoundPlan::members(int32_t channel, Hook hook, int64_t step,
                                        int32_t stage) const {
  const BoundChannel& bound = channels_[static_cast<size_t>(channel)];
  auto out = bound.group->members(gathering(hook, step, stage));
  leave_out_the_slow(bound, step, out);
  return out;
}

std::vector<std::vector<int32_t>> BoundPlan::parts(int32_t channel, Hook hook, int64_t step,
                                                   int32_t stage) const {
  const BoundChannel& bound = channels_[static_cast<size_t>(channel)];
  auto out = bound.group->parts(gathering(hook, step, stage));
  for (auto& part : out) leave_out_the_slow(bound, step, part);
  return out;
}

bool BoundPlan::trains(int32_t worker, int64_t step) const {
  if (!clock_->trains(worker, step)) return false;
  const auto calls = [](const BoundChannel& one) {
    return !one.spec.closing && one.group->rests();
  };
  if (std::ranges::none_of(channels_, calls)) return true;
  return std::any_of(channels_.begin(), channels_.end(), [&](const BoundChannel& channel) {
    if (channel.spec.closing) return false;
    if (!channel.group->rests()) return true;
    const auto drawn = channel.group->members({step, 0, options_.workers, options_.seed});
    return std::binary_search(drawn.begin(), drawn.end(), worker);
  });
}

Result<void> can_cross_processes(const BoundPlan& plan) {
  const auto refuse = [](const BoundChannel& channel, std::string_view why) {
    return failure(Fault::kBadInput,
                   "channel `{}` {}; wanted: exchange.kind = \"local\", which can do that",
                   channel.spec.name, why);
  };
  for (const BoundChannel& channel : plan.channels()) {
    if (channel.stages() > 1) return refuse(channel, "has several exchanges in a round");
    if (channel.group->parted()) return refuse(channel, "has a consensus for each part of a group");
    if (channel.group->paces()) return refuse(channel, "says itself when a round is");
    if (channel.rule->by_tensor()) return refuse(channel, "folds tensors whole");
    if (channel.rule->gathers()) return refuse(channel, "gathers offers without folding them");
    if (channel.down->surveys())
      return refuse(channel, "has a `down` codec that must see the whole consensus");
  }
  return {};
}

}  // namespace causeway
