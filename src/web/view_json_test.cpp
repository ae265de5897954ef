// SPDX-License-Identifier: Apache-2.0
//
// A view as JSON and back. Independent of the list of fields that both share: nlohmann's parser and
// values spelt out here.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>

#include "web/status_text.h"
#include "web/test_view.h"
#include "web/web_server.h"

namespace causeway {
namespace {

using nlohmann::json;
using testing::example_view;
using ::testing::HasSubstr;

TEST(ViewJson, HasTheViewsValues) {
  const json got = json::parse(json_of(example_view()));
  EXPECT_EQ(got["run"], "four-coasts");
  EXPECT_EQ(got["started_unix_ms"], 1'700'000'000'123);
  EXPECT_EQ(got["seconds_left"], 1800.5);
  EXPECT_EQ(got["finished"], false);
  EXPECT_EQ(got["members"].size(), 2U);
  EXPECT_EQ(got["members"][0]["address"], "10.0.0.1:4711");
  EXPECT_EQ(got["members"][0]["loss"], 3.25);
  EXPECT_EQ(got["members"][1]["status"], "gone");
  EXPECT_EQ(got["members"][1]["strikes"], 2);
  EXPECT_EQ(got["recent"][0]["channels"], json({"parameters", "first"}));
  EXPECT_EQ(got["recent"][0]["arrivals"][1], json({{"worker", 3}, {"at_s", 12.0}}));
  EXPECT_EQ(got["recent"][1]["absent"][0]["reason"], "no heartbeat for 30 s");
  EXPECT_EQ(got["recent"][1]["status"], "aborted");
  EXPECT_EQ(got["events"][2]["worker"], -1);
  EXPECT_FALSE(got.contains("losses"));
}

TEST(ViewJson, SaysNullForWhatIsNotKnown) {
  HubView view = example_view();
  view.seconds_left = -1;
  view.members[0].loss = std::numeric_limits<double>::infinity();
  view.members[0].round_trip_ms = std::nan("");
  const json got = json::parse(json_of(view));
  EXPECT_TRUE(got["seconds_left"].is_null());
  EXPECT_TRUE(got["recent"][1]["closed_s"].is_null());
  EXPECT_TRUE(got["members"][1]["loss"].is_null());
  EXPECT_EQ(got["members"][1]["loss_finite"], true);
  EXPECT_TRUE(got["members"][0]["loss"].is_null());
  EXPECT_EQ(got["members"][0]["loss_finite"], false);
  EXPECT_TRUE(got["members"][0]["round_trip_ms"].is_null());
}

TEST(ViewJson, ComesBackAsItWas) {
  const HubView view = example_view();
  const auto back = view_of(json_of(view));
  ASSERT_TRUE(back.ok()) << back.error().message;
  EXPECT_EQ(json_of(*back), json_of(view));
  EXPECT_EQ(back->members[0].worker, 0);
  EXPECT_EQ(back->members[0].up_bytes_per_s, 1234.5);
  EXPECT_EQ(back->members[1].status, MemberStatus::kGone);
  EXPECT_EQ(back->recent[1].status, RoundStatus::kAborted);
  EXPECT_EQ(back->recent[1].closed_s, -1);
  EXPECT_EQ(back->recent[0].arrivals, view.recent[0].arrivals);
  EXPECT_EQ(back->recent[1].absent, view.recent[1].absent);
  EXPECT_EQ(back->events[1].text, view.events[1].text);
  EXPECT_TRUE(back->losses.empty());
}

TEST(ViewJson, KeepsThatALossIsNotFinite) {
  HubView view = example_view();
  view.members[0].loss = -std::numeric_limits<double>::infinity();
  view.members[1].loss = 0;
  const auto back = view_of(json_of(view));
  ASSERT_TRUE(back.ok());
  EXPECT_FALSE(std::isfinite(back->members[0].loss));
  EXPECT_EQ(back->members[1].loss, 0);
}

TEST(ViewJson, TakesAnyBytesAsText) {
  HubView view;
  view.run = "a\xff\xc0\"\\\n\x1b</script>";
  const json got = json::parse(json_of(view));
  EXPECT_EQ(got["run"], "a\xef\xbf\xbd\xef\xbf\xbd\"\\\n\x1b</script>");
}

TEST(ViewJson, ReadsAnOlderAndANewerHubs) {
  const auto view = view_of(R"({"run": "x", "of_a_newer_hub": [{"deep": 1}], "members": [{}]})");
  ASSERT_TRUE(view.ok()) << view.error().message;
  EXPECT_EQ(view->run, "x");
  EXPECT_EQ(view->seconds_left, -1);
  EXPECT_EQ(view->members.size(), 1U);
  EXPECT_EQ(view->members[0].status, MemberStatus::kExpected);
}

TEST(ViewJson, NamesWhatIsWrong) {
  const std::pair<const char*, const char*> cases[] = {
      {"", "is not JSON"},
      {"<!doctype html>", "is not JSON"},
      {"{\"run\": \"\xff\"}", "is not JSON"},
      {"[]", "want an object"},
      {"{\"run\": 1}", "run: want a text"},
      {"{\"steps\": 1.5}", "steps: want a whole number"},
      {"{\"steps\": 1e300}", "steps: want a whole number"},
      {"{\"steps\": 18446744073709551615}", "steps: want a smaller number"},
      {"{\"finished\": 0}", "finished: want true or false"},
      {"{\"now_s\": \"1\"}", "now_s: want a number"},
      {"{\"members\": {}}", "members: want a list"},
      {"{\"members\": [{}, 7]}", "members[1].: want an object"},
      {"{\"members\": [{\"worker\": 2147483648}]}", "members[0].worker: want a smaller number"},
      {"{\"members\": [{\"worker\": -2147483649}]}", "members[0].worker: want a greater number"},
      {"{\"members\": [{\"status\": \"asleep\"}]}", "members[0].status: want a member's status"},
      {"{\"recent\": [{\"arrivals\": [{\"worker\": []}]}]}",
       "recent[0].arrivals[0].worker: want a whole number"},
      {"{\"recent\": [{\"members\": [0, null]}]}", "recent[0].members[1]: want a whole number"},
  };
  for (const auto& [text, wanted] : cases) {
    const auto view = view_of(text);
    ASSERT_FALSE(view.ok()) << text;
    EXPECT_EQ(view.error().fault, Fault::kCorrupt);
    EXPECT_THAT(view.error().message, HasSubstr(wanted)) << text;
  }
}

TEST(ViewJson, IsBoundedInDepthAndSize) {
  EXPECT_THAT(view_of(std::string(1'000'000, '[')).error().message, HasSubstr("deep"));
  EXPECT_TRUE(view_of("{\"run\": \"[[[[[[[[[[[[[[[[ \\\" [[[[[[[[[[\"}").ok());
  std::string large = "{\"run\": \"" + std::string(kViewBytesMax, 'x') + "\"}";
  EXPECT_THAT(view_of(large).error().message, HasSubstr("bytes"));
}

}  // namespace
}  // namespace causeway
