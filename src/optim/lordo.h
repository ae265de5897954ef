// SPDX-License-Identifier: Apache-2.0
//
// What LoRDO's inner optimizer (plugins/lordo.cpp) and its refresh share.
#pragma once

#include <cstdint>
#include <span>

#include "core/low_rank.h"
#include "optim/whole.h"

namespace causeway {

struct LordoOptions : LowRankOptions {
  LordoOptions() {
    rank = 32;
    betas = {0.9, 0.99};
  }
  double omega = 0.9;
  bool bias_correction = true;

  template <class Visit>
  void each(Visit&& visit) {
    LowRankOptions::each(visit);
    visit("omega", omega, Range<double>{0, 1}, "",
          "Weight of the low-rank momentum; the whole gradient has the rest.");
    visit("bias_correction", bias_correction, Any{}, "",
          "Corrects the moments, not the gradient, for their start at zero.");
  }
  /// c1 and c2 after `updates` > 0 updates.
  MomentCorrection correction(int64_t updates) const;
};

/// New basis and moments of a matrix [rows, columns] from its change `delta` over a round, after
/// `updates` > 0 updates (refresh_basis in core/low_rank.h says how). The spans are the states of
/// that tensor, low-rank values first.
void lordo_refresh(const LordoOptions& options, int64_t updates, int64_t rows, int64_t columns,
                   std::span<const float> delta, std::span<float> q, std::span<float> u,
                   std::span<float> v);

}  // namespace causeway
