// SPDX-License-Identifier: Apache-2.0
#include "net/turns.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace causeway {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

std::vector<std::string> all_of(Turns<int, std::string>& turns) {
  std::vector<std::string> out;
  while (auto turn = turns.next()) out.push_back(std::move(turn->value));
  return out;
}

TEST(Turns, ALongLineDelaysNobody) {
  Turns<int, std::string> turns;
  for (const char* value : {"a1", "a2", "a3", "a4"}) turns.add(1, value);
  turns.add(2, "b1");
  turns.add(2, "b2");
  turns.add(3, "c1");
  EXPECT_THAT(all_of(turns), ElementsAre("a1", "b1", "c1", "a2", "b2", "a3", "a4"));
  EXPECT_TRUE(turns.empty());
}

TEST(Turns, WhoComesLaterIsNextAfterWhoHadItsTurn) {
  Turns<int, std::string> turns;
  turns.add(2, "b1");
  turns.add(2, "b2");
  EXPECT_EQ(turns.next()->line, 2);
  turns.add(1, "a1");
  turns.add(3, "c1");
  EXPECT_THAT(all_of(turns), ElementsAre("c1", "a1", "b2"));
}

TEST(Turns, WhoMayNotGoKeepsItsPlace) {
  Turns<int, std::string> turns;
  turns.add(1, "big");
  turns.add(1, "a2");
  turns.add(2, "b1");
  const auto small = [](const std::string& value) { return value != "big"; };
  EXPECT_EQ(turns.next(small)->value, "b1");
  EXPECT_FALSE(turns.next(small));
  EXPECT_FALSE(turns.empty());
  EXPECT_THAT(all_of(turns), ElementsAre("big", "a2"));
}

TEST(Turns, WhatIsPutBackIsTheHeadOfItsLine) {
  Turns<int, std::string> turns;
  turns.add(1, "a1");
  turns.add(1, "a2");
  turns.add(2, "b1");
  turns.put_back(*turns.next());
  EXPECT_THAT(all_of(turns), ElementsAre("b1", "a1", "a2"));
}

TEST(Turns, ALineCanBeTakenWhole) {
  Turns<int, std::string> turns;
  turns.add(1, "a1");
  turns.add(1, "a2");
  turns.add(2, "b1");
  EXPECT_THAT(turns.take(1), ElementsAre("a1", "a2"));
  EXPECT_THAT(turns.take(1), IsEmpty());
  EXPECT_THAT(all_of(turns), ElementsAre("b1"));
}

}  // namespace
}  // namespace causeway
