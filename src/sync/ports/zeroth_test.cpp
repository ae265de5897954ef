// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/direction.h"
#include "sync/toy_port.h"

namespace causeway {
namespace {

using testing::Each;
using testing::ElementsAre;

std::vector<float> zeroth_direction(int32_t worker, int64_t begin, size_t count) {
  std::vector<float> out(count);
  fill_direction(7, 3, worker, begin, out);
  return out;
}

Firing zeroth_firing(int32_t worker) { return {.step = 3, .worker = worker, .run_seed = 7}; }

TEST(ZerothPort, SendsTheSlopeAlongItsDirection) {
  for (const std::string region : {"all", "layers 1..1"})
    for (const int32_t worker : {0, 1, 2, 3}) {
      ToyPort port("zeroth", "", {.region = region});
      const int64_t begin = port.region.spans.front().begin;
      std::vector<float> gradient =
          zeroth_direction(worker, begin, static_cast<size_t>(port.region.count()));
      for (float& value : gradient) value *= -2.5F;
      port.fill("g", gradient);
      EXPECT_THAT(port.offer(zeroth_firing(worker)), ElementsAre(-2.5F));
    }
}

TEST(ZerothPort, StepsByTheMeanOfThoseThatSentASlope) {
  ToyPort port("zeroth", "", {.workers = 3});
  port.apply(zeroth_firing(0), {4, 0, -1});  // the second sent none
  const auto first = zeroth_direction(0, 0, 34), last = zeroth_direction(2, 0, 34);
  for (size_t i = 0; i < 34; ++i)
    EXPECT_EQ(port.packed("g")[i], 0.5F * 4 * first[i] - 0.5F * last[i]);
  port.apply(zeroth_firing(0), {0, 0, 0});
  EXPECT_THAT(port.packed("g"), Each(0));
}

}  // namespace
}  // namespace causeway
