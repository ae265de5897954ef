// SPDX-License-Identifier: Apache-2.0
//
// Tries one simpler scenario after another and keeps what still fails, coarse steps first, until
// nothing helps any more (delta debugging, Zeller and Hildebrandt, TSE 2002, on a scenario's
// parts).
#include "sim/shrink.h"

#include <algorithm>

namespace causeway {
namespace {

class Shrinker {
 public:
  Shrinker(const Scenario& scenario, const std::function<bool(const Scenario&)>& fails,
           int64_t runs_max)
      : best_(scenario), fails_(fails), runs_max_(runs_max) {}

  Shrunk run() {
    for (bool smaller = true; smaller && runs_ < runs_max_;) {
      smaller = drop_faults();
      smaller = fewer_workers() || smaller;
      smaller = fewer_steps() || smaller;
      smaller = simpler_parts() || smaller;
      smaller = simpler_sync() || smaller;
      smaller = simpler_faults() || smaller;
    }
    return {best_, runs_};
  }

 private:
  /// True if the candidate is another one than the best, and still fails.
  bool keep(const Scenario& candidate) {
    if (runs_ >= runs_max_ || to_toml_text(candidate) == to_toml_text(best_)) return false;
    ++runs_;
    if (!fails_(candidate)) return false;
    best_ = candidate;
    return true;
  }
  template <class Edit>
  bool with(Edit edit) {
    Scenario candidate = best_;
    edit(candidate);
    return keep(candidate);
  }

  bool drop_faults() {
    bool any = false;
    for (size_t part = best_.faults.size(); part > 0; part /= 2)
      for (size_t begin = 0; begin < best_.faults.size();) {
        const bool dropped = with([&](Scenario& s) {
          const size_t end = std::min(begin + part, s.faults.size());
          s.faults.erase(s.faults.begin() + static_cast<std::ptrdiff_t>(begin),
                         s.faults.begin() + static_cast<std::ptrdiff_t>(end));
        });
        if (!dropped) begin += part;
        any = any || dropped;
      }
    return any;
  }

  /// The last one goes; what befell it befalls nobody.
  static void drop_worker(Scenario& s) {
    const int64_t gone = --s.workers;
    std::erase_if(s.faults, [gone](FaultSpec& fault) {
      Value& whom = fault.worker;
      if (whom.is(Value::Kind::kInteger)) return whom.integer() == gone;
      if (!whom.is(Value::Kind::kArray)) return false;
      std::erase_if(whom.array(), [gone](const Value& one) { return one.integer() == gone; });
      return whom.array().empty();
    });
    s.hub.start_members = std::min(s.hub.start_members, s.workers);
    s.hub.quorum_count = std::min(s.hub.quorum_count, s.workers);
  }
  bool fewer_workers() {
    bool any = false;
    while (best_.workers > 1 && with(drop_worker)) any = true;
    return any;
  }

  bool fewer_steps() {
    bool any = false;
    for (int64_t part = best_.steps / 2; part > 0; part /= 2)
      while (best_.steps > part && with([part](Scenario& s) { s.steps -= part; })) any = true;
    return any;
  }

  bool simpler_parts() {
    bool any = with([](Scenario& s) { s.network = {}; });
    const LinkOptions link;
    const auto of_link = [&](auto field) {
      any = with([&](Scenario& s) { s.network.*field = link.*field; }) || any;
    };
    of_link(&LinkOptions::loss);
    of_link(&LinkOptions::duplicate);
    of_link(&LinkOptions::reorder);
    of_link(&LinkOptions::corrupt);
    of_link(&LinkOptions::jitter_ms);
    of_link(&LinkOptions::delay_ms);
    of_link(&LinkOptions::mbit_per_s);
    any = with([](Scenario& s) { s.disk = {}; }) || any;
    any = with([](Scenario& s) { s.worker = {}; }) || any;
    any = with([](Scenario& s) { s.model = Value::Table{{"kind", "convex"}}; }) || any;
    any = with([](Scenario& s) { s.hub = {}; }) || any;
    const SimHubOptions plain;
    const auto each = [&](auto field) {
      any = with([&](Scenario& s) { s.hub.*field = plain.*field; }) || any;
    };
    any = with([&](Scenario& s) {
            s.hub.chunk_bytes = plain.chunk_bytes;
            s.hub.window_bytes = plain.window_bytes;
          }) ||
          any;
    each(&HubOptions::log_entries_max);
    each(&HubOptions::snapshot_rounds);
    each(&HubOptions::retain_rounds);
    each(&HubOptions::lease_ms);
    each(&HubOptions::deadline_ms_max);
    each(&HubOptions::deadline_ms_min);
    each(&HubOptions::quorum_count);
    each(&HubOptions::quorum_weight);
    each(&HubOptions::grace_ms);
    each(&HubOptions::strikes_max);
    each(&SimHubOptions::code_mbyte_per_s);
    each(&HubOptions::start_members);
    return any;
  }

  /// Entries of [sync] that have a default may go.
  bool simpler_sync() {
    bool any = false;
    for (const std::string name :
         {"up", "down", "feedback", "down_feedback", "weight", "mix", "delay", "fragments",
          "participation", "ordering", "reset_inner"}) {
      if (best_.sync.find(name) == nullptr) continue;
      any = with([&](Scenario& s) {
              std::erase_if(s.sync.table(), [&](const auto& one) { return one.first == name; });
            }) ||
            any;
    }
    return any;
  }

  bool simpler_faults() {
    bool any = false;
    for (size_t i = 0; i < best_.faults.size(); ++i) {
      any = with([i](Scenario& s) { s.faults[i].every_ms = 0, s.faults[i].times = 1; }) || any;
      any = with([i](Scenario& s) { s.faults[i].after_ms = 0; }) || any;
      any = with([i](Scenario& s) { s.faults[i].for_ms = s.faults[i].for_ms / 4; }) || any;
      any = with([i](Scenario& s) {
              Value& whom = s.faults[i].worker;
              if (whom.is(Value::Kind::kArray)) whom = Value(whom.array().front());
            }) ||
            any;
    }
    return any;
  }

  Scenario best_;
  const std::function<bool(const Scenario&)>& fails_;
  const int64_t runs_max_;
  int64_t runs_ = 0;
};

}  // namespace

Shrunk shrink(const Scenario& scenario, const std::function<bool(const Scenario&)>& fails,
              int64_t runs_max) {
  return Shrinker(scenario, fails, runs_max).run();
}

}  // namespace causeway
