// SPDX-License-Identifier: Apache-2.0
#include "sim/world.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "core/toml.h"
#include "sim/auditor.h"
#include "sim/local_run.h"
#include "sim/run.h"

namespace causeway {
namespace {

Scenario scenario_of(const std::string& toml) {
  Mistakes mistakes;
  Scenario out = read_scenario(parse_toml(toml, "test", mistakes), "test", mistakes);
  CW_CHECK(mistakes.empty(), "{}", mistakes.text());
  return out;
}

std::unique_ptr<Course> course_of(const Scenario& scenario) {
  Mistakes mistakes;
  auto course = make_course(scenario, mistakes);
  CW_CHECK(course != nullptr, "{}", mistakes.text());
  return course;
}

constexpr const char* kRough = R"(
seed = 5
steps = 24
workers = 4
[sync]
preset = "diloco"
period = 4
[network]
loss = 0.05
duplicate = 0.05
reorder = 0.1
jitter_ms = 20
corrupt = 0.01
[[fault]]
kind = "kill"
at_ms = 700
[[fault]]
kind = "kill_hub"
at_round = 3
event = "closed"
for_ms = 300
)";

// Goal: a world follows from its scenario alone. Method: the digest of everything that happens.
TEST(World, TheSameSeedGivesTheSameHistory) {
  Scenario scenario = scenario_of(kRough);
  std::set<std::string> seen;
  for (const int64_t seed : {5, 5, 6}) {
    scenario.seed = seed;
    const auto course = course_of(scenario);
    const Outcome outcome = run_scenario(scenario, *course);
    EXPECT_THAT(outcome.wrong, testing::IsEmpty());
    EXPECT_GT(outcome.events, 500);
    seen.insert(outcome.history.hex());
  }
  EXPECT_EQ(seen.size(), 2U);
}

// Goal: who looks on changes nothing.
TEST(World, ObserversChangeNothing) {
  const Scenario scenario = scenario_of(kRough);
  const auto course = course_of(scenario);
  const Outcome alone = run_scenario(scenario, *course, {{}, 0});
  Auditor auditor;
  const Outcome watched = run_scenario(scenario, *course, {{&auditor}, 1'000});
  EXPECT_EQ(alone.history, watched.history);
  EXPECT_EQ(alone.events, watched.events);
  EXPECT_TRUE(alone.timeline.empty());
  EXPECT_FALSE(watched.timeline.empty());
}

TEST(World, EndsAtItsLimits) {
  Scenario scenario = scenario_of(kRough);
  const auto course = course_of(scenario);
  scenario.events_max = 100;
  EXPECT_THAT(run_scenario(scenario, *course).wrong,
              testing::ElementsAre("not finished after 100 events"));
  scenario.events_max = 1'000'000;
  scenario.time_limit_ms = 1'000;
  EXPECT_THAT(run_scenario(scenario, *course).wrong,
              testing::ElementsAre("not finished after 1 s of virtual time"));
}

TEST(World, EndsWhenAnObserverComplains) {
  class Complainer final : public Observer {
   public:
    void on_event(const World& world) override { events_ = world.events(); }
    std::string_view complaint() const override { return events_ >= 50 ? "it is enough" : ""; }

   private:
    int64_t events_ = 0;
  } complainer;
  const Scenario scenario = scenario_of(kRough);
  const auto course = course_of(scenario);
  const Outcome outcome = run_scenario(scenario, *course, {{&complainer}, 100});
  EXPECT_THAT(outcome.wrong, testing::ElementsAre("it is enough"));
  EXPECT_EQ(outcome.events, 50);
}

class EveryMethod : public testing::TestWithParam<const char*> {};

// Goal: when nothing fails, the hub's rounds give the bits of the exchange in one process.
TEST_P(EveryMethod, HasTheBitsOfTheExchangeInOneProcess) {
  const Scenario scenario =
      scenario_of(fmt::format("seed = 3\nsteps = 37\nworkers = 3\n[hub]\ndeadline_ms_min = 10000\n"
                              "deadline_ms_max = 60000\n[sync]\n{}\n",
                              GetParam()));
  const auto course = course_of(scenario);
  World world(scenario, *course, {});
  world.run();
  ASSERT_EQ(world.trouble(), "");
  const std::vector<Digest> wanted = local_weights(*course, world.workers());
  for (WorkerId id = 0; id < world.workers(); ++id)
    EXPECT_EQ(world.worker(id).trainer()->weights(), wanted[static_cast<size_t>(id)]) << id;
}

INSTANTIATE_TEST_SUITE_P(
    Methods, EveryMethod,
    testing::Values("preset = \"fedavg\"\nperiod = 5", "preset = \"diloco\"\nperiod = 5",
                    "preset = \"photon\"\nperiod = 5\nparticipation = 0.7",
                    "preset = \"local_adam\"\nperiod = 4", "preset = \"des_loc\"\nperiod = 2",
                    "preset = \"streaming_diloco\"\nperiod = 6\nfragments = 2\ndelay = 2",
                    "preset = \"diloco\"\nperiod = 5\nup = { name = \"int8\", block = 64 }\n"
                    "feedback = \"ef\""));

}  // namespace
}  // namespace causeway
