// SPDX-License-Identifier: Apache-2.0
//
// Margins come from the sizes of texts, the axes' ranges from the points; then everything is drawn
// from the back to the front: grid, levels, lines, points, labels.
#include "lab/chart.h"

#include <algorithm>
#include <cmath>
#include <optional>

#include "lab/chart_axis.h"
#include "lab/chart_marks.h"
#include "lab/chart_text.h"
#include "lab/label_places.h"

namespace causeway {
namespace {

constexpr CanvasSize kSize{1200, 750};
constexpr double kEdge = 24;  // free at each side
constexpr double kTitleSize = 28, kNameSize = 22, kTickSize = 20, kLegendSize = 20, kLabelSize = 18;
constexpr double kLabelPad = 4;  // free at each side of a label
constexpr double kLineHeight = 1.4;
constexpr double kLegendRow = 30, kSampleWidth = 34, kLegendGap = 28;
constexpr int kLegendRowsMax = 5;
constexpr double kLargest = 1e300, kSmallest = 1e-300;  // beyond, differences and powers overflow

const Paint kText{.alpha = 0.9}, kSoftText{.alpha = 0.75}, kGrid{.alpha = 0.13};
const Paint kFrame{.alpha = 0.55}, kLevel{.alpha = 0.6}, kLeader{.alpha = 0.55};

// Values that an axis can show.
bool fits(double value, bool log) {
  return std::abs(value) <= kLargest && (!log || value >= kSmallest);
}

// Values so small that their powers underflow are 0.
double flushed(double value) { return std::abs(value) < kSmallest ? 0 : value; }

ChartPoint shown_point(const ChartPoint& point) {
  return {.x = flushed(point.x),
          .y = flushed(point.y),
          .half = fits(point.half, false) ? std::max(0.0, flushed(point.half)) : 0,
          .label = clean_text(point.label)};
}

// The chart as far as it can be drawn: safe texts, points that have a place.
Chart shown(const Chart& chart) {
  Chart out{.title = clean_text(chart.title),
            .x_label = clean_text(chart.x_label),
            .y_label = clean_text(chart.y_label),
            .log_x = chart.log_x,
            .log_y = chart.log_y};
  for (const ChartSeries& series : chart.series) {
    ChartSeries& kept = out.series.emplace_back(
        ChartSeries{.name = clean_text(series.name), .joined = series.joined});
    for (const ChartPoint& point : series.points)
      if (fits(point.x, chart.log_x) && fits(point.y, chart.log_y))
        kept.points.push_back(shown_point(point));
  }
  for (const ChartLine& line : chart.lines)
    if (fits(line.y, chart.log_y)) out.lines.push_back({flushed(line.y), clean_text(line.label)});
  return out;
}

struct AxisRange {
  double low = kLargest, high = -kLargest;

