// SPDX-License-Identifier: Apache-2.0
//
// Objectives in a run: beside the plain loss, through checkpoints and the protocol.
#include <ATen/ops/from_blob.h>
#include <ATen/ops/full.h>
#include <gmock/gmock.h>

#include <cmath>

#include "core/direction.h"
#include "sim/auditor.h"
#include "sim/run.h"
#include "train/checkpoint.h"
#include "train/recipe_course.h"
#include "train/test_recipe.h"

namespace causeway {
namespace {

std::string objective(const std::string& name, const std::string& options = "") {
  return "train.objective={ name = \"" + name + "\"" + (options.empty() ? "" : ", " + options) +
         " }";
}

std::string weights_after(int64_t steps, const std::vector<std::string>& assignments) {
  TinyTeam team(assignments);
  team.run_to(steps);
  return team.weights();
}

// With its term switched off, each is the plain loss to the bit.
TEST(ObjectiveTest, IsThePlainLossWhereNothingIsAdded) {
  const std::string plain = weights_after(8, {});
  EXPECT_EQ(weights_after(8, {objective("plain")}), plain);
  EXPECT_EQ(weights_after(8, {objective("prox", "mu = 0")}), plain);
  EXPECT_EQ(weights_after(8, {objective("fedspeed", "alpha = 0, lambda = 1e30")}), plain);
  EXPECT_EQ(weights_after(8, {objective("sparsyfed", "beta = 1")}), plain);
  EXPECT_NE(weights_after(8, {objective("prox", "mu = 0.1")}), plain);
  EXPECT_NE(weights_after(8, {objective("fedspeed", "alpha = 0.5, lambda = 1e30")}), plain);
  EXPECT_NE(weights_after(8, {objective("fedspeed", "alpha = 0, lambda = 10")}), plain);
  EXPECT_NE(weights_after(8, {objective("sparsyfed", "beta = 1.25")}), plain);
}

std::vector<std::string> objective_names() {
  std::vector<std::string> out;
  for (const auto* entry : objectives()) out.emplace_back(entry->name);
  return out;
}

class EveryObjectiveInARun : public testing::TestWithParam<std::string> {
 protected:
  std::vector<std::string> method() const {
    std::vector<std::string> out{"sync={ preset = \"fedavg\", period = 3 }", "run.steps=13"};
    out.push_back(GetParam() == "fedamd" ? objective("fedamd", "period = 3")
                                         : objective(GetParam()));
    return out;
  }
};
INSTANTIATE_TEST_SUITE_P(All, EveryObjectiveInARun, testing::ValuesIn(objective_names()),
                         [](const auto& one) { return one.param; });

// Step 6 is a round's edge, so that the next step begins a round; 7 and 8 are within one.
TEST_P(EveryObjectiveInARun, GoesOnFromACheckpointWithTheSameBits) {
  for (const int64_t step : {1, 6, 7, 8}) {
    const std::string folder = test_folder();
    TinyTeam whole(method(), folder), resumed(method(), folder);
    whole.run_to(step);
    Arena mean(whole->placement());
    whole->mean_parameters(mean);
    const auto written = write_checkpoint(folder, *whole, mean);
    ASSERT_TRUE(written.ok());
    const auto read = read_checkpoint(*written, *resumed);
    ASSERT_TRUE(read.ok()) << read.error().message;
    EXPECT_EQ(resumed->workers()[1]->replica().steps_in_round(), step % 3);
    whole.run_to(12);
    resumed.run_to(12);
    EXPECT_EQ(resumed.bits(), whole.bits()) << "from step " << step;
  }
}

// Through the protocol, with a worker that is killed within a round and comes back.
TEST_P(EveryObjectiveInARun, ComesBackToTheSameBitsAfterAKill) {
  const Recipe recipe = tiny_recipe(method(), test_folder());
  const SystemClock clock;
  const auto course = RecipeCourse::make(recipe, clock);
  ASSERT_TRUE(course.ok()) << course.error().message;
  Mistakes mistakes;
  const Scenario scenario = read_scenario(parse_toml(R"(
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
  TinyTeam team(method());
  team.run_to(13);
  for (WorkerId worker = 0; worker < 3; ++worker)
    EXPECT_EQ(world.worker(worker).trainer()->weights().hex(),
              team.weights(static_cast<size_t>(worker)))
        << "worker " << worker;
}

TEST_P(EveryObjectiveInARun, LeavesTheParametersAsTheyAre) {
  TinyTeam team(method());
  team.run_to(4);
  TrainReplica& replica = team->workers()[0]->replica();
  const std::string before = team.weights();
  const at::Tensor tokens = at::full({2, 17}, 97, at::kLong);
  replica.local_step(tokens, {.step = 5, .seed = 3});
  EXPECT_EQ(team.weights(), before);
}

// Goal: the estimate is of the true gradient. Method: c is the product of z and the gradient, up to
// the curvature; so on average over directions the estimate's product with the gradient is the
// gradient's square.
TEST(ZerothTest, EstimatesTheGradientAlongItsDirection) {
  TinyTeam team({objective("zeroth", "eps = 2e-3"), "train.batch_tokens=64"});
  TrainReplica& replica = team->workers()[0]->replica();
  std::vector<int64_t> numbers;
  for (int64_t i = 0; i < 4 * 17; ++i) numbers.push_back(97 + i * i % 11);
  const at::Tensor tokens = at::from_blob(numbers.data(), {4, 17}, at::kLong);
  const double loss = replica.loss_and_gradient(tokens);
  const Region all{{{0, replica.model().layout().count()}}};
  std::vector<float> truth(static_cast<size_t>(all.count())), z(truth.size()), got(truth.size());
  replica.read("g", all, truth);
  const double norm = replica.gradient_norm();
  double product = 0;
  for (int64_t step = 1; step <= 24; ++step) {
    const auto outcome = replica.local_step(tokens, {.step = step, .worker = 1, .seed = 5});
    EXPECT_NEAR(outcome.loss, loss, 0.02);
    fill_direction(5, step, 1, 0, z);
    replica.read("g", all, got);
    const float c = got[0] * z[0];
    double along = 0;
    for (size_t i = 0; i < z.size(); ++i) {
      ASSERT_EQ(got[i], c * z[i]);
      along += double{z[i]} * double{truth[i]};
    }
    EXPECT_NEAR(c, along, 0.1 * norm) << "step " << step;
    product += c * along / 24;
  }
  EXPECT_GT(product, 0.4 * norm * norm);
  EXPECT_LT(product, 2.5 * norm * norm);
}

TEST(ZerothTest, TrainsAlone) {
  TinyTeam team({objective("zeroth", "eps = 1e-3"), "sync={ preset = \"none\", workers = 1 }",
                 "train.optimizer={ name = \"sgd\", lr = 2e-4 }", "train.clip=0", "run.steps=300",
                 "train.schedule={ name = \"constant\" }"});
  double early = 0, late = 0;
  Team::Events events;
  events.on_step = [&](const StepReport& report, const std::string&) {
    if (report.step <= 20) early += report.loss / 20;
    if (report.step > 280) late += report.loss / 20;
  };
  ASSERT_TRUE(team->run_to(300, events, std::atomic<bool>{false}).ok());
  EXPECT_LT(late, early - 0.05);
}

// Anchors move only with the consensus; `large` is the mean of the round's gradients.
TEST(FedAmdTest, AnchorsWaitForTheMiners) {
  TinyTeam team({objective("fedamd", "probability = 1, period = 3"),
                 "sync={ preset = \"fedavg\", period = 3 }"});
  const std::string start = team.weights();
  team.run_to(5);
  EXPECT_EQ(team.weights(), start);
  const TrainReplica& replica = team->workers()[0]->replica();
  EXPECT_EQ(replica.updates(), 0);
  EXPECT_EQ(replica.steps_in_round(), 2);
  double sum = 0;
  for (const float value : replica.arena("large").values()) sum += std::abs(value);
  EXPECT_GT(sum, 0);
}

TEST(ObjectiveTest, ItsStatesCanBeAChannels) {
  const std::string channels =
      "sync.channel=[{ name = \"x\", period = 2, port = { name = \"assign\", state = \"x\" } }, "
      "{ name = \"large\", period = 2, port = { name = \"assign\", state = \"large\" } }]";
  TinyTeam team({objective("fedamd", "probability = 1, period = 2"),
                 "sync={ preset = \"none\", workers = 3 }", channels});
  EXPECT_EQ(team->workers()[0]->replica().states(),
            (std::vector<std::string>{"x", "g", "u", "v", "start", "large", "vbar"}));
  team.run_to(2);
  const auto large = [&](size_t worker) {
    const auto values = std::as_const(*team->workers()[worker]).replica().arena("large").values();
    return std::vector<float>(values.begin(), values.end());
  };
  EXPECT_EQ(large(0), large(1));
  EXPECT_NE(large(0), std::vector<float>(large(0).size()));
  team.run_to(3);
  EXPECT_NE(large(0), large(1));
}

// A reset of the inner optimizer leaves what is the objective's.
TEST(ObjectiveTest, AResetLeavesItsStates) {
  TinyTeam team({objective("prox"), "sync={ preset = \"none\", workers = 1 }"});
  team.run_to(2);
  TrainReplica& replica = team->workers()[0]->replica();
  const at::Tensor anchor = replica.arena("anchor").flat().clone();
  EXPECT_GT(anchor.abs().sum().item<float>(), 0);
  replica.reset_optimizer();
  EXPECT_TRUE(replica.arena("anchor").flat().equal(anchor));
}

}  // namespace
}  // namespace causeway
