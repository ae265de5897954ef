// SPDX-License-Identifier: Apache-2.0
//
// FreeType fills outlines with antialiasing, whether they are glyphs or not: lines are outlines of
// its stroker, discs are four cubic arcs. Its coordinates are 64ths of a pixel, and y goes up.
#include <ft2build.h>
#include FT_FREETYPE_H
#include FT_OUTLINE_H
#include FT_STROKER_H
#include <png.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <memory>
#include <vector>

#include "lab/canvas.h"
#include "lab/chart_text.h"

namespace causeway {
namespace {

constexpr const char* kFontPath = "/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf";
constexpr int32_t kDark = 0x1b2329;

using Library = std::unique_ptr<FT_LibraryRec_, decltype(&FT_Done_FreeType)>;
using Face = std::unique_ptr<FT_FaceRec_, decltype(&FT_Done_Face)>;
using Stroker = std::unique_ptr<FT_StrokerRec_, decltype(&FT_Stroker_Done)>;

FT_Pos fixed(double pixels) { return std::lround(pixels * 64); }

// Memory of one outline. FreeType counts its points in 16 bits.
class Outline {
 public:
  Outline(FT_Library library, FT_UInt points, FT_Int contours) : library_(library) {
    CW_CHECK(FT_Outline_New(library, points, contours, &outline_) == 0, "{} points", points);
  }
  ~Outline() { FT_Outline_Done(library_, &outline_); }
  Outline(const Outline&) = delete;
  Outline& operator=(const Outline&) = delete;

  FT_Outline& get() { return outline_; }

 private:
  FT_Library library_;
  FT_Outline outline_{};
};

class Pixels {
 public:
  explicit Pixels(const CanvasSize& size)
      : size_(size), rgb_(static_cast<size_t>(3) * size.width * size.height, 255) {}

  // Paints pixels [x, x + length) of the row that is `up` from the lowest.
  void blend(int up, int x, int length, double alpha, int32_t colour) {
    const size_t start = (static_cast<size_t>(size_.height - 1 - up) * size_.width + x) * 3;
    for (size_t i = 0; i < static_cast<size_t>(length) * 3; ++i) {
      const int source = (colour >> (16 - 8 * static_cast<int>(i % 3))) & 255;
      uint8_t& target = rgb_[start + i];
      target = static_cast<uint8_t>(std::lround(target + alpha * (source - target)));
    }
  }

  const CanvasSize& size() const { return size_; }

  Result<std::string> png() const {
    png_image image{};
    image.version = PNG_IMAGE_VERSION;
    image.width = size_.width;
    image.height = size_.height;
    image.format = PNG_FORMAT_RGB;
    png_alloc_size_t bytes = PNG_IMAGE_PNG_SIZE_MAX(image);
    std::string out(bytes, '\0');
    if (!png_image_write_to_memory(&image, out.data(), &bytes, 0, rgb_.data(), 0, nullptr))
      return failure(Fault::kIo, "chart: libpng could not write {} x {} pixels: {}", size_.width,
                     size_.height, image.message);
    out.resize(bytes);
    return out;
  }

 private:
  CanvasSize size_;
  std::vector<uint8_t> rgb_;
};

class PngCanvas final : public Canvas {
 public:
  PngCanvas(Library library, Face face, Stroker stroker, const CanvasSize& size)
      : library_(std::move(library)),
        face_(std::move(face)),
        stroker_(std::move(stroker)),
        pixels_(size) {}

  void polyline(std::span<const Spot> spots, const Stroke& stroke) override;
  void area(std::span<const Spot> corners, const Paint& paint) override;
  void disc(const Spot& centre, double radius, const Paint& paint) override;
  void text(const Spot& spot, std::string_view text, const TextStyle& style) override;

  Result<std::string> png() const { return pixels_.png(); }

 private:
  FT_Vector place(const Spot& spot) const {
    return {fixed(spot.x), fixed(pixels_.size().height - spot.y)};
  }
  void fill(FT_Outline& outline, const Paint& paint);
  void solid_line(std::span<const Spot> spots, const Stroke& stroke);
  double advance(std::u32string_view text);

