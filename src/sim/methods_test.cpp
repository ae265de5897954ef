// SPDX-License-Identifier: Apache-2.0
//
// Every method that a hub carries lives through the faults of one world: lost and repeated
// messages, workers and the hub killed in the middle of rounds; one worker loses its disk, where
// the hub keeps a mirror that it can join from. The auditor watches; in the end all replicas agree.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/toml.h"
#include "sim/auditor.h"
#include "sim/run.h"
#include "sync/mirror.h"
#include "sync/preset.h"

namespace causeway {
namespace {

constexpr std::string_view kWorld = R"(
about = "A method under faults."
seed = 41
steps = 60
workers = 4
[model]
optimizer = "{optimizer}"
[sync]
preset = "{preset}"
{period}
[network]
loss = 0.03
duplicate = 0.03
reorder = 0.1
jitter_ms = 10
[[fault]]
kind = "kill"
at_ms = 700
every_ms = 1300
times = 3
for_ms = 500
[[fault]]
kind = "kill"
worker = 2
at_ms = 1500
for_ms = 500
lose_disk = {lose_disk}
[[fault]]
kind = "kill_hub"
at_round = 4
event = "closed"
for_ms = 300
[[check]]
kind = "replicas_identical"
)";

struct FaultyWorld {
  Scenario scenario;
  std::unique_ptr<Course> course;  ///< null: a hub refuses the method, or that optimizer
};

FaultyWorld world_of(const Entry<Preset>& entry, const std::string& optimizer, bool lose_disk) {
  const std::string text =
      fmt::format(fmt::runtime(kWorld), fmt::arg("preset", entry.name),
                  fmt::arg("optimizer", optimizer), fmt::arg("lose_disk", lose_disk),
                  fmt::arg("period", has_option(entry.name, "period") ? "period = 5" : ""));
  Mistakes mistakes;
  const Value table = parse_toml(text, std::string(entry.name), mistakes);
  FaultyWorld out{read_scenario(table, std::string(entry.name), mistakes), nullptr};
  if (mistakes.empty()) out.course = make_course(out.scenario, mistakes);
  return out;
}

/// A method and the first toy optimizer that it takes.
using Carried = std::pair<const Entry<Preset>*, std::string>;

/// Those whose ports write states of one optimizer alone have that one.
std::vector<std::string> optimizers_of(std::string_view preset) {
  if (preset == "fedspeed") return {"corrected"};
  if (preset == "lordo") return {"low_rank"};
  return {"adam", "momentum", "sgd", "slow"};
}

std::vector<Carried> all_carried() {
  std::vector<Carried> out;
  for (const Entry<Preset>* entry : presets())
    for (const std::string& optimizer : optimizers_of(entry->name)) {
      if (!world_of(*entry, optimizer, false).course) continue;
      out.emplace_back(entry, optimizer);
      break;
    }
  return out;
}

class EveryMethodOfAHub : public testing::TestWithParam<Carried> {};

TEST_P(EveryMethodOfAHub, LivesThroughFaults) {
  const auto& [entry, optimizer] = GetParam();
  FaultyWorld world = world_of(*entry, optimizer, false);
  if (can_mirror(world.course->plan())) world = world_of(*entry, optimizer, true);
  Auditor auditor;
  World::Options options;
  options.observers = {&auditor};
  const Outcome outcome = run_scenario(world.scenario, *world.course, options);
  EXPECT_THAT(outcome.wrong, testing::IsEmpty());
}

INSTANTIATE_TEST_SUITE_P(Presets, EveryMethodOfAHub, testing::ValuesIn(all_carried()),
                         [](const auto& one) { return std::string(one.param.first->name); });

TEST(MethodsOfAHub, AreNotFewerThanBefore) { EXPECT_GE(all_carried().size(), 23U); }

}  // namespace
}  // namespace causeway
