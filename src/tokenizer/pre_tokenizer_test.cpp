// SPDX-License-Identifier: Apache-2.0
#include "tokenizer/pre_tokenizer.h"

#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

namespace causeway {
namespace {

using nlohmann::json;
using testing::ElementsAre;
using testing::HasSubstr;

json split(const std::string& pattern, const std::string& behavior, bool invert = false) {
  return {{"type", "Split"},
          {"pattern", {{"Regex", pattern}}},
          {"behavior", behavior},
          {"invert", invert}};
}

json level(bool prefix = false, bool regex = false) {
  return {{"type", "ByteLevel"}, {"add_prefix_space", prefix}, {"use_regex", regex}};
}

json sequence(std::vector<json> steps) {
  return {{"type", "Sequence"}, {"pretokenizers", std::move(steps)}};
}

std::vector<std::string> words(const json& kind, std::string_view text) {
  const auto made = PreTokenizer::parse(kind, "x");
  if (!made) {
    ADD_FAILURE() << made.error().message;
    return {};
  }
  std::vector<std::string> out;
  PreTokenizer::Scratch scratch;
  made->each_word(text, scratch, [&](std::string_view word) { out.emplace_back(word); });
  return out;
}

std::vector<std::string> dashes(const std::string& behavior, bool invert = false) {
  return words(sequence({split("-", behavior, invert), level()}), "the-final--countdown");
}

// The known answers of the package's documentation, and their inverses.
TEST(PreTokenizer, SplitsAsEachBehaviorSays) {
  EXPECT_THAT(dashes("Removed"), ElementsAre("the", "final", "countdown"));
  EXPECT_THAT(dashes("Isolated"), ElementsAre("the", "-", "final", "-", "-", "countdown"));
  EXPECT_THAT(dashes("MergedWithPrevious"), ElementsAre("the-", "final-", "-", "countdown"));
  EXPECT_THAT(dashes("MergedWithNext"), ElementsAre("the", "-final", "-", "-countdown"));
  EXPECT_THAT(dashes("Contiguous"), ElementsAre("the", "-", "final", "--", "countdown"));
  EXPECT_THAT(dashes("Removed", true), ElementsAre("-", "-", "-"));
}

TEST(PreTokenizer, TakesEmptyMatches) {
  EXPECT_THAT(words(sequence({split("b*", "Isolated"), level()}), "abba"),
              ElementsAre("a", "bb", "a"));
  EXPECT_THAT(words(sequence({split("(?=a)", "MergedWithNext"), level()}), "xaya"),
              ElementsAre("x", "ay", "a"));
}

TEST(PreTokenizer, SplitsDigits) {
  const json each = {{"type", "Digits"}, {"individual_digits", true}};
  const json runs = {{"type", "Digits"}, {"individual_digits", false}};
  EXPECT_THAT(words(sequence({each, level()}), "a12\u00BDb"),
              ElementsAre("a", "1", "2", "\u00BD", "b"));
  EXPECT_THAT(words(sequence({runs, level()}), "12ab34"), ElementsAre("12", "ab", "34"));
}

TEST(PreTokenizer, PutsASpaceBeforeEachPart) {
  EXPECT_THAT(words(level(true, true), "a b"), ElementsAre(" a", " b"));
  EXPECT_THAT(words(level(true, false), " a b"), ElementsAre(" a b"));
  EXPECT_THAT(words(sequence({split("-", "Isolated"), level(true)}), "a-"),
              ElementsAre(" a", " -"));
  EXPECT_THAT(words(level(true, true), ""), ElementsAre());
}

TEST(PreTokenizer, ScansKnownPatternsByHandAndOthersToTheSameEffect) {
  const std::string pattern(pattern_of(Words::kLlama3));
  const std::string text = "It's 12345 words,\r\n\n  and  more \u4E2D\u6587!";
  const auto known = words(sequence({split(pattern, "Isolated"), level()}), text);
  EXPECT_GT(known.size(), 12U);
  EXPECT_EQ(known, words(sequence({split("(?:" + pattern + ")", "Isolated"), level()}), text));
  EXPECT_EQ(known, words(sequence({split(pattern, "Removed", true), level()}), text));
}

TEST(PreTokenizer, LosesNoByteWhereAPatternGivesUp) {
  const std::string text = "b" + std::string(200, 'a');
  EXPECT_THAT(words(sequence({split("b|(a+)+c", "Isolated"), level()}), text),
              ElementsAre("b", std::string(200, 'a')));
}

TEST(PreTokenizer, RefusesOthersByName) {
  const auto message = [](const json& kind) {
    const auto made = PreTokenizer::parse(kind, "x");
    return made ? "" : made.error().message;
  };
  EXPECT_THAT(message(nullptr), HasSubstr("byte-level"));
  EXPECT_THAT(message(split("a", "Isolated")), HasSubstr("no ByteLevel"));
  EXPECT_THAT(message({{"type", "Metaspace"}, {"replacement", "_"}}), HasSubstr("Metaspace"));
  EXPECT_THAT(message(sequence({level(), split("a", "Isolated")})), HasSubstr("after ByteLevel"));
  EXPECT_THAT(message(sequence({split("a", "Else"), level()})), HasSubstr("\"Else\""));
  EXPECT_THAT(message(sequence({split("(", "Isolated"), level()})),
              HasSubstr("pre_tokenizer.pretokenizers[0]"));
  EXPECT_THAT(message({{"type", "ByteLevel"}}), HasSubstr("add_prefix_space"));
  EXPECT_THAT(message(sequence(std::vector<json>(80, split("a", "Isolated")))), HasSubstr("steps"));
  json deep = level();
  for (int i = 0; i < 20; ++i) deep = sequence({deep});
  EXPECT_THAT(message(deep), HasSubstr("in one another"));
}

}  // namespace
}  // namespace causeway
