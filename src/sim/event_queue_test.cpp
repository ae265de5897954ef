// SPDX-License-Identifier: Apache-2.0
#include "sim/event_queue.h"

#include <gtest/gtest.h>

#include "sim/chance.h"

namespace causeway {
namespace {

// Goal: events come in order of time, and of asking where times are equal. Method: many at few
// times, against a stable sort.
TEST(EventQueue, KeepsTimeThenTheOrderOfAsking) {
  Chance chance(3, Purpose::kFault);
  EventQueue<int> queue(1'000);
  std::vector<std::pair<int64_t, int>> wanted;
  for (int i = 0; i < 500; ++i) {
    const int64_t at = chance.between(0, 20);
    ASSERT_TRUE(queue.push(at, i));
    wanted.emplace_back(at, i);
  }
  std::stable_sort(wanted.begin(), wanted.end(),
                   [](const auto& a, const auto& b) { return a.first < b.first; });
  for (const auto& [at, i] : wanted) {
    const auto entry = queue.pop();
    EXPECT_EQ(entry.at_us, at);
    EXPECT_EQ(entry.event, i);
    EXPECT_EQ(queue.now_us(), at);
  }
  EXPECT_TRUE(queue.empty());
}

TEST(EventQueue, DoesNotGoBackAndIsBounded) {
  EventQueue<int> queue(2);
  ASSERT_TRUE(queue.push(100, 1));
  queue.pop();
  ASSERT_TRUE(queue.push(5, 2));
  ASSERT_TRUE(queue.push(100, 3));
  EXPECT_FALSE(queue.push(100, 4));
  EXPECT_EQ(queue.pop().event, 2);
  EXPECT_EQ(queue.now_us(), 100);
  EXPECT_EQ(queue.pop().event, 3);
}

TEST(Chance, DrawsOfOnePurposeDoNotShiftAnother) {
  Chance alone(7, Purpose::kUplink, 2);
  Chance first(7, Purpose::kUplink, 2), other(7, Purpose::kDownlink, 2);
  for (int i = 0; i < 100; ++i) {
    const uint64_t wanted = alone.bits();
    for (int k = 0; k < i % 3; ++k) EXPECT_NE(other.bits(), wanted);
    EXPECT_EQ(first.bits(), wanted);
  }
}

}  // namespace
}  // namespace causeway
