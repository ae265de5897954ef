// SPDX-License-Identifier: Apache-2.0
#include "lab/report.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "data/test_files.h"

namespace causeway {
namespace {

using testing::HasSubstr;
using testing::Not;

Report small_report() {
  Report out;
  out.name = "small";
  out.question = "Is a < b?";
  out.setting = {"Two & a half."};
  out.tables = {{"A table", {"method", "loss"}, {{"a|b", "1.0"}, {"<c>", "2.0"}}}};
  out.relations = {{"a is less", "paper", "-1 nats", Verdict::kSeen},
                   {"b is less", "paper", "+1 nats", Verdict::kNotSeen}};
  Chart chart;
  chart.title = "Chart";
  chart.series = {{"", {{1, 2, 0, "one"}, {2, 3, 0.5, ""}}, false}};
  out.charts = {{"small-chart", chart}};
  out.trainings_json = R"([{"nats": 1.5}])";
  out.more_json = {{"advice", R"({"x": 1})"}};
  return out;
}

TEST(Report, IsWrittenInEveryForm) {
  const std::string folder = test_folder();
  const auto written = write_report(small_report(), folder);
  ASSERT_TRUE(written.ok()) << written.error().message;
  const auto json = nlohmann::json::parse(read_text(folder + "/results.json"));
  EXPECT_EQ(json["name"], "small");
  EXPECT_EQ(json["tables"][0]["rows"][1][0], "<c>");
  EXPECT_EQ(json["relations"][1]["verdict"], "not seen");
  EXPECT_EQ(json["trainings"][0]["nats"], 1.5);
  EXPECT_EQ(json["advice"]["x"], 1);
  EXPECT_EQ(json["charts"][0], "small-chart.png");
  EXPECT_EQ(read_text(folder + "/small-chart.png").substr(1, 3), "PNG");
}

TEST(Report, KeepsMarkdownsColumns) {
  const std::string text = report_markdown(small_report());
  EXPECT_THAT(text, HasSubstr("| a\\|b | 1.0 |\n"));
  EXPECT_THAT(text, HasSubstr("| b is less | paper | +1 nats | not seen |\n"));
  EXPECT_THAT(text, HasSubstr("![Chart](small-chart.png)"));
}

TEST(Report, EscapesItsPage) {
  const std::string page = report_html(small_report());
  EXPECT_THAT(page, HasSubstr("Is a &lt; b?"));
  EXPECT_THAT(page, HasSubstr("Two &amp; a half."));
  EXPECT_THAT(page, HasSubstr("&lt;c&gt;"));
  EXPECT_THAT(page, Not(HasSubstr("<c>")));
  EXPECT_THAT(page, HasSubstr("class=\"not\">not seen"));
  EXPECT_THAT(page, HasSubstr("<svg"));
}

TEST(Report, TellsAFolderThatCannotBeWritten) {
  EXPECT_EQ(write_report(small_report(), test_folder() + "/none").error().fault, Fault::kIo);
}

}  // namespace
}  // namespace causeway
