// SPDX-License-Identifier: Apache-2.0
#include "core/value.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace causeway {
namespace {

Value table(std::initializer_list<std::pair<const char*, Value>> entries) {
  Value out = Value::Table{};
  for (const auto& [key, value] : entries) out.set(key, value);
  return out;
}

TEST(Value, KnowsItsKind) {
  EXPECT_EQ(Value().kind(), Value::Kind::kNone);
  EXPECT_EQ(Value(true).kind_name(), "true or false");
  EXPECT_EQ(Value(3).kind_name(), "an integer");
  EXPECT_EQ(Value(3.0).kind_name(), "a number");
  EXPECT_EQ(Value("x").kind_name(), "text");
  EXPECT_EQ(Value(Value::Array{}).kind_name(), "a list");
  EXPECT_EQ(Value(Value::Table{}).kind_name(), "a table");
  EXPECT_EQ(Value(3).number(), 3.0);
}

TEST(Value, SetsReplacesAndFindsInOrder) {
  Value value;
  value.set("b", 1);
  value.set("a", 2);
  value.set("b", "new");
  ASSERT_EQ(value.table().size(), 2u);
  EXPECT_EQ(value.table()[0].first, "b");
  EXPECT_EQ(value.find("b")->string(), "new");
  EXPECT_EQ(value.find("c"), nullptr);
  EXPECT_EQ(Value(1).find("b"), nullptr);
}

TEST(Value, CopiesAreDeep) {
  const Value original = table({{"inner", table({{"x", 1}})}});
  Value copy = original;
  copy.find("inner")->set("x", 2);
  EXPECT_EQ(original.find("inner")->find("x")->integer(), 1);
}

TEST(Value, WritesOneLineOfToml) {
  EXPECT_EQ(table({{"name", "adamw"}, {"lr", 1e-3}, {"betas", Value::Array{0.9, 0.95}}}).text(),
            "{ name = \"adamw\", lr = 0.001, betas = [0.9, 0.95] }");
  EXPECT_EQ(Value("a\"b\\\n\x01").text(), R"("a\"b\\\n\u0001")");
  EXPECT_EQ(table({{"a b", 1}, {"", 2}}).text(), R"({ "a b" = 1, "" = 2 })");
  EXPECT_EQ(Value(2.0).text(), "2.0");
  EXPECT_EQ(Value(1e300).text(), "1e+300");
  EXPECT_EQ(Value(-std::numeric_limits<double>::infinity()).text(), "-inf");
  EXPECT_EQ(Value(std::nan("")).text(), "nan");
}

TEST(Location, IsFileAndLine) {
  EXPECT_EQ((Location{"a.toml", 3}.text()), "a.toml:3");
  EXPECT_EQ((Location{"--set a=1", 0}.text()), "--set a=1");
}

TEST(ValueDeath, OfAWrongKindSaysWhatItIs) {
  EXPECT_DEATH(static_cast<void>(Value("x").integer()), "the value is text");
  EXPECT_DEATH(static_cast<void>(Value(1).table()), "the value is an integer");
  EXPECT_DEATH(Value("x").set("a", 1), "the value is text");
  EXPECT_DEATH(to_toml(Value(1)), "check failed");
}

}  // namespace
}  // namespace causeway