  Library library_;
  Face face_;
  Stroker stroker_;
  Pixels pixels_;
};

void PngCanvas::fill(FT_Outline& outline, const Paint& paint) {
  struct Brush {
    Pixels& pixels;
    Paint paint;
  } brush{pixels_, paint};
  FT_Raster_Params params{};
  params.flags = FT_RASTER_FLAG_AA | FT_RASTER_FLAG_DIRECT | FT_RASTER_FLAG_CLIP;
  params.clip_box = {0, 0, pixels_.size().width, pixels_.size().height};
  params.user = &brush;
  params.gray_spans = [](int y, int count, const FT_Span* spans, void* user) {
    const auto& [pixels, with] = *static_cast<const Brush*>(user);
    for (const FT_Span& span : std::span(spans, count))
      pixels.blend(y, span.x, span.len, with.alpha * span.coverage / 255,
                   with.rgb == kInk ? kDark : with.rgb);
  };
  FT_Outline_Render(library_.get(), &outline, &params);
}

void PngCanvas::area(std::span<const Spot> corners, const Paint& paint) {
  Outline outline(library_.get(), corners.size(), 1);
  for (size_t i = 0; i < corners.size(); ++i) {
    outline.get().points[i] = place(corners[i]);
    outline.get().tags[i] = FT_CURVE_TAG_ON;
  }
  outline.get().contours[0] = static_cast<int16_t>(corners.size() - 1);
  fill(outline.get(), paint);
}

void PngCanvas::disc(const Spot& centre, double radius, const Paint& paint) {
  const double bend = 0.5523 * radius;  // a cubic's handle for a quarter of a circle
  const std::array<Spot, 3> quarter{{{radius, 0}, {radius, bend}, {bend, radius}}};
  Outline outline(library_.get(), 12, 1);
  for (size_t i = 0; i < 12; ++i) {
    Spot spot = quarter[i % 3];
    for (size_t turn = 0; turn < i / 3; ++turn) spot = {-spot.y, spot.x};
    outline.get().points[i] = place({centre.x + spot.x, centre.y + spot.y});
    outline.get().tags[i] = i % 3 == 0 ? FT_CURVE_TAG_ON : FT_CURVE_TAG_CUBIC;
  }
  outline.get().contours[0] = 11;
  fill(outline.get(), paint);
}

void PngCanvas::solid_line(std::span<const Spot> spots, const Stroke& stroke) {
  FT_Stroker_Set(stroker_.get(), fixed(stroke.width / 2), FT_STROKER_LINECAP_BUTT,
                 FT_STROKER_LINEJOIN_ROUND, 0);
  FT_Vector at = place(spots.front());
  bool moved = false;
  FT_Stroker_BeginSubPath(stroker_.get(), &at, 1);
  for (const Spot& spot : spots.subspan(1)) {
    FT_Vector to = place(spot);
    if (to.x == at.x && to.y == at.y) continue;
    FT_Stroker_LineTo(stroker_.get(), &to);
    at = to;
    moved = true;
  }
  if (!moved) return;
  FT_Stroker_EndSubPath(stroker_.get());
  FT_UInt points = 0, contours = 0;
  FT_Stroker_GetCounts(stroker_.get(), &points, &contours);
  Outline outline(library_.get(), points, static_cast<FT_Int>(contours));
  outline.get().n_points = 0;
  outline.get().n_contours = 0;
  FT_Stroker_Export(stroker_.get(), &outline.get());
  fill(outline.get(), stroke.paint);
}

// Lengths along the line alternate between drawn and not, across its corners.
std::vector<std::vector<Spot>> dashes(std::span<const Spot> spots, double dash) {
  std::vector<std::vector<Spot>> out{{spots.front()}};
  double left = dash;
  bool drawn = true;
  for (size_t i = 1; i < spots.size(); ++i) {
    Spot from = spots[i - 1];
    double length = std::hypot(spots[i].x - from.x, spots[i].y - from.y);
    while (length > left) {
      const double part = left / length;
      from = {from.x + part * (spots[i].x - from.x), from.y + part * (spots[i].y - from.y)};
      length -= left;
      if (drawn)
        out.back().push_back(from);
      else
        out.push_back({from});
      drawn = !drawn;
      left = dash;
    }
    left -= length;
    if (drawn) out.back().push_back(spots[i]);
  }
  return out;
}

void PngCanvas::polyline(std::span<const Spot> spots, const Stroke& stroke) {
  if (spots.size() < 2) return;
  if (stroke.dash > 0) {
    for (const auto& dash : dashes(spots, stroke.dash))
      polyline(dash, {.paint = stroke.paint, .width = stroke.width});
    return;
  }
  // A piece's outline stays within FreeType's 2^15 points.
  constexpr size_t kPiece = 1000;
  for (size_t first = 0; first + 1 < spots.size(); first += kPiece)
    solid_line(spots.subspan(first, std::min(kPiece + 1, spots.size() - first)), stroke);
}

double PngCanvas::advance(std::u32string_view text) {
  double width = 0;
  for (const char32_t one : text)
    if (FT_Load_Char(face_.get(), one, FT_LOAD_NO_HINTING | FT_LOAD_NO_BITMAP) == 0)
      width += face_->glyph->linearHoriAdvance / 65536.0;
  return width;
}

void PngCanvas::text(const Spot& spot, std::string_view text, const TextStyle& style) {
  FT_Set_Char_Size(face_.get(), 0, fixed(style.size), 72, 72);
  const std::u32string letters = code_points(text);
  const double width = advance(letters);
  double along = style.anchor == Anchor::kStart ? 0 : -width;
  if (style.anchor == Anchor::kMiddle) along /= 2;
  for (const char32_t letter : letters) {
    if (FT_Load_Char(face_.get(), letter, FT_LOAD_NO_HINTING | FT_LOAD_NO_BITMAP) != 0) continue;
    FT_Outline& outline = face_->glyph->outline;
    FT_Matrix left{0, -0x10000, 0x10000, 0};
    if (style.upwards) FT_Outline_Transform(&outline, &left);
    const FT_Vector at =
        place(style.upwards ? Spot{spot.x, spot.y - along} : Spot{spot.x + along, spot.y});
    FT_Outline_Translate(&outline, at.x, at.y);
    along += face_->glyph->linearHoriAdvance / 65536.0;
    fill(outline, style.paint);
  }
}

}  // namespace

Result<std::string> drawn_png(const CanvasSize& size, const Drawing& draw) {
  FT_Library library = nullptr;
  CW_CHECK(FT_Init_FreeType(&library) == 0);
  Library owned_library(library, &FT_Done_FreeType);
  FT_Face face = nullptr;
  if (FT_New_Face(library, kFontPath, 0, &face) != 0)
    return failure(Fault::kIo,
                   "chart: no font for a PNG file at {}: install the package fonts-dejavu-core",
                   kFontPath);
  Face owned_face(face, &FT_Done_Face);
  FT_Stroker stroker = nullptr;
  CW_CHECK(FT_Stroker_New(library, &stroker) == 0);
  PngCanvas canvas(std::move(owned_library), std::move(owned_face), {stroker, &FT_Stroker_Done},
                   size);
  draw(canvas);
  return canvas.png();
}

}  // namespace causeway
