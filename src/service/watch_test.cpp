// SPDX-License-Identifier: Apache-2.0
#include "service/watch.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "recipe/test_recipe.h"

namespace causeway {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

const BlobId kBlob{0, {1, 2}};

class WatchOfARun : public ::testing::Test {
 protected:
  WatchOfARun()
      : recipe_(tiny_recipe({}, ::testing::TempDir())),
        plan_(*bind_plan(recipe_, true)),
        schedule_(*plan_, recipe_.run.steps),
        watch_(recipe_, schedule_, 4) {}

  std::vector<std::string> texts() {
    std::vector<std::string> out;
    for (const EventView& event : watch_.take_news().events) out.push_back(event.text);
    return out;
  }

  const Recipe recipe_;
  const std::unique_ptr<BoundPlan> plan_;
  const RoundSchedule schedule_;
  Watch watch_;
};

TEST_F(WatchOfARun, GivesNewsOnceWithTheRoundThatTheyAreOf) {
  watch_.noted(100, 1, "connected");
  watch_.decided(200, Opened{5});
  watch_.decided(300, Closed{5, 0, {{0, 7, {}}}, {{1, "no word for 4 s"}}});
  watch_.decided(450, Committed{5, {{}, 900}, {}});
  watch_.noted(500, 2, "connected");
  const HubNews news = watch_.take_news();
  ASSERT_THAT(news.events, SizeIs(3));
  EXPECT_EQ(news.events[0].round, 4);  // of the hub's life before
  EXPECT_EQ(news.events[1].round, 5);
  EXPECT_EQ(news.events[1].text, "not in round 5: no word for 4 s");
  EXPECT_EQ(news.events[2].round, 5);
  ASSERT_THAT(news.rounds, SizeIs(1));
  const RoundView& round = news.rounds[0];
  EXPECT_EQ(round.round, 5);
  EXPECT_EQ(round.status, RoundStatus::kCommitted);
  EXPECT_THAT(round.members, ElementsAre(0));
  EXPECT_THAT(round.absent, ElementsAre(std::pair(1, std::string("no word for 4 s"))));
  EXPECT_EQ(round.opened_s, 0.2);
  EXPECT_EQ(round.decided_s, 0.45);
  const HubNews after = watch_.take_news();
  EXPECT_THAT(after.events, IsEmpty());
  EXPECT_THAT(after.rounds, IsEmpty());
}

TEST_F(WatchOfARun, CountsWhatItLeavesOut) {
  for (int i = 0; i < 2'000; ++i) watch_.noted(i, 1, "connected");
  const HubNews news = watch_.take_news();
  EXPECT_EQ(std::ssize(news.events) + news.left_out, 2'000);
  EXPECT_GT(news.left_out, 0);
  EXPECT_EQ(watch_.take_news().left_out, 0);
}

TEST_F(WatchOfARun, TellsOnceThatTheDiskFailsAndOnceThatItWorksAgain) {
  const StoreFailed full{kBlob, {Fault::kIo, "No space left on device"}};
  watch_.stored(1'000, full);
  EXPECT_THAT(texts(), ElementsAre(HasSubstr("No space left on device")));
  watch_.stored(1'500, full);
  watch_.stored(1'600, Stored{kBlob, 10});  // a small file went
  watch_.stored(2'000, full);
  EXPECT_THAT(texts(), IsEmpty());
  watch_.stored(2'500, Logged{});
  EXPECT_THAT(texts(), IsEmpty());
  watch_.stored(4'500, Stored{kBlob, 10});
  EXPECT_THAT(texts(), ElementsAre("the disk works again"));
  watch_.stored(4'600, Stored{kBlob, 10});
  EXPECT_THAT(texts(), IsEmpty());
  watch_.stored(5'000, full);
  EXPECT_THAT(texts(), SizeIs(1));
}

TEST_F(WatchOfARun, TellsOfAFoldThatHasNoRoom) {
  Folded folded;
  folded.trouble = Error{Fault::kRefused, "the spool is full"};
  watch_.stored(1'000, folded);
  EXPECT_THAT(texts(), ElementsAre(HasSubstr("the spool is full")));
  folded.trouble = Error{Fault::kTooFew, "no offer"};  // which is told as an abort
  watch_.stored(9'000, folded);
  EXPECT_THAT(texts(), IsEmpty());
}

}  // namespace
}  // namespace causeway
