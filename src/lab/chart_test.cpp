// SPDX-License-Identifier: Apache-2.0
//
// A chart's two files against what readers of such files see: pixels that libpng decodes, elements
// of the SVG's text.
#include "lab/chart.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <png.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <numbers>
#include <regex>

#include "lab/chart_text.h"

namespace causeway {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

using Colour = std::array<uint8_t, 3>;
constexpr Colour kWhite = {255, 255, 255}, kBlue = {0x00, 0x72, 0xb2}, kGreen = {0x00, 0x9e, 0x73};

struct Picture {
  int width = 0, height = 0;
  std::vector<uint8_t> rgb;

  Colour at(double x, double y) const {
    const size_t start = (std::floor(y) * width + std::floor(x)) * 3;
    return {rgb[start], rgb[start + 1], rgb[start + 2]};
  }
};

Picture picture(const Chart& chart) {
  const auto bytes = chart_png(chart);
  png_image image{};
  image.version = PNG_IMAGE_VERSION;
  EXPECT_TRUE(bytes.ok());
  EXPECT_TRUE(png_image_begin_read_from_memory(&image, bytes->data(), bytes->size()));
  image.format = PNG_FORMAT_RGB;
  Picture out{static_cast<int>(image.width), static_cast<int>(image.height), {}};
  out.rgb.resize(PNG_IMAGE_SIZE(image));
  EXPECT_TRUE(png_image_finish_read(&image, nullptr, out.rgb.data(), 0, nullptr));
  return out;
}

struct Found {
  double x, y;
  std::string rest, text;
};

// Every place where the pattern's groups are x, y, the rest of the tag and, if any, its text.
std::vector<Found> found(const std::string& svg, const char* pattern) {
  const std::regex regex(pattern);
  std::vector<Found> out;
  for (auto it = std::sregex_iterator(svg.begin(), svg.end(), regex); it != std::sregex_iterator();
       ++it)
    out.push_back(
        {std::stod((*it)[1]), std::stod((*it)[2]), (*it)[3], it->size() > 4 ? (*it)[4].str() : ""});
  return out;
}

std::vector<Found> discs(const std::string& svg) {
  return found(svg, R"re(<circle cx="([^"]*)" cy="([^"]*)"([^>]*)/>)re");
}

std::vector<Found> texts(const std::string& svg) {
  return found(svg, R"re(<text x="([^"]*)" y="([^"]*)"([^>]*)>([^<]*)</text>)re");
}

std::vector<std::string> words(const std::string& svg) {
  std::vector<std::string> out;
  for (const Found& text : texts(svg)) out.push_back(text.text);
  return out;
}

int64_t count_of(const std::string& text, const std::string& word) {
  int64_t count = 0;
  for (size_t at = text.find(word); at != text.npos; at = text.find(word, at + 1)) ++count;
  return count;
}

Chart with_points(std::vector<ChartPoint> points) {
  return {.title = "A title", .x_label = "x", .y_label = "y", .series = {{"", std::move(points)}}};
}

TEST(Chart, PaintsEachPointInItsSeriesColour) {
  Chart chart = with_points({{1, 10}, {2, 30}});
  chart.series[0].name = "one";
  chart.series.push_back({"two", {{3, 20}}});
  chart.series.push_back({"three", {{1.5, 15}}});
  const auto places = discs(chart_svg(chart));
  const Picture png = picture(chart);
  ASSERT_EQ(places.size(), 3 + 4);  // the legend's are first
  EXPECT_EQ(png.at(places[3].x, places[3].y), kBlue);
  EXPECT_EQ(png.at(places[4].x, places[4].y), kBlue);
  EXPECT_EQ(png.at(places[6].x, places[6].y), kGreen);
  EXPECT_THAT(places[6].rest, HasSubstr("fill=\"#009e73\""));
}

TEST(Chart, PutsPointsWhereTheirValuesAre) {
  // y = 2x: distances between pixels are as those between values.
  const auto at = discs(chart_svg(with_points({{1, 2}, {2, 4}, {4, 8}})));
  ASSERT_EQ(at.size(), 3);
  EXPECT_NEAR((at[2].x - at[0].x) / (at[1].x - at[0].x), 3, 1e-3);
  EXPECT_NEAR((at[2].y - at[0].y) / (at[1].y - at[0].y), 3, 1e-3);
  EXPECT_GT(at[1].x, at[0].x);
  EXPECT_LT(at[1].y, at[0].y);
}

TEST(Chart, SpacesDecadesEvenlyOnALogarithmicAxis) {
  Chart chart = with_points({{1e3, 1}, {1e5, 10}, {1e9, 1000}});
  chart.log_x = chart.log_y = true;
  const auto at = discs(chart_svg(chart));
  EXPECT_NEAR((at[2].x - at[0].x) / (at[1].x - at[0].x), 3, 1e-3);
  EXPECT_NEAR((at[2].y - at[0].y) / (at[1].y - at[0].y), 3, 1e-3);
}

TEST(Chart, HasAWhiteGroundAndTheAgreedSize) {
  const Picture png = picture(with_points({{1, 2}}));
  EXPECT_EQ(png.width, 1200);
  EXPECT_EQ(png.height, 750);
  for (const auto& [x, y] : {std::pair{0, 0}, {1199, 0}, {0, 749}, {1199, 749}, {400, 200}})
    EXPECT_EQ(png.at(x, y), kWhite) << x << ", " << y;
}

// Goal: text is there, upright. Method: where the SVG has a text's start, the PNG has ink just
// right of it and over the baseline, none left of it; below, only what descends.
TEST(Chart, WritesTextWhereTheSvgHasIt) {
  const Chart chart = with_points({{1, 2, 0, "HHHH"}});
  const auto all = texts(chart_svg(chart));
  const auto label = std::ranges::find(all, "HHHH", &Found::text);
  ASSERT_NE(label, all.end());
  const Picture png = picture(chart);
  const auto dark = [&](double left, double top, double right, double bottom) {
    int count = 0;
    for (int y = std::lround(top); y < bottom; ++y)
      for (int x = std::lround(left); x < right; ++x) count += png.at(x, y)[0] < 128;
    return count;
  };
  const double width = text_width("HHHH", 18);
  EXPECT_GT(dark(label->x, label->y - 13, label->x + width, label->y), 100);
  EXPECT_EQ(dark(label->x, label->y + 1, label->x + width, label->y + 6), 0);
  EXPECT_EQ(dark(label->x + width, label->y - 13, label->x + width + 20, label->y), 0);
}

TEST(Chart, TurnsTheNameOfTheYAxis) {
  Chart chart = with_points({{1, 2}});
  chart.y_label = std::string(40, 'l');
  const Picture png = picture(chart);
  int top = png.height, bottom = 0, left = png.width, right = 0;
  for (int y = 0; y < png.height; ++y)
    for (int x = 0; x < 45; ++x) {
      if (png.at(x, y)[0] >= 128) continue;
      top = std::min(top, y), bottom = std::max(bottom, y);
      left = std::min(left, x), right = std::max(right, x);
    }
  EXPECT_NEAR(bottom - top, text_width(chart.y_label, 22), 6);
  EXPECT_NEAR(right - left, 0.76 * 22, 2);  // an ascender, lying
}

TEST(Chart, JoinsPointsByALine) {
  Chart chart = with_points({{0, 0}, {1, 1}, {2, 0}});
  chart.series[0].joined = true;
  const auto at = discs(chart_svg(chart));
  const double x = (at[0].x + at[1].x) / 2, y = (at[0].y + at[1].y) / 2;
  EXPECT_LT(picture(chart).at(x, y)[0], 60);  // the series' blue has no red, the ground is white
  chart.series[0].joined = false;
  EXPECT_GT(picture(chart).at(x, y)[0], 200);
}

TEST(Chart, DrawsErrorBarsUpAndDown) {
  const Chart chart = with_points({{1, 10}, {2, 20, 5}, {3, 30}});
  const auto at = discs(chart_svg(chart));
  const double unit = (at[0].y - at[2].y) / 20;
  const Picture png = picture(chart);
  for (const double value : {-4.5, 4.5})
    EXPECT_LT(png.at(at[1].x, at[1].y - value * unit)[0], 100) << value;
  for (const double value : {-5.5, 5.5})
    EXPECT_GT(png.at(at[1].x, at[1].y - value * unit)[0], 200) << value;
}

TEST(Chart, DrawsAnUnnamedLineBesideOthersAsAGuide) {
  Chart chart = with_points({{1, 2}, {2, 1}});
  chart.series.push_back({"", {{1, 2}, {2, 1}}, true});
  const std::string svg = chart_svg(chart);
  EXPECT_EQ(discs(svg).size(), 2);
  EXPECT_THAT(svg, Not(HasSubstr("#d55e00")));
}

TEST(Chart, LeavesOutWhatHasNoPlace) {
  const double nan = std::nan(""), inf = std::numeric_limits<double>::infinity();
  Chart chart = with_points({{1, 2}, {nan, 2}, {2, inf}, {-inf, 1}, {2, 3, inf}, {3, 4, nan}});
  chart.lines = {{nan, "no line"}, {2.5, "a line"}};
  const std::string svg = chart_svg(chart);
  EXPECT_EQ(discs(svg).size(), 3);
  EXPECT_THAT(svg, AllOf(Not(HasSubstr("nan")), Not(HasSubstr("inf")), Not(HasSubstr("no line")),
                         HasSubstr("a line")));
  chart.log_x = true;
  chart.series[0].points = {{0, 1}, {-1, 1}, {10, 1}};
  EXPECT_EQ(discs(chart_svg(chart)).size(), 1);
}

TEST(Chart, SaysThatThereIsNoPoint) {
  Chart chart = with_points({{std::nan(""), 1}});
  EXPECT_THAT(words(chart_svg(chart)), ElementsAre("A title", "x", "y", "No point to draw"));
  EXPECT_TRUE(chart_png(chart).ok());
  EXPECT_TRUE(chart_png({}).ok());
}

TEST(Chart, BearsAnyFiniteValues) {
  const std::vector<std::vector<ChartPoint>> cases = {{{1e300, -1e300}, {-1e300, 1e300}},
                                                      {{1.7e308, 1}},
                                                      {{5e-324, 5e-324}},
                                                      {{7, 7}},
                                                      {{1e9, 1}, {1e9 + 1, 1}},
                                                      {{1, 1e-8}, {2, 1.0000001e-8}},
                                                      {{1e-300, 1e300}, {1e300, 1e-300}},
                                                      {{1, 2, 1e308}}};
  for (const auto& points : cases)
    for (const bool log : {false, true}) {
      Chart chart = with_points(points);
      chart.log_x = chart.log_y = log;
      const std::string svg = chart_svg(chart);
      EXPECT_THAT(svg, AllOf(Not(HasSubstr("nan")), Not(HasSubstr("inf")))) << points[0].x;
      for (const Found& disc : discs(svg))
        EXPECT_TRUE(disc.x >= 0 && disc.x <= 1200 && disc.y >= 0 && disc.y <= 750) << points[0].x;
      EXPECT_TRUE(chart_png(chart).ok());
    }
}

// Each start tag has its end, nested well, and text has no bare `<` or `&`.
void expect_well_formed(const std::string& svg) {
  const std::regex token(R"re(<(/?)([a-z]+)((?: [a-zA-Z-]+="[^"<]*")*)(/?)>|[^<]+|<)re");
  std::vector<std::string> open;
  for (auto it = std::sregex_iterator(svg.begin(), svg.end(), token); it != std::sregex_iterator();
       ++it) {
    const std::smatch& match = *it;
    ASSERT_NE(match.str(), "<") << svg.substr(match.position(), 80);
    if (!match[2].matched || match[4].length() > 0) continue;
    if (match[1].length() == 0) {
      open.push_back(match[2]);
    } else {
      ASSERT_FALSE(open.empty());
      ASSERT_EQ(open.back(), match[2].str());
      open.pop_back();
    }
  }
  EXPECT_TRUE(open.empty());
  EXPECT_FALSE(std::regex_search(svg, std::regex("&(?!lt;|gt;|amp;|quot;)")));
}

