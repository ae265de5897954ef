// SPDX-License-Identifier: Apache-2.0
#include "core/fields.h"

#include <gtest/gtest.h>

#include <concepts>

namespace causeway {
namespace {

enum class Color : uint8_t { kRed = 1, kBlue = 2 };
bool is_known(Color color) { return color == Color::kRed || color == Color::kBlue; }

struct Inner {
  int32_t number = 0;
  std::string text;
  bool operator==(const Inner&) const = default;
};
struct Outer {
  bool flag = false;
  Color color = Color::kRed;
  std::vector<Inner> inners;
  std::vector<float> floats;
  std::map<int32_t, std::string> names;
  std::optional<double> maybe;
  std::variant<Inner, int64_t> either;
  Bytes bytes;
  bool operator==(const Outer&) const = default;
};
template <class S, class T>
concept Is = std::same_as<std::remove_const_t<S>, T>;
void each_field(auto&& visit, Is<Inner> auto& s) { visit(s.number), visit(s.text); }
void each_field(auto&& visit, Is<Outer> auto& s) {
  visit(s.flag), visit(s.color), visit(s.inners), visit(s.floats), visit(s.names);
  visit(s.maybe), visit(s.either), visit(s.bytes);
}

Outer sample() {
  return {true, Color::kBlue, {{1, "one"}, {2, ""}}, {1.5F, -2}, {{3, "three"}, {5, "five"}},
          0.25, int64_t{7},   Bytes(3, std::byte{9})};
}

TEST(Fields, ComeBackAsTheyWere) {
  const auto back = read_fields<Outer>(write_fields(sample()));
  ASSERT_TRUE(back.ok()) << back.error().message;
  EXPECT_EQ(*back, sample());
  EXPECT_EQ(*read_fields<Outer>(write_fields(Outer{})), Outer{});
}

TEST(Fields, EveryCutIsAnError) {
  const Bytes bytes = write_fields(sample());
  for (size_t cut = 0; cut < bytes.size(); ++cut)
    EXPECT_FALSE(read_fields<Outer>(ByteSpan(bytes).first(cut)).ok()) << cut;
  Bytes longer = bytes;
  longer.push_back({});
  EXPECT_FALSE(read_fields<Outer>(longer).ok());
}

TEST(Fields, WhatIsNotKnownIsAnError) {
  Bytes bytes = write_fields(sample());
  bytes[1] = std::byte{3};  // the color
  EXPECT_FALSE(read_fields<Outer>(bytes).ok());
  EXPECT_FALSE((read_fields<std::variant<Inner, int64_t>>(Bytes(9, std::byte{3})).ok()));
}

TEST(Fields, ACountCannotClaimMoreThanTheBytes) {
  const Bytes claim = write_fields(uint32_t{1U << 30});
  EXPECT_FALSE(read_fields<std::vector<Inner>>(claim).ok());
  EXPECT_FALSE(read_fields<Bytes>(claim).ok());
  Bytes floats = write_fields(std::vector<float>(4));
  floats[0] = std::byte{5};
  EXPECT_FALSE(read_fields<std::vector<float>>(floats).ok());
}

TEST(Fields, KeysAreInOrderSoThatThereIsOneWayToWriteAMap) {
  Bytes bytes = write_fields(std::map<int32_t, int32_t>{{1, 1}, {2, 2}});
  std::swap(bytes[4], bytes[12]);
  EXPECT_FALSE((read_fields<std::map<int32_t, int32_t>>(bytes).ok()));
}

TEST(Fields, LongTextsAreCut) {
  EXPECT_EQ(read_fields<std::string>(write_fields(std::string(9000, 'x')))->size(), kFieldTextMax);
}

}  // namespace
}  // namespace causeway
