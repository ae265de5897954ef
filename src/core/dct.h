// SPDX-License-Identifier: Apache-2.0
//
// The orthonormal discrete cosine transform (DCT-II; Ahmed, Natarajan, Rao, 1974) as a matrix. The
// cosines are summed here and not libm's, which differ in the last bit from one to another.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace causeway {

/// The DCT-II of one length: value (k, i) = s_k cos(pi (2 i + 1) k / (2 n)), s_0 = sqrt(1 / n),
/// else sqrt(2 / n). Rows are frequencies and are orthonormal. Immutable.
class Dct {
 public:
  /// length > 0.
  explicit Dct(int64_t length);

  int64_t length() const { return length_; }
  /// Frequency and sample from 0, below length().
  double operator()(int64_t frequency, int64_t sample) const;
  /// All length() samples of one frequency.
  void row(int64_t frequency, std::span<float> out) const;

 private:
  int64_t length_;
  double scale_first_, scale_;
  double at(int64_t frequency, int64_t angle) const;

  std::vector<double> cosines_;  ///< cos(pi m / (2 n)), m = 0 ... n
};

/// The whole matrix, row-major: frequency k in row k.
std::vector<float> dct_matrix(int64_t length);
/// basis [length, rank], row-major: column j is frequency j. rank <= length.
void dct_basis(int64_t length, int64_t rank, std::span<float> basis);

}  // namespace causeway
