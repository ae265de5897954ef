// SPDX-License-Identifier: Apache-2.0
//
// What a chart is drawn onto: lines, areas, discs and text, as SVG or as a PNG file. One layout
// serves both, so a canvas measures nothing.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>

#include "core/error.h"

namespace causeway {

/// In pixels of the drawing, from its upper left corner.
struct Spot {
  double x = 0, y = 0;
};

struct Box {
  double left = 0, top = 0, right = 0, bottom = 0;

  double width() const { return right - left; }
  double height() const { return bottom - top; }
};

/// The colour of text around the drawing: on a dark page it is light.
constexpr int32_t kInk = -1;

struct Paint {
  int32_t rgb = kInk;  ///< 0xRRGGBB
  double alpha = 1;    ///< 0: not there, 1: opaque
};

struct Stroke {
  Paint paint;
  double width = 1;
  double dash = 0;  ///< length of the strokes and of the gaps between them; 0: solid
};

/// Which part of a text lies at its spot.
enum class Anchor : uint8_t { kStart, kMiddle, kEnd };

struct TextStyle {
  double size = 20;  ///< of the font, in pixels
  Anchor anchor = Anchor::kStart;
  bool upwards = false;  ///< reads from below: turned left by 90 degrees about its spot
  Paint paint;
};

/// Later things cover earlier ones. For one thread.
class Canvas {
 public:
  virtual ~Canvas() = default;

  virtual void polyline(std::span<const Spot> spots, const Stroke& stroke) = 0;
  /// The area inside the closed line.
  virtual void area(std::span<const Spot> corners, const Paint& paint) = 0;
  virtual void disc(const Spot& centre, double radius, const Paint& paint) = 0;
  /// One line of `text`, clean_text's result, whose baseline goes through `spot`.
  virtual void text(const Spot& spot, std::string_view text, const TextStyle& style) = 0;
};

struct CanvasSize {
  int width = 0, height = 0;
};

using Drawing = std::function<void(Canvas&)>;

/// An <svg> element of what `draw` draws. `name`, clean_text's result, is what a screen reader
/// says.
std::string drawn_svg(const CanvasSize& size, std::string_view name, const Drawing& draw);

/// A PNG file's bytes, dark on white. Fault::kIo if the system has no font.
Result<std::string> drawn_png(const CanvasSize& size, const Drawing& draw);

}  // namespace causeway
