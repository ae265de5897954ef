// SPDX-License-Identifier: Apache-2.0
#include "net/pacer.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace causeway {
namespace {

/// Sends as much as it may from `now_ns` on, in pieces; what has passed at each time.
int64_t pass(Pacer& pacer, int64_t& now_ns, int64_t end_ns, int64_t piece) {
  int64_t passed = 0;
  while (now_ns < end_ns) {
    if (const int64_t wait_ns = pacer.wait_ns(now_ns); wait_ns > 0) {
      now_ns += wait_ns;
      continue;
    }
    pacer.spent(now_ns, piece);
    passed += piece;
  }
  return passed;
}

TEST(Pacer, HasNoLimitUnlessToldOne) {
  Pacer pacer(0);
  EXPECT_FALSE(pacer.limits());
  pacer.spent(5, int64_t{1} << 50);
  EXPECT_EQ(pacer.wait_ns(5), 0);
  EXPECT_EQ(pacer.piece_bytes_max(), SIZE_MAX);
}

// Goal: over a long time exactly the rate passes. Method: ten minutes of many rates and pieces; off
// by no more than what may pass at once at the beginning, and one piece.
TEST(Pacer, KeepsItsRateExactlyInTheLongRun) {
  for (const double rate : {1e3, 125e3, 12.5e6, 1.25e9})
    for (const double part : {0.25, 1.0}) {
      Pacer pacer(rate);
      const auto piece = static_cast<int64_t>(static_cast<double>(pacer.piece_bytes_max()) * part);
      constexpr int64_t kSeconds = 600, kStart = 123'456'789'000;
      int64_t now_ns = kStart;
      const auto passed =
          static_cast<double>(pass(pacer, now_ns, kStart + kSeconds * 1'000'000'000, piece));
      const double wanted = rate * kSeconds, slack = rate * 0.1 + static_cast<double>(piece) + 1;
      EXPECT_GE(passed, wanted - 1) << rate << " " << piece;
      EXPECT_LE(passed, wanted + slack) << rate << " " << piece;
    }
}

// Goal: after any pause no more than a tenth of a second's worth, and the piece that crosses it,
// passes at once.
TEST(Pacer, LetsABurstThroughOfBoundedSize) {
  constexpr double kRate = 1e6;
  for (const int64_t pause_ns : {int64_t{0}, int64_t{1'000'000}, int64_t{1} << 60}) {
    Pacer pacer(kRate);
    int64_t now_ns = 1'000'000'000;
    pass(pacer, now_ns, now_ns + 5'000'000'000, 1'000);
    now_ns += pause_ns;
    int64_t at_once = 0;
    for (; pacer.wait_ns(now_ns) == 0; at_once += 1'000) pacer.spent(now_ns, 1'000);
    EXPECT_LE(at_once, 100'000 + 1'000) << pause_ns;
  }
}

TEST(Pacer, CutsPiecesSoThatPausesAreShort) {
  EXPECT_EQ(Pacer(1).piece_bytes_max(), 1024U);
  EXPECT_EQ(Pacer(12.5e6).piece_bytes_max(), 250'000U);
  Pacer pacer(1e6);
  pacer.spent(0, static_cast<int64_t>(pacer.piece_bytes_max()));
  EXPECT_LE(pacer.wait_ns(0), 20'000'000);
}

TEST(Pacer, ARateNextToNothingIsSlowAndNoMore) {
  Pacer pacer(1e-300);
  pacer.spent(1, 1'000'000);
  EXPECT_GT(pacer.wait_ns(1), 1'000'000'000);
  EXPECT_EQ(Pacer(1e300).piece_bytes_max(), size_t{1} << 30);
}

}  // namespace
}  // namespace causeway
