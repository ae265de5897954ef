// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

#include "aggregate/rule.h"
#include "sync/toy_port.h"

namespace causeway {
namespace {

using testing::Each;
using testing::FloatNear;

constexpr int64_t kOneDelta = 1 << 20;  // the weight of a delta that counts 1

std::vector<float> less(std::vector<float> values, float by) {
  for (float& value : values) value -= by;
  return values;
}

/// The worker has trained so far, and is at the end of step `step`.
void train_buffered(ToyPort& port, float by, int64_t step, int64_t version) {
  port.fill("x", less(port.packed("x"), by));
  port.begin({.version = version, .step = step, .worker = 0});
}

TEST(BufferedPort, HandsItsDeltaOverAndGoesOnFromTheAnchor) {
  ToyPort port("buffered", "stretch = 2");
  const std::vector<float> start = port.packed("x");
  train_buffered(port, 0.25F, 1, 0);
  EXPECT_NE(port.packed("x"), start);  // in the middle of a stretch
  EXPECT_THAT(port.kept("pending"), Each(0));
  train_buffered(port, 0.25F, 2, 0);
  EXPECT_EQ(port.packed("x"), start);
  EXPECT_THAT(port.offer({}), Each(FloatNear(0.5F, 1e-6F)));
  EXPECT_EQ(port.port->weight(port.states, 1), kOneDelta);
}

TEST(BufferedPort, WaitsUntilItWasFolded) {
  ToyPort port("buffered", "stretch = 1");
  train_buffered(port, 0.5F, 1, 0);
  port.apply({.worker = 0, .folded = false}, std::vector<float>(34));
  train_buffered(port, 0.25F, 2, 1);
  EXPECT_THAT(port.kept("pending"), Each(FloatNear(0.75F, 1e-6F)));
  // Both stretches count: the mean of them, twice.
  EXPECT_THAT(port.offer({}), Each(FloatNear(0.375F, 1e-6F)));
  EXPECT_EQ(port.port->weight(port.states, 1), 2 * kOneDelta);
  port.apply({.version = 1, .worker = 0, .folded = true}, std::vector<float>(34));
  EXPECT_THAT(port.kept("pending"), Each(0));
}

TEST(BufferedPort, TakesTheNewAnchorAtAStretchsEndAlone) {
  ToyPort port("buffered", "stretch = 2");
  const std::vector<float> start = port.packed("x");
  train_buffered(port, 0.5F, 1, 0);
  const std::vector<float> trained = port.packed("x");
  port.apply({.worker = 0}, std::vector<float>(34, 0.125F));
  EXPECT_EQ(port.packed("x"), trained);
  train_buffered(port, 0, 2, 1);
  EXPECT_EQ(port.packed("x"), less(start, 0.125F));
  port.apply({.version = 1, .worker = 0}, std::vector<float>(34, 0.125F));
  EXPECT_EQ(port.packed("x"), less(start, 0.25F));
}

TEST(BufferedPort, CountsADeltaByItsAgeInRounds) {
  for (const auto& [power, age, share] :
       {std::tuple{"0.5", 0, 1.0}, {"0.5", 3, 0.5}, {"1.0", 3, 0.25}, {"0.0", 3, 1.0}}) {
    ToyPort port("buffered", std::string("stretch = 1\nage_power = ") + power);
    train_buffered(port, 0.5F, 1, age);
    EXPECT_EQ(port.port->weight(port.states, 1), std::llround(share * kOneDelta)) << power;
    EXPECT_THAT(port.offer({}), Each(FloatNear(0.5F, 1e-6F)));
    // The next one started from version `age`.
    port.apply({.version = age, .worker = 0, .folded = true}, std::vector<float>(34));
    train_buffered(port, 0.5F, 2, age + 1);
    EXPECT_EQ(port.port->weight(port.states, 1), kOneDelta) << power;
  }
}

TEST(BufferedPort, CountsTheInverseOfParticipationIfItHasAWindow) {
  // A stretch of two steps at half speed takes four ticks: every second window of two.
  ToyPort port("buffered", "stretch = 2\nwindow = 2", {.speeds = {0.5}});
  for (int64_t step = 1; step <= 4; ++step) train_buffered(port, 0.25F, step, 0);
  EXPECT_EQ(port.port->weight(port.states, 1), 2 * kOneDelta);
}

TEST(BufferedPort, ForgetsWhatIsNotFiniteAtTheNextDelta) {
  ToyPort port("buffered", "stretch = 1");
  train_buffered(port, std::numeric_limits<float>::quiet_NaN(), 1, 0);
  EXPECT_TRUE(std::isnan(port.offer({}).front()));  // the engine declines for it
  train_buffered(port, 0.5F, 2, 0);
  EXPECT_THAT(port.offer({}), Each(FloatNear(0.5F, 1e-6F)));
  EXPECT_EQ(port.port->weight(port.states, 1), kOneDelta);
}

TEST(BufferedPort, HasAWeightThatRulesTakeWhateverItsStates) {
  ToyPort port("buffered");
  for (const float share : {0.0F, -3.0F, 1e30F, std::numeric_limits<float>::infinity(),
                            std::numeric_limits<float>::quiet_NaN()}) {
    port.states.edit("tally").front() = share;
    EXPECT_GE(port.port->weight(port.states, 1), 1) << share;
    EXPECT_LE(port.port->weight(port.states, 1), kWeightMax) << share;
  }
}

}  // namespace
}  // namespace causeway
