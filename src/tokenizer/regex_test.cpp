// SPDX-License-Identifier: Apache-2.0
#include "tokenizer/regex.h"

#include <gmock/gmock.h>

#include "tokenizer/regex_syntax.h"

namespace causeway {
namespace {

using testing::HasSubstr;
using Bounds = std::optional<std::pair<size_t, size_t>>;

Bounds find(std::string_view pattern, std::string_view text, size_t from = 0) {
  const auto translated = pcre_pattern(pattern, "test");
  if (!translated) {
    ADD_FAILURE() << translated.error().message;
    return std::nullopt;
  }
  const auto regex = Regex::compile(*translated, "test");
  if (!regex) {
    ADD_FAILURE() << regex.error().message;
    return std::nullopt;
  }
  RegexScratch scratch;
  return (*regex)->find(text, from, scratch);
}

std::string pattern_refusal(std::string_view pattern) {
  const auto translated = pcre_pattern(pattern, "here");
  if (!translated) {
    EXPECT_EQ(translated.error().fault, Fault::kBadInput);
    return translated.error().message;
  }
  const auto regex = Regex::compile(*translated, "here");
  if (regex) return "";
  EXPECT_EQ(regex.error().fault, Fault::kBadInput);
  return regex.error().message;
}

TEST(Regex, MeansWhatOnigurumaMeans) {
  EXPECT_EQ(find(R"(\s)", "a\u180E\u00A0"), Bounds({4, 6})) << "U+180E is no white space";
  EXPECT_EQ(find(R"([^\S\n]+)", "\n \t"), Bounds({1, 3}));
  EXPECT_EQ(find(R"(\w+)", "-\u00B2a_\u0301 "), Bounds({1, 7})) << "a superscript is of a word";
  EXPECT_EQ(find(R"(\bb)", "ab b"), Bounds({3, 4}));
  EXPECT_EQ(find(R"(\v)", "\n\v"), Bounds({1, 2})) << "only the vertical tab";
  EXPECT_EQ(find("a{,2}b", "aab"), Bounds({0, 3}));
  EXPECT_EQ(find("a{x", "a{x"), Bounds({0, 3}));
  EXPECT_EQ(find(".", "\n\r"), Bounds({1, 2}));
  EXPECT_EQ(find("^b", "a\nb"), Bounds({2, 3}));
  EXPECT_EQ(find(R"(\p{Han}+)", "a\u4E2D\U0002EBF0"), Bounds({1, 8}))
      << "a character of Unicode 15.1";
  EXPECT_EQ(find(R"(\P{L})", "a\U0002EBF0-"), Bounds({5, 6}));
  EXPECT_EQ(find(R"(\p{^L})", "a-"), Bounds({1, 2}));
  EXPECT_EQ(find(R"([a\-\]]+)", "x-]a"), Bounds({1, 4}));
  EXPECT_EQ(find(R"([-a]+[a-]+)", "-a-"), Bounds({0, 3}));
  EXPECT_EQ(find(R"(\u4E2D\x41\x{42})",
                 "\u4E2D"
                 "AB"),
            Bounds({0, 5}));
  EXPECT_EQ(find("(?i:ST)", "'\u017Ft"), Bounds({1, 4})) << "a long s";
  EXPECT_EQ(find("(?<=a)b", "ab", 1), Bounds({1, 2})) << "looks before where it starts";
  EXPECT_EQ(find("b", "aa"), std::nullopt);
}

TEST(Regex, RefusesByNameWhatWouldDiffer) {
  EXPECT_THAT(pattern_refusal(R"(a\h)"), HasSubstr(R"(here: `\h` at byte 1 of the pattern)"));
  for (const std::string_view pattern :
       {R"(\1)",      R"(\K)",         R"(\G)",       R"(\R)",   R"(\p{Greek}\p{Nonsense})",
        R"(\pL)",     "[a[b]]",        "[a&&b]",      "[]",      "[a",
        "(?<n>a)",    "(?m:a)",        "(*FAIL)",     "a{1,2}+", R"([\W])",
        R"([\P{L}])", R"(\x{110000})", R"(\x{d800})", R"(\xFF)", R"(\u12)",
        "\\",         R"(\p{Cn})"})
    EXPECT_THAT(pattern_refusal(pattern), HasSubstr("is not supported")) << pattern;
  EXPECT_THAT(pattern_refusal("(a"), HasSubstr("the pattern is wrong"));
  EXPECT_THAT(pattern_refusal("\xFF"), HasSubstr("no UTF-8"));
  EXPECT_THAT(pattern_refusal("a{1000}{1000}{1000}"), HasSubstr("the pattern is wrong"));
}

TEST(Regex, GivesUpOnPatternsThatWouldRunForAges) {
  EXPECT_EQ(find("(a+)+b", std::string(200, 'a')), std::nullopt);
  EXPECT_EQ(find("(a*)*(a*)*(a*)*c", std::string(2000, 'a')), std::nullopt);
}

TEST(Regex, CopesWithDeepBacktracking) {
  EXPECT_EQ(find("(?:a|b)*c", std::string(100'000, 'a') + "c"), Bounds({0, 100'001}));
  EXPECT_EQ(find(R"(\s+(?!\S)|\s+)", std::string(300'000, ' ') + "x"), Bounds({0, 299'999}));
}

TEST(Regex, QuotesText) {
  const auto regex = Regex::compile(quoted_pattern("a.*\u00E9"), "test");
  ASSERT_TRUE(regex.ok());
  RegexScratch scratch;
  EXPECT_EQ((*regex)->find("a.*e a.*\u00E9", 0, scratch), Bounds({5, 10}));
}

}  // namespace
}  // namespace causeway
