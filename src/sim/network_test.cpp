// SPDX-License-Identifier: Apache-2.0
#include "sim/network.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>

namespace causeway {
namespace {

SharedBytes message(size_t size) { return SharedBytes(Bytes(size, std::byte{0x55})); }

LinkOptions plain_link() {
  LinkOptions options;
  options.delay_ms = 10;
  options.jitter_ms = 0;
  options.mbit_per_s = 8;  // a byte takes a microsecond
  return options;
}

TEST(Link, TakesTheTimeOfItsSpeedAndDelay) {
  Link link(plain_link(), Chance(1, Purpose::kUplink));
  const auto first = link.send(0, message(1'000));
  const auto second = link.send(0, message(500));
  const auto third = link.send(50'000, message(500));
  ASSERT_EQ(first.count, 1U);
  EXPECT_EQ(first.items[0].at_us, 1'000 + 10'000);
  EXPECT_EQ(second.items[0].at_us, 1'500 + 10'000);
  EXPECT_EQ(third.items[0].at_us, 50'500 + 10'000);
}

// Goal: chances are what was asked for. Method: counts of many messages against n p, within five
// standard deviations of the binomial distribution.
TEST(Link, LosesDoublesAndDamagesAsOftenAsItShould) {
  LinkOptions options = plain_link();
  options.loss = 0.3, options.duplicate = 0.1, options.corrupt = 0.05, options.reorder = 0.2;
  Link link(options, Chance(5, Purpose::kDownlink));
  constexpr int kSent = 20'000;
  const SharedBytes sent = message(10);
  int64_t arrivals = 0, damaged = 0;
  for (int i = 0; i < kSent; ++i) {
    const auto out = link.send(i * 1'000, sent);
    arrivals += static_cast<int64_t>(out.count);
    if (out.count > 0 && !(out.items[0].bytes == sent)) ++damaged;
  }
  const auto near = [](int64_t got, double n, double p) {
    EXPECT_NEAR(static_cast<double>(got), n * p, 5 * std::sqrt(n * p * (1 - p)));
  };
  const LinkCounts& counts = link.counts();
  near(counts.lost, kSent, 0.3);
  near(counts.doubled, kSent * 0.7, 0.1);
  near(counts.corrupted, kSent * 0.7, 0.05);
  near(counts.reordered, static_cast<double>(arrivals), 0.2);
  EXPECT_EQ(arrivals, kSent - counts.lost + counts.doubled);
  EXPECT_LE(damaged, counts.corrupted);
  // Two flips of one bit undo each other now and then.
  EXPECT_GT(damaged, counts.corrupted * 9 / 10);
}

TEST(Link, KeepsOrderUnlessItIsToldToBreakIt) {
  LinkOptions options = plain_link();
  options.jitter_ms = 30;
  const auto overtaken = [&options] {
    Link link(options, Chance(9, Purpose::kUplink));
    int64_t last = 0;
    int count = 0;
    for (int i = 0; i < 1'000; ++i) {
      const int64_t at = link.send(i * 1'000, message(10)).items[0].at_us;
      if (at < last) ++count;
      last = at;
    }
    return count;
  };
  EXPECT_EQ(overtaken(), 0);
  options.reorder = 0.1;
  EXPECT_GT(overtaken(), 20);
}

TEST(Link, DropsWhatItsQueueCannotHold) {
  LinkOptions options = plain_link();
  options.queue_bytes = 2'500;
  Link link(options, Chance(1, Purpose::kUplink));
  EXPECT_EQ(link.send(0, message(1'000)).count, 1U);
  EXPECT_EQ(link.send(0, message(1'000)).count, 1U);
  EXPECT_EQ(link.send(0, message(1'000)).count, 0U);
  EXPECT_EQ(link.send(1'000, message(1'000)).count, 1U);
  EXPECT_EQ(link.counts().overflowed, 1);
  EXPECT_EQ(link.counts().queue_bytes_max, 2'000);
}

TEST(Link, CutsBothWhatIsSentAndWhatIsOnItsWay) {
  Link link(plain_link(), Chance(1, Purpose::kUplink));
  const auto before = link.send(0, message(10));
  link.begin(1, {.cut = true});
  link.begin(2, {.cut = true});
  EXPECT_FALSE(link.arrive(before.items[0].bytes));
  EXPECT_EQ(link.send(0, message(10)).count, 0U);
  link.end(1);
  EXPECT_TRUE(link.cut());
  link.end(2);
  EXPECT_FALSE(link.cut());
  EXPECT_EQ(link.send(0, message(10)).count, 1U);
  EXPECT_EQ(link.counts().cut, 2);
}

TEST(Link, ChangesAddUpAndEnd) {
  Link link(plain_link(), Chance(1, Purpose::kUplink));
  link.begin(1, {.speed_factor = 0.5, .delay_ms = 5});
  link.begin(2, {.speed_factor = 0.5, .delay_ms = 5});
  EXPECT_EQ(link.send(0, message(1'000)).items[0].at_us, 4'000 + 20'000);
  link.end(2);
  EXPECT_EQ(link.send(100'000, message(1'000)).items[0].at_us, 102'000 + 15'000);
  link.end(1);
  EXPECT_EQ(link.send(200'000, message(1'000)).items[0].at_us, 201'000 + 10'000);
}

}  // namespace
}  // namespace causeway
