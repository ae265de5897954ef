// SPDX-License-Identifier: Apache-2.0
#include "net/inbox.h"

#include <gtest/gtest.h>

#include <thread>
#include <vector>

namespace causeway {
namespace {

std::shared_ptr<const Bytes> some(int64_t size) {
  return std::make_shared<const Bytes>(static_cast<size_t>(size - Inbox::kMessageCost));
}

TEST(Inbox, IsFullAboveItsBoundAndHasRoomAtHalfOfIt) {
  std::vector<bool> turns;
  const auto inbox = Inbox::make(10'000, [&](bool full) { turns.push_back(full); });
  std::vector<std::shared_ptr<const Bytes>> held;
  for (int i = 0; i < 10; ++i) held.push_back(inbox->hold(some(1'000)));
  EXPECT_FALSE(inbox->full());
  held.push_back(inbox->hold(some(1'000)));
  EXPECT_TRUE(inbox->full());
  EXPECT_EQ(inbox->bytes(), 11'000);
  while (held.size() > 6) held.pop_back();
  EXPECT_TRUE(inbox->full());
  held.pop_back();
  EXPECT_FALSE(inbox->full());
  held.clear();
  EXPECT_EQ(inbox->bytes(), 0);
  EXPECT_EQ(turns, (std::vector<bool>{true, false}));
}

TEST(Inbox, CountsWhatIsHeldUntilTheLastCopyIsGone) {
  const auto inbox = Inbox::make(10'000, nullptr);
  auto bytes = inbox->hold(some(5'000));
  auto copy = bytes;
  const std::shared_ptr<const void> other = bytes;
  bytes.reset();
  copy.reset();
  EXPECT_EQ(inbox->bytes(), 5'000);
}

// Goal: what was heard may be let go when nobody is there any more who could be told.
TEST(Inbox, IsOutlivedByWhatItCounts) {
  int turns = 0;
  auto inbox = Inbox::make(1'000, [&](bool) { ++turns; });
  auto bytes = inbox->hold(some(2'000));
  EXPECT_EQ(turns, 1);
  inbox->detach();
  inbox.reset();
  bytes.reset();
  EXPECT_EQ(turns, 1);
}

// Goal: it never stays full when all has been taken in, and is told so in order. Method: threads
// that take and let go as fast as they can.
TEST(Inbox, NeverStaysFullOnceAllIsTakenIn) {
  int told = 0;
  bool full = false, in_order = true;
  const auto inbox = Inbox::make(20'000, [&](bool turned) {
    in_order = in_order && turned != full;
    full = turned;
    ++told;
  });
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([&inbox] {
      for (int i = 0; i < 5'000; ++i) {
        std::vector<std::shared_ptr<const Bytes>> held;
        for (int k = 0; k < 8; ++k) held.push_back(inbox->hold(some(1'000)));
      }
    });
  for (std::thread& thread : threads) thread.join();
  EXPECT_FALSE(full);
  EXPECT_FALSE(inbox->full());
  EXPECT_TRUE(in_order);
  EXPECT_EQ(told % 2, 0);
  EXPECT_EQ(inbox->bytes(), 0);
}

}  // namespace
}  // namespace causeway
