// SPDX-License-Identifier: Apache-2.0
#include "train/team.h"

#include <gmock/gmock.h>

#include <cmath>
#include <map>
#include <set>

#include "data/safetensors.h"
#include "train/test_recipe.h"

namespace causeway {
namespace {

using testing::HasSubstr;

std::vector<std::string> with(std::vector<std::string> base, const std::vector<std::string>& more) {
  base.insert(base.end(), more.begin(), more.end());
  return base;
}

class TeamOfEveryPreset : public testing::TestWithParam<std::string> {};

// Goal: threads and pauses never change a bit of what a team holds.
TEST_P(TeamOfEveryPreset, GivesTheSameBitsForAnyThreadsAndPauses) {
  const auto method = method_assignments(GetParam());
  TinyTeam whole(with(method, {"run.threads=1"}));
  whole.run_to(13);
  for (const int threads : {2, 3}) {
    TinyTeam pieces(with(method, {fmt::format("run.threads={}", threads)}));
    pieces.run_to(4);
    pieces.run_to(13);
    EXPECT_EQ(pieces.bits(), whole.bits()) << threads << " threads";
  }
}

INSTANTIATE_TEST_SUITE_P(Presets, TeamOfEveryPreset, testing::ValuesIn(preset_names()),
                         [](const auto& preset) { return preset.param; });

TEST(TeamTest, AnotherSeedGivesOtherWeights) {
  TinyTeam one({"run.seed=1"}), two({"run.seed=2"});
  EXPECT_NE(one.weights(), two.weights());
}

TEST(TeamTest, StopEndsAllWorkersAtOneStepAndChangesNoBit) {
  for (const char* threads : {"run.threads=1", "run.threads=3"}) {
    TinyTeam whole({threads}), stopped({threads});
    whole.run_to(24);
    std::atomic<bool> stop{false};
    Team::Events events;
    events.on_step = [&](const StepReport& report, const std::string&) {
      if (report.step == 4) stop = true;
    };
    ASSERT_TRUE(stopped->run_to(24, events, stop).ok());
    EXPECT_GE(stopped->steps(), 4);
    EXPECT_LT(stopped->steps(), 24) << "the stop came too late to test anything";
    for (const auto& worker : stopped->workers()) {
      EXPECT_EQ(worker->steps(), stopped->steps());
      EXPECT_FALSE(worker->within_step());
    }
    stopped.run_to(24);
    EXPECT_EQ(stopped.bits(), whole.bits());
  }
}

TEST(TeamTest, ReportsEachStepOnceInOrderOfStepThenWorker) {
  TinyTeam team({"sync.workers=5", "run.threads=3"});
  std::vector<std::pair<int64_t, int32_t>> told, wanted;
  Team::Events events;
  events.on_step = [&](const StepReport& report, const std::string&) {
    told.emplace_back(report.step, report.worker);
  };
  std::vector<int64_t> rounds;
  events.on_round = [&](const RoundOutcome& outcome, double) { rounds.push_back(outcome.step); };
  const std::atomic<bool> never{false};
  ASSERT_TRUE(team->run_to(5, events, never).ok());
  ASSERT_TRUE(team->run_to(9, events, never).ok());
  for (int64_t step = 1; step <= 9; ++step)
    for (int32_t worker = 0; worker < 5; ++worker) wanted.emplace_back(step, worker);
  EXPECT_EQ(told, wanted);
  EXPECT_EQ(rounds, (std::vector<int64_t>{3, 6, 9}));
}

TEST(TeamTest, LearnsFromItsText) {
  TinyTeam team({"run.steps=60", "sync.period=5"});
  std::map<int64_t, double> losses;
  Team::Events events;
  events.on_step = [&](const StepReport& report, const std::string&) {
    losses[report.step] += report.loss / 3;
  };
  ASSERT_TRUE(team->run_to(60, events, std::atomic<bool>{false}).ok());
  EXPECT_NEAR(losses[1], std::log(256.0), 0.2) << "a fresh model knows nothing of 256 bytes";
  EXPECT_LT(losses[60], 2.5) << "letters alone: ln 7 = 1.9 at most, half of them sure";
}

/// A file of `steps` recorded batches for 2 workers with tokens below `vocabulary`.
std::string recorded_batches(const std::string& folder, int64_t steps, int32_t vocabulary) {
  std::vector<int32_t> tokens(static_cast<size_t>(steps * 2 * 2 * 17));
  for (size_t i = 0; i < tokens.size(); ++i)
    tokens[i] = static_cast<int32_t>(i * 7919 % static_cast<size_t>(vocabulary));
  const std::string path = folder + "/batches.safetensors";
  const TensorToWrite entry{
      "tokens", DType::kI32, {steps, 2, 2, 17}, std::as_bytes(std::span(tokens))};
  EXPECT_TRUE(write_safetensors(path, std::span(&entry, 1)).ok());
  return path;
}

TEST(TeamTest, ARecordingShorterThanTheRunIsRefusedBeforeItStarts) {
  const std::string folder = test_folder();
  const Recipe recipe = tiny_recipe(
      {"data={ recorded = \"" + recorded_batches(folder, 5, 256) + "\" }", "sync.workers=2"},
      folder);
  const ManualClock clock;
  const auto refused = Team::make(recipe, clock);
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().fault, Fault::kBadInput);
  EXPECT_THAT(refused.error().message, HasSubstr("steps >= 24"));
}

TEST(TeamTest, RecordedTokensBeyondTheVocabularyAreAnError) {
  const std::string folder = test_folder();
  TinyTeam team({"data={ recorded = \"" + recorded_batches(folder, 5, 300) + "\" }",
                 "sync.workers=2", "run.steps=5"},
                folder);
  const auto refused = team->run_to(5, {}, std::atomic<bool>{false});
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().fault, Fault::kBadInput);
  EXPECT_THAT(refused.error().message, HasSubstr("256"));
}

