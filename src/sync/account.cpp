// SPDX-License-Identifier: Apache-2.0
#include "sync/account.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <numeric>

#include "codec/signal.h"

namespace causeway {
namespace {

const BoundChannel& at(const BoundPlan& plan, int32_t channel) {
  return plan.channels()[static_cast<size_t>(channel)];
}

/// Of the largest stage.
int64_t channel_up_bytes(const BoundChannel& channel) {
  int64_t most = 0;
  for (const Wire& wire : channel.wires)
    most = std::max(most, signal_bytes_max(*wire.up, wire.count));
  return most;
}

/// A number and the unit behind it, both without blanks.
bool parse_quantity(std::string text, double& value, std::string& unit) {
  std::erase(text, ' ');
  const char* const begin = text.data();
  const auto [end, error] = std::from_chars(begin, begin + text.size(), value);
  unit = text.substr(static_cast<size_t>(end - begin));
  return error == std::errc() && std::isfinite(value) && value >= 0;
}

/// A channel's moments: firings that average a first moment while the second one stays local.
bool averages_alone(const BoundPlan& plan, const BoundChannel& first) {
  const std::string_view state = first.port->reads();
  if (state == "v" || !state.starts_with('u') || first.spec.port.name != "assign") return false;
  for (const BoundChannel& other : plan.channels())
    if (other.port->reads() == "v" && other.spec.hook == first.spec.hook &&
        other.spec.delay <= first.spec.delay && first.spec.period % other.spec.period == 0 &&
        (first.spec.phase - other.spec.phase) % other.spec.period == 0)
      return false;
  return true;
}

}  // namespace

ChannelBytes channel_bytes(const BoundPlan& plan, int32_t index) {
  const BoundChannel& channel = at(plan, index);
  ChannelBytes out;
  for (const Wire& wire : channel.wires) {
    out.up += signal_bytes_likely(*wire.up, wire.count);
    out.down += signal_bytes_likely(*wire.down, wire.consensus);
  }
  if (!channel.group->paces())
    out.members = static_cast<int32_t>(
        plan.members(index, channel.spec.hook, channel.spec.period + 1).size());
  return out;
}

namespace {

/// Offers in firings of the steps `first` to `last`, of channels whose group says when they fire.
/// And those firings.
std::pair<int64_t, int64_t> paced_offers(const BoundPlan& plan, int32_t index, int64_t first,
                                         int64_t last) {
  const Channel& spec = at(plan, index).spec;
  int64_t offers = 0, firings = 0;
  for (int64_t step = std::max<int64_t>(first, 1); step <= last; ++step) {
    const auto due = plan.due(spec.hook, step);
    if (!std::ranges::binary_search(due, index)) continue;
    ++firings;
    offers += std::ssize(plan.members(index, spec.hook, step));
  }
  return {offers, firings};
}

}  // namespace

RunBytes predicted_bytes(const BoundPlan& plan, int64_t first, int64_t last) {
  RunBytes out;
  for (int32_t i = 0; i < static_cast<int32_t>(plan.channels().size()); ++i) {
    const ChannelBytes bytes = channel_bytes(plan, i);
    const Channel& channel = at(plan, i).spec;
    if (at(plan, i).group->paces()) {
      const int64_t delay = channel.delay;
      out.up += paced_offers(plan, i, first, last).first * bytes.up;
      out.down += paced_offers(plan, i, first - delay, last - delay).second * bytes.down *
                  plan.options().workers;
      continue;
    }
    out.up += firings(channel, first, last) * bytes.up * bytes.members;
    out.down += applications(channel, first, last) * bytes.down * plan.options().workers;
  }
  return out;
}

RunBytes ddp_step_bytes(int64_t parameters, int32_t workers) {
  return {4 * parameters * workers, 4 * parameters * workers};
}

Result<WorkerLink> parse_link(const std::string& text) {
  const auto bad = [&] {
    return failure(Fault::kBadInput,
                   "the link `{}` is not understood; wanted: speed and one-way delay, for example "
                   "100Mbit/s,50ms",
                   text);
  };
  WorkerLink link;
  const size_t comma = text.find(',');
  std::string unit;
  if (!parse_quantity(text.substr(0, comma), link.bits_per_second, unit)) return bad();
  constexpr std::pair<std::string_view, double> kSpeeds[] = {
      {"bit/s", 1}, {"kbit/s", 1e3}, {"Mbit/s", 1e6}, {"Gbit/s", 1e9}, {"Tbit/s", 1e12}};
  const auto speed = std::ranges::find(kSpeeds, unit, &std::pair<std::string_view, double>::first);
  if (speed == std::end(kSpeeds) || link.bits_per_second == 0) return bad();
  link.bits_per_second *= speed->second;
  if (comma == std::string::npos) return link;
  if (!parse_quantity(text.substr(comma + 1), link.latency_seconds, unit)) return bad();
  if (unit != "ms" && unit != "s") return bad();
  if (unit == "ms") link.latency_seconds /= 1e3;
  return link;
}

double round_seconds(int64_t up_bytes, int64_t down_bytes, const WorkerLink& link) {
  // The offer is announced, asked for and sent; then the consensus is.
  constexpr double kDelays = 6;
  return kDelays * link.latency_seconds +
         8 * static_cast<double>(up_bytes + down_bytes) / link.bits_per_second;
}

int64_t largest_offer_bytes(const BoundPlan& plan) {
  int64_t largest = 0;
  for (const BoundChannel& one : plan.channels()) {
    // Periods are usually multiples of the shortest: all channels of a hook meet at some step.
    int64_t sum = 0;
    for (const BoundChannel& other : plan.channels()) {
      const int64_t shared = std::gcd(one.spec.period, other.spec.period);
      if (other.spec.hook == one.spec.hook && (one.spec.phase - other.spec.phase) % shared == 0)
        sum += channel_up_bytes(other);
    }
    largest = std::max(largest, sum);
  }
  return largest;
}

int64_t waiting_offer_bytes(const BoundPlan& plan) {
  int64_t all = 0, delayed = 0;
  for (const BoundChannel& channel : plan.channels()) {
    const int64_t bytes = channel_up_bytes(channel);
    all += bytes;
    if (channel.spec.delay > 0) delayed += bytes;
  }
  return std::min(all, largest_offer_bytes(plan) + delayed);
}

std::vector<std::string> plan_warnings(const BoundPlan& plan, const std::string& optimizer,
                                       int64_t steps) {
  std::vector<std::string> out;
  const bool adam = optimizer == "adamw" || optimizer == "qh_adamw";
  for (const BoundChannel& channel : plan.channels()) {
    if (firings(channel.spec, 1, steps) == 0)
      out.push_back(
          fmt::format("channel `{}` never fires: its period is {} and the run has {} "
                      "steps",
                      channel.spec.name, channel.spec.period, steps));
    else if (applications(channel.spec, 1, steps) == 0)
      out.push_back(
          fmt::format("no consensus of channel `{}` is applied: it comes {} steps after a firing "
                      "and the run has {} steps",
                      channel.spec.name, channel.spec.delay, steps));
    if (adam && averages_alone(plan, channel))
      out.push_back(fmt::format(
          "channel `{}` averages Adam's first moment in rounds where `v` is not averaged: a worker "
          "whose v is still 0 at a value takes a foreign moment there and steps by lr*u/eps. Give "
          "v the same period, raise eps, or use adopt",
          channel.spec.name));
  }
  return out;
}

}  // namespace causeway
