// SPDX-License-Identifier: Apache-2.0
//
// Products of small dense matrices, for what low-rank methods and Muon need without LibTorch.
#pragma once

#include <cstdint>
#include <span>

namespace causeway {

/// A row-major matrix to read, or its transpose. A value: copies are cheap and share the floats.
class MatrixView {
 public:
  /// `values` has rows * columns floats or more, of which the first are the matrix.
  MatrixView(std::span<const float> values, int64_t rows, int64_t columns);

  int64_t rows() const { return rows_; }
  int64_t columns() const { return columns_; }
  float operator()(int64_t row, int64_t column) const {
    return values_[row * row_step_ + column * column_step_];
  }
  MatrixView transposed() const;

 private:
  const float* values_;
  int64_t rows_, columns_, row_step_, column_step_ = 1;
};

/// What a product is summed in.
enum class Sum : uint8_t { kFloat = 1, kDouble = 2 };

/// out = a b, row-major, into the first a.rows() * b.columns() values of `out`, which overlaps
/// neither. Value (i, j) is a(i, 0) b(0, j) + a(i, 1) b(1, j) + ... from the left, then rounded to
/// float: the same bits on every machine. One thread.
void multiply(const MatrixView& a, const MatrixView& b, std::span<float> out,
              Sum sum = Sum::kDouble);
/// The same, left in double.
void multiply(const MatrixView& a, const MatrixView& b, std::span<double> out);

}  // namespace causeway
