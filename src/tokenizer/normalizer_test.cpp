// SPDX-License-Identifier: Apache-2.0
#include "tokenizer/normalizer.h"

#include <gmock/gmock.h>
#include <utf8proc.h>

#include <nlohmann/json.hpp>

#include "tokenizer/example_tokenizer.h"
#include "tokenizer/unicode.h"

namespace causeway {
namespace {

std::string nfc(std::string_view text) {
  std::string scratch = "left over";
  return std::string(normalize_nfc(text, scratch));
}

TEST(Normalizer, Composes) {
  EXPECT_EQ(nfc(""), "");
  EXPECT_EQ(nfc("plain"), "plain");
  EXPECT_EQ(nfc("cafe\u0301!"), "caf\u00E9!");
  EXPECT_EQ(nfc("\u212B\u2126"), "\u00C5\u03A9") << "singletons";
  EXPECT_EQ(nfc("a\u0323\u0302"), "\u1EAD");
  EXPECT_EQ(nfc("a\u0302\u0323"), "\u1EAD") << "marks are ordered first";
  EXPECT_EQ(nfc("\u1112\u1161\u11AB"), "\uD55C") << "Hangul";
  EXPECT_EQ(nfc("\uD558\u11AB"), "\uD55C");
  EXPECT_EQ(nfc("\u0915\u093C"), "\u0915\u093C") << "excluded from composition";
  EXPECT_EQ(nfc("\u0958"), "\u0915\u093C");
}

TEST(Normalizer, LeavesMarksThatCameLaterWhereTheyAre) {
  EXPECT_EQ(nfc("a\U0001E130\u0323"), "a\U0001E130\u0323");
  EXPECT_EQ(nfc("a\u0897\u0323\u0302"), "a\u0897\u0323\u0302");
}

TEST(Normalizer, DoesTheSameToItsResult) {
  std::mt19937 draw(3);
  for (int i = 0; i < 2000; ++i) {
    std::string text;
    for (int j = 0; j < 30; ++j) {
      const uint32_t code = draw() % 2 == 0 ? 0x300 + draw() % 0x70 : draw() % 0x3100;
      append_code_point(code, text);
    }
    const std::string once = nfc(text);
    ASSERT_EQ(nfc(once), once);
  }
}

TEST(Normalizer, EqualsUtf8procOnCharactersOfUnicode9) {
  std::mt19937 draw(4);
  for (int i = 0; i < 3000; ++i) {
    std::string text;
    for (int j = 0; j < 20; ++j)
      append_code_point(draw() % 2 == 0 ? 0x300 + draw() % 0x70 : draw() % 0x700, text);
    // utf8proc_NFC stops at a zero.
    text = text.substr(0, text.find('\0'));
    auto* wanted = utf8proc_NFC(reinterpret_cast<const utf8proc_uint8_t*>(text.c_str()));
    EXPECT_EQ(nfc(text), reinterpret_cast<char*>(wanted)) << testing::PrintToString(text);
    std::free(wanted);
  }
}

TEST(Normalizer, TakesLongRunsOfMarks) {
  std::string marks, below, above;
  for (int i = 0; i < 50'000; ++i) {
    marks += "\u0308\u0323";
    below += "\u0323";
    above += "\u0308";
  }
  EXPECT_EQ(nfc("x" + marks), "\u1E8D" + below + above.substr(2)) << "not in quadratic time";
}

TEST(Normalizer, ReadsItsKind) {
  using nlohmann::json;
  const json form = {{"type", "NFC"}};
  EXPECT_FALSE(*parse_normalizer(nullptr, "x"));
  EXPECT_TRUE(*parse_normalizer(form, "x"));
  EXPECT_TRUE(*parse_normalizer({{"type", "Sequence"}, {"normalizers", {form, form}}}, "x"));
  EXPECT_FALSE(*parse_normalizer({{"type", "Sequence"}, {"normalizers", json::array()}}, "x"));
  for (const json& bad : {json{{"type", "NFKC"}}, json(3), json{{"type", "Sequence"}},
                          json{{"type", "Sequence"}, {"normalizers", {{{"type", "Lowercase"}}}}}})
    EXPECT_FALSE(parse_normalizer(bad, "x").ok()) << bad;
}

}  // namespace
}  // namespace causeway
