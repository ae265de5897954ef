// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

#include "record/record.h"
#include "record/report_template.h"
#include "record/test_run.h"

namespace causeway {
namespace {

using testing::HasSubstr;

constexpr std::string_view kBefore = "<script type=\"application/json\" id=\"data\">";

/// The run's JSON as a browser finds it: up to the first end of a script after its start.
nlohmann::json data_of(const std::string& html) {
  const size_t from = html.find(kBefore) + kBefore.size();
  return nlohmann::json::parse(html.substr(from, html.find("</script", from) - from));
}

size_t count_of(std::string_view text, std::string_view part) {
  size_t count = 0;
  for (size_t at = text.find(part); at != std::string_view::npos; at = text.find(part, at + 1))
    ++count;
  return count;
}

class Report : public testing::Test {
 protected:
  const std::string path_ = empty_folder() + "/report.html";
  std::unique_ptr<Listener> report_ = html_report(path_);
};

TEST_F(Report, ShowsTheRun) {
  report_->on_start(small_run());
  report_->on_valid({0, "north", 5.5, 8.0, 100});
  for (int64_t step = 1; step <= 20; ++step) {
    for (int32_t worker : {0, 1}) report_->on_step(small_step(step, worker, 2.5 + worker));
    if (step % 10 == 0) report_->on_round(small_round(step / 10, step));
  }
  RoundReport lost = small_round(3, 20);
  lost.members = {{0, 640}};
  lost.dropped = {{1, "late"}};
  report_->on_round(lost);
  report_->on_notice(Notice::kWarning, "slow");
  report_->on_end(small_summary());
  const auto data = data_of(text_of(path_));
  EXPECT_EQ(data["sites"][1]["loss"].size(), 20);
  EXPECT_EQ(data["sites"][1]["loss"][19], (nlohmann::json{20, 3.5}));
  EXPECT_EQ(data["sites"][0]["valid"][0], (nlohmann::json{0, 8.0}));
  EXPECT_EQ(data["sites"][0]["after"], 2.25);
  EXPECT_EQ(data["sites"][1]["yardstick"], 2.4375);
  EXPECT_EQ(data["sent"].back(), (nlohmann::json{20, 12000.0}));
  EXPECT_EQ(data["rounds"][2]["dropped"][0], (nlohmann::json{1, "late"}));
  EXPECT_EQ(data["rounds_total"], 3);
  EXPECT_EQ(data["drops"], 1);
  // Two members twice and one member once, 2,000 bytes each, against 4,000 in every round.
  EXPECT_EQ(data["fired"][0]["predicted_bytes"], 10'000);
  EXPECT_EQ(data["fired"][0]["measured_bytes"], 12'000);
  EXPECT_EQ(data["channels"][0]["firings"], 3);
  EXPECT_EQ(data["notices"][0]["step"], 20);
  EXPECT_EQ(data["weights"], "xxh3:0123456789abcdef0123456789abcdef");
}

TEST_F(Report, TextFromOutsideStaysText) {
  const std::string hostile = "</script><script>alert(1)</script><!-- {{data}} \xff & \" '";
  RunInfo info = small_run();
  info.name = info.recipe_toml = info.sites[0].name = info.channels[0].name = hostile;
  RunSummary summary = small_summary();
  summary.sample = hostile;
  report_->on_start(info);
  report_->on_notice(Notice::kError, hostile);
  RoundReport round = small_round(1, 10);
  round.dropped = {{1, hostile}};
  report_->on_round(round);
  report_->on_end(summary);
  const std::string html = text_of(path_);
  for (const char* tag : {"<script", "</script", "<!--"})
    EXPECT_EQ(count_of(html, tag), count_of(kReportTemplate, tag)) << tag;
  EXPECT_EQ(data_of(html)["sample"],
            "</script><script>alert(1)</script><!-- {{data}} \xef\xbf\xbd & \" '");
}

TEST_F(Report, StaysSmallForALongRun) {
  RunInfo info = small_run();
  info.steps = 30'000;
  report_->on_start(info);
  for (int64_t step = 1; step <= info.steps; ++step) {
    report_->on_step(small_step(step, 0));
    RoundReport round = small_round(step, step);
    if (step == 7777) round.dropped = {{1, "late"}};
    report_->on_round(round);
  }
  report_->on_end(small_summary());
  const auto data = data_of(text_of(path_));
  EXPECT_LE(data["sites"][0]["loss"].size(), 2000);
  EXPECT_LE(data["sent"].size(), 2000);
  EXPECT_LE(data["rounds"].size(), 2000);
  EXPECT_GE(data["rounds"].size(), 900);
  EXPECT_EQ(data["rounds_total"], 30'000);
  const auto with_drop = [](const auto& round) { return round["dropped_count"] > 0; };
  EXPECT_EQ(std::count_if(data["rounds"].begin(), data["rounds"].end(), with_drop), 1);
}

TEST_F(Report, RoundsWithDropsAreBoundedToo) {
  report_->on_start(small_run());
  for (int64_t round = 1; round <= 9000; ++round) {
    RoundReport lost = small_round(round, round);
    lost.dropped.assign(100, {1, "late"});
    report_->on_round(lost);
  }
  report_->on_end(small_summary());
  const auto data = data_of(text_of(path_));
  EXPECT_LE(data["rounds"].size(), 2000);
  EXPECT_EQ(data["rounds"][0]["dropped"].size(), 32);
  EXPECT_EQ(data["rounds"][0]["dropped_count"], 100);
}

TEST_F(Report, FullDiskLeavesAnEarlierReportAlone) {
  std::ofstream(path_) << "earlier";
  const LogCatcher log;
  report_->on_start(small_run());
  {
    const FullDisk full(100);
    report_->on_end(small_summary());
  }
  EXPECT_EQ(text_of(path_), "earlier");
  EXPECT_EQ(log.lines(), 1) << log.text();
  EXPECT_THAT(log.text(), HasSubstr("cannot write"));
}

}  // namespace
}  // namespace causeway
