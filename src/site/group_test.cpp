// SPDX-License-Identifier: Apache-2.0
//
// What needs no network; tests/python/test_group.py has the rest, with real processes.
#include "site/group.h"

#include <gtest/gtest.h>

#include <csignal>
#include <vector>

#include "site/signals.h"

namespace causeway {
namespace {

TEST(Group, OfOneLeavesEverythingAsItIs) {
  const auto group = join_group({}, 1000);
  ASSERT_TRUE(group.ok());
  EXPECT_TRUE((*group)->leads());
  EXPECT_EQ((*group)->rank(), 0);
  EXPECT_EQ((*group)->size(), 1);
  std::vector<float> values = {1.5F, -0.0F, 3};
  const auto before = values;
  EXPECT_TRUE((*group)->all_reduce(values).ok());
  EXPECT_TRUE((*group)->broadcast(std::as_writable_bytes(std::span(values))).ok());
  EXPECT_EQ(values, before);
}

TEST(GroupDeathTest, PlaceThatCannotBeIsABug) {
  GroupPlace place;
  place.rank = 1;
  EXPECT_DEATH(static_cast<void>(join_group(place, 1000)), "rank 1 of 1");
  EXPECT_DEATH(static_cast<void>(join_group({}, 0)), "time limit");
}

TEST(Signals, OfABrokenConnectionEndsNoProgram) {
  for (int turn = 0; turn < 2; ++turn) {
    const site::NoPipeSignal quiet;
    raise(SIGPIPE);  // would end this test
  }
  sigset_t pending;
  sigpending(&pending);
  EXPECT_EQ(sigismember(&pending, SIGPIPE), 0);
}

TEST(Signals, BlockedBeforeStayAsTheyWere) {
  sigset_t pipe, now;
  sigemptyset(&pipe);
  sigaddset(&pipe, SIGPIPE);
  pthread_sigmask(SIG_BLOCK, &pipe, nullptr);
  raise(SIGPIPE);
  {
    const site::NoPipeSignal quiet;
  }
  sigpending(&now);
  EXPECT_EQ(sigismember(&now, SIGPIPE), 1);  // it was the program's, and still is
  const timespec at_once{};
  sigtimedwait(&pipe, nullptr, &at_once);
  pthread_sigmask(SIG_UNBLOCK, &pipe, nullptr);
}

}  // namespace
}  // namespace causeway
