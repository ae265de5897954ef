// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <cmath>

#include "lab/canvas.h"
#include "lab/page.h"

namespace causeway {
namespace {

// To a hundredth, without zeros at the end. Adding 0 makes one zero of two.
std::string number(double value) { return fmt::format("{}", std::round(value * 100) / 100 + 0.0); }

// ` fill="#0072b2" fill-opacity="0.5"`
std::string painted(std::string_view what, const Paint& paint) {
  std::string out = paint.rgb == kInk
                        ? fmt::format(" {}=\"currentColor\"", what)
                        : fmt::format(" {}=\"#{:06x}\"", what, static_cast<uint32_t>(paint.rgb));
  if (paint.alpha < 1) out += fmt::format(" {}-opacity=\"{}\"", what, number(paint.alpha));
  return out;
}

std::string listed(std::span<const Spot> spots) {
  std::string out;
  for (const Spot& spot : spots)
    out += fmt::format("{}{},{}", out.empty() ? "" : " ", number(spot.x), number(spot.y));
  return out;
}

const char* anchor_name(Anchor anchor) {
  switch (anchor) {
    case Anchor::kStart:
      return "start";
    case Anchor::kMiddle:
      return "middle";
    case Anchor::kEnd:
      return "end";
  }
  return "start";
}

class SvgCanvas final : public Canvas {
 public:
  void polyline(std::span<const Spot> spots, const Stroke& stroke) override {
    body_ += fmt::format(R"(<polyline points="{}"{} stroke-width="{}")", listed(spots),
                         painted("stroke", stroke.paint), number(stroke.width));
    if (stroke.dash > 0) body_ += fmt::format(" stroke-dasharray=\"{}\"", number(stroke.dash));
    body_ += "/>\n";
  }

  void area(std::span<const Spot> corners, const Paint& paint) override {
    body_ += fmt::format("<polygon points=\"{}\"{}/>\n", listed(corners), painted("fill", paint));
  }

  void disc(const Spot& centre, double radius, const Paint& paint) override {
    body_ += fmt::format("<circle cx=\"{}\" cy=\"{}\" r=\"{}\"{}/>\n", number(centre.x),
                         number(centre.y), number(radius), painted("fill", paint));
  }

  void text(const Spot& spot, std::string_view text, const TextStyle& style) override {
    const std::string x = number(spot.x), y = number(spot.y);
    body_ += fmt::format(R"(<text x="{}" y="{}" font-size="{}")", x, y, number(style.size));
    if (style.anchor != Anchor::kStart)
      body_ += fmt::format(" text-anchor=\"{}\"", anchor_name(style.anchor));
    if (style.upwards) body_ += fmt::format(" transform=\"rotate(-90 {} {})\"", x, y);
    body_ += fmt::format("{}>{}</text>\n", painted("fill", style.paint), escaped(text));
  }

  std::string body() && { return std::move(body_); }

 private:
  std::string body_;
};

// Fonts as wide as the one that the layout measures, then any.
constexpr std::string_view kFonts = "DejaVu Sans, Verdana, Geneva, sans-serif";

}  // namespace

std::string drawn_svg(const CanvasSize& size, std::string_view name, const Drawing& draw) {
  SvgCanvas canvas;
  draw(canvas);
  return fmt::format(
      "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {} {}\" width=\"{}\" role=\"img\" "
      "aria-label=\"{}\" style=\"max-width:100%;height:auto\" font-family=\"{}\" "
      "stroke-linejoin=\"round\">\n"
      "<g fill=\"none\">\n{}</g>\n</svg>\n",
      size.width, size.height, size.width, escaped(name), kFonts, std::move(canvas).body());
}

}  // namespace causeway
