// SPDX-License-Identifier: Apache-2.0
//
// A chart is data; chart_svg and chart_png draw the same one, for the report and for elsewhere.
#pragma once

#include <limits>
#include <string>
#include <vector>

#include "core/error.h"

namespace causeway {

struct ChartPoint {
  double x = 0, y = 0;
  double half = 0;    ///< of the error bar, up and down; 0: none
  std::string label;  ///< beside the point; empty: none
};

struct ChartSeries {
  std::string name;  ///< in the legend; empty: not there, and a joined one is a thin guide
  std::vector<ChartPoint> points;
  bool joined = false;  ///< by a line, in the order given; else points alone
};

/// A level that is drawn across the chart.
struct ChartLine {
  double y = 0;
  std::string label;
};

struct Chart {
  std::string title;
  std::string x_label, y_label;  ///< with units: "bytes sent by all workers"
  bool log_x = false, log_y = false;
  std::vector<ChartSeries> series;
  std::vector<ChartLine> lines;
};

/// Points that are not finite, or not above 0 on a logarithmic axis, are left out; a chart without
/// any says so. Labels keep out of each other's way as far as there is room. Text is escaped.
/// Thread-safe; the same chart gives the same bytes.
std::string chart_svg(const Chart& chart);

/// The same as a PNG file's bytes, about 1200 x 750 pixels. Fault::kIo if the system has no font.
Result<std::string> chart_png(const Chart& chart);

}  // namespace causeway
