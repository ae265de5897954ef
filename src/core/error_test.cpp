// SPDX-License-Identifier: Apache-2.0
#include "core/error.h"

#include <gtest/gtest.h>

#include <memory>

namespace causeway {
namespace {

Result<int> half(int value) {
  if (value % 2 != 0) return failure(Fault::kBadInput, "{} is odd; wanted: an even number", value);
  return value / 2;
}

Result<int> quarter(int value) {
  CW_ASSIGN(const int once, half(value));
  CW_ASSIGN(const int twice, half(once));
  return twice;
}

Result<void> check_even(int value) {
  CW_TRY(half(value));
  return {};
}

Result<std::unique_ptr<int>> boxed(int value) {
  CW_ASSIGN(const int part, half(value));
  return std::make_unique<int>(part);
}

TEST(Result, HandsOnValuesAndErrors) {
  EXPECT_EQ(quarter(12).value(), 3);
  ASSERT_FALSE(quarter(6).ok());
  EXPECT_EQ(quarter(6).error().fault, Fault::kBadInput);
  EXPECT_EQ(quarter(6).error().message, "3 is odd; wanted: an even number");
  EXPECT_TRUE(check_even(2).ok());
  EXPECT_EQ(check_even(5).error().message, "5 is odd; wanted: an even number");
}

TEST(Result, MovesWhatCannotBeCopied) {
  const std::unique_ptr<int> got = boxed(8).value();
  EXPECT_EQ(*got, 4);
}

TEST(ResultDeath, OfAWrongReadSaysWhy) {
  EXPECT_DEATH(static_cast<void>(half(3).value()), "3 is odd");
  EXPECT_DEATH(static_cast<void>(half(4).error()), "has a value");
  EXPECT_DEATH(static_cast<void>(Result<void>().error()), "has no error");
}

TEST(CheckDeath, StatesPlaceConditionAndMessage) {
  const int members = 3;
  CW_CHECK(members == 3);
  EXPECT_DEATH(CW_CHECK(members > 4, "{} members", members),
               "error_test.cpp:[0-9]+: check failed: members > 4: 3 members");
  EXPECT_DEATH(CW_CHECK(members > 4), "check failed: members > 4\n");
}

}  // namespace
}  // namespace causeway