TEST(TeamTest, AMissingOrTooShortTextIsAnErrorWithItsSite) {
  const std::string folder = test_folder();
  const Recipe missing = tiny_recipe({"data.site.1.train=[\"nothing.txt\"]"}, folder);
  const ManualClock clock;
  const auto none = Team::make(missing, clock);
  ASSERT_FALSE(none.ok());
  EXPECT_THAT(none.error().message, HasSubstr("site south"));
  const Recipe recipe = tiny_recipe({}, folder);
  write_text(folder + "/south.txt", "16 tokens, short");
  const auto brief = Team::make(recipe, clock);
  ASSERT_FALSE(brief.ok());
  EXPECT_EQ(brief.error().fault, Fault::kBadInput);
  EXPECT_THAT(brief.error().message, HasSubstr("site south"));
  EXPECT_THAT(brief.error().message, HasSubstr("context + 1 = 17"));
}

// Goal: who is not drawn rests, and takes the consensus all the same.
TEST(TeamTest, UndrawnWorkersRestAndTakeTheConsensus) {
  TinyTeam team({"sync.workers=4", "sync.participation=0.5", "run.threads=2"});
  std::map<int64_t, std::vector<StepReport>> steps;
  Team::Events events;
  events.on_step = [&](const StepReport& report, const std::string&) {
    steps[report.step].push_back(report);
  };
  const std::atomic<bool> never{false};
  std::string consensus = team.weights();
  std::set<int32_t> drawn_ever;
  for (int64_t step = 1; step <= 12; ++step) {
    ASSERT_TRUE(team->run_to(step, events, never).ok());
    int trained = 0;
    for (const StepReport& report : steps[step]) {
      trained += report.trained;
      if (report.trained) drawn_ever.insert(report.worker);
      const auto worker = static_cast<size_t>(report.worker);
      if (step % 3 != 0) {
        EXPECT_EQ(team.weights(worker) == consensus, !report.trained)
            << "step " << step << ", worker " << worker;
      } else {
        EXPECT_EQ(team.weights(worker), team.weights(0));
      }
    }
    EXPECT_EQ(trained, 2) << "half of four";
    if (step % 3 != 0) continue;
    EXPECT_NE(team.weights(), consensus);
    consensus = team.weights();
  }
  EXPECT_GT(drawn_ever.size(), 2u) << "other workers are drawn in other rounds";
}

}  // namespace
}  // namespace causeway
