// SPDX-License-Identifier: Apache-2.0
#include "lab/step_time.h"

#include <algorithm>
#include <numeric>
#include <span>
#include <tuple>
#include <vector>

#include "core/check.h"

namespace causeway {
namespace {

/// A channel fires, or takes its consensus in. At one hook what is on its way arrives first.
struct PlanEvent {
  int64_t step;
  Hook hook;
  bool fires;
  int32_t channel;

  auto when() const { return std::tuple(step, hook, fires); }
};

/// Steps after which a plan repeats itself, at most so many that there are few events.
int64_t window_of(const std::vector<BoundChannel>& channels) {
  constexpr int64_t kStepsMax = 1'000'000'000;
  constexpr double kFiringsMax = 20'000;
  int64_t steps = 1;
  double firings_per_step = 0;
  for (const BoundChannel& channel : channels) {
    const int64_t period = channel.spec.period;
    firings_per_step += 1 / static_cast<double>(period);
    steps = std::min(steps / std::gcd(steps, period), kStepsMax / period) * period;
  }
  const double most = kFiringsMax / std::max(firings_per_step, 1e-9);
  return std::max<int64_t>(1, std::min(steps, static_cast<int64_t>(most)));
}

std::vector<PlanEvent> events_until(const std::vector<BoundChannel>& channels, int64_t last) {
  std::vector<PlanEvent> out;
  for (size_t i = 0; i < channels.size(); ++i) {
    const Channel& spec = channels[i].spec;
    const auto index = static_cast<int32_t>(i);
    int64_t step = 1;
    while (step <= last && !is_due(spec, spec.hook, step)) ++step;
    for (; step <= last; step += spec.period) {
      out.push_back({step, spec.hook, true, index});
      if (spec.delay > 0 && step + spec.delay <= last)
        out.push_back({step + spec.delay, spec.hook, false, index});
    }
  }
  std::ranges::stable_sort(out, {}, &PlanEvent::when);
  return out;
}

/// One site's clock and the two lanes of its link.
class SiteClock {
 public:
  SiteClock(const BoundPlan& plan, double compute_seconds, const WorkerLink& link)
      : plan_(plan), compute_seconds_(compute_seconds), link_(link) {
    for (size_t i = 0; i < plan.channels().size(); ++i)
      bytes_.push_back(channel_bytes(plan, static_cast<int32_t>(i)));
    due_at_.resize(bytes_.size());
  }

  double stalled() const { return stalled_; }
  /// Computes to the end of a step.
  void go_to(int64_t step) {
    now_ += compute_seconds_ * static_cast<double>(step - step_);
    step_ = step;
  }
  void arrive(int32_t channel) {
    const double wait = due_at_[static_cast<size_t>(channel)] - now_;
    if (wait <= 0) return;
    now_ += wait;
    stalled_ += wait;
  }

  /// A round of channels.
  void fire(std::span<const PlanEvent> round) {
    double up = 0, down = 0;
    int32_t stages = 1;
    for (const PlanEvent& event : round) {
      const auto index = static_cast<size_t>(event.channel);
      up += static_cast<double>(bytes_[index].up);
      down += static_cast<double>(bytes_[index].down);
      stages = std::max(stages, plan_.channels()[index].stages());
    }
    // Announced and asked for, then sent; the consensus too, once the offer is there.
    const double delay = link_.latency_seconds * stages;
    up_free_ = std::max(now_ + 2 * delay, up_free_) + 8 * up / link_.bits_per_second;
    down_free_ = std::max(up_free_ + 3 * delay, down_free_) + 8 * down / link_.bits_per_second;
    for (const PlanEvent& event : round)
      due_at_[static_cast<size_t>(event.channel)] = down_free_ + delay;
    for (const PlanEvent& event : round)
      if (plan_.channels()[static_cast<size_t>(event.channel)].spec.delay == 0)
        arrive(event.channel);
  }

 private:
  const BoundPlan& plan_;
  const double compute_seconds_;
  const WorkerLink link_;
  std::vector<ChannelBytes> bytes_;
  std::vector<double> due_at_;  // of each channel's last consensus
  double now_ = 0, stalled_ = 0, up_free_ = 0, down_free_ = 0;
  int64_t step_ = 0;
};

/// Seconds that the site stalls in what comes after step `first`.
double stalled_after(SiteClock& site, const std::vector<PlanEvent>& events, int64_t first) {
  double before = 0;
  for (size_t i = 0; i < events.size();) {
    size_t end = i + 1;
    while (end < events.size() && events[end].when() == events[i].when()) ++end;
    site.go_to(events[i].step);
    const std::span together(events.data() + i, end - i);
    if (events[i].fires)
      site.fire(together);
    else
      for (const PlanEvent& event : together) site.arrive(event.channel);
    if (events[i].step <= first) before = site.stalled();
    i = end;
  }
  return site.stalled() - before;
}

}  // namespace

StepTime step_time(const BoundPlan& plan, double compute_seconds, const WorkerLink& link) {
  const auto& channels = plan.channels();
  for (const BoundChannel& channel : channels)
    CW_CHECK(!channel.group->paces(), "channel `{}` says itself when it fires", channel.spec.name);
  // Rounds that delays join settle within a few windows: no more than one of a channel is on its
  // way.
  const int64_t steps = 4 * window_of(channels);
  const auto events = events_until(channels, 2 * steps);
  SiteClock site(plan, compute_seconds, link);
  StepTime out;
  const auto count = static_cast<double>(steps);
  out.compute_seconds = compute_seconds;
  out.stalled_seconds = stalled_after(site, events, steps) / count;
  for (size_t i = 0; i < channels.size(); ++i) {
    const ChannelBytes bytes = channel_bytes(plan, static_cast<int32_t>(i));
    const double part = bytes.members / static_cast<double>(plan.options().workers);
    const Channel& spec = channels[i].spec;
    out.up_bytes += static_cast<double>(firings(spec, steps + 1, 2 * steps)) *
                    static_cast<double>(bytes.up) * part / count;
    out.down_bytes += static_cast<double>(applications(spec, steps + 1, 2 * steps)) *
                      static_cast<double>(bytes.down) / count;
  }
  return out;
}

}  // namespace causeway
