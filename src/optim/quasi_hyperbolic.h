// SPDX-License-Identifier: Apache-2.0
//
// Several first moments of different decay, mixed with the present gradient (MT-DAO; with one
// moment the quasi-hyperbolic mean of Ma and Yarats, arXiv:1810.06801). What is averaged is z: the
// gradient in qh_adamw, ADOPT's normalised gradient in qh_adopt.
//
//   u_j <- b_j u_j + (1 - b_j) z;  d = (1 - sum omega) z + sum omega_j u_j
#pragma once

#include <algorithm>
#include <array>
#include <span>
#include <string>
#include <vector>

#include "optim/pass.h"

namespace causeway {

struct QuasiHyperbolicOptions : BaseOptions {
  std::vector<double> betas{0.99};
  std::vector<double> omegas{0.9};
  double beta2 = 0.9999;
  double eps = 1e-8;

  template <class Visit>
  void each(Visit&& visit) {
    BaseOptions::each(visit);
    visit("betas", betas, kDecayRange, "", "Decay of each first moment, 1 to 8 of them.");
    visit("omegas", omegas, Range<double>{0, 1}, "",
          "Weight of each first moment; the gradient has the rest of 1.");
    visit("beta2", beta2, kDecayRange, "", "Decay of the second moment.");
    visit("eps", eps, kEpsRange, "", "Least divisor.");
  }
  /// Betas and omegas must be equally many, 1 to 8, and the sum of the omegas at most 1.
  void check(const Location& where, Mistakes& mistakes);
  /// u (u1, u2, ... if there are several), then v.
  std::vector<std::string> states() const;
};

/// The first moments of one update. They are worked through in blocks that stay in the nearest
/// cache, so that any number of moments costs one pass over memory.
class Moments {
 public:
  static constexpr size_t kMost = 8;
  static constexpr size_t kBlock = 512;
  using Block = std::array<float, kBlock>;

  /// For update n = 1, 2, ... `correct`: each u_j is divided by 1 - b_j^n in the mix, z is not.
  Moments(const QuasiHyperbolicOptions& options, bool correct, double n);

  /// Updates u_j[start ...] from `count` values z and writes the mix to d.
  void mix(size_t start, size_t count, const Block& z, std::span<const std::span<float>> moments,
           Block& d) const;

  /// Calls body(start, count) for consecutive blocks of `total` values.
  template <class Body>
  static void in_blocks(size_t total, Body&& body) {
    for (size_t start = 0; start < total; start += kBlock)
      body(start, std::min(kBlock, total - start));
  }

 private:
  std::vector<Average> averages_;
  std::vector<float> weights_;
  float rest_;
};

}  // namespace causeway
