// SPDX-License-Identifier: Apache-2.0
#include "web/site_curve.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <map>

namespace causeway {
namespace {

// What the page does with changes: a point replaces that of its window.
class Reader {
 public:
  void take(const SiteCurve::Change& change) {
    if (change.whole) points_.clear();
    for (const auto& point : change.points)
      points_[(point.step - 1) / change.window_steps] = {point.step, point.mean};
  }
  std::vector<std::pair<int64_t, double>> points() const {
    std::vector<std::pair<int64_t, double>> list;
    for (const auto& [window, point] : points_) list.push_back(point);
    return list;
  }

 private:
  std::map<int64_t, std::pair<int64_t, double>> points_;
};

std::vector<std::pair<int64_t, double>> points_of(const SiteCurve& curve) {
  Reader reader;
  reader.take(curve.whole());
  return reader.points();
}

TEST(SiteCurve, IsTheMeanOfASitesWorkersAtEachStep) {
  SiteCurve curve(10);
  curve.add(1, 4);
  curve.add(2, 3);
  curve.add(1, 2);
  using Points = std::vector<std::pair<int64_t, double>>;
  EXPECT_EQ(points_of(curve), (Points{{1, 3}, {2, 3}}));
}

TEST(SiteCurve, JoinsNeighboursWhenItIsFull) {
  SiteCurve curve(4);
  for (int64_t step = 1; step <= 5; ++step) curve.add(step, static_cast<double>(step));
  using Points = std::vector<std::pair<int64_t, double>>;
  EXPECT_EQ(points_of(curve), (Points{{2, 1.5}, {4, 3.5}, {5, 5}}));
  EXPECT_EQ(curve.whole().window_steps, 2);
}

TEST(SiteCurve, IsBoundedAndKeepsTheMeanOfAll) {
  SiteCurve curve(100);
  double sum = 0;
  for (int64_t step = 1; step <= 100'000; ++step) {
    curve.add(step, std::sin(static_cast<double>(step)) + 2);
    sum += std::sin(static_cast<double>(step)) + 2;
  }
  const auto whole = curve.whole();
  EXPECT_EQ(whole.window_steps, 1024);
  EXPECT_EQ(whole.points.size(), 98U);
  double back = 0;
  for (const auto& point : whole.points) {
    const int64_t count = point.step == 100'000 ? 100'000 % 1024 : 1024;
    back += point.mean * static_cast<double>(count);
  }
  EXPECT_NEAR(back, sum, 1e-6);
}

TEST(SiteCurve, DoesNotDependOnTheOrder) {
  SiteCurve up(8), down(8);
  for (int64_t step = 1; step <= 64; ++step) up.add(step, static_cast<double>(step % 7));
  for (int64_t step = 64; step >= 1; --step) down.add(step, static_cast<double>(step % 7));
  EXPECT_EQ(points_of(up), points_of(down));
}

TEST(SiteCurve, ChangesAddUpToTheWhole) {
  SiteCurve curve(16);
  Reader reader;
  for (int64_t step = 1; step <= 500; ++step) {
    curve.add(step, std::cos(static_cast<double>(step)));
    if (step % 3 == 0) curve.add(step - 2, 1);
    if (step % 5 == 0) reader.take(curve.take_change());
  }
  reader.take(curve.take_change());
  EXPECT_EQ(reader.points(), points_of(curve));
  EXPECT_TRUE(curve.take_change().points.empty());
}

TEST(SiteCurve, PassesOverWhatIsNoPoint) {
  SiteCurve curve(4);
  curve.add(0, 1);
  curve.add(-5, 1);
  curve.add(1, std::nan(""));
  curve.add(1, std::numeric_limits<double>::infinity());
  EXPECT_TRUE(curve.whole().points.empty());
}

TEST(SiteCurve, TakesAnyStep) {
  SiteCurve curve(2);
  for (const int64_t step : {int64_t{1}, int64_t{1} << 40, std::numeric_limits<int64_t>::max()})
    curve.add(step, 1);
  EXPECT_LE(curve.whole().points.size(), 2U);
}

}  // namespace
}  // namespace causeway
