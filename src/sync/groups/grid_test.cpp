// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "sync/toy_port.h"

namespace causeway {
namespace {

using testing::ElementsAre;

TEST(GridGroup, MeetsAlongOneAxisAStage) {
  const ToyGroup group("grid", "side = 2\ndimensions = 3", std::vector<double>(8, 1.0));
  EXPECT_THAT(
      group.group->parts(group.at(5, 0)),
      ElementsAre(ElementsAre(0, 4), ElementsAre(1, 5), ElementsAre(2, 6), ElementsAre(3, 7)));
  EXPECT_THAT(
      group.group->parts(group.at(5, 1)),
      ElementsAre(ElementsAre(0, 2), ElementsAre(1, 3), ElementsAre(4, 6), ElementsAre(5, 7)));
  EXPECT_THAT(
      group.group->parts(group.at(5, 2)),
      ElementsAre(ElementsAre(0, 1), ElementsAre(2, 3), ElementsAre(4, 5), ElementsAre(6, 7)));
}

TEST(GridGroup, LeavesPlacesEmptyWhereWorkersAreFewer) {
  const ToyGroup group("grid", "side = 3\ndimensions = 2", std::vector<double>(5, 1.0));
  EXPECT_THAT(group.group->parts(group.at(1, 0)),
              ElementsAre(ElementsAre(0, 3), ElementsAre(1, 4), ElementsAre(2)));
  EXPECT_THAT(group.group->parts(group.at(1, 1)),
              ElementsAre(ElementsAre(0, 1, 2), ElementsAre(3, 4)));
  EXPECT_THAT(group.group->members(group.at(1, 0)), ElementsAre(0, 1, 2, 3, 4));
}

TEST(GridGroup, TakesTurnsFromFiringToFiring) {
  const ToyGroup group("grid", "side = 2\nturns = true", std::vector<double>(4, 1.0), 3);
  for (const int64_t step : {3, 9, 15})
    EXPECT_THAT(group.group->parts(group.at(step)),
                ElementsAre(ElementsAre(0, 2), ElementsAre(1, 3)));
  for (const int64_t step : {6, 12})
    EXPECT_THAT(group.group->parts(group.at(step)),
                ElementsAre(ElementsAre(0, 1), ElementsAre(2, 3)));
}

TEST(GridGroup, RefusesAGridTooLarge) {
  Mistakes mistakes;
  const Plugin grid{"grid", parse_toml("side = 60000\ndimensions = 16", "test", mistakes)};
  make_plugin(groups(), "group", grid, mistakes);
  EXPECT_THAT(mistakes.text(), testing::HasSubstr("the grid has more than 1048576 places"));
}

}  // namespace
}  // namespace causeway
