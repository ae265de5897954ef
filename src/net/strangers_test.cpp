// SPDX-License-Identifier: Apache-2.0
#include "net/strangers.h"

#include <gtest/gtest.h>

#include <set>
#include <vector>

namespace causeway {
namespace {

Origin at(const char* address) { return Origin::of(asio::ip::make_address(address)); }

std::vector<int> all(const Strangers<int>& strangers) {
  std::vector<int> out;
  strangers.each([&](int one) { out.push_back(one); });
  return out;
}

TEST(Origin, IsAnAddressOrHalfOfOne) {
  EXPECT_EQ(at("192.0.2.1"), at("192.0.2.1"));
  EXPECT_NE(at("192.0.2.1"), at("192.0.2.2"));
  EXPECT_EQ(at("::ffff:192.0.2.1"), at("192.0.2.1"));
  EXPECT_EQ(at("2001:db8:1:2::1"), at("2001:db8:1:2:ffff::7"));
  EXPECT_NE(at("2001:db8:1:2::1"), at("2001:db8:1:3::1"));
  EXPECT_NE(at("::"), at("0.0.0.0"));
}

TEST(Strangers, TheOldestGivesWayWhereAllComeFromOnePlace) {
  Strangers<int> strangers(3);
  for (int i = 0; i < 3; ++i) EXPECT_EQ(strangers.add(i, at("192.0.2.1")), std::nullopt);
  EXPECT_EQ(strangers.add(3, at("192.0.2.1")), 0);
  EXPECT_EQ(strangers.add(4, at("192.0.2.1")), 1);
  EXPECT_EQ(all(strangers), (std::vector<int>{2, 3, 4}));
}

// Goal: one source's flood leaves who comes from elsewhere alone.
TEST(Strangers, AFloodFromOnePlaceCrowdsOutItselfOnly) {
  Strangers<int> strangers(8);
  strangers.add(-1, at("198.51.100.1"));
  strangers.add(-2, at("2001:db8::1"));
  std::set<int> gone;
  for (int i = 0; i < 1'000; ++i)
    if (const auto out = strangers.add(i, at("192.0.2.1"))) gone.insert(*out);
  EXPECT_EQ(gone.size(), 1'000U - 6);
  EXPECT_FALSE(gone.contains(-1));
  EXPECT_FALSE(gone.contains(-2));
  EXPECT_EQ(strangers.size(), 8U);
  EXPECT_EQ(strangers.add(-3, at("203.0.113.9")), 994);
  EXPECT_EQ(strangers.size(), 8U);
}

TEST(Strangers, WhoHasLeftCountsNoMore) {
  Strangers<int> strangers(2);
  strangers.add(1, at("192.0.2.1"));
  strangers.add(2, at("192.0.2.1"));
  EXPECT_TRUE(strangers.remove(1));
  EXPECT_FALSE(strangers.remove(1));
  EXPECT_EQ(strangers.add(3, at("192.0.2.7")), std::nullopt);
  EXPECT_EQ(strangers.add(4, at("192.0.2.8")), 2);
  EXPECT_EQ(all(strangers), (std::vector<int>{3, 4}));
}

TEST(Strangers, HasRoomForOneAtLeast) {
  Strangers<int> strangers(0);
  EXPECT_EQ(strangers.add(1, at("192.0.2.1")), std::nullopt);
  EXPECT_EQ(strangers.add(2, at("192.0.2.2")), 1);
}

}  // namespace
}  // namespace causeway
