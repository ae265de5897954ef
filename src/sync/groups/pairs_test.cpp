// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "sync/toy_port.h"

namespace causeway {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::SizeIs;

TEST(PairsGroup, DrawsGroupsThatHoldEverybodyOnce) {
  for (const int32_t workers : {1, 2, 5, 8, 9})
    for (const int64_t size : {1, 2, 3}) {
      const ToyGroup group("pairs", fmt::format("size = {}", size),
                           std::vector<double>(static_cast<size_t>(workers), 1.0));
      for (int64_t step = 1; step <= 20; ++step) {
        std::set<int32_t> seen;
        for (const auto& part : group.group->parts(group.at(step))) {
          EXPECT_TRUE(std::ranges::is_sorted(part));
          // The last takes what is left over.
          EXPECT_TRUE(std::ssize(part) >= std::min<int64_t>(size, workers));
          EXPECT_LT(std::ssize(part), 2 * size + 1);
          seen.insert(part.begin(), part.end());
        }
        EXPECT_THAT(seen, SizeIs(workers));
        EXPECT_THAT(group.group->members(group.at(step)), SizeIs(workers));
      }
    }
}

TEST(PairsGroup, DrawsAnewForEachRoundAndSeed) {
  const std::vector<double> speeds(8, 1.0);
  const ToyGroup group("pairs", "", speeds), again("pairs", "", speeds);
  std::set<std::vector<std::vector<int32_t>>> seen;
  for (int64_t step = 1; step <= 20; ++step) {
    EXPECT_EQ(group.group->parts(group.at(step)), again.group->parts(again.at(step)));
    auto parts = group.group->parts(group.at(step));
    std::ranges::sort(parts);
    seen.insert(parts);
  }
  EXPECT_GT(seen.size(), 12U);  // of 105
  const ToyGroup other("pairs", "", speeds, 1, 2);
  EXPECT_NE(group.group->parts(group.at(1)), other.group->parts(other.at(1)));
}

TEST(PairsGroup, TakesListedGroupsInTurn) {
  const ToyGroup group("pairs", "rounds = [[[2, 0], [1, 3]], [[0, 1, 2]]]",
                       std::vector<double>(4, 1.0), 5);
  for (const int64_t step : {5, 15})
    EXPECT_THAT(group.group->parts(group.at(step)),
                ElementsAre(ElementsAre(0, 2), ElementsAre(1, 3)));
  // Who is in no group is alone.
  EXPECT_THAT(group.group->parts(group.at(10)), ElementsAre(ElementsAre(0, 1, 2), ElementsAre(3)));
}

TEST(PairsGroup, LeavesOutListedWorkersThatAreNotThereOrTwice) {
  const ToyGroup group("pairs", "rounds = [[[0, 7], [0, 1]]]", {1, 1});
  EXPECT_THAT(group.group->parts(group.at(1)), ElementsAre(ElementsAre(0), ElementsAre(1)));
}

TEST(PairsGroup, RefusesRoundsThatAreNoGroups) {
  for (const char* rounds : {"[3]", "[[]]", "[[[]]]", "[[[-1]]]", "[[['a']]]"}) {
    Mistakes mistakes;
    const Plugin pairs{"pairs", parse_toml(std::string("rounds = ") + rounds, "test", mistakes)};
    make_plugin(groups(), "group", pairs, mistakes);
    EXPECT_THAT(mistakes.text(), HasSubstr("wanted: groups of workers")) << rounds;
  }
}

}  // namespace
}  // namespace causeway
