// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "aggregate/rule.h"
#include "sync/toy_port.h"

namespace causeway {
namespace {

using testing::Each;

Firing accumulating(int64_t step, bool fires) {
  return {.step = step, .worker = 0, .fires = fires};
}

std::vector<float> gradient_of(float value) { return std::vector<float>(34, value); }

TEST(AccumulatePort, SendsTheMeanOfWhatWasSummedSinceTheLastFiring) {
  ToyPort port("accumulate");
  EXPECT_TRUE(port.port->holds_updates() && port.port->watches());
  for (int64_t step = 1; step <= 3; ++step) {
    port.fill("g", gradient_of(static_cast<float>(step)));
    port.begin(accumulating(step, step == 3));
  }
  EXPECT_THAT(port.offer(accumulating(3, true)), Each(2));
  EXPECT_EQ(port.port->weight(port.states, 99), 3);
  port.fill("g", gradient_of(8));
  port.begin(accumulating(4, true));
  EXPECT_THAT(port.offer(accumulating(4, true)), Each(8));
  EXPECT_EQ(port.port->weight(port.states, 99), 1);
  port.apply(accumulating(4, true), gradient_of(-1));
  EXPECT_THAT(port.packed("g"), Each(-1));
}

// Goal: with a delay the sum goes on while a mean is on its way.
TEST(AccumulatePort, KeepsWhatWasLaunchedApartFromTheSum) {
  ToyPort port("accumulate");
  port.fill("g", gradient_of(5));
  port.begin(accumulating(1, true));
  port.fill("g", gradient_of(7));
  port.begin(accumulating(2, false));
  EXPECT_THAT(port.kept("launched"), Each(5));
  EXPECT_THAT(port.kept("sum"), Each(7));
}

TEST(AccumulatePort, LeavesOutStepsInWhichTheWorkerRests) {
  ToyPort port("accumulate");
  port.fill("g", gradient_of(6));
  for (int64_t step = 1; step <= 4; ++step) {
    Firing firing = accumulating(step, step == 4);
    firing.trained = step % 2 == 0;
    port.begin(firing);
  }
  EXPECT_THAT(port.offer(accumulating(4, true)), Each(6));
  EXPECT_EQ(port.port->weight(port.states, 99), 2);
}

TEST(AccumulatePort, HasAWeightThatRulesTakeWhateverItsStates) {
  ToyPort port("accumulate");
  for (const float steps : {0.0F, -3.0F, 1e30F, std::numeric_limits<float>::infinity(),
                            std::numeric_limits<float>::quiet_NaN()}) {
    port.states.edit("launched_steps").front() = steps;
    EXPECT_GE(port.port->weight(port.states, 99), 1) << steps;
    EXPECT_LE(port.port->weight(port.states, 99), kWeightMax) << steps;
  }
}

}  // namespace
}  // namespace causeway
