// SPDX-License-Identifier: Apache-2.0
//
// Objectives by hand, on a loss that needs no model: L(x) = sum a_i (x_i - t_i)^2 / 2.
#include "optim/objective.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "core/coin.h"
#include "core/direction.h"
#include "core/toml.h"

namespace causeway {
namespace {

using testing::FloatNear;
using testing::Pointwise;
using Values = std::vector<float>;

std::unique_ptr<Objective> make_objective(const std::string& name, const std::string& options) {
  Mistakes mistakes;
  auto out = make_plugin(objectives(), "objective",
                         Plugin{name, parse_toml(options, "test", mistakes)}, mistakes);
  EXPECT_TRUE(mistakes.empty()) << mistakes.text();
  return out;
}

/// A matrix [2, 3], two values of padding, and a vector of 3 that is behind it in the layout.
class Bowl final : public Subject {
 public:
  explicit Bowl(const Objective& objective) {
    for (const std::string& state : objective.states()) states_[state] = Values(kSize);
    states_["g"] = Values(kSize);
    states_["x"] = {0.5f, -1, 2, 0, 0.25f, -3, 0, 0, 1, 1.5f, -0.5f};
  }
  const std::vector<Place>& places() const override { return places_; }
  std::span<float> state(std::string_view name) override { return values(std::string(name)); }
  double gradient() override {
    ++gradients;
    const Values& x = values("x");
    for (size_t i = 0; i < kSize; ++i) values("g")[i] = steepness[i] * (x[i] - target[i]);
    return loss();
  }
  double loss() override {
    double sum = 0;
    for (size_t i = 0; i < kSize; ++i)
      sum += 0.5 * double{steepness[i]} * std::pow(double{values("x")[i]} - double{target[i]}, 2);
    return sum;
  }
  Values& values(const std::string& name) { return states_.at(name); }

  static constexpr size_t kSize = 11;
  Values steepness{1, 2, 0.5f, 1, 3, 0.25f, 0, 0, 2, 1, 1};
  Values target{0, 1, 1, -1, 0, 2, 0, 0, 0, 0, 0};
  int gradients = 0;

