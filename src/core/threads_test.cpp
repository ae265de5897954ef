// SPDX-License-Identifier: Apache-2.0
#include "core/threads.h"

#include <gtest/gtest.h>
#include <sched.h>

#include <atomic>
#include <numeric>
#include <thread>
#include <vector>

namespace causeway {
namespace {

TEST(Threads, RunEveryTaskOnce) {
  for (const int32_t count : {1, 2, 3, 8}) {
    Threads threads(count);
    EXPECT_EQ(threads.count(), count);
    // Fewer tasks than threads, as many, more; and the same threads again.
    for (const int64_t tasks : {0, 1, 2, 7, 8, 1000, 3}) {
      std::vector<std::atomic<int>> runs(static_cast<size_t>(tasks));
      threads.each(tasks, [&](int64_t i) { ++runs[static_cast<size_t>(i)]; });
      for (const auto& run : runs) EXPECT_EQ(run.load(), 1) << count << " threads";
    }
  }
}

TEST(Threads, OfOneRunOnTheCaller) {
  Threads threads(1);
  const auto caller = std::this_thread::get_id();
  threads.each(5, [&](int64_t) { EXPECT_EQ(std::this_thread::get_id(), caller); });
}

TEST(Threads, ReturnAfterTheLastTaskIsDone) {
  Threads threads(4);
  for (int round = 0; round < 200; ++round) {
    // Plain memory: a race is seen by a sanitizer.
    std::vector<int64_t> squares(50);
    threads.each(50, [&](int64_t i) { squares[static_cast<size_t>(i)] = i * i; });
    EXPECT_EQ(std::accumulate(squares.begin(), squares.end(), int64_t{0}), 40'425);
  }
}

// One task outlasts all others, on whichever thread it runs: it waits until the rest are done.
TEST(Threads, WaitForTheSlowestTask) {
  Threads threads(2);
  for (int round = 0; round < 200; ++round) {
    std::atomic<int> others = 0;
    std::atomic<bool> slowest_done = false;
    threads.each(3, [&](int64_t i) {
      if (i > 0) {
        ++others;
        return;
      }
      while (others < 2) std::this_thread::yield();
      for (int turn = 0; turn < 100; ++turn) std::this_thread::yield();
      slowest_done = true;
    });
    ASSERT_TRUE(slowest_done.load());
  }
}

TEST(Threads, MayUseOtherThreadsWithinATask) {
  Threads outer(3);
  std::vector<std::vector<int64_t>> results(6, std::vector<int64_t>(20));
  outer.each(6, [&](int64_t row) {
    Threads inner(2);
    inner.each(20, [&](int64_t column) {
      results[static_cast<size_t>(row)][static_cast<size_t>(column)] = 100 * row + column;
    });
  });
  for (size_t row = 0; row < 6; ++row)
    for (size_t column = 0; column < 20; ++column)
      EXPECT_EQ(results[row][column], static_cast<int64_t>(100 * row + column));
}

TEST(Threads, OfATaskTakeNoNegativeCount) {
  Threads threads(2);
  threads.each(-3, [](int64_t) { FAIL(); });
}

TEST(ThreadsDeath, HaveOneCallerAtATime) {
  testing::GTEST_FLAG(death_test_style) = "threadsafe";
  EXPECT_DEATH(
      {
        Threads threads(1);
        threads.each(2, [&](int64_t) { threads.each(1, [](int64_t) {}); });
      },
      "one caller at a time");
  EXPECT_DEATH(Threads(0), "0 threads");
}

// Goal: a pinned thread runs on one core that the process may use; indices beyond the cores go
// round. Method: ask the system, in threads of their own.
TEST(PinToCore, LeavesOneCore) {
  cpu_set_t allowed;
  ASSERT_EQ(::sched_getaffinity(0, sizeof(allowed), &allowed), 0);
  const int32_t count = CPU_COUNT(&allowed);
  for (const int32_t index : {0, count - 1, count, 3 * count + 1}) {
    cpu_set_t pinned;
    std::thread([&] {
      pin_to_core(index);
      ::sched_getaffinity(0, sizeof(pinned), &pinned);
    }).join();
    EXPECT_EQ(CPU_COUNT(&pinned), 1);
    CPU_AND(&pinned, &pinned, &allowed);
    EXPECT_EQ(CPU_COUNT(&pinned), 1);
  }
}

}  // namespace
}  // namespace causeway
