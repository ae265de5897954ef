// SPDX-License-Identifier: Apache-2.0
#include "web/view_history.h"

#include <gtest/gtest.h>

namespace causeway {
namespace {

HubView with_members(int count) {
  HubView view;
  for (int32_t worker = 0; worker < count; ++worker)
    view.members.push_back({.worker = worker, .site = worker % 2 == 0 ? "even" : "odd"});
  return view;
}

TEST(ViewHistory, KeepsTheLastStateOfManyRounds) {
  ViewHistory history(10);
  for (int64_t number = 1; number <= 500; ++number) {
    HubView view;
    RoundView before{.round = number - 1}, round{.round = number};
    before.status = RoundStatus::kCommitted;
    view.recent = {before, round};
    history.add(view);
  }
  ASSERT_EQ(history.rounds().size(), ViewHistory::kRoundsMax);
  EXPECT_EQ(history.rounds().begin()->first, 301);
  EXPECT_EQ(history.rounds().at(499).status, RoundStatus::kCommitted);
  EXPECT_EQ(history.rounds().at(500).status, RoundStatus::kOpen);
}

TEST(ViewHistory, JoinsTheEventsOfViewsThatOverlap) {
  ViewHistory history(10);
  std::vector<EventView> all;
  for (int i = 0; i < 1000; ++i) {
    all.push_back({static_cast<double>(i / 3), i % 4, "event " + std::to_string(i % 2)});
    if (i % 5 != 0) continue;
    HubView view;
    view.events.assign(all.size() < 20 ? all.begin() : all.end() - 20, all.end());
    history.add(view);
    history.add(view);
  }
  ASSERT_EQ(history.events().size(), ViewHistory::kEventsMax);
  for (size_t i = 0; i < history.events().size(); ++i) {
    const size_t number = 996 - ViewHistory::kEventsMax + i;  // the last view had 0 ... 995
    EXPECT_EQ(history.events()[i].first, static_cast<int64_t>(number));
    EXPECT_EQ(history.events()[i].second.at_s, all[number].at_s);
    EXPECT_EQ(history.events()[i].second.worker, all[number].worker);
  }
}

TEST(ViewHistory, TakesWhatIsLeftWhereEventsWereLost) {
  ViewHistory history(10);
  HubView view;
  view.events = {{1, 0, "a"}};
  history.add(view);
  view.events = {{0.5, 0, "old"}, {7, 0, "b"}, {8, 0, "c"}};
  history.add(view);
  ASSERT_EQ(history.events().size(), 3U);
  EXPECT_EQ(history.events()[1].second.text, "b");
}

TEST(ViewHistory, PutsLossesToTheirSites) {
  ViewHistory history(10);
  HubView view = with_members(4);
  view.losses = {{0, 1, 2.0}, {2, 1, 4.0}, {1, 1, 7.0}, {99, 1, 100.0}};
  history.add(view);
  ASSERT_EQ(history.sites().size(), 2U);
  EXPECT_EQ(history.sites()[0].name, "even");
  EXPECT_EQ(history.sites()[0].loss.whole().points.at(0).mean, 3);
  EXPECT_EQ(history.sites()[1].loss.whole().points.at(0).mean, 7);
  EXPECT_TRUE(history.take_sites_change());
  history.add(view);
  EXPECT_FALSE(history.take_sites_change());
}

TEST(ViewHistory, HasABoundOnSites) {
  ViewHistory history(10);
  HubView view;
  for (int32_t worker = 0; worker < 1000; ++worker) {
    view.members.push_back({.worker = worker, .site = "site " + std::to_string(worker)});
    view.losses.push_back({worker, 1, 1.0});
  }
  history.add(view);
  EXPECT_EQ(history.sites().size(), ViewHistory::kSitesMax);
}

}  // namespace
}  // namespace causeway
