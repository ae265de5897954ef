// SPDX-License-Identifier: Apache-2.0
//
// What stands for the data inside a chart: markers, error bars and the lines that join points.
#pragma once

#include <vector>

#include "lab/canvas.h"
#include "lab/chart.h"
#include "lab/chart_axis.h"
#include "lab/label_places.h"

namespace causeway {

/// Where values lie on the canvas.
struct Frame {
  Axis x, y;
  Box plot;

  double across(double value) const { return plot.left + x.part(value) * plot.width(); }
  double down(double value) const { return plot.bottom - y.part(value) * plot.height(); }
  Spot at(const ChartPoint& point) const { return {across(point.x), down(point.y)}; }
};

enum class Marker : uint8_t { kNone, kDisc, kSquare, kDiamond, kUp, kDown };

struct Look {
  Paint paint;
  Marker marker = Marker::kDisc;
  bool joined = false;
};

/// One for each series. Six colours that colour-blind readers can tell apart, then the same ones
/// with another marker. A line without a name beside other series is a guide: thin, of the ink's
/// colour, without markers.
std::vector<Look> looks_of(const Chart& chart);

/// A piece of such a series, for the legend.
void draw_sample(Canvas& canvas, const Look& look, const Spot& middle, double width);

/// Of the whole chart, lines under points.
void draw_marks(Canvas& canvas, const Chart& chart, const Frame& frame);

/// Their places, for labels to avoid.
Obstacles marks_of(const Chart& chart, const Frame& frame);

}  // namespace causeway
