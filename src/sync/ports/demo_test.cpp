// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "sync/toy_port.h"

namespace causeway {
namespace {

using testing::Each;
using testing::Pointwise;

constexpr Firing kDemoStep{.step = 1, .rate = 0.5, .worker = 0};

TEST(DemoPort, CutsTensorsIntoChunksOfTheLargestDivisors) {
  const auto chunks = [](const std::string& chunk) {
    const ToyPort port("demo", "chunk = " + chunk);
    const ChannelPlace place{port.layout, port.region, 1, VirtualClock()};
    std::vector<int64_t> out;
    for (const TensorCut& cut : port.port->signal(place, 0)) out.push_back(cut.count);
    return out;
  };
  // [6, 2], then twice [4, 2] and [2], then [2].
  EXPECT_THAT(chunks("64"), testing::ElementsAre(12, 8, 2, 8, 2, 2));
  EXPECT_THAT(chunks("3"), testing::ElementsAre(6, 6, 4, 4, 2, 4, 4, 2, 2));
  EXPECT_EQ(chunks("1").size(), 34U);
}

TEST(DemoPort, SendsAnOrthonormalTransformOfItsMomentum) {
  ToyPort port("demo", "chunk = 3\ndecay = 0.5");
  port.replica.backward(1);
  port.begin(kDemoStep);
  const auto gradient = port.packed("g"), momentum = port.kept("demo_m");
  for (size_t i = 0; i < 34; ++i) EXPECT_EQ(momentum[i], 0.5F * gradient[i]);
  const auto sent = port.offer(kDemoStep);
  double before = 0, after = 0;
  for (size_t i = 0; i < 34; ++i) {
    before += momentum[i] * momentum[i];
    after += sent[i] * sent[i];
  }
  EXPECT_NEAR(after, before, 1e-5 * before);
  // A chunk's first coefficient is its sum over the root of its size.
  float sum = 0;
  for (const size_t i : {0, 1, 2, 3, 4, 5}) sum += momentum[i];
  EXPECT_NEAR(sent[0], sum / std::sqrt(6.0F), 1e-5F);
  port.begin(kDemoStep);
  for (size_t i = 0; i < 34; ++i) EXPECT_NEAR(port.kept("demo_m")[i], 0.75F * gradient[i], 1e-6F);
}

TEST(DemoPort, KeepsWhatWasNotSent) {
  ToyPort port("demo", "chunk = 2");
  port.replica.backward(1);
  port.begin(kDemoStep);
  const auto before = port.kept("demo_m");
  std::vector<float> all = port.offer(kDemoStep), sent(34), rest = all;
  for (size_t i = 0; i < 34; i += 3) std::swap(sent[i], rest[i]);
  port.port->settle(kDemoStep, port.region, sent, port.states);
  EXPECT_THAT(port.offer(kDemoStep), Pointwise(testing::FloatNear(1e-5F), rest));
  port.port->settle(kDemoStep, port.region, rest, port.states);
  EXPECT_THAT(port.kept("demo_m"), Each(testing::FloatNear(0, 1e-5F)));
}

TEST(DemoPort, StepsByTheSign) {
  ToyPort port("demo", "chunk = 4");
  port.replica.backward(1);
  port.begin(kDemoStep);
  const auto momentum = port.kept("demo_m");
  port.apply(kDemoStep, port.offer(kDemoStep));
  for (size_t i = 0; i < 34; ++i) EXPECT_EQ(port.packed("g")[i], momentum[i] > 0 ? 1 : -1);
  port.apply(kDemoStep, std::vector<float>(34));
  EXPECT_THAT(port.packed("g"), Each(0));
  EXPECT_TRUE(port.port->unclipped());
}

TEST(DemoPort, SendsValuesWhereItDoesNotTransform) {
  ToyPort port("demo", "transform = false");
  port.replica.backward(1);
  port.begin(kDemoStep);
  EXPECT_EQ(port.offer(kDemoStep), port.kept("demo_m"));
}

TEST(DemoPort, ClipsByTheNormOfAllParameters) {
  ToyPort part("demo", "clip = 1.0", {.region = "role=norm"});
  part.replica.state("g").assign(34, 2);  // norm 2 sqrt(34)
  part.begin(kDemoStep);
  EXPECT_THAT(part.kept("demo_m"), Each(testing::FloatNear(0.5F / std::sqrt(34.0F), 1e-6F)));
}

TEST(DemoPort, LeavesOutAGradientThatIsNotFinite) {
  ToyPort port("demo");
  port.replica.backward(1);
  port.begin(kDemoStep);
  const auto before = port.kept("demo_m");
  port.replica.state("g")[5] = std::numeric_limits<float>::quiet_NaN();
  port.begin(kDemoStep);
  EXPECT_EQ(port.kept("demo_m"), before);
}

}  // namespace
}  // namespace causeway
