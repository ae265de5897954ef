// SPDX-License-Identifier: Apache-2.0
#include "web/status_text.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <sstream>

#include "record/words.h"
#include "web/test_view.h"

namespace causeway {
namespace {

using testing::example_view;
using ::testing::HasSubstr;
using ::testing::Not;

TEST(StatusText, SaysTheWholeRun) {
  EXPECT_EQ(status_text(example_view(), 160, false),
            R"(four-coasts  diloco  hub up 1 min 1 s
running  step 32 of 2,000 (2 %)  round 2 of 125  30 min 1 s left
1 rounds committed, 1 aborted
1.5 MB sent, DDP would have sent 600 MB: 400x less

WORKER  SITE    STATUS    STEP    LOSS  TOKENS/S      UP    DOWN    UP NOW  DOWN NOW   TRIP  HEARD  WHY
     0  bergen  training    40  3.2500     26.0k  700 kB  300 kB  1.2 kB/s         -  18 ms  0.2 s
     3  lisboa  gone         0       -         -     0 B     0 B         -         -      -  0.0 s  no heartbeat for 30 s

Rounds
       2  aborted    0 of 1  41 s  1 of 2 offers, the quorum is 2  without 3: no heartbeat for 30 s
       1  committed  2 of 2  13 s

Events
        21 s ago  hub       aborted
        31 s ago  worker 3  gone: no heartbeat for 30 s
   1 min 1 s ago  worker 0  admitted
)");
}

TEST(StatusText, FitsAnyWidth) {
  HubView view = example_view();
  view.run = "a run with a very long name that goes on and on and on and does not end \u6f6e\u6c50";
  view.members[0].site = "\u5927\u962a \u5927\u962a \u5927\u962a \u5927\u962a \u5927\u962a";
  for (int width = 40; width <= 200; ++width) {
    std::istringstream in(status_text(view, width, false));
    for (std::string line; std::getline(in, line);) EXPECT_LE(columns_of(line), width) << line;
  }
  EXPECT_EQ(status_text(view, 7, false), status_text(view, 40, false));
}

TEST(StatusText, LeavesOutColumnsThatDoNotFit) {
  const std::string narrow = status_text(example_view(), 72, false);
  for (const char* kept : {"WORKER", "SITE", "STATUS", "STEP", "LOSS", "WHY"})
    EXPECT_THAT(narrow, HasSubstr(kept));
  for (const char* left : {"UP NOW", "DOWN NOW", "TRIP"}) EXPECT_THAT(narrow, Not(HasSubstr(left)));
}

TEST(StatusText, SaysWhyNothingIsDecided) {
  HubView view = example_view();
  view.halted = "the disk is full";
  EXPECT_THAT(status_text(view, 100, false),
              HasSubstr("halted: nothing is decided any more: the disk is full"));
  view.halted.clear();
  view.finished = true;
  EXPECT_THAT(status_text(view, 100, false), HasSubstr("finished  step 32 of 2,000"));
}

TEST(StatusText, CannotSteerTheTerminal) {
  HubView view = example_view();
  const std::string evil =
      "\x1b]0;title\x07\x1b[2J\r\n\xff\xc2\x9b"
      "31m";
  view.run = view.method = view.halted = evil;
  view.members[1].site = view.members[1].reason = view.events[1].text = evil;
  view.recent[1].reason = evil;
  view.recent[1].absent[0].second = evil;
  const std::string text = status_text(view, 200, false);
  for (const char c : text) EXPECT_TRUE(c == '\n' || (c & 0xe0) != 0) << static_cast<int>(c);
  EXPECT_EQ(std::ranges::count(text, '\n'),
            std::ranges::count(status_text(example_view(), 200, false), '\n'));
  // With colours, the only escapes are ours, and each is switched off again.
  const std::string coloured = status_text(view, 200, true);
  size_t on = 0, off = 0;
  for (size_t at = coloured.find('\x1b'); at != std::string::npos;
       at = coloured.find('\x1b', at + 1))
    ++(coloured.compare(at, 4, "\x1b[0m") == 0 ? off : on);
  EXPECT_GT(on, 5U);
  EXPECT_EQ(on, off);
}

TEST(StatusText, TakesAnyNumbers) {
  HubView view = example_view();
  for (MemberView& member : view.members)
    for (double* value : {&member.loss, &member.tokens_per_s, &member.up_bytes_per_s,
                          &member.heard_s_ago, &member.round_trip_ms})
      *value = std::nan("");
  view.members[0].tokens_per_s = 1e300;
  view.now_s = -HUGE_VAL;
  view.steps = -5;
  view.up_bytes = INT64_MAX;
  view.down_bytes = INT64_MAX;
  EXPECT_THAT(status_text(view, 120, false), HasSubstr("nan"));
  EXPECT_THAT(status_text(HubView{}, 80, true), HasSubstr("running"));
}

}  // namespace
}  // namespace causeway
