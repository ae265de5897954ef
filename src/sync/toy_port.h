// SPDX-License-Identifier: Apache-2.0
//
// For tests: one port, feedback or group by itself. Nothing but tests includes it.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "sync/toy_replica.h"

namespace causeway {

template <class Interface>
std::unique_ptr<Interface> toy_plugin(const Entries<Interface>& entries, const std::string& name,
                                      const std::string& options = "") {
  Mistakes mistakes;
  auto out = make_plugin(entries, "plug-in", Plugin{name, parse_toml(options, "test", mistakes)},
                         mistakes);
  CW_CHECK(mistakes.empty(), "{}", mistakes.text());
  return out;
}

/// A port on a part of the toy's layout, with the states of worker 0 and its replica.
class ToyPort {
 public:
  struct Options {
    std::string region = "all";
    int32_t workers = 1;
    std::vector<double> speeds{1.0};
    Names moments = kTwoMoments;
  };
  explicit ToyPort(const std::string& name, const std::string& options = "")
      : ToyPort(name, options, Options()) {}
  ToyPort(const std::string& name, const std::string& options, const Options& place)
      : port(toy_plugin(ports(), name, options)),
        region(*layout.select(place.region)),
        replica(layout.count(), 0, place.moments),
        clock_(place.speeds),
        place_{layout, region, place.workers, clock_} {
    const std::string wrong = port->bind(place_);
    CW_CHECK(wrong.empty(), "{}", wrong);
    for (StateSpec& spec : port->states(region.count())) states.declare(std::move(spec));
    port->start(region, replica, states);
  }

  int64_t count(int32_t stage = 0) const {
    int64_t out = 0;
    for (const TensorCut& cut : port->signal(place_, stage)) out += cut.count;
    return out;
  }
  void begin(const Firing& firing) { port->begin(firing, region, replica, states); }
  std::vector<float> offer(const Firing& firing) const {
    std::vector<float> out(static_cast<size_t>(count(firing.stage)), -12345.0F);
    port->offer(firing, region, replica, states, out);
    return out;
  }
  void apply(const Firing& firing, const std::vector<float>& consensus) {
    port->apply(firing, region, consensus, StatesPart(states), replica);
  }
  /// A state of the replica, packed.
  std::vector<float> packed(std::string_view state) const {
    std::vector<float> out(static_cast<size_t>(region.count()));
    replica.read(state, region, out);
    return out;
  }
  void fill(std::string_view state, const std::vector<float>& values) {
    replica.write(state, region, values);
  }
  /// A state of the channel.
  std::vector<float> kept(std::string_view state) const {
    const auto values = states.get(state);
    return {values.begin(), values.end()};
  }

  Layout layout = toy_layout();
  std::unique_ptr<Port> port;
  Region region;
  States states;
  ToyReplica replica;

 private:
  const VirtualClock clock_;
  const ChannelPlace place_;
};

/// A feedback with its states, of so many values.
class ToyFeedback {
 public:
  ToyFeedback(const std::string& name, const std::string& options, int64_t count)
      : feedback(toy_plugin(feedbacks(), name, options)),
        kept_(static_cast<size_t>(feedback->kept_values(count))) {
    for (StateSpec& spec : feedback->states(count, Holder::kWorker))
      states.declare(std::move(spec));
  }
  /// What is to be encoded.
  std::vector<float> prepare(std::vector<float> signal) {
    feedback->prepare({}, states, signal, kept_);
    return signal;
  }
  void settle(const std::vector<float>& sent) { feedback->settle(kept_, sent, states); }
  std::vector<float> integrate(std::vector<float> consensus) {
    feedback->integrate(consensus, StatesPart(states));
    return consensus;
  }
  std::vector<float> kept(std::string_view state) const {
    const auto values = states.get(state);
    return {values.begin(), values.end()};
  }

  std::unique_ptr<Feedback> feedback;
  States states;

 private:
  std::vector<float> kept_;
};

/// A group over workers of these speeds.
class ToyGroup {
 public:
  ToyGroup(const std::string& name, const std::string& options, std::vector<double> speeds,
           int64_t period = 1, uint64_t seed = 1)
      : group(toy_plugin(groups(), name, options)), clock_(std::move(speeds)), seed_(seed) {
    group->bind(clock_, period);
    group->seed(seed);
  }
  Gathering at(int64_t tick, int32_t stage = 0) const {
    return {tick, stage, clock_.workers(), seed_};
  }
  /// Members by tick of all firings up to this one.
  std::map<int64_t, std::vector<int32_t>> firings(int64_t last) const {
    std::map<int64_t, std::vector<int32_t>> out;
    for (int64_t tick = 1; tick <= last; ++tick)
      if (group->fires(tick)) out[tick] = group->members(at(tick));
    return out;
  }

  std::unique_ptr<Group> group;

 private:
  const VirtualClock clock_;
  const uint64_t seed_;
};

}  // namespace causeway
