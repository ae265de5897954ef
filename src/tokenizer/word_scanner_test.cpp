// SPDX-License-Identifier: Apache-2.0
#include "tokenizer/word_scanner.h"

#include <gmock/gmock.h>

#include "tokenizer/example_tokenizer.h"
#include "tokenizer/regex.h"
#include "tokenizer/regex_syntax.h"

namespace causeway {
namespace {

using testing::ElementsAre;

std::vector<std::string> words_in(Words words, std::string_view text) {
  std::vector<std::string> out;
  for (size_t begin = 0; begin < text.size();) {
    const size_t end = word_end(words, text, begin);
    out.emplace_back(text.substr(begin, end - begin));
    begin = end;
  }
  return out;
}

TEST(WordScanner, CutsAsThePatternsSay) {
  EXPECT_THAT(
      words_in(Words::kGpt2, "I'll say 'S  12345!\n\nwe've"),
      ElementsAre("I", "'ll", " say", " '", "S", " ", " 12345", "!", "\n", "\n", "we", "'ve"));
  EXPECT_THAT(words_in(Words::kLlama3, "I'LL say 'S  12345!\n\n  we've "),
              ElementsAre("I", "'LL", " say", " '", "S", " ", " ", "123", "45", "!\n\n", " ", " we",
                          "'ve", " "));
  EXPECT_THAT(words_in(Words::kQwen2, "a 123"), ElementsAre("a", " ", "1", "2", "3"));
  EXPECT_THAT(words_in(Words::kLlama3, "x \n \n  y"), ElementsAre("x", " \n \n", " ", " y"));
  EXPECT_THAT(words_in(Words::kLlama3, "\"quoted\u00A0\u4E2D"),
              ElementsAre("\"quoted", "\u00A0\u4E2D"));
  EXPECT_THAT(words_in(Words::kLlama3, "it'\u017F"), ElementsAre("it", "'\u017F"));
}

/// Goal: the scanner is the pattern. Method: PCRE2 runs the pattern on random text of characters
/// that it tells apart, and on each character of Unicode between others.
class EveryPattern : public testing::TestWithParam<Words> {
 public:
  void SetUp() override {
    const auto pattern = pcre_pattern(pattern_of(GetParam()), "test");
    ASSERT_TRUE(pattern.ok()) << pattern.error().message;
    auto compiled = Regex::compile(*pattern, "test");
    ASSERT_TRUE(compiled.ok()) << compiled.error().message;
    regex_ = *compiled;
  }

  void expect_same(const std::string& text) {
    for (size_t begin = 0; begin < text.size();) {
      const auto found = regex_->find(text, begin, scratch_);
      ASSERT_TRUE(found.has_value()) << testing::PrintToString(text);
      ASSERT_EQ(found->first, begin) << testing::PrintToString(text);
      ASSERT_EQ(word_end(GetParam(), text, begin), found->second)
          << testing::PrintToString(text) << " at " << begin;
      begin = found->second;
    }
  }

 private:
  std::shared_ptr<const Regex> regex_;
  RegexScratch scratch_;
};

TEST_P(EveryPattern, IsScannedAsPcreMatchesIt) {
  std::mt19937 draw(7);
  for (int i = 0; i < 3000; ++i) {
    expect_same(random_text(draw, 1 + draw() % 40));
    if (HasFatalFailure()) return;
  }
}

TEST_P(EveryPattern, KnowsEveryCharacterAsPcreDoes) {
  std::string text;
  for (uint32_t code = 0; code < kCodePoints; ++code) {
    if (code >= 0xD800 && code <= 0xDFFF) continue;
    append_code_point(code, text);
    if (code % 3 == 0) text += "a ";
    if (code % 512 != 511) continue;
    expect_same(text);
    if (HasFatalFailure()) return;
    text.clear();
  }
}

std::string name_of(const testing::TestParamInfo<Words>& words) {
  constexpr std::array<const char*, 3> kNames = {"Gpt2", "Llama3", "Qwen2"};
  return kNames[static_cast<size_t>(words.param) - 1];
}

INSTANTIATE_TEST_SUITE_P(Words, EveryPattern,
                         testing::Values(Words::kGpt2, Words::kLlama3, Words::kQwen2), name_of);

TEST(WordScanner, KnowsItsPatterns) {
  EXPECT_EQ(words_of(pattern_of(Words::kQwen2)), Words::kQwen2);
  EXPECT_EQ(words_of(R"(\s+)"), std::nullopt);
}

}  // namespace
}  // namespace causeway
