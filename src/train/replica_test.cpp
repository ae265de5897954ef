// SPDX-License-Identifier: Apache-2.0
#include "train/replica.h"

#include <cmath>
#include <limits>

#include "train/test_recipe.h"

namespace causeway {
namespace {

class ReplicaTest : public testing::Test {
 protected:
  ReplicaTest()
      : recipe_(tiny_recipe({"train.optimizer={ name = \"adamw\", lr = 0.5, betas = [0.9, 0.99], "
                             "eps = 1e-8, weight_decay = 0.1 }"},
                            test_folder())),
        model_(make_model(recipe_)),
        replica_(*model_, std::make_shared<const Placement>(model_->layout()), *recipe_.optimizer,
                 step_options(recipe_)) {}

  void fill(std::string_view state, float value) {
    std::vector<float> all(static_cast<size_t>(everything().count()), value);
    replica_.write(state, everything(), all);
  }
  std::vector<float> values(std::string_view state, const Region& region) const {
    std::vector<float> out(static_cast<size_t>(region.count()));
    replica_.read(state, region, out);
    return out;
  }
  Region everything() const { return region("all"); }
  Region region(const std::string& text) const {
    return recipe_.shape->layout().select(text).value();
  }

  const Recipe recipe_;
  const std::unique_ptr<const Model> model_;
  TrainReplica replica_;
};

TEST_F(ReplicaTest, HasParametersGradientAndMoments) {
  EXPECT_EQ(replica_.states(), (std::vector<std::string>{"x", "g", "u", "v"}));
  for (const std::string& state : replica_.states())
    for (const float value : values(state, everything())) ASSERT_EQ(value, 0.0f);
}

TEST_F(ReplicaTest, WritesARegionAndNothingElse) {
  const Region norms = region("role=norm");
  ASSERT_GT(norms.count(), 0);
  std::vector<float> packed(static_cast<size_t>(norms.count()));
  for (size_t i = 0; i < packed.size(); ++i) packed[i] = static_cast<float>(i) + 1;
  replica_.write("u", norms, packed);
  EXPECT_EQ(values("u", norms), packed);
  for (const float value : values("u", region("!role=norm"))) ASSERT_EQ(value, 0.0f);
  for (const float value : values("v", norms)) ASSERT_EQ(value, 0.0f);
}

// AdamW by hand: u = (1 - b1) g, v = (1 - b2) g^2, both corrected back to g and g^2 in the first
// update, so a step is lr after the decay of matrices.
TEST_F(ReplicaTest, OneUpdateIsAdamWs) {
  fill("x", 2.0f);
  fill("g", 4.0f);
  replica_.update(0.5, 0.25);  // The clip's scale makes the gradient 1.
  for (const float u : values("u", everything())) ASSERT_NEAR(u, 0.1, 1e-7);
  for (const float v : values("v", everything())) ASSERT_NEAR(v, 0.01, 1e-8);
  for (const float x : values("x", region("role=matrix")))
    ASSERT_NEAR(x, 2.0 * (1 - 0.5 * 0.1) - 0.5, 1e-5);
  for (const float x : values("x", region("role=norm"))) ASSERT_NEAR(x, 2.0 - 0.5, 1e-5);
  EXPECT_EQ(replica_.updates(), 1);
}

TEST_F(ReplicaTest, AResetForgetsMomentsAndCountOnly) {
  fill("x", 2.0f);
  fill("g", 1.0f);
  replica_.update(0.5, 1.0);
  const auto x = values("x", everything());
  replica_.reset_optimizer();
  EXPECT_EQ(replica_.updates(), 0);
  for (const char* state : {"u", "v"})
    for (const float value : values(state, everything())) ASSERT_EQ(value, 0.0f);
  EXPECT_EQ(values("x", everything()), x);
  EXPECT_EQ(values("g", everything()).front(), 1.0f);
}

TEST_F(ReplicaTest, TheNormIsOfAllParametersAndCountsPaddingAsNothing) {
  fill("g", 3.0f);
  EXPECT_NEAR(replica_.gradient_norm(), 3 * std::sqrt(static_cast<double>(everything().count())),
              1e-6 * replica_.gradient_norm());
  EXPECT_TRUE(replica_.gradient_replaced());
  replica_.arena("g").values()[0] = std::numeric_limits<float>::quiet_NaN();
  EXPECT_FALSE(std::isfinite(replica_.gradient_norm()));
}

void put_nan(TinyTeam& team, size_t worker) {
  team->workers()[worker]->replica().arena("x").values()[0] =
      std::numeric_limits<float>::quiet_NaN();
  // Every row of the embedding, so that any batch meets one.
  for (float& value : team->workers()[worker]->replica().arena("x").values().first(256 * 32))
    value = std::numeric_limits<float>::quiet_NaN();
}

TEST(WorkerTest, StopsAtAGradientThatIsNotFinite) {
  TinyTeam team({"sync={ preset = \"none\" }"});
  team.run_to(2);
  put_nan(team, 1);
  const auto stopped = team->run_to(5, {}, std::atomic<bool>{false});
  ASSERT_FALSE(stopped.ok());
  EXPECT_EQ(stopped.error().fault, Fault::kNumeric);
  EXPECT_NE(stopped.error().message.find("worker 1, step 3"), std::string::npos);
}

TEST(WorkerTest, SkipsAnUpdateAndSaysSo) {
  TinyTeam team({"sync={ preset = \"none\" }", "train.on_nonfinite=skip"});
  team.run_to(2);
  put_nan(team, 1);
  std::map<int32_t, int> skipped;
  Team::Events events;
  events.on_step = [&](const StepReport& report, const std::string& why) {
    skipped[report.worker] += !why.empty();
  };
  ASSERT_TRUE(team->run_to(5, events, std::atomic<bool>{false}).ok());
  EXPECT_EQ(skipped[0], 0);
  EXPECT_EQ(skipped[1], 3);
  EXPECT_EQ(team->workers()[0]->replica().updates(), 5);
  EXPECT_EQ(team->workers()[1]->replica().updates(), 2);
  for (const float u : team->workers()[1]->replica().arena("u").values())
    ASSERT_TRUE(std::isfinite(u));
}

// A worker with broken parameters declines the round; the others' consensus heals it.
TEST(WorkerTest, ABrokenWorkerTakesTheOthersConsensus) {
  TinyTeam team({"train.on_nonfinite=skip"});
  team.run_to(4);
  put_nan(team, 1);
  std::vector<RoundOutcome> rounds;
  Team::Events events;
  events.on_round = [&](const RoundOutcome& outcome, double) { rounds.push_back(outcome); };
  ASSERT_TRUE(team->run_to(6, events, std::atomic<bool>{false}).ok());
  ASSERT_EQ(rounds.size(), 1u);
  EXPECT_TRUE(rounds[0].committed);
  ASSERT_EQ(rounds[0].dropped.size(), 1u);
  EXPECT_EQ(rounds[0].dropped[0].first, 1);
  EXPECT_EQ(rounds[0].members.size(), 2u);
  EXPECT_EQ(team.weights(1), team.weights(0));
  for (const float x : team->workers()[1]->replica().arena("x").values())
    ASSERT_TRUE(std::isfinite(x));
}

}  // namespace
}  // namespace causeway
