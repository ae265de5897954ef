// SPDX-License-Identifier: Apache-2.0
//
// Real models through the whole protocol (machines, log, spool, fold, a network with delays) beside
// the exchange of one process: when nothing fails, the bits are the same, whatever the order in
// which messages come.
#include "train/recipe_course.h"

#include <gtest/gtest.h>

#include "sim/auditor.h"
#include "sim/run.h"
#include "train/test_recipe.h"

namespace causeway {
namespace {

std::vector<std::string> method(const std::string& preset) {
  std::vector<std::string> out = method_assignments(preset);
  out.push_back("run.steps=13");
  if (preset == "streaming_diloco")
    out.push_back("sync={ preset = \"streaming_diloco\", period = 4, fragments = 2, delay = 2 }");
  return out;
}

std::vector<std::string> local_weights(const std::vector<std::string>& assignments) {
  TinyTeam team(assignments);
  team.run_to(13);
  std::vector<std::string> out;
  for (size_t worker = 0; worker < team->workers().size(); ++worker)
    out.push_back(team.weights(worker));
  return out;
}

class RecipeThroughProtocol : public testing::TestWithParam<std::string> {};

TEST_P(RecipeThroughProtocol, GivesTheBitsOfTheInProcessExchange) {
  const std::vector<std::string> assignments = method(GetParam());
  const Recipe recipe = tiny_recipe(assignments, test_folder());
  const SystemClock clock;
  const auto course = RecipeCourse::make(recipe, clock);
  ASSERT_TRUE(course.ok()) << course.error().message;

  Scenario scenario;
  scenario.steps = recipe.run.steps;
  scenario.workers = recipe.workers();
  // Every round has all members: then the bits must be those of the undisturbed run.
  scenario.hub.deadline_ms_min = scenario.hub.deadline_ms_max = 60'000;
  scenario.hub.chunk_bytes = 1000;
  scenario.hub.window_bytes = 8000;
  Auditor auditor;
  World world(scenario, **course, {{&auditor}, 100});
  world.run();
  ASSERT_EQ(world.trouble(), "");
  ASSERT_EQ(auditor.complaint(), "");

  const std::vector<std::string> wanted = local_weights(assignments);
  ASSERT_EQ(static_cast<int32_t>(wanted.size()), world.workers());
  for (WorkerId worker = 0; worker < world.workers(); ++worker)
    EXPECT_EQ(world.worker(worker).trainer()->weights().hex(), wanted[static_cast<size_t>(worker)])
        << "worker " << worker;
}

INSTANTIATE_TEST_SUITE_P(Presets, RecipeThroughProtocol,
                         testing::Values("fedavg", "diloco", "des_loc", "local_adam", "mt_dao",
                                         "photon", "streaming_diloco", "ddp"),
                         [](const auto& preset) { return preset.param; });

// A worker is killed in the middle of a round, without a checkpoint of that moment, and comes back
// in time: it repeats its steps to the bit.
TEST(RecipeThroughProtocolTest, AKilledWorkerComesBackToTheSameBits) {
  const std::vector<std::string> assignments = method("des_loc");
  const Recipe recipe = tiny_recipe(assignments, test_folder());
  const SystemClock clock;
  const auto course = RecipeCourse::make(recipe, clock);
  ASSERT_TRUE(course.ok());
  Mistakes mistakes;
  Scenario scenario = read_scenario(parse_toml(R"(
steps = 13
workers = 3
hub = { deadline_ms_max = 20000, deadline_ms_min = 20000 }
worker = { step_ms = 1000 }
[[fault]]
kind = "kill"
worker = 1
at_round = 2
event = "opened"
after_ms = 2000
for_ms = 200
[[fault]]
kind = "kill_hub"
at_round = 3
event = "closed"
for_ms = 100
)",
                                               "scenario", mistakes),
                                    "scenario", mistakes);
  ASSERT_TRUE(mistakes.empty()) << mistakes.text();
  Auditor auditor;
  World world(scenario, **course, {{&auditor}, 100});
  world.run();
  ASSERT_EQ(world.trouble(), "");
  ASSERT_EQ(auditor.complaint(), "");
  EXPECT_GE(world.worker(1).boots(), 2);
  const std::vector<std::string> wanted = local_weights(assignments);
  for (WorkerId worker = 0; worker < 3; ++worker)
    EXPECT_EQ(world.worker(worker).trainer()->weights().hex(), wanted[static_cast<size_t>(worker)]);
}

}  // namespace
}  // namespace causeway
