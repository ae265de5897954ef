// SPDX-License-Identifier: Apache-2.0
#include "web/broadcast.h"

#include <gtest/gtest.h>

#include <thread>
#include <vector>

namespace causeway {
namespace {

using Got = Broadcast::Got;
constexpr std::chrono::milliseconds kAtOnce{0}, kLong{60'000};

TEST(Broadcast, GivesEachListenerAllFramesInOrder) {
  Broadcast broadcast(10, 1000);
  int64_t early = broadcast.next();
  broadcast.publish("a");
  int64_t late = broadcast.next();
  broadcast.publish("b");
  Broadcast::Frame frame;
  EXPECT_EQ(broadcast.wait(early, kAtOnce, frame), Got::kFrame);
  EXPECT_EQ(*frame, "a");
  EXPECT_EQ(broadcast.wait(early, kAtOnce, frame), Got::kFrame);
  EXPECT_EQ(*frame, "b");
  EXPECT_EQ(broadcast.wait(early, kAtOnce, frame), Got::kNothing);
  EXPECT_EQ(broadcast.wait(late, kAtOnce, frame), Got::kFrame);
  EXPECT_EQ(*frame, "b");
}

TEST(Broadcast, LosesWhoIsTooSlow) {
  Broadcast broadcast(3, 1000);
  int64_t slow = broadcast.next();
  for (int i = 0; i < 3; ++i) broadcast.publish("x");
  int64_t in_time = slow;
  Broadcast::Frame frame;
  EXPECT_EQ(broadcast.wait(in_time, kAtOnce, frame), Got::kFrame);
  broadcast.publish("y");
  EXPECT_EQ(broadcast.wait(slow, kAtOnce, frame), Got::kLost);
  EXPECT_EQ(broadcast.wait(in_time, kAtOnce, frame), Got::kFrame);
}

TEST(Broadcast, IsBoundedInBytes) {
  Broadcast broadcast(100, 10);
  int64_t number = broadcast.next();
  broadcast.publish("123456");
  broadcast.publish("123456");
  Broadcast::Frame frame;
  EXPECT_EQ(broadcast.wait(number, kAtOnce, frame), Got::kLost);
  // The newest stays, however long.
  number = broadcast.next();
  broadcast.publish(std::string(50, 'z'));
  EXPECT_EQ(broadcast.wait(number, kAtOnce, frame), Got::kFrame);
}

TEST(Broadcast, WakesWhoWaits) {
  Broadcast broadcast(1000, 1 << 20);
  const int64_t first = broadcast.next();
  std::vector<std::thread> listeners;
  std::vector<int> read(4);
  for (int& count : read)
    listeners.emplace_back([&broadcast, &count, number = first]() mutable {
      Broadcast::Frame frame;
      while (broadcast.wait(number, kLong, frame) == Got::kFrame && *frame != "end") ++count;
    });
  for (int i = 0; i < 100; ++i) broadcast.publish("frame");
  broadcast.publish("end");
  for (std::thread& listener : listeners) listener.join();
  EXPECT_EQ(read, std::vector<int>(4, 100));
}

TEST(Broadcast, LetsEverybodyGoWhenItCloses) {
  Broadcast broadcast(10, 1000);
  Got got = Got::kNothing;
  std::thread listener([&] {
    int64_t number = broadcast.next();
    Broadcast::Frame frame;
    got = broadcast.wait(number, kLong, frame);
  });
  broadcast.close();
  listener.join();
  EXPECT_EQ(got, Got::kClosed);
}

}  // namespace
}  // namespace causeway
