// SPDX-License-Identifier: Apache-2.0
//
// Who follows has, after each frame, what one who comes later gets at once. Frames are parsed here,
// and patches applied by nlohmann.
#include "web/live_run.h"

#include <gtest/gtest.h>

#include "web/test_view.h"

namespace causeway {
namespace {

using nlohmann::json;
using testing::example_view;

json data_of(const std::string& frame, const std::string& event) {
  const std::string head = "event: " + event + "\ndata: ";
  EXPECT_TRUE(frame.starts_with(head) && frame.ends_with("\n\n")) << frame;
  const std::string data = frame.substr(head.size(), frame.size() - head.size() - 2);
  EXPECT_EQ(data.find_first_of("\r\n"), std::string::npos);
  return json::parse(data);
}

TEST(LiveRun, HasNothingAtFirst) {
  const LiveRun run(10);
  int64_t number = 0;
  EXPECT_FALSE(run.last().has_value());
  EXPECT_EQ(data_of(*run.follow(number), "start")["state"], json::object());
}

TEST(LiveRun, ChangesAddUpToWhatALaterListenerGets) {
  LiveRun run(100);
  int64_t number = 0;
  json state = data_of(*run.follow(number), "start")["state"];
  HubView view = example_view();
  for (int i = 0; i < 50; ++i) {
    view.now_s += 0.5;
    view.members[0].step += i % 3;
    view.members[1].reason = i % 4 == 0 ? "line\nbreak\r\x1b\xff" : "";
    view.recent[1].round = 2 + i;
    view.events.push_back({view.now_s, 0, "event"});
    run.show(view);
    Broadcast::Frame frame;
    ASSERT_EQ(run.broadcast().wait(number, std::chrono::milliseconds(0), frame),
              Broadcast::Got::kFrame);
    state.merge_patch(data_of(*frame, "change")["patch"]);
    int64_t later = 0;
    EXPECT_EQ(state, data_of(*run.follow(later), "start")["state"]);
    EXPECT_EQ(later, number);
  }
  EXPECT_EQ(run.last()->now_s, view.now_s);
  EXPECT_EQ(state["rounds"].size(), 51U);
}

TEST(LiveRun, AChangeIsSmall) {
  LiveRun run(2000);
  HubView view = example_view();
  for (int32_t worker = 4; worker < 200; ++worker) view.members.push_back({.worker = worker});
  run.show(view);
  int64_t number = 0;
  const size_t whole = run.follow(number)->size();
  view.now_s += 0.25;
  view.members[0].step += 1;
  run.show(view);
  Broadcast::Frame frame;
  ASSERT_EQ(run.broadcast().wait(number, std::chrono::milliseconds(0), frame),
            Broadcast::Got::kFrame);
  EXPECT_LT(100 * frame->size(), whole);
}

}  // namespace
}  // namespace causeway
