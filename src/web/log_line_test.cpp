// SPDX-License-Identifier: Apache-2.0
#include "web/log_line.h"

#include <gtest/gtest.h>

#include <limits>
#include <nlohmann/json.hpp>

#include "web/test_view.h"

namespace causeway {
namespace {

using nlohmann::json;

constexpr int64_t kAtMs = 1'795'874'587'125;  // date -u -d @1795874587.125 -Ins
const LogLine kLine{"four-coasts", 7, 2, kAtMs, "joined (epoch 3)"};

TEST(LogLine, SaysTimesAsEverybodyReadsThem) {
  EXPECT_EQ(iso_time(kAtMs), "2026-11-28T14:03:07.125Z");
  EXPECT_EQ(iso_time(0), "1970-01-01T00:00:00.000Z");
  EXPECT_EQ(iso_time(-1), "1969-12-31T23:59:59.999Z");
  EXPECT_EQ(iso_time(951'782'399'999), "2000-02-28T23:59:59.999Z");
  EXPECT_EQ(iso_time(951'782'400'000), "2000-02-29T00:00:00.000Z");
  EXPECT_EQ(iso_time(std::numeric_limits<int64_t>::max()), "9999-12-31T23:59:59.999Z");
  EXPECT_EQ(iso_time(std::numeric_limits<int64_t>::min()), "0000-01-01T00:00:00.000Z");
}

TEST(LogLine, HasRunRoundWorkerTimeAndText) {
  EXPECT_EQ(json_of(kLine),
            R"({"run":"four-coasts","round":7,"worker":2,"at":"2026-11-28T14:03:07.125Z",)"
            R"x("text":"joined (epoch 3)"})x");
}

TEST(LogLine, IsOneLineOfJsonWhateverTextsHave) {
  LogLine line = kLine;
  line.text = "a \"quote\"\nanother line\x1b[2J \xff";
  const std::string said = json_of(line);
  EXPECT_EQ(said.find('\n'), std::string::npos);
  EXPECT_EQ(json::parse(said)["text"], "a \"quote\"\nanother line\x1b[2J \uFFFD");
}

TEST(LogLine, HasAStepsFigures) {
  const json got = json::parse(json_of(kLine, StepOfLine{12, 2.5, 4096}));
  EXPECT_EQ(got["step"], 12);
  EXPECT_EQ(got["loss"], 2.5);
  EXPECT_EQ(got["tokens"], 4096);
  EXPECT_EQ(got["worker"], 2);
  constexpr double kNone = std::numeric_limits<double>::quiet_NaN();
  EXPECT_TRUE(json::parse(json_of(kLine, StepOfLine{12, kNone, 0}))["loss"].is_null());
}

TEST(LogLine, HasWhatARunEndedWith) {
  const json got = json::parse(json_of(kLine, EndOfLine{"0f3c", "runs/x/model"}));
  EXPECT_EQ(got["weights"], "0f3c");
  EXPECT_EQ(got["model"], "runs/x/model");
  EXPECT_FALSE(json::parse(json_of(kLine, EndOfLine{"0f3c", {}})).contains("model"));
}

TEST(LogLine, HasWhoCountedInARoundAndWhoDidNot) {
  const HubView view = testing::example_view();
  const LogLine line{"four-coasts", 0, -1, kAtMs, {}};
  const json committed = json::parse(json_of(line, view.recent[0]));
  EXPECT_EQ(committed["round"], 1);
  EXPECT_EQ(committed["worker"], -1);
  EXPECT_EQ(committed["result"], "committed");
  EXPECT_EQ(committed["step"], 16);
  EXPECT_EQ(committed["members"], json({0, 3}));
  EXPECT_EQ(committed["absent"], json::array());
  EXPECT_EQ(committed["seconds"], 13.0);
  EXPECT_EQ(committed["up_bytes"], 900);
  EXPECT_EQ(committed["result_bytes"], 450);
  EXPECT_EQ(committed["text"], "round 1 committed: 2 members, 13 s");
  const json aborted = json::parse(json_of(line, view.recent[1]));
  EXPECT_EQ(aborted["result"], "aborted");
  EXPECT_EQ(aborted["absent"], json::array({{{"worker", 3}, {"reason", "no heartbeat for 30 s"}}}));
}

TEST(LogLine, SaysThatItDoesNotKnowHowLongARoundTookThatAnEarlierHubOpened) {
  RoundView round = testing::example_view().recent[0];
  round.opened_s = -1;
  const json got = json::parse(json_of(LogLine{"four-coasts", 0, -1, kAtMs, {}}, round));
  EXPECT_TRUE(got["seconds"].is_null());
  EXPECT_EQ(got["text"], "round 1 committed: 2 members");
}

}  // namespace
}  // namespace causeway