 private:
  std::map<std::string, Values> states_;
  const std::vector<Place> places_{{0, 6, 0, true}, {8, 3, 6, false}};
};

/// What `plain` gives at the Bowl's x.
Values slope_of(Bowl bowl) {
  bowl.gradient();
  return bowl.values("g");
}

class EveryObjective : public testing::TestWithParam<const Entry<Objective>*> {};
INSTANTIATE_TEST_SUITE_P(All, EveryObjective, testing::ValuesIn(objectives()),
                         [](const auto& one) { return std::string(one.param->name); });

// Wherever the round stands, and twice in a row.
TEST_P(EveryObjective, LeavesXAndPaddingAndSaysTheLoss) {
  const auto objective = make_objective(std::string(GetParam()->name), "");
  Bowl bowl(*objective);
  const Values before = bowl.values("x");
  const double loss = bowl.loss();
  for (int64_t n = 0; n < 4; ++n) {
    const auto outcome = objective->step(bowl, {.step = n + 1, .steps_in_round = n % 3});
    EXPECT_EQ(bowl.values("x"), before);
    EXPECT_NEAR(outcome.loss, loss, 1e-4);
    for (const std::string& state : {std::string("g")})
      for (const size_t padding : {6, 7}) EXPECT_EQ(bowl.values(state)[padding], 0);
    for (const std::string& state : objective->states())
      for (const size_t padding : {6, 7}) EXPECT_EQ(bowl.values(state)[padding], 0);
  }
}

TEST(Prox, PullsToTheRoundsStart) {
  const auto objective = make_objective("prox", "mu = 0.5");
  Bowl bowl(*objective);
  const Values start = bowl.values("x"), slope = slope_of(bowl);
  objective->step(bowl, {.steps_in_round = 0});
  EXPECT_EQ(bowl.values("g"), slope) << "at the start there is no pull";
  for (size_t i : {0, 1, 2, 8}) bowl.values("x")[i] += 2;
  const Values later = slope_of(bowl);
  objective->step(bowl, {.steps_in_round = 1});
  EXPECT_EQ(bowl.values("anchor"), start);
  for (size_t i = 0; i < Bowl::kSize; ++i)
    EXPECT_EQ(bowl.values("g")[i], later[i] + 0.5f * (bowl.values("x")[i] - start[i]));
  EXPECT_EQ(bowl.values("g")[0], later[0] + 1);
  objective->step(bowl, {.steps_in_round = 0});
  EXPECT_EQ(bowl.values("g"), later) << "a new round starts here";
}

TEST(FedSpeed, MixesTheGradientUpTheSlopeAndCorrects) {
  const auto objective = make_objective("fedspeed", "rho = 2\nalpha = 0.25\nlambda = 4");
  Bowl bowl(*objective);
  const Values first = slope_of(bowl);
  double norm = 0;
  for (const float g : first) norm += double{g} * double{g};
  norm = std::sqrt(norm);
  bowl.values("c")[1] = 3;
  Values wanted = first;
  // The gradient of the bowl is linear: up the slope it is a (rho g / |g|) more.
  for (size_t i = 0; i < wanted.size(); ++i)
    wanted[i] += 0.25f * bowl.steepness[i] * static_cast<float>(2 * first[i] / norm);
  wanted[1] -= 3;
  objective->step(bowl, {.steps_in_round = 0});
  EXPECT_THAT(bowl.values("g"), Pointwise(FloatNear(1e-5f), wanted));
  bowl.values("anchor")[0] -= 8;
  wanted[0] += 8 / 4;
  objective->step(bowl, {.steps_in_round = 1});
  EXPECT_THAT(bowl.values("g"), Pointwise(FloatNear(1e-5f), wanted));
  EXPECT_EQ(bowl.values("c")[1], 3) << "is the port's to change";
}

TEST(FedSpeed, NeedsNoSlopeToGoUp) {
  const auto objective = make_objective("fedspeed", "");
  Bowl bowl(*objective);
  bowl.values("x") = bowl.target;
  objective->step(bowl, {});
  EXPECT_EQ(bowl.values("g"), Values(Bowl::kSize));
  const auto without = make_objective("fedspeed", "alpha = 0");
  Bowl other(*without);
  without->step(other, {});
  EXPECT_EQ(other.gradients, 1);
}

// A small step of v, taken exactly, against the step of w by the objective's gradient.
TEST(SparsyFed, IsTheFirstOrderOfAStepOfTheTrainedValues) {
  const double beta = 1.5, rate = 1e-4;
  const auto objective = make_objective("sparsyfed", "beta = 1.5");
  Bowl bowl(*objective);
  const Values w = bowl.values("x"), slope = slope_of(bowl);
  objective->step(bowl, {});
  for (size_t i = 0; i < 6; ++i) {
    const double v = std::copysign(std::pow(std::abs(w[i]), 1 / beta), w[i]);
    const double after = v - rate * beta * std::pow(std::abs(v), beta - 1) * slope[i];
    const double step = after * std::pow(std::abs(after), beta - 1) - w[i];
    EXPECT_NEAR(-rate * bowl.values("g")[i], step, 1e-3 * std::abs(step) + 1e-10) << i;
  }
  EXPECT_NE(slope[3], 0);
  EXPECT_EQ(bowl.values("g")[3], 0) << "what is zero stays";
  EXPECT_TRUE(std::equal(slope.begin() + 8, slope.end(), bowl.values("g").begin() + 8));
}

TEST(FedAmd, AnchorsMeasureAndStay) {
  const auto objective = make_objective("fedamd", "probability = 1");
  Bowl bowl(*objective);
  Values sum(Bowl::kSize);
  bowl.values("large").assign(Bowl::kSize, 99);
  for (int64_t n = 0; n < 3; ++n) {
    bowl.target[0] = static_cast<float>(n);  // another batch
    const Values slope = slope_of(bowl);
    EXPECT_FALSE(objective->step(bowl, {.steps_in_round = n}).updates);
    EXPECT_EQ(bowl.values("g"), slope);
    for (size_t i = 0; i < sum.size(); ++i) {
      sum[i] += slope[i];
      EXPECT_NEAR(bowl.values("large")[i], sum[i] / static_cast<float>(n + 1), 1e-6);
    }
  }
}

TEST(FedAmd, MinersTakeTheStartsGradientOff) {
  const auto objective = make_objective("fedamd", "probability = 0");
  Bowl bowl(*objective);
  const Values start = bowl.values("x");
  for (size_t i = 0; i < Bowl::kSize; ++i)
    bowl.values("vbar")[i] = bowl.steepness[i] > 0 ? 10 + static_cast<float>(i) : 0;
  EXPECT_TRUE(objective->step(bowl, {.steps_in_round = 0}).updates);
  EXPECT_EQ(bowl.values("g"), bowl.values("vbar"));
  bowl.values("x")[1] += 0.5f;
  EXPECT_TRUE(objective->step(bowl, {.steps_in_round = 1}).updates);
  Values wanted = bowl.values("vbar");
  wanted[1] += 2 * 0.5f;
  EXPECT_THAT(bowl.values("g"), Pointwise(FloatNear(1e-5f), wanted));
  EXPECT_EQ(bowl.values("start"), start);
  EXPECT_EQ(bowl.values("large"), Values(Bowl::kSize));
}

TEST(FedAmd, TossesTheCoinThatOthersToss) {
  const auto objective = make_objective("fedamd", "probability = 0.5\nperiod = 3");
  Bowl bowl(*objective);
  int anchors = 0;
  for (int64_t step = 1; step <= 60; ++step)
    for (int32_t worker = 0; worker < 4; ++worker) {
      const bool anchor = is_anchor(7, (step - 1) / 3, worker, 0.5);
      anchors += anchor;
      EXPECT_EQ(objective->step(bowl, {.step = step, .worker = worker, .seed = 7}).updates,
                !anchor);
    }
  EXPECT_NEAR(anchors, 120, 60);
}

// Along z the bowl is a parabola, whose central difference is exact: c = z g.
TEST(Zeroth, IsTheSlopeAlongItsDirection) {
  const auto objective = make_objective("zeroth", "eps = 0.5");
  Bowl bowl(*objective);
  const Values slope = slope_of(bowl);
  for (int64_t step = 1; step <= 5; ++step) {
    Values z(9);
    fill_direction(3, step, 2, 0, z);
    const Values placed{z[0], z[1], z[2], z[3], z[4], z[5], 0, 0, z[6], z[7], z[8]};
    objective->step(bowl, {.step = step, .worker = 2, .seed = 3});
    double wanted = 0;
    for (size_t i = 0; i < placed.size(); ++i) wanted += double{placed[i]} * double{slope[i]};
    const float c = bowl.values("g")[0] * z[0];
    EXPECT_NEAR(c, wanted, 1e-5);
    for (size_t i = 0; i < placed.size(); ++i) EXPECT_EQ(bowl.values("g")[i], c * placed[i]);
  }
  EXPECT_EQ(bowl.gradients, 0);
}

}  // namespace
}  // namespace causeway
