// SPDX-License-Identifier: Apache-2.0
#include "lab/methods.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "core/check.h"
#include "record/words.h"
#include "sync/preset.h"

namespace causeway {
namespace {

constexpr const char* kLossLabel = "nats per byte of text";

ChartPoint point_of(const ArmResult& result, double x) {
  const Interval loss = result.loss();
  return {x, loss.mean, std::isfinite(loss.half) ? loss.half : 0, ""};
}

}  // namespace

std::vector<std::string> method_names() {
  std::vector<std::string> out;
  for (const Entry<Preset>* entry : presets())
    if (entry->name != "none") out.emplace_back(entry->name);
  return out;
}

Arm variant_arm(const std::string& series, const std::string& preset, int64_t period,
                std::vector<std::string> set, Text text) {
  std::vector<std::string> all{"sync.preset=" + preset};
  if (has_option(preset, "period")) all.push_back(fmt::format("sync.period={}", period));
  all.insert(all.end(), set.begin(), set.end());
  return {.series = series, .text = text, .set = std::move(all)};
}

Arm method_arm(const std::string& preset, int64_t period, Text text) {
  return variant_arm(preset, preset, period, {}, text);
}

const ArmResult& result_of(const std::vector<ArmResult>& results, const std::string& series,
                           Text text) {
  const auto at = std::ranges::find_if(results, [&](const ArmResult& one) {
    return one.arm.series == series && one.arm.text == text;
  });
  CW_CHECK(at != results.end(), "`{}` was not trained", series);
  return *at;
}

const ArmResult& result_at(const std::vector<ArmResult>& results, const std::string& series,
                           double x, Text text) {
  const auto at = std::ranges::find_if(results, [&](const ArmResult& one) {
    return one.arm.series == series && one.arm.x == x && one.arm.text == text;
  });
  CW_CHECK(at != results.end(), "`{}` was not trained at {}", series, x);
  return *at;
}

Chart chart_of_series(const std::vector<ArmResult>& results, const std::vector<std::string>& names,
                      const std::string& title, const std::string& x_label) {
  Chart out;
  out.title = title;
  out.x_label = x_label;
  out.y_label = kLossLabel;
  out.log_x = true;
  for (const std::string& name : names) {
    ChartSeries series{name, {}, true};
    for (const ArmResult& one : results)
      if (one.arm.series == name && one.arm.text == Text::kMixed)
        series.points.push_back(point_of(one, one.arm.x));
    std::ranges::sort(series.points, {}, &ChartPoint::x);
    out.series.push_back(std::move(series));
  }
  return out;
}

Chart chart_of_bytes(std::vector<const ArmResult*> rows, const std::string& title) {
  Chart out;
  out.title = title;
  out.x_label = "bytes sent and received by all workers";
  out.y_label = kLossLabel;
  out.log_x = true;
  std::ranges::stable_sort(rows, {}, [](const ArmResult* one) { return one->bytes(); });
  ChartSeries all, front;
  front.joined = true;
  double least = std::numeric_limits<double>::infinity();
  for (const ArmResult* one : rows) {
    all.points.push_back(point_of(*one, one->bytes()));
    all.points.back().label = one->arm.series;
    if (!(one->loss().mean < least)) continue;
    least = one->loss().mean;
    front.points.push_back({one->bytes(), least, 0, ""});
  }
  out.series = {std::move(all), std::move(front)};
  return out;
}

std::string mean_bytes_text(double bytes) { return bytes_text(std::llround(bytes)); }

std::string times_less_text(const ArmResult& result) {
  if (result.bytes() <= 0) return "";
  return fmt::format("{:.3g}x", result.ddp_bytes() / result.bytes());
}

}  // namespace causeway
