// SPDX-License-Identifier: Apache-2.0
#include "site/ring.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

namespace causeway::site {
namespace {

using Values = std::vector<float>;

float value_at(int64_t position, int32_t rank) {
  return static_cast<float>((position * 37 + rank * 101) % 1009) / 7.0F - 70.0F;
}

// All processes of a ring in one: transfer by transfer, each sends before it looks at what came,
// as the rule about segments() allows.
std::vector<Values> sum_in_ring(int64_t count, int32_t size, int64_t segment) {
  std::vector<Values> processes;
  std::vector<RingSchedule> rings;
  for (int32_t rank = 0; rank < size; ++rank) {
    rings.emplace_back(RingSchedule::Options{count, size, rank, segment});
    Values& values = processes.emplace_back();
    for (int64_t i = 0; i < count; ++i) values.push_back(value_at(i, rank));
  }
  for (int64_t transfer = 0; transfer < rings[0].transfers(); ++transfer) {
    std::vector<Values> wire;
    for (int32_t rank = 0; rank < size; ++rank) {
      const Stretch sent = rings[rank].sent(transfer);
      const Stretch in = rings[(rank + 1) % size].received(transfer);
      EXPECT_EQ(sent.begin, in.begin);
      EXPECT_EQ(sent.count, in.count);
      EXPECT_LE(sent.count, segment);
      const auto begin = processes[rank].begin() + sent.begin;
      wire.emplace_back(begin, begin + sent.count);
    }
    for (int32_t rank = 0; rank < size; ++rank) {
      const Stretch in = rings[rank].received(transfer);
      const Values& came = wire[(rank + size - 1) % size];
      for (int64_t i = 0; i < in.count; ++i) {
        float& value = processes[rank][in.begin + i];
        value = rings[rank].adds(transfer) ? value + came[i] : came[i];
      }
    }
  }
  return processes;
}

// The order that the header promises: a part's first term is that of the process of its number,
// and each further process around the ring adds its own.
float expected(int64_t position, int64_t count, int32_t size) {
  int32_t part = 0;
  while (count * (part + 1) / size <= position) ++part;
  float sum = value_at(position, part);
  for (int32_t i = 1; i < size; ++i) sum = value_at(position, (part + i) % size) + sum;
  return sum;
}

TEST(Ring, SumsEachElementInOneOrder) {
  for (const int32_t size : {2, 3, 4, 7})
    for (const int64_t count : {0, 1, 2, 3, 5, 6, 7, 8, 64, 101, 1000})
      for (const int64_t segment : {1, 3, 16, 5000}) {
        Values wanted;
        for (int64_t i = 0; i < count; ++i) wanted.push_back(expected(i, count, size));
        for (const Values& values : sum_in_ring(count, size, segment))
          EXPECT_EQ(values, wanted) << count << " values, " << size << " processes, " << segment;
      }
}

// What transfer t forwards has come in transfer t - segments() at the latest: a process may have
// that many under way.
TEST(Ring, ForwardsWhatCameSegmentsBefore) {
  for (const int32_t size : {2, 3, 5})
    for (int32_t rank = 0; rank < size; ++rank) {
      const RingSchedule ring({1000, size, rank, 16});
      for (int64_t t = ring.segments(); t < ring.transfers(); ++t) {
        const Stretch sent = ring.sent(t), came = ring.received(t - ring.segments());
        EXPECT_EQ(sent.begin, came.begin);
        EXPECT_EQ(sent.count, came.count);
      }
    }
}

TEST(RingDeathTest, OfOneIsABug) { EXPECT_DEATH(RingSchedule({10, 1, 0, 1}), "rank 0 of 1"); }

}  // namespace
}  // namespace causeway::site
