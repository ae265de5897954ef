// SPDX-License-Identifier: Apache-2.0
#include "data/ngram.h"

#include <gtest/gtest.h>

#include <cmath>
#include <set>
#include <string>

namespace causeway {
namespace {

std::span<const uint8_t> bytes(const std::string& text) {
  return {reinterpret_cast<const uint8_t*>(text.data()), text.size()};
}

/// The definition, by looking through the whole training text each time.
double probability(const std::string& train, const std::string& context, char next) {
  double count = 0, hits = 0;
  std::set<char> kinds;
  for (size_t at = train.find(context); at != std::string::npos; at = train.find(context, at + 1)) {
    if (at + context.size() >= train.size()) break;
    const char follower = train[at + context.size()];
    kinds.insert(follower);
    count += 1;
    hits += follower == next ? 1 : 0;
  }
  const double shorter = context.empty() ? 1.0 / 256 : probability(train, context.substr(1), next);
  const auto kind_count = static_cast<double>(kinds.size());
  return kinds.empty() ? shorter : (hits + kind_count * shorter) / (count + kind_count);
}

double bits_by_definition(const std::string& train, const std::string& valid, size_t order) {
  double bits = 0;
  for (size_t at = 0; at < valid.size(); ++at) {
    const size_t known = std::min(at, order - 1);
    bits -= std::log2(probability(train, valid.substr(at - known, known), valid[at]));
  }
  return bits / static_cast<double>(valid.size());
}

TEST(Ngram, GivesAnAnswerWorkedByHand) {
  // p("a") = (2 + 2/256) / (3 + 2) and p("c") = (0 + 2/256) / 5.
  const double expected = -(std::log2((2 + 2 / 256.0) / 5) + std::log2(2 / 256.0 / 5)) / 2;
  EXPECT_DOUBLE_EQ(ngram_bits_per_byte(bytes("aab"), bytes("ac"), 1), expected);
}

TEST(Ngram, AgreesWithTheDefinitionAtEveryOrder) {
  const std::string train =
      "the cat sat on the mat; the rat sat on the cat; \xff\xfe\xff that that that is is that";
  const std::string valid = "the cat that is sat on the rat \xff\xfe\xff quite so";
  for (int order = 1; order <= 8; ++order)
    EXPECT_NEAR(ngram_bits_per_byte(bytes(train), bytes(valid), order),
                bits_by_definition(train, valid, static_cast<size_t>(order)), 1e-12)
        << order;
}

TEST(Ngram, KnowsNothingWithoutText) {
  EXPECT_DOUBLE_EQ(ngram_bits_per_byte({}, bytes("any"), 3), 8.0);
  EXPECT_DEATH(ngram_bits_per_byte({}, {}, 3), "check failed");
  EXPECT_DEATH(ngram_bits_per_byte({}, bytes("any"), 9), "order is 9");
}

}  // namespace
}  // namespace causeway
