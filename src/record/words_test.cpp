// SPDX-License-Identifier: Apache-2.0
#include "record/words.h"

#include <gtest/gtest.h>

#include <limits>

namespace causeway {
namespace {

TEST(Words, BytesAreReadAtAGlance) {
  EXPECT_EQ(bytes_text(0), "0 B");
  EXPECT_EQ(bytes_text(999), "999 B");
  EXPECT_EQ(bytes_text(1000), "1.0 kB");
  EXPECT_EQ(bytes_text(1'234'567), "1.2 MB");
  EXPECT_EQ(bytes_text(99'949'999), "99.9 MB");
  EXPECT_EQ(bytes_text(99'960'000), "100 MB");
  EXPECT_EQ(bytes_text(480'400'000), "480 MB");
  EXPECT_EQ(bytes_text(999'499'999), "999 MB");
  EXPECT_EQ(bytes_text(999'500'000), "1.0 GB");
  EXPECT_EQ(bytes_text(std::numeric_limits<int64_t>::max()), "9223 PB");
  EXPECT_EQ(bytes_text(-1500), "-1.5 kB");
}

TEST(Words, CountsHaveTheFieldsSuffixes) {
  EXPECT_EQ(count_text(850), "850");
  EXPECT_EQ(count_text(48'100), "48.1k");
  EXPECT_EQ(count_text(13'100'000), "13.1M");
  EXPECT_EQ(count_text(7'000'000'000), "7.0B");
  EXPECT_EQ(grouped_text(0), "0");
  EXPECT_EQ(grouped_text(999), "999");
  EXPECT_EQ(grouped_text(2000), "2,000");
  EXPECT_EQ(grouped_text(-123'456), "-123,456");
  EXPECT_EQ(grouped_text(1'234'567), "1,234,567");
}

TEST(Words, DurationsTakeTheTwoUnitsThatMatter) {
  EXPECT_EQ(duration_text(0), "0.0 s");
  EXPECT_EQ(duration_text(4.24), "4.2 s");
  EXPECT_EQ(duration_text(9.96), "10 s");
  EXPECT_EQ(duration_text(59.6), "1 min 0 s");
  EXPECT_EQ(duration_text(200), "3 min 20 s");
  EXPECT_EQ(duration_text(3599.7), "1 h 0 min");
  EXPECT_EQ(duration_text(7500), "2 h 5 min");
  EXPECT_EQ(duration_text(86'399), "1 d 0 h");
  EXPECT_EQ(duration_text(273'600), "3 d 4 h");
  EXPECT_EQ(duration_text(-1), "?");
  EXPECT_EQ(duration_text(std::numeric_limits<double>::quiet_NaN()), "?");
  EXPECT_EQ(duration_text(std::numeric_limits<double>::infinity()), "?");
}

TEST(Words, BytesStandBesideThoseOfDdp) {
  EXPECT_EQ(sent_text(1'200'000, 480'000'000),
            "1.2 MB sent, DDP would have sent 480 MB: 400x less");
  EXPECT_EQ(sent_text(0, 480'000'000), "0 B sent, DDP would have sent 480 MB");
  EXPECT_EQ(sent_text(5, 0), "5 B sent");
  EXPECT_EQ(beside_text(100, 102), "as much");
  EXPECT_EQ(beside_text(300, 100), "3.0x more");
  EXPECT_EQ(beside_text(1, 12'345), "12,345x less");
}

TEST(Words, TextFromOutsideCannotSteerATerminal) {
  EXPECT_EQ(printable_text("a\x1b[2Jb\tc\r\nd\x7f"), "a [2Jb c  d ");
  EXPECT_EQ(printable_text("a\nb\r", true), "a\nb ");
  EXPECT_EQ(printable_text("\xc2\x9b"
                           "31m"),
            " 31m");  // the one-character CSI
  EXPECT_EQ(printable_text("\xe2\x80\xae"
                           "x"),
            " x");  // right-to-left override
  EXPECT_EQ(printable_text("z\xc3\xbcrich"), "z\xc3\xbcrich");
  EXPECT_EQ(printable_text("\xff"
                           "a"),
            "\xef\xbf\xbd"
            "a");
  EXPECT_EQ(printable_text("\xc0\x9b"), "\xef\xbf\xbd\xef\xbf\xbd");  // overlong escape
  EXPECT_EQ(printable_text("\xed\xa0\x80"), "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd");  // surrogate
  EXPECT_EQ(printable_text("\xe2\x82"), "\xef\xbf\xbd\xef\xbf\xbd");                  // cut short
}

TEST(Words, WidthCountsColumnsNotBytes) {
  EXPECT_EQ(columns_of("z\xc3\xbcrich"), 6);
  EXPECT_EQ(columns_of("\xe6\xb5\xb7"), 2);  // a wide character
  EXPECT_EQ(columns_of("e\xcc\x81"), 1);     // with a combining accent
  EXPECT_EQ(cut_text("z\xc3\xbcrich", 2), "z\xc3\xbc");
  EXPECT_EQ(cut_text("\xe6\xb5\xb7\xe6\xb5\xb7", 3), "\xe6\xb5\xb7");
  EXPECT_EQ(cut_text("abc", 0), "");
  EXPECT_EQ(cut_text("abc", 9), "abc");
}

TEST(Line, IsCutToTheWidthAndEndsItsColours) {
  Line line("abc", Style::kBold);
  line.fill(5).add("def", Style::kGood).add("ghi");
  EXPECT_EQ(line.columns(), 11);
  EXPECT_EQ(line.plain(), "abc  defghi");
  EXPECT_EQ(line.coloured(80), "\x1b[1mabc\x1b[0m  \x1b[32mdef\x1b[0mghi");
  EXPECT_EQ(line.coloured(7), "\x1b[1mabc\x1b[0m  \x1b[32mde\x1b[0m");
}

}  // namespace
}  // namespace causeway