TEST(Chart, EscapesTextsAndKeepsThemReadable) {
  Chart chart = with_points({{1, 2, 0, "<b>&\"label\""}});
  chart.title = "a < b & \"c\"\n\x01\xff";
  chart.x_label = "</text><script>";
  chart.lines = {{2, "<line>"}};
  chart.series.push_back({"<name>", {{2, 3}}});
  const std::string svg = chart_svg(chart);
  expect_well_formed(svg);
  EXPECT_THAT(svg, Not(HasSubstr("<script")));
  EXPECT_THAT(words(svg),
              testing::IsSupersetOf({"a &lt; b &amp; &quot;c&quot;  \xef\xbf\xbd",
                                     "&lt;/text&gt;&lt;script&gt;", "&lt;line&gt;", "&lt;name&gt;",
                                     "&lt;b&gt;&amp;&quot;label&quot;"}));
}

TEST(Chart, IsTheSameEachTime) {
  const Chart chart = with_points({{1, 2, 1, "a"}, {2, 3, 0, "b"}});
  EXPECT_EQ(chart_svg(chart), chart_svg(chart));
  EXPECT_EQ(*chart_png(chart), *chart_png(chart));
}

TEST(Chart, ShortensWhatDoesNotFit) {
  Chart chart = with_points({{1, 2, 0, std::string(500, 'm')}});
  chart.title = chart.x_label = std::string(500, 'm');
  for (int i = 0; i < 60; ++i) chart.series.push_back({"series " + std::to_string(i), {{1, 2}}});
  const std::string svg = chart_svg(chart);
  EXPECT_EQ(count_of(svg, "…</text>"), 3);
  EXPECT_THAT(words(svg), testing::Contains(testing::MatchesRegex("and [0-9]+ more")));
  int64_t rest = 0;
  for (const Found& text : texts(svg)) {
    if (text.text.starts_with("and ")) rest = std::stoi(text.text.substr(4));
    if (text.text.starts_with("series ")) {
      EXPECT_LT(text.y, 260);
    }
  }
  EXPECT_EQ(std::ranges::count_if(
                words(svg), [](const std::string& word) { return word.starts_with("series "); }) +
                rest,
            60);
}

