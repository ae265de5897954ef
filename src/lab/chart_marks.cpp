// SPDX-License-Identifier: Apache-2.0
#include "lab/chart_marks.h"

#include <algorithm>
#include <array>

namespace causeway {
namespace {

// Okabe and Ito's colours (2008) that show on white and on black pages.
constexpr std::array<int32_t, 6> kColours = {0x0072b2, 0xd55e00, 0x009e73,
                                             0xcc79a7, 0xe69f00, 0x56b4e9};
constexpr std::array<Marker, 5> kMarkers = {Marker::kDisc, Marker::kSquare, Marker::kUp,
                                            Marker::kDiamond, Marker::kDown};
constexpr double kRadius = 6.5;
constexpr double kCap = 6;  // half of an error bar's ends
constexpr double kLineWidth = 2.5;

void draw_marker(Canvas& canvas, const Look& look, const Spot& at) {
  const double r = kRadius, wide = 1.25 * r;
  const auto area = [&](std::initializer_list<Spot> around) {
    std::vector<Spot> corners;
    for (const Spot& spot : around) corners.push_back({at.x + spot.x, at.y + spot.y});
    canvas.area(corners, look.paint);
  };
  switch (look.marker) {
    case Marker::kNone:
      break;
    case Marker::kDisc:
      canvas.disc(at, r, look.paint);
      break;
    case Marker::kSquare:
      area({{-r, -r}, {r, -r}, {r, r}, {-r, r}});
      break;
    case Marker::kDiamond:
      area({{0, -wide}, {wide, 0}, {0, wide}, {-wide, 0}});
      break;
    case Marker::kUp:
      area({{0, -wide}, {wide, r}, {-wide, r}});
      break;
    case Marker::kDown:
      area({{0, wide}, {wide, -r}, {-wide, -r}});
      break;
  }
}

bool is_guide(const Look& look) { return look.marker == Marker::kNone; }

Stroke stroke_of(const Look& look) {
  return {.paint = look.paint, .width = is_guide(look) ? 2 : kLineWidth};
}

std::vector<Spot> spots_of(const ChartSeries& series, const Frame& frame) {
  std::vector<Spot> out;
  for (const ChartPoint& point : series.points) out.push_back(frame.at(point));
  return out;
}

// From the upper end to the lower one, which a logarithmic axis may not reach.
struct ErrorBar {
  Segment line;
  bool open = false;  // goes on below the plot
};

ErrorBar error_bar(const ChartPoint& point, const Frame& frame) {
  const Spot at = frame.at(point);
  const double low = point.y - point.half;
  const bool open = frame.y.log && low <= 0;
  const double bottom = open ? frame.plot.bottom : std::min(frame.down(low), frame.plot.bottom);
  return {{{at.x, std::max(frame.down(point.y + point.half), frame.plot.top)}, {at.x, bottom}},
          open};
}

void draw_error_bar(Canvas& canvas, const ErrorBar& bar, const Paint& paint) {
  const Stroke stroke{.paint = paint, .width = 1.75};
  const auto& [top, bottom] = bar.line;
  canvas.polyline({{top, bottom}}, stroke);
  canvas.polyline({{{top.x - kCap, top.y}, {top.x + kCap, top.y}}}, stroke);
  if (!bar.open)
    canvas.polyline({{{bottom.x - kCap, bottom.y}, {bottom.x + kCap, bottom.y}}}, stroke);
}

}  // namespace

std::vector<Look> looks_of(const Chart& chart) {
  const auto unnamed_line = [](const ChartSeries& series) {
    return series.joined && series.name.empty();
  };
  const bool guides = !std::ranges::all_of(chart.series, unnamed_line);
  std::vector<Look> out;
  size_t next = 0;
  for (const ChartSeries& series : chart.series) {
    if (guides && unnamed_line(series)) {
      out.push_back({.paint = {.alpha = 0.45}, .marker = Marker::kNone, .joined = true});
      continue;
    }
    out.push_back({.paint = {.rgb = kColours[next % kColours.size()]},
                   .marker = kMarkers[next / kColours.size() % kMarkers.size()],
                   .joined = series.joined});
    ++next;
  }
  return out;
}

void draw_sample(Canvas& canvas, const Look& look, const Spot& middle, double width) {
  if (look.joined)
    canvas.polyline({{{middle.x - width / 2, middle.y}, {middle.x + width / 2, middle.y}}},
                    stroke_of(look));
  draw_marker(canvas, look, middle);
}

void draw_marks(Canvas& canvas, const Chart& chart, const Frame& frame) {
  const std::vector<Look> looks = looks_of(chart);
  for (const bool guides : {true, false})
    for (size_t i = 0; i < looks.size(); ++i)
      if (looks[i].joined && is_guide(looks[i]) == guides && chart.series[i].points.size() > 1)
        canvas.polyline(spots_of(chart.series[i], frame), stroke_of(looks[i]));
  for (size_t i = 0; i < looks.size(); ++i) {
    if (is_guide(looks[i])) continue;
    for (const ChartPoint& point : chart.series[i].points)
      if (point.half > 0) draw_error_bar(canvas, error_bar(point, frame), looks[i].paint);
  }
  for (size_t i = 0; i < looks.size(); ++i)
    for (const ChartPoint& point : chart.series[i].points)
      draw_marker(canvas, looks[i], frame.at(point));
}

Obstacles marks_of(const Chart& chart, const Frame& frame) {
  Obstacles out;
  const std::vector<Look> looks = looks_of(chart);
  for (size_t i = 0; i < looks.size(); ++i) {
    const std::vector<Spot> spots = spots_of(chart.series[i], frame);
    if (looks[i].joined)
      for (size_t next = 1; next < spots.size(); ++next)
        out.segments.push_back({spots[next - 1], spots[next]});
    if (is_guide(looks[i])) continue;
    for (const ChartPoint& point : chart.series[i].points) {
      const Spot at = frame.at(point);
      out.boxes.push_back(
          {at.x - kRadius - 1, at.y - kRadius - 1, at.x + kRadius + 1, at.y + kRadius + 1});
      if (point.half > 0) out.segments.push_back(error_bar(point, frame).line);
    }
  }
  return out;
}

}  // namespace causeway
