// SPDX-License-Identifier: Apache-2.0
#include "tokenizer/added_tokens.h"

#include <gmock/gmock.h>

namespace causeway {
namespace {

using testing::ElementsAre;

/// Tokens as "<3>", text as it is.
std::vector<std::string> parts(std::vector<AddedToken> tokens, std::string_view text) {
  std::vector<AddedTokenFinder::Pattern> patterns;
  for (AddedToken& token : tokens) {
    token.id = static_cast<int32_t>(patterns.size());
    patterns.push_back({token.content, token});
  }
  AddedTokenFinder finder;
  EXPECT_TRUE(finder.build(std::move(patterns)));
  std::vector<std::string> out;
  finder.split(
      text, [&](std::string_view part) { out.emplace_back(part); },
      [&](int32_t id) { out.push_back("<" + std::to_string(id) + ">"); });
  return out;
}

TEST(AddedTokens, FindsTheLeftmostAndOfThoseTheLongest) {
  EXPECT_THAT(parts({}, "abc"), ElementsAre("abc"));
  EXPECT_THAT(parts({{.content = "a"}, {.content = "ab"}, {.content = "bcd"}}, "xabcd"),
              ElementsAre("x", "<1>", "cd"));
  EXPECT_THAT(parts({{.content = "<|a|>"}, {.content = "<|ab|>"}}, "<|<|ab|><|a|>"),
              ElementsAre("<|", "<1>", "<0>"));
  EXPECT_THAT(parts({{.content = "aa"}}, "aaaaa"), ElementsAre("<0>", "<0>", "a"));
  EXPECT_THAT(parts({{.content = "\u00E9"}}, "\u00E8\u00E9"), ElementsAre("\u00E8", "<0>"));
}

TEST(AddedTokens, LooksForWholeWords) {
  const AddedToken word{.content = "the", .single_word = true};
  EXPECT_THAT(parts({word}, "the theory the"), ElementsAre("<0>", " theory ", "<0>"));
  EXPECT_THAT(parts({word}, "_the \u00E9the the\u0301"), ElementsAre("_the \u00E9the the\u0301"));
}

TEST(AddedTokens, TakesWhiteSpaceBeside) {
  EXPECT_THAT(parts({{.content = "x", .lstrip = true}}, "a \u3000\nx b"),
              ElementsAre("a", "<0>", " b"));
  EXPECT_THAT(parts({{.content = "x", .rstrip = true}}, "a x \n b"), ElementsAre("a ", "<0>", "b"));
  EXPECT_THAT(parts({{.content = "\n", .lstrip = true, .rstrip = true}}, "a\n\nb"),
              ElementsAre("a", "<0>", "b"))
      << "the second is white space beside the first";
  EXPECT_THAT(parts({{.content = "x", .rstrip = true}, {.content = "  "}}, "x   y"),
              ElementsAre("<0>", "<1>", " y"))
      << "as the package does: white space may count twice";
}

TEST(AddedTokens, RefusesTwoOfTheSameText) {
  AddedTokenFinder finder;
  EXPECT_FALSE(finder.build({{"a", {}}, {"b", {}}, {"a", {}}}));
}

}  // namespace
}  // namespace causeway
