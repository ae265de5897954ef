// SPDX-License-Identifier: Apache-2.0
#include "core/denormals.h"

#include <gtest/gtest.h>

#include <limits>
#include <thread>

namespace causeway {
namespace {

// What the compiler cannot compute beforehand.
float halved(float value) {
  volatile float factor = 0.5F;
  return value * factor;
}

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