// As many methods as there are, most of them in two crowds, as methods of like bytes are.
Chart crowded() {
  Chart chart = with_points({});
  chart.log_x = true;
  for (int i = 0; i < 35; ++i) {
    const double turn = i * std::numbers::phi, part = turn - std::floor(turn);
    const double centre = i % 3 == 0 ? 7 + 3 * part : i % 3 == 1 ? 8 + 0.3 * part : 9 + 0.2 * part;
    chart.series[0].points.push_back({std::pow(10, centre),
                                      1.5 + 0.2 * part * (i % 5) / (i % 3 + 1), 0.004,
                                      "method_name_" + std::to_string(i)});
  }
  chart.series.push_back({"", {{1e7, 1.8}, {1e8, 1.6}, {1e10, 1.5}}, true});
  return chart;
}

TEST(Chart, KeepsThirtyFiveLabelsApart) {
  std::vector<Found> labels = texts(chart_svg(crowded()));
  std::erase_if(labels, [](const Found& text) { return !text.text.starts_with("method"); });
  ASSERT_EQ(labels.size(), 35);
  int overlaps = 0;
  for (size_t i = 0; i < labels.size(); ++i) {
    const double width = text_width(labels[i].text, 18);
    EXPECT_TRUE(labels[i].x > 60 && labels[i].x + width < 1170) << labels[i].text;
    EXPECT_TRUE(labels[i].y > 60 && labels[i].y < 670) << labels[i].text;
    for (size_t j = 0; j < i; ++j)
      overlaps += labels[i].x < labels[j].x + text_width(labels[j].text, 18) &&
                  labels[j].x < labels[i].x + width && std::abs(labels[i].y - labels[j].y) < 17;
  }
  EXPECT_EQ(overlaps, 0);
}

}  // namespace
}  // namespace causeway
