// SPDX-License-Identifier: Apache-2.0
#include "lab/chart_axis.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

namespace causeway {
namespace {

using testing::ElementsAre;

std::vector<std::string> names(const Axis& axis) {
  std::vector<std::string> out;
  for (const Tick& tick : axis.ticks)
    if (!tick.text.empty()) out.push_back(tick.text);
  return out;
}

TEST(ChartAxis, StepsByRoundNumbers) {
  EXPECT_THAT(names(axis_of(0, 10, false, 6)), ElementsAre("0", "2", "4", "6", "8", "10"));
  EXPECT_THAT(names(axis_of(-1, 1, false, 5)), ElementsAre("-1.0", "-0.5", "0.0", "0.5", "1.0"));
  EXPECT_THAT(names(axis_of(1.5, 1.58, false, 5)),
              ElementsAre("1.50", "1.52", "1.54", "1.56", "1.58"));
  EXPECT_THAT(names(axis_of(0, 1, false, 4)), ElementsAre("0.00", "0.25", "0.50", "0.75", "1.00"));
}

TEST(ChartAxis, WritesLargeAndSmallNumbersAsPowers) {
  EXPECT_THAT(names(axis_of(0, 2e9, false, 5)),
              ElementsAre("0", "5×10⁸", "10⁹", "1.5×10⁹", "2×10⁹"));
  EXPECT_THAT(names(axis_of(-2e-7, 0, false, 3)), ElementsAre("-2×10⁻⁷", "-10⁻⁷", "0"));
}

TEST(ChartAxis, NamesDecades) {
  EXPECT_THAT(names(axis_of(1e6, 1e10, true, 8)), ElementsAre("10⁶", "10⁷", "10⁸", "10⁹", "10¹⁰"));
  EXPECT_THAT(names(axis_of(0.01, 100, true, 6)), ElementsAre("0.01", "0.1", "1", "10", "100"));
  // Every third of many.
  EXPECT_THAT(names(axis_of(1e-9, 1e9, true, 7)),
              ElementsAre("10⁻⁹", "10⁻⁶", "10⁻³", "10⁰", "10³", "10⁶", "10⁹"));
}

TEST(ChartAxis, NamesTwosAndFivesWhereDecadesAreFew) {
  EXPECT_THAT(names(axis_of(8, 512, true, 8)), ElementsAre("10", "20", "50", "100", "200", "500"));
  EXPECT_THAT(names(axis_of(2e6, 1e7, true, 8)), ElementsAre("2×10⁶", "5×10⁶", "10⁷"));
}

TEST(ChartAxis, StepsEvenlyInsideOneDecade) {
  EXPECT_THAT(names(axis_of(3.1, 3.9, true, 5)), ElementsAre("3.2", "3.4", "3.6", "3.8"));
}

TEST(ChartAxis, HasPlaceForOneValueAlone) {
  for (const bool log : {false, true}) {
    const Axis axis = axis_of(5, 5, log, 6);
    EXPECT_NEAR(axis.part(5), 0.5, 1e-9);
    EXPECT_GE(names(axis).size(), 3);
  }
  EXPECT_NEAR(axis_of(-3, -3, false, 6).part(-3), 0.5, 1e-9);
}

TEST(ChartAxis, ShowsNothingBelowZeroWhereNothingIs) {
  EXPECT_EQ(axis_of(0, 10, false, 6).low, 0);
  EXPECT_LT(axis_of(-1, 10, false, 6).low, -1);
}

TEST(ChartAxis, KeepsTicksBetweenItsEnds) {
  for (const double low : {1e-12, 0.3, 7.0, 1e5, 3e250})
    for (const double ratio : {1.0, 1.001, 1.7, 30.0, 1e9})
      for (const bool log : {false, true}) {
        const Axis axis = axis_of(low, low * ratio, log, 7);
        EXPECT_GE(names(axis).size(), 2) << low << " " << ratio << " " << log;
        EXPECT_LE(names(axis).size(), 12) << low << " " << ratio << " " << log;
        for (const Tick& tick : axis.ticks) {
          EXPECT_GE(axis.part(tick.value), -1e-6);
          EXPECT_LE(axis.part(tick.value), 1 + 1e-6);
        }
      }
}

}  // namespace
}  // namespace causeway
