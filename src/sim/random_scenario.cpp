// SPDX-License-Identifier: Apache-2.0
#include "sim/random_scenario.h"

#include <algorithm>
#include <array>
#include <string>
#include <string_view>
#include <vector>

#include "sim/chance.h"

namespace causeway {
namespace {

/// Parts of a scenario, each with chances of its own.
enum class Topic : uint32_t { kMode, kCourse, kHub, kNetwork, kMachines, kKinds, kFaults };

Chance chance_of(uint64_t seed, Topic topic) {
  return {seed, Purpose::kScenario, static_cast<uint32_t>(topic)};
}

template <class T>
T one_of(Chance& chance, std::initializer_list<T> choices) {
  return choices.begin()[chance.between(0, std::ssize(choices) - 1)];
}

/// Between low and high, small ones as likely as large ones: so many times the double. low >= 1.
int64_t scaled(Chance& chance, int64_t low, int64_t high) {
  int64_t doublings = 0;
  while (low << (doublings + 1) <= high) ++doublings;
  const int64_t from = low << chance.between(0, doublings);
  return chance.between(from, std::min(2 * from, high));
}

/// What kind of world it is.
struct Mode {
  bool patient = false;
  std::vector<std::string_view> kinds;  // of faults
  bool has(std::string_view kind) const {
    return std::find(kinds.begin(), kinds.end(), kind) != kinds.end();
  }
};

/// Patient worlds keep every worker's state and every offer: what remains are delays.
constexpr std::array<std::string_view, 11> kHarmless = {
    "kill_hub", "pause",       "pause_hub", "slow",      "slow_link",  "cut",
    "lossy",    "cut_one_way", "corrupt",   "partition", "clock_drift"};
constexpr std::array<std::string_view, 14> kHarmful = {
    "kill",     "garbage_offer", "nan_offer",   "huge_offer", "wrong_round",
    "impostor", "replay",        "preempt",     "disk_full",  "clock_jump",
    "bit_rot",  "second_offer",  "wrong_audit", "stale_bytes"};

Mode draw_mode(uint64_t seed) {
  Mode mode;
  mode.patient = chance_of(seed, Topic::kMode).happens(0.25);
  Chance chance = chance_of(seed, Topic::kKinds);
  for (const std::string_view kind : kHarmless)
    if (chance.happens(0.5)) mode.kinds.push_back(kind);
  for (const std::string_view kind : kHarmful)
    if (chance.happens(0.5) && !mode.patient) mode.kinds.push_back(kind);
  return mode;
}

// ---- What is trained.

Value codec(Chance& chance) {
  Value out = Value::Table{};
  switch (chance.between(0, 3)) {
    case 0:
      return "fp32";
    case 1:
      return "bf16";
    case 2:
      out.set("name", "int8");
      out.set("block", scaled(chance, 4, 64));
      return out;
    default:
      out.set("name", "topk");
      out.set("keep", one_of(chance, {0.05, 0.25, 0.5}));
      return out;
  }
}

void draw_codecs(Chance& chance, Value& sync) {
  if (chance.happens(0.5)) sync.set("up", codec(chance));
  if (chance.happens(0.5)) sync.set("feedback", "ef");
  if (chance.happens(0.4)) sync.set("down", codec(chance));
  if (chance.happens(0.4)) sync.set("down_feedback", "ef");
  if (chance.happens(0.3)) sync.set("weight", "equal");
}

/// A hand-written channel of a state: members, delay and codec of its own.
Value draw_channel(Chance& chance, const char* state, int64_t period) {
  Value port = Value::Table{};
  port.set("name", "assign");
  port.set("state", state);
  if (std::string_view(state) == "x" && chance.happens(0.5)) port = "outer";
  Value out = Value::Table{};
  out.set("name", state);
  out.set("port", port);
  out.set("period", period * chance.between(1, 2));
  out.set("phase", chance.between(0, period - 1));
  if (chance.happens(0.5)) out.set("delay", chance.between(0, period));
  if (chance.happens(0.7)) {
    Value group = Value::Table{};
    group.set("name", "sample");
    group.set("fraction", one_of(chance, {0.2, 0.4, 0.8}));
    group.set("period", period);
    out.set("group", group);
  }
  if (chance.happens(0.3)) out.set("up", codec(chance));
  return out;
}

/// Two channels that share some rounds, but not all members.
int64_t draw_channels(Chance& chance, int64_t period, Value& sync, Value& model) {
  model.set("optimizer", "momentum");
  Value::Array channels;
  for (const char* state : {"x", "u"}) channels.push_back(draw_channel(chance, state, period));
  if (chance.happens(0.5))
    for (Value& channel : channels) channel.set("phase", 0);
  sync.set("channel", channels);
  return 1;
}

/// Rounds that fire in a period.
int64_t draw_method(Chance& chance, int64_t period, Value& sync, Value& model) {
  const auto preset = one_of<const char*>(chance, {"fedavg", "diloco", "des_loc", "local_adam",
                                                   "photon", "streaming_diloco", "ddp", "none"});
  const std::string_view name = preset;
  sync.set("preset", preset);
  if (name == "none") return draw_channels(chance, period, sync, model);
  if (name == "ddp") return period;
  sync.set("period", period);
  if (name == "des_loc" || name == "local_adam") model.set("optimizer", "adam");
  if (name == "des_loc" && chance.happens(0.3)) sync.set("ordering", "pre_step");
  if (name == "photon") sync.set("participation", one_of(chance, {0.4, 0.6, 0.8}));
  if (name == "fedavg" && chance.happens(0.3)) sync.set("reset_inner", true);
  if (name != "streaming_diloco") return 1;
  const int64_t fragments = chance.between(
      1, std::min<int64_t>(model.find("kind")->string() == "convex" ? 3 : 2, period));
  sync.set("fragments", fragments);
  sync.set("delay", chance.between(0, period));
  sync.set("mix", one_of(chance, {0.0, 0.5}));
  return fragments;
}

/// The rounds of the run, about.
int64_t draw_course(uint64_t seed, Scenario& out) {
  Chance chance = chance_of(seed, Topic::kCourse);
  out.workers = chance.between(2, 6);
  const bool convex = chance.happens(0.5);
  out.model.set("kind", convex ? "convex" : "two_layer");
  out.model.set("optimizer", one_of<const char*>(chance, {"sgd", "momentum", "adam"}));
  out.model.set("lr", 0.01);
  const int64_t period = chance.between(1, 6), rounds = chance.between(4, 10);
  const int64_t in_period = draw_method(chance, period, out.sync, out.model);
  draw_codecs(chance, out.sync);
  out.steps = std::max<int64_t>(period, rounds * period / in_period);
  return rounds;
}

// ---- Where it runs.

void draw_hub(uint64_t seed, const Mode& mode, Scenario& out) {
  Chance chance = chance_of(seed, Topic::kHub);
  SimHubOptions& hub = out.hub;
  // One worker may be refused for good: see draw_worker.
  const int64_t sure = out.workers - (mode.has("impostor") ? 1 : 0);
  hub.start_members = chance.happens(0.5) ? sure : chance.between(1, sure);
  hub.quorum_count = chance.happens(0.5) ? 1 : chance.between(1, sure);
  hub.quorum_weight = one_of(chance, {0.0, 0.5, 0.5, 0.9});
  if (chance.happens(0.3)) hub.grace_ms = chance.between(1, 300);
  hub.deadline_ms_min = scaled(chance, 10, 500);
  hub.deadline_ms_max = scaled(chance, 500, 8'000);
  hub.deadline_mads = one_of(chance, {2.0, 6.0, 20.0});
  hub.lease_ms = scaled(chance, 500, 8'000);
  if (chance.happens(0.5)) hub.retain_rounds = chance.between(0, 4);
  if (chance.happens(0.5)) hub.snapshot_rounds = chance.between(1, 3);
  if (chance.happens(0.5)) hub.log_entries_max = scaled(chance, 5, 80);
  if (chance.happens(0.5)) hub.strikes_max = chance.between(1, 3);
  if (chance.happens(0.5)) {
    hub.chunk_bytes = scaled(chance, 16, 512);
    hub.window_bytes = hub.chunk_bytes * chance.between(1, 8);
  }
  if (mode.has("huge_offer") && chance.happens(0.7)) hub.norm_max = 1e4;
  if (chance.happens(0.3)) hub.code_mbyte_per_s = 0.5;
  if (!mode.patient) return;
  hub.start_members = out.workers;
  hub.retain_rounds = SimHubOptions{}.retain_rounds;
  hub.quorum_count = 1;
  hub.quorum_weight = 1;
  hub.deadline_ms_min = hub.deadline_ms_max = hub.lease_ms = 3'000'000;
}

void draw_network(uint64_t seed, Scenario& out) {
  Chance chance = chance_of(seed, Topic::kNetwork);
  LinkOptions& link = out.network;
  if (chance.happens(0.3)) {
    link.delay_ms = link.jitter_ms = 0;
    link.mbit_per_s = 1'000;
    return;
  }
  link.delay_ms = static_cast<double>(scaled(chance, 1, 200));
  if (chance.happens(0.3)) link.mbit_per_s = one_of(chance, {0.05, 0.5, 5.0});
  if (chance.happens(0.4)) link.jitter_ms = static_cast<double>(scaled(chance, 1, 400));
  if (chance.happens(0.4)) link.loss = one_of(chance, {0.01, 0.1, 0.3});
  if (chance.happens(0.3)) link.duplicate = one_of(chance, {0.01, 0.1, 0.5});
  if (chance.happens(0.3)) link.reorder = one_of(chance, {0.01, 0.1, 0.5});
  if (chance.happens(0.2)) link.corrupt = one_of(chance, {0.01, 0.1});
}

void draw_machines(uint64_t seed, Scenario& out) {
  Chance chance = chance_of(seed, Topic::kMachines);
  out.worker.step_ms = static_cast<double>(scaled(chance, 1, 60));
  out.worker.step_jitter = one_of(chance, {0.0, 0.1, 1.0});
  if (chance.happens(0.4)) out.worker.checkpoint_rounds = chance.between(0, 4);
  out.worker.retry_ms_min = scaled(chance, 20, 400);
  out.worker.retry_ms_max = 10 * out.worker.retry_ms_min;
  out.disk.sync_ms = static_cast<double>(scaled(chance, 1, 50));
  if (chance.happens(0.3)) out.disk.slow = 0.2;
  if (chance.happens(0.3)) out.disk.mbyte_per_s = 0.1;
}

// ---- What goes wrong.

const char* place(Chance& chance) { return chance.happens(0.5) ? "hub" : "worker"; }

/// The kind's own options.
Value draw_options(Chance& chance, std::string_view kind) {
  Value out = Value::Table{};
  const auto maybe = [&](std::string_view name) { out.set(name, chance.happens(0.5)); };
  if (kind == "kill") {
    maybe("power");
    out.set("lose_disk", chance.happens(0.3));
  } else if (kind == "kill_hub") {
    maybe("power");
  } else if (kind == "slow") {
    out.set("factor", one_of(chance, {3.0, 30.0, 300.0}));
  } else if (kind == "slow_link") {
    out.set("factor", one_of(chance, {10.0, 100.0, 1'000.0}));
    out.set("delay_ms", one_of(chance, {0.0, 500.0, 3'000.0}));
  } else if (kind == "cut_one_way") {
    out.set("way", chance.happens(0.5) ? "up" : "down");
  } else if (kind == "partition") {
    out.set("part", one_of(chance, {0.3, 0.6, 1.0}));
  } else if (kind == "lossy") {
    out.set("loss", one_of(chance, {0.0, 0.2, 0.6}));
    out.set("duplicate", one_of(chance, {0.0, 0.2, 0.9}));
    out.set("reorder", one_of(chance, {0.0, 0.2, 0.6}));
    out.set("jitter_ms", one_of(chance, {0.0, 100.0, 2'000.0}));
  } else if (kind == "corrupt") {
    out.set("part", one_of(chance, {0.05, 0.3}));
  } else if (kind == "garbage_offer") {
    maybe("right_digest");
  } else if (kind == "nan_offer") {
    maybe("in_model");
  } else if (kind == "wrong_round") {
    out.set("shift", one_of<int64_t>(chance, {-2, -1, 1, 2, 1'000}));
  } else if (kind == "impostor") {
    out.set("mask", chance.happens(0.5) ? "token" : "worker");
  } else if (kind == "disk_full") {
    out.set("place", place(chance));
    out.set("spare_bytes", one_of<int64_t>(chance, {0, 100, 3'000}));
  } else if (kind == "bit_rot") {
    out.set("place", place(chance));
    out.set("flips", chance.between(1, 3));
  } else if (kind == "clock_drift") {
    out.set("place", place(chance));
    out.set("ppm", one_of<int64_t>(chance, {-500'000, -10'000, 10'000, 1'000'000}));
  } else if (kind == "clock_jump") {
    out.set("place", place(chance));
    out.set("ms", scaled(chance, 10, 60'000));
  } else if (kind == "preempt") {
    out.set("grace_ms", scaled(chance, 1, 4'000));
  }
  return out;
}

/// One impostor, always the same, may be refused for good. All others come back.
Value draw_worker(Chance& chance, const FaultSpec& fault, int64_t workers) {
  const auto drawn = chance.between(0, workers - 1);
  const bool several = chance.happens(0.2);
  if (fault.kind == "impostor") return workers - 1;
  if (several && fault.kind != "nan_offer") {
    Value::Array all;
    for (int64_t worker = drawn; worker < workers; ++worker) all.emplace_back(worker);
    return all;
  }
  return drawn;
}

/// A plan that nobody can join needs workers that keep their state.
void spare_disks(FaultSpec& fault) {
  if (fault.kind == "kill") fault.options.set("lose_disk", false);
  if (fault.kind == "bit_rot") fault.options.set("place", "hub");
}

FaultSpec draw_fault(Chance& chance, const Mode& mode, const Scenario& world, int64_t rounds) {
  FaultSpec out;
  out.kind = mode.kinds[static_cast<size_t>(chance.between(0, std::ssize(mode.kinds) - 1))];
  const auto usual_ms = static_cast<int64_t>(world.worker.step_ms) * world.steps +
                        rounds * static_cast<int64_t>(6 * world.network.delay_ms) + 500;
  if (chance.happens(0.5)) {
    out.at_ms = chance.between(0, usual_ms);
  } else {
    out.at_round = chance.between(1, rounds);
    out.event = static_cast<RoundEvent>(chance.between(static_cast<int64_t>(RoundEvent::kOpened),
                                                       static_cast<int64_t>(RoundEvent::kApplied)));
    if (chance.happens(0.5)) out.after_ms = scaled(chance, 1, 300);
  }
  out.for_ms = chance.happens(0.2) ? scaled(chance, 4'000, 30'000) : scaled(chance, 1, 4'000);
  if (chance.happens(0.2)) {
    out.every_ms = out.for_ms + scaled(chance, 10, 2'000);
    out.times = chance.between(2, 5);
  }
  out.options = draw_options(chance, out.kind);
  if (world.sync.find("preset")->string() == "ddp") spare_disks(out);
  out.worker = draw_worker(chance, out, world.workers);
  return out;
}

/// Groups of its own for each channel: a worker that is in none of a round's, and hears that the
/// round is decided before its step begins, follows that step instead of training
/// (docs/protocol.md). Then its parameters depend on time.
bool draws_for_each_channel(const Scenario& world) {
  const Value* channels = world.sync.find("channel");
  if (channels == nullptr) return false;
  return std::ranges::any_of(channels->array(),
                             [](const Value& one) { return one.find("group") != nullptr; });
}

void draw_checks(const Mode& mode, Scenario& out) {
  out.checks = {{"finished", Value::Table{}}, {"replicas_identical", Value::Table{}}};
  if (!mode.patient) return;
  out.checks.push_back({"aborted_at_most", Value::Table{}});
  if (draws_for_each_channel(out)) return;
  out.checks.push_back({"same_as_undisturbed", Value::Table{}});
}

}  // namespace

Scenario random_scenario(uint64_t seed) {
  Scenario out;
  out.name = fmt::format("seed-{}", seed);
  out.seed = static_cast<int64_t>(seed);
  out.events_max = 3'000'000;
  const Mode mode = draw_mode(seed);
  const int64_t rounds = draw_course(seed, out);
  draw_hub(seed, mode, out);
  draw_network(seed, out);
  draw_machines(seed, out);
  Chance chance = chance_of(seed, Topic::kFaults);
  const int64_t count = mode.kinds.empty() ? 0 : chance.between(0, 8);
  for (int64_t i = 0; i < count; ++i) out.faults.push_back(draw_fault(chance, mode, out, rounds));
  draw_checks(mode, out);
  return out;
}

}  // namespace causeway
