// SPDX-License-Identifier: Apache-2.0
#include "site/orders.h"

#include <gtest/gtest.h>

#include <array>
#include <string>
#include <thread>
#include <vector>

#include "site/test_group.h"

namespace causeway {
namespace {

Bytes bytes_of(const std::string& text) {
  const ByteSpan bytes = std::as_bytes(std::span(text));
  return {bytes.begin(), bytes.end()};
}

/// What a follower hears until the end, or the fault that ended it.
struct Heard {
  std::vector<Bytes> orders;
  std::optional<int32_t> exit_code;
  std::optional<Fault> fault;
};

Heard hear(ThreadGroup& threads, int32_t rank) {
  const ManualClock clock;
  const auto group = threads.end(rank);
  Orders orders(*group, clock);
  Heard heard;
  while (true) {
    auto word = orders.next();
    if (!word) {
      heard.fault = word.error().fault;
      return heard;
    }
    if (word->exit_code) {
      heard.exit_code = word->exit_code;
      return heard;
    }
    heard.orders.push_back(std::move(word->order));
  }
}

TEST(Orders, ComeToEveryFollowerInOrderAndEnd) {
  ThreadGroup threads(3);
  Heard heard[2];
  std::thread followers[] = {std::thread([&] { heard[0] = hear(threads, 1); }),
                             std::thread([&] { heard[1] = hear(threads, 2); })};
  const ManualClock clock;
  const auto group = threads.end(0);
  Orders orders(*group, clock);
  const std::vector<Bytes> given = {bytes_of("one"), {}, Bytes(100'000, std::byte{7})};
  for (const Bytes& order : given) EXPECT_TRUE(orders.give(order).ok());
  EXPECT_TRUE(orders.end(75).ok());
  for (std::thread& follower : followers) follower.join();
  for (const Heard& one : heard) {
    EXPECT_EQ(one.orders, given);
    EXPECT_EQ(one.exit_code, 75);
  }
}

TEST(Orders, AQuietLeaderSaysThatItIsThereNowAndThen) {
  ThreadGroup threads(2);
  Heard heard;
  std::thread follower([&] { heard = hear(threads, 1); });
  ManualClock clock;
  const auto group = threads.end(0);
  Orders orders(*group, clock, 1000);
  EXPECT_TRUE(orders.give(bytes_of("work")).ok());
  const int64_t before = threads.calls();
  for (int i = 0; i < 10; ++i) EXPECT_TRUE(orders.keep().ok());
  EXPECT_EQ(threads.calls(), before);
  clock.advance_ns(1'000'000'000);
  for (int i = 0; i < 10; ++i) EXPECT_TRUE(orders.keep().ok());
  EXPECT_EQ(threads.calls(), before + 1);
  EXPECT_TRUE(orders.end(0).ok());
  follower.join();
  EXPECT_EQ(heard.orders.size(), 1u);
  EXPECT_EQ(heard.exit_code, 0);
}

TEST(Orders, BothEndsSeeThatTheGroupIsLost) {
  ThreadGroup threads(2);
  Heard heard;
  std::thread follower([&] { heard = hear(threads, 1); });
  threads.lose();
  follower.join();
  EXPECT_EQ(heard.fault, Fault::kPeerLost);
  EXPECT_FALSE(heard.exit_code.has_value());
  const ManualClock clock;
  const auto group = threads.end(0);
  Orders orders(*group, clock);
  EXPECT_EQ(orders.end(0).error().fault, Fault::kPeerLost);
}

TEST(Orders, WhatNoLeaderSaysIsRefused) {
  for (const std::array<uint64_t, 2> said : {std::array<uint64_t, 2>{0, 0},
                                             {2, kOrderBytesMax + 1},
                                             {3, 256},
                                             {4, 0},
                                             {UINT64_MAX, 1}}) {
    ThreadGroup threads(2);
    Heard heard;
    std::thread follower([&] { heard = hear(threads, 1); });
    auto copy = said;
    EXPECT_TRUE(threads.end(0)->broadcast(std::as_writable_bytes(std::span(copy))).ok());
    follower.join();
    EXPECT_EQ(heard.fault, Fault::kCorrupt) << said[0] << " " << said[1];
  }
}

TEST(OrdersDeathTest, AreTheLeadersToGive) {
  ThreadGroup threads(2);
  const ManualClock clock;
  const auto first = threads.end(0), second = threads.end(1);
  Orders leader(*first, clock), follower(*second, clock);
  EXPECT_DEATH(static_cast<void>(follower.give({})), "rank 1 gives no orders");
  EXPECT_DEATH(static_cast<void>(leader.next()), "takes no orders");
}

}  // namespace
}  // namespace causeway
