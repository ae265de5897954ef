// SPDX-License-Identifier: Apache-2.0
#include "web/traffic_curve.h"

#include <gtest/gtest.h>

namespace causeway {
namespace {

HubView at(double now_s, int64_t up, int64_t down = 0) {
  HubView view;
  view.now_s = now_s;
  view.up_bytes = up;
  view.down_bytes = down;
  return view;
}

TEST(TrafficCurve, GivesBytesASecondBetweenPoints) {
  TrafficCurve curve(10);
  curve.add(at(10, 500, 7));
  curve.add(at(12, 1500, 9));
  curve.add(at(13, 1500, 109));
  const auto points = curve.whole().points;
  ASSERT_EQ(points.size(), 3U);
  EXPECT_EQ(points[0].up_bytes_per_s, 0);
  EXPECT_EQ(points[1].up_bytes_per_s, 500);
  EXPECT_EQ(points[1].down_bytes_per_s, 1);
  EXPECT_EQ(points[2].up_bytes_per_s, 0);
  EXPECT_EQ(points[2].down_bytes_per_s, 100);
  EXPECT_EQ(points[2].up_bytes, 1500);
}

TEST(TrafficCurve, TakesAtMostOnePointASecondAtFirst) {
  TrafficCurve curve(10);
  for (int i = 0; i <= 12; ++i) curve.add(at(0.25 * i, i));
  EXPECT_EQ(curve.whole().points.size(), 4U);
}

TEST(TrafficCurve, DropsEverySecondPointWhenItIsFull) {
  TrafficCurve curve(4);
  for (int second = 0; second <= 4; ++second) curve.add(at(second, 10 * second * second));
  const auto points = curve.whole().points;
  ASSERT_EQ(points.size(), 3U);
  EXPECT_EQ(points[1].at_s, 2);
  EXPECT_EQ(points[1].up_bytes_per_s, 20);
  EXPECT_EQ(points[2].at_s, 4);
  EXPECT_EQ(points[2].up_bytes_per_s, 60);
}

TEST(TrafficCurve, IsBoundedAndLosesNoByte) {
  TrafficCurve curve(50);
  int64_t up = 0;
  for (int64_t second = 0; second <= 100'000; ++second)
    curve.add(at(static_cast<double>(second), up += (second * 7919) % 1000));
  const auto points = curve.whole().points;
  EXPECT_LE(points.size(), 50U);
  EXPECT_GT(points.size(), 20U);
  double bytes = static_cast<double>(points.front().up_bytes);
  for (size_t i = 1; i < points.size(); ++i)
    bytes += points[i].up_bytes_per_s * (points[i].at_s - points[i - 1].at_s);
  EXPECT_NEAR(bytes, static_cast<double>(points.back().up_bytes), 1e-3);
  EXPECT_EQ(points.front().at_s, 0);
  EXPECT_GT(points.back().at_s, 100'000 - 2 * 4096);
}

TEST(TrafficCurve, ChangesAddUpToTheWhole) {
  TrafficCurve curve(8);
  std::vector<TrafficCurve::Point> read;
  for (int i = 0; i < 300; ++i) {
    curve.add(at(i, 10 * i));
    if (i % 3 != 0) continue;
    const auto change = curve.take_change();
    if (change.whole) read.clear();
    read.insert(read.end(), change.points.begin(), change.points.end());
    const auto whole = curve.whole().points;
    ASSERT_EQ(read.size(), whole.size()) << i;
    for (size_t p = 0; p < whole.size(); ++p) {
      EXPECT_EQ(read[p].at_s, whole[p].at_s);
      EXPECT_EQ(read[p].up_bytes_per_s, whole[p].up_bytes_per_s);
    }
  }
}

TEST(TrafficCurve, PassesOverTimeThatGoesBack) {
  TrafficCurve curve(8);
  curve.add(at(10, 5));
  curve.add(at(3, 9));
  curve.add(at(12, 1));  // counters never go down; if they did, there is no rate below 0
  const auto points = curve.whole().points;
  ASSERT_EQ(points.size(), 2U);
  EXPECT_EQ(points[1].up_bytes_per_s, 0);
}

}  // namespace
}  // namespace causeway
