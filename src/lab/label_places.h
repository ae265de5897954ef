// SPDX-License-Identifier: Apache-2.0
//
// Where the names of points go: beside their point where there is room, else a little off with a
// line that leads to it.
#pragma once

#include <span>
#include <vector>

#include "lab/canvas.h"

namespace causeway {

struct Segment {
  Spot from, to;
};

/// What a label should not cover.
struct Obstacles {
  std::vector<Box> boxes;  ///< markers, other text
  std::vector<Segment> segments;
};

struct LabelWish {
  Spot point;
  double width = 0, height = 0;
};

struct LabelPlace {
  Box box;
  bool led = false;  ///< far enough from its point to need the line `leader`
  Segment leader;
};

/// How much a label there would cover; 0: nothing.
double crowding(const Box& box, const Obstacles& obstacles);

/// One place for each label, all inside `plot` where a label is not larger than that. The labels
/// keep off each other, and off `obstacles`, as far as there is room. The work is bounded, and
/// grows with the square of the labels: 35 take 0.1 s.
std::vector<LabelPlace> place_labels(std::span<const LabelWish> labels, const Obstacles& obstacles,
                                     const Box& plot);

}  // namespace causeway