  void take(double value) {
    low = std::min(low, value);
    high = std::max(high, value);
  }
};

struct AxisRanges {
  AxisRange x, y;
};

AxisRanges ranges_of(const Chart& chart) {
  AxisRanges out;
  for (const ChartSeries& series : chart.series)
    for (const ChartPoint& point : series.points) {
      out.x.take(point.x);
      for (const double y : {point.y, point.y - point.half, point.y + point.half})
        if (fits(y, chart.log_y)) out.y.take(y);
    }
  for (const ChartLine& line : chart.lines) out.y.take(line.y);
  return out;
}

bool is_empty(const Chart& chart) {
  return std::ranges::all_of(chart.series,
                             [](const ChartSeries& series) { return series.points.empty(); });
}

void add_text(Canvas& canvas, const Spot& spot, const std::string& text, const TextStyle& style) {
  if (!text.empty()) canvas.text(spot, text, style);
}

// As large as it may be within `width`, and shortened where even half of that is too long.
void add_fitted(Canvas& canvas, const Spot& spot, const std::string& text, TextStyle style,
                double width) {
  const double wanted = text_width(text, style.size);
  if (wanted > width) style.size = std::max(style.size / 2, style.size * width / wanted);
  add_text(canvas, spot, shortened(text, style.size, width), style);
}

// ---- The legend ----

struct LegendEntry {
  Look look;
  std::string name;
  Spot at{};  // of its sample's left end, from the legend's upper left corner
};

double entry_width(const LegendEntry& entry) {
  return kSampleWidth + 8 + text_width(entry.name, kLegendSize) + kLegendGap;
}

struct Legend {
  std::vector<LegendEntry> entries;
  std::string more;  // where not all have room
  double height = 0;
};

// Names follow each other where one row is enough for all, and stand in columns where it is not.
Legend legend_of(const Chart& chart, double width) {
  Legend out;
  const std::vector<Look> looks = looks_of(chart);
  double sum = 0, widest = 0;
  for (size_t i = 0; i < chart.series.size(); ++i) {
    if (chart.series[i].name.empty()) continue;
    out.entries.push_back({looks[i], shortened(chart.series[i].name, kLegendSize, width / 2 - 80)});
    const double taken = entry_width(out.entries.back());
    sum += taken;
    widest = std::max(widest, taken);
  }
  const bool one_row = sum - kLegendGap <= width;
  const auto columns = static_cast<size_t>(std::max(1.0, (width + kLegendGap) / widest));
  const size_t room = one_row ? out.entries.size() : columns * kLegendRowsMax;
  if (out.entries.size() > room) {
    out.more = "and " + std::to_string(out.entries.size() - room) + " more";
    out.entries.resize(room);
  }
  Spot at;
  for (size_t i = 0; i < out.entries.size(); ++i) {
    if (!one_row) {
      const size_t row = i / columns, column = i % columns;
      at = {column * widest, row * kLegendRow};
    }
    out.entries[i].at = at;
    at.x += entry_width(out.entries[i]);
  }
  if (!out.entries.empty()) out.height = at.y + kLegendRow;
  if (!out.more.empty()) out.height += kLegendRow;
  return out;
}

void draw_legend(Canvas& canvas, const Legend& legend, const Spot& corner) {
  const auto baseline = [&](double y) {
    return corner.y + y + kLegendRow / 2 + kLegendSize * 0.36;
  };
  for (const LegendEntry& entry : legend.entries) {
    const Spot middle{corner.x + entry.at.x + kSampleWidth / 2,
                      corner.y + entry.at.y + kLegendRow / 2};
    draw_sample(canvas, entry.look, middle, kSampleWidth);
    add_text(canvas, {corner.x + entry.at.x + kSampleWidth + 8, baseline(entry.at.y)}, entry.name,
             {.size = kLegendSize, .paint = kText});
  }
  add_text(canvas, {corner.x, baseline(legend.height - kLegendRow)}, legend.more,
           {.size = kLegendSize, .paint = kSoftText});
}

// ---- Axes ----

double widest(const Axis& axis) {
  double out = 0;
  for (const Tick& tick : axis.ticks) out = std::max(out, text_width(tick.text, kTickSize));
  return out;
}

// Thin straight lines lie on whole pixels, so that they are sharp.
double sharp(double pixel) { return std::floor(pixel) + 0.5; }

void draw_x_axis(Canvas& canvas, const Frame& frame) {
  const Box& plot = frame.plot;
  for (const Tick& tick : frame.x.ticks) {
    const double x = sharp(frame.across(tick.value));
    const double length = tick.text.empty() ? 5 : 9;
    if (!tick.text.empty())
      canvas.polyline({{{x, plot.top}, {x, plot.bottom}}}, {.paint = kGrid, .width = 1});
    canvas.polyline({{{x, plot.bottom}, {x, plot.bottom + length}}}, {.paint = kFrame, .width = 1});
    add_text(canvas, {x, plot.bottom + 14 + kTickSize * 0.8}, tick.text,
             {.size = kTickSize, .anchor = Anchor::kMiddle, .paint = kText});
  }
}

void draw_y_axis(Canvas& canvas, const Frame& frame) {
  const Box& plot = frame.plot;
  for (const Tick& tick : frame.y.ticks) {
    const double y = sharp(frame.down(tick.value));
    const double length = tick.text.empty() ? 5 : 9;
    if (!tick.text.empty())
      canvas.polyline({{{plot.left, y}, {plot.right, y}}}, {.paint = kGrid, .width = 1});
    canvas.polyline({{{plot.left - length, y}, {plot.left, y}}}, {.paint = kFrame, .width = 1});
    add_text(canvas, {plot.left - 14, y + kTickSize * 0.36}, tick.text,
             {.size = kTickSize, .anchor = Anchor::kEnd, .paint = kText});
  }
}

void draw_frame(Canvas& canvas, const Box& plot) {
  canvas.polyline({{{plot.left, plot.top}, {plot.left, plot.bottom}, {plot.right, plot.bottom}}},
                  {.paint = kFrame, .width = 1.5});
}

void draw_names(Canvas& canvas, const Chart& chart, const Box& plot) {
  add_fitted(canvas, {plot.left, kEdge + kTitleSize * 0.8}, chart.title,
             {.size = kTitleSize, .paint = kText}, kSize.width - kEdge - plot.left);
  add_fitted(canvas, {(plot.left + plot.right) / 2, kSize.height - kEdge}, chart.x_label,
             {.size = kNameSize, .anchor = Anchor::kMiddle, .paint = kText}, plot.width());
  add_fitted(canvas, {kEdge + kNameSize * 0.6, (plot.top + plot.bottom) / 2}, chart.y_label,
             {.size = kNameSize, .anchor = Anchor::kMiddle, .upwards = true, .paint = kText},
             plot.height());
}

// What the texts around the plot leave.
Box plot_of(const Chart& chart, double ticks_width, double legend_height) {
  const double bottom = kSize.height - kEdge - 8 - kTickSize * kLineHeight -
                        (chart.x_label.empty() ? 0 : kNameSize * kLineHeight);
  return {.left = sharp(kEdge + 16 + ticks_width +
                        (chart.y_label.empty() ? 0 : kNameSize * kLineHeight)),
          .top = sharp(kEdge + (chart.title.empty() ? 0 : kTitleSize * kLineHeight + 4) +
                       legend_height + (legend_height > 0 ? 8 : 0)),
          .right = kSize.width - kEdge - 14.5,
          .bottom = sharp(bottom)};
}

// ---- Inside the plot ----

// Each level's name lies over or under its line, at whichever end covers least.
void draw_levels(Canvas& canvas, const Chart& chart, const Frame& frame, Obstacles& obstacles) {
  const Box& plot = frame.plot;
  for (const ChartLine& line : chart.lines) {
    const double y = frame.down(line.y);
    canvas.polyline({{{plot.left, y}, {plot.right, y}}},
                    {.paint = kLevel, .width = 1.5, .dash = 7});
    obstacles.segments.push_back({{plot.left, y}, {plot.right, y}});
  }
  for (const ChartLine& line : chart.lines) {
    if (line.label.empty()) continue;
    const double y = frame.down(line.y);
    const std::string text = shortened(line.label, kLabelSize, plot.width() / 2);
    const double width = text_width(text, kLabelSize);
    std::optional<Box> best;
    for (const double top : {y - kLabelSize - 3, y + 3})
      for (const double left : {plot.right - width - 6, plot.left + 8, plot.left + plot.width() / 3,
                                plot.left + plot.width() * 2 / 3}) {
        const Box box{left, top, left + width, top + kLabelSize};
        if (box.top < plot.top || box.bottom > plot.bottom || box.right > plot.right) continue;
        if (!best || crowding(box, obstacles) < crowding(*best, obstacles)) best = box;
      }
    if (!best) continue;  // no plot is so low
    obstacles.boxes.push_back(*best);
    add_text(canvas, {best->left, best->bottom - kLabelSize * 0.22}, text,
             {.size = kLabelSize, .paint = kSoftText});
  }
}

struct PointLabels {
  std::vector<LabelWish> wishes;
  std::vector<std::string> texts;
};

PointLabels labels_of(const Chart& chart, const Frame& frame) {
  PointLabels out;
  for (const ChartSeries& series : chart.series)
    for (const ChartPoint& point : series.points) {
      if (point.label.empty()) continue;
      out.texts.push_back(shortened(point.label, kLabelSize, frame.plot.width() / 3));
      out.wishes.push_back(
          {frame.at(point), text_width(out.texts.back(), kLabelSize) + 2 * kLabelPad, kLabelSize});
    }
  return out;
}

void draw_labels(Canvas& canvas, const PointLabels& labels, const std::vector<LabelPlace>& places) {
  for (const LabelPlace& place : places)
    if (place.led)
      canvas.polyline({{place.leader.from, place.leader.to}}, {.paint = kLeader, .width = 1});
  for (size_t i = 0; i < places.size(); ++i)
    add_text(canvas, {places[i].box.left + kLabelPad, places[i].box.bottom - kLabelSize * 0.22},
             labels.texts[i], {.size = kLabelSize, .paint = kText});
}

void draw_message(Canvas& canvas, const Chart& chart) {
  const Box plot = plot_of(chart, 0, 0);
  draw_frame(canvas, plot);
  draw_names(canvas, chart, plot);
  add_text(canvas, {(plot.left + plot.right) / 2, (plot.top + plot.bottom) / 2}, "No point to draw",
           {.size = kTitleSize, .anchor = Anchor::kMiddle, .paint = kSoftText});
}

// As many ticks as there is room for beside each other.
Axis x_axis_of(const AxisRange& range, bool log, double width) {
  Axis axis;
  for (const int ticks : {8, 5, 3, 1}) {
    axis = axis_of(range.low, range.high, log, ticks);
    const auto count =
        std::ranges::count_if(axis.ticks, [](const Tick& tick) { return !tick.text.empty(); });
    if (static_cast<double>(count) * (widest(axis) + kTickSize) <= width) break;
  }
  return axis;
}

void draw_chart(Canvas& canvas, const Chart& chart) {
  if (is_empty(chart)) return draw_message(canvas, chart);
  const AxisRanges ranges = ranges_of(chart);
  Frame frame{.y = axis_of(ranges.y.low, ranges.y.high, chart.log_y, 7)};
  const double ticks_width = widest(frame.y);
  const Box without_legend = plot_of(chart, ticks_width, 0);
  const double left = without_legend.left;
  frame.x = x_axis_of(ranges.x, chart.log_x, without_legend.width());
  const Legend legend = legend_of(chart, kSize.width - kEdge - left);
  frame.plot = plot_of(chart, ticks_width, legend.height);

  draw_x_axis(canvas, frame);
  draw_y_axis(canvas, frame);
  draw_frame(canvas, frame.plot);
  draw_names(canvas, chart, frame.plot);
  draw_legend(canvas, legend, {left, frame.plot.top - 8 - legend.height});
  Obstacles obstacles = marks_of(chart, frame);
  draw_levels(canvas, chart, frame, obstacles);
  const PointLabels labels = labels_of(chart, frame);
  const std::vector<LabelPlace> places = place_labels(labels.wishes, obstacles, frame.plot);
  draw_marks(canvas, chart, frame);
  draw_labels(canvas, labels, places);
}

}  // namespace

std::string chart_svg(const Chart& chart) {
  const Chart clean = shown(chart);
  return drawn_svg(kSize, clean.title, [&](Canvas& canvas) { draw_chart(canvas, clean); });
}

Result<std::string> chart_png(const Chart& chart) {
  const Chart clean = shown(chart);
  return drawn_png(kSize, [&](Canvas& canvas) { draw_chart(canvas, clean); });
}

}  // namespace causeway
