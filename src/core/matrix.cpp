// SPDX-License-Identifier: Apache-2.0
//
// Method: both factors are packed into panels in the type of the sums, so that every read of the
// inner loop is of consecutive values; a tile of the product stays in registers over the whole
// depth. Cuts into tiles never split a sum, so they change no bit.
#include "core/matrix.h"

#include <algorithm>
#include <cstddef>
#include <vector>

#include "core/check.h"
#include "core/simd.h"

namespace causeway {
namespace {

// A tile: 4 rows by 64 bytes of sums, 8 registers of AVX2.
constexpr int64_t kTileRows = 4;
template <class Number>
constexpr int64_t kTileColumns = 64 / sizeof(Number);
// Columns of the right factor that are packed at a time.
constexpr int64_t kPanelColumns = 128;

template <class Number>
struct Tile {
  Number sums[kTileRows][kTileColumns<Number>];
};

/// Sums over the depth; `a` has kTileRows, `b` kTileColumns values for each.
template <class Number>
inline void sum_tile(const Number* __restrict a, const Number* __restrict b, int64_t depth,
                     Tile<Number>& tile) {
  constexpr int64_t kColumns = kTileColumns<Number>;
  using Lanes [[gnu::vector_size(64)]] = Number;
  Lanes sums[kTileRows] = {};
  for (int64_t k = 0; k < depth; ++k) {
    Lanes row;
    __builtin_memcpy(&row, b + k * kColumns, sizeof row);
    for (int64_t i = 0; i < kTileRows; ++i) sums[i] += a[k * kTileRows + i] * row;
  }
  __builtin_memcpy(tile.sums, sums, sizeof sums);
}

/// Packs `width` rows from `begin` on: value k of each, for k = 0, 1, ...; rows past the end are 0.
template <class Number>
void pack_rows(const MatrixView& from, int64_t begin, int64_t width, Number* to) {
  const int64_t there = std::min(width, from.rows() - begin);
  for (int64_t k = 0; k < from.columns(); ++k) {
    for (int64_t i = 0; i < there; ++i) to[k * width + i] = static_cast<Number>(from(begin + i, k));
    for (int64_t i = there; i < width; ++i) to[k * width + i] = 0;
  }
}

template <class Number, class Out>
void multiply_in(const MatrixView& a, const MatrixView& b, Out* out) {
  constexpr int64_t kColumns = kTileColumns<Number>;
  const int64_t depth = a.columns(), rows = a.rows(), columns = b.columns();
  const int64_t width = std::min(kPanelColumns, (columns + kColumns - 1) / kColumns * kColumns);
  std::vector<Number> left(static_cast<size_t>(depth * kTileRows)),
      right(static_cast<size_t>(depth * width));
  const MatrixView turned = b.transposed();
  for (int64_t panel = 0; panel < columns; panel += width) {
    const int64_t panel_end = std::min(columns, panel + width);
    for (int64_t j = panel; j < panel_end; j += kColumns)
      pack_rows(turned, j, kColumns, right.data() + (j - panel) * depth);
    for (int64_t i = 0; i < rows; i += kTileRows) {
      pack_rows(a, i, kTileRows, left.data());
      const int64_t rows_here = std::min(kTileRows, rows - i);
      for (int64_t j = panel; j < panel_end; j += kColumns) {
        Tile<Number> tile;
        sum_tile(left.data(), right.data() + (j - panel) * depth, depth, tile);
        const int64_t columns_here = std::min(kColumns, columns - j);
        for (int64_t r = 0; r < rows_here; ++r)
          for (int64_t c = 0; c < columns_here; ++c)
            out[(i + r) * columns + j + c] = static_cast<Out>(tile.sums[r][c]);
      }
    }
  }
}

}  // namespace

MatrixView::MatrixView(std::span<const float> values, int64_t rows, int64_t columns)
    : values_(values.data()), rows_(rows), columns_(columns), row_step_(columns) {
  CW_CHECK(rows >= 0 && columns >= 0 && rows * columns <= std::ssize(values),
           "{} values for {} x {}", values.size(), rows, columns);
}

MatrixView MatrixView::transposed() const {
  MatrixView out = *this;
  std::swap(out.rows_, out.columns_);
  std::swap(out.row_step_, out.column_step_);
  return out;
}

namespace {
void check_fit(const MatrixView& a, const MatrixView& b, size_t out) {
  CW_CHECK(a.columns() == b.rows(), "{} x {} by {} x {}", a.rows(), a.columns(), b.rows(),
           b.columns());
  CW_CHECK(a.rows() * b.columns() <= static_cast<int64_t>(out), "{} values for {} x {}", out,
           a.rows(), b.columns());
}
}  // namespace

void multiply(const MatrixView& a, const MatrixView& b, std::span<float> out, Sum sum) {
  check_fit(a, b, out.size());
  with_simd([&] {
    if (sum == Sum::kFloat)
      multiply_in<float>(a, b, out.data());
    else
      multiply_in<double>(a, b, out.data());
  });
}

void multiply(const MatrixView& a, const MatrixView& b, std::span<double> out) {
  check_fit(a, b, out.size());
  with_simd([&] { multiply_in<double>(a, b, out.data()); });
}

}  // namespace causeway
