// SPDX-License-Identifier: Apache-2.0
//
// A scenario as TOML: what is trained, on what network, what goes wrong, and what must be true in
// the end. A value: it parses, prints and shrinks.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "core/options.h"
#include "sim/hub_node.h"
#include "sim/machine.h"
#include "sim/network.h"
#include "sim/round_event.h"
#include "sim/worker_node.h"

namespace causeway {

/// One [[fault]]: its kind with that kind's own options, when and whom.
struct FaultSpec {
  std::string kind;
  int64_t at_ms = 0;
  int64_t at_round = 0;  ///< 0: at a time
  RoundEvent event = RoundEvent::kOpened;
  int64_t after_ms = 0;
  int64_t for_ms = 1'000;
  int64_t every_ms = 0, times = 1;
  Value worker = "random";
  Value options = Value::Table{};  ///< the kind's own

  template <class Visit>
  void each(Visit&& visit) {
    constexpr Range<int64_t> kMs{0, 1'000'000'000};
    visit("kind", kind, Required{}, "", "What goes wrong.");
    visit("at_ms", at_ms, kMs, "ms", "When, from the beginning.");
    visit("at_round", at_round, Range<int64_t>{0, 1'000'000'000}, "",
          "Or in this round, at `event`; 0: at `at_ms`.");
    visit("event", event,
          Choices<RoundEvent>{{{"opened", RoundEvent::kOpened},
                               {"held", RoundEvent::kHeld},
                               {"closed", RoundEvent::kClosed},
                               {"folded", RoundEvent::kFolded},
                               {"committed", RoundEvent::kCommitted},
                               {"aborted", RoundEvent::kAborted},
                               {"applied", RoundEvent::kApplied}}},
          "", "What of the round to wait for.");
    visit("after_ms", after_ms, kMs, "ms", "So long after the event.");
    visit("for_ms", for_ms, Range<int64_t>{-1, 1'000'000'000}, "ms", "How long; -1: to the end.");
    visit("every_ms", every_ms, kMs, "ms", "Then again after so long; 0: once.");
    visit("times", times, Range<int64_t>{1, 1'000'000}, "", "How often, if it comes again.");
    visit("worker", worker, Any{}, "", R"(Whom: a number, a list of numbers, "random" or "all".)");
  }
};

struct CheckSpec {
  std::string kind;
  Value options = Value::Table{};

  template <class Visit>
  void each(Visit&& visit) {
    visit("kind", kind, Required{}, "", "What must be true in the end.");
  }
};

struct Scenario {
  std::string name;  ///< its file's, without folder and ending
  std::string about;
  std::string recipe;            ///< whose model is trained instead of a toy; empty: a toy
  std::vector<std::string> set;  ///< assignments to the recipe
  int64_t seed = 1, steps = 40, workers = 4;
  int64_t time_limit_ms = 3'600'000, events_max = 100'000'000;
  Value model = Value::Table{}, sync = Value::Table{};  ///< ToyOptions; as in recipes
  WorkerOptions worker;
  SimHubOptions hub;
  LinkOptions network;
  DiskOptions disk;
  std::vector<FaultSpec> faults;
  std::vector<CheckSpec> checks;
};

/// All mistakes are reported at once, with file and line: also those in the plan, in the options of
/// faults and checks, and workers that there are not.
Scenario read_scenario(const Value& table, const std::string& name, Mistakes& mistakes);
Scenario load_scenario(const std::string& path, Mistakes& mistakes);

/// The options outside of tables.
std::vector<OptionInfo> describe_scenario();

/// Reads back as the same scenario; what has its default is left out.
Value to_value(const Scenario& scenario);
std::string to_toml_text(const Scenario& scenario);

}  // namespace causeway
