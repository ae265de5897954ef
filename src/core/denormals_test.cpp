// SPDX-License-Identifier: Apache-2.0
#include "core/denormals.h"

#include <gtest/gtest.h>

#include <limits>
#include <thread>

namespace causeway {
namespace {

float halved(volatile float value) { return value * 0.5F; }

TEST(Denormals, AreZeroInTheThreadThatAskedAndInNoOther) {
  constexpr float kSmallest = std::numeric_limits<float>::min();
  float flushed = 1, kept = 0;
  std::thread([&] {
    flush_denormals();
    flushed = halved(kSmallest);
  }).join();
  std::thread([&] { kept = halved(kSmallest); }).join();
  EXPECT_EQ(flushed, 0.0F);
  EXPECT_GT(kept, 0.0F);
}

}  // namespace
}  // namespace causeway
