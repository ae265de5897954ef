// SPDX-License-Identifier: Apache-2.0
#include "lab/chart_text.h"

#include <ft2build.h>
#include <gtest/gtest.h>
#include FT_FREETYPE_H

namespace causeway {
namespace {

TEST(ChartText, IsAsWideAsTheFontSays) {
  FT_Library library = nullptr;
  FT_Face face = nullptr;
  ASSERT_EQ(FT_Init_FreeType(&library), 0);
  ASSERT_EQ(FT_New_Face(library, "/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf", 0, &face), 0);
  for (char letter = ' '; letter <= '~'; ++letter) {
    ASSERT_EQ(FT_Load_Char(face, static_cast<uint8_t>(letter), FT_LOAD_NO_SCALE), 0);
    const double units = face->glyph->metrics.horiAdvance;
    EXPECT_NEAR(text_width(std::string(1, letter), 1000), units * 1000 / face->units_per_EM, 0.6)
        << letter;
  }
  FT_Done_Face(face);
  FT_Done_FreeType(library);
}

TEST(ChartText, MakesAnyBytesFitForXml) {
  EXPECT_EQ(clean_text("a\tb\nc\x7f"), "a b c ");
  EXPECT_EQ(clean_text(std::string_view("\0x", 2)), " x");
  EXPECT_EQ(clean_text("\xff\xc3"), "\xef\xbf\xbd\xef\xbf\xbd");
  EXPECT_EQ(clean_text("\xef\xbf\xbe\xef\xbf\xbf"), "\xef\xbf\xbd\xef\xbf\xbd");
  EXPECT_EQ(clean_text("é 漢 😀"), "é 漢 😀");
}

TEST(ChartText, ReadsCodePoints) { EXPECT_EQ(code_points("aé漢😀"), U"aé漢😀"); }

TEST(ChartText, ShortensBetweenCharacters) {
  EXPECT_EQ(shortened("abc", 10, 100), "abc");
  const std::string cut = shortened("ééééééééééééé", 10, 50);
  EXPECT_LE(text_width(cut, 10), 50);
  EXPECT_GT(text_width(cut, 10), 40);
  EXPECT_EQ(cut, "éééééé…");
  EXPECT_EQ(shortened("abc", 10, 1), "…");
}

}  // namespace
}  // namespace causeway
