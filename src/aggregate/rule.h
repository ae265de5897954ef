// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>

#include "core/plugin.h"

namespace causeway {

/// Weights are integers below this, so that weight x float is exact in double (24 + 29 = 53 bits)
/// and a fused multiply-add changes no bit.
inline constexpr int64_t kWeightMax = (int64_t{1} << 29) - 1;

/// How offers are combined, value by value, tile by tile. Pure and thread-safe.
class Rule {
 public:
  virtual ~Rule() = default;

  /// rows[m] are member m's decoded values of this tile, members in ascending worker id, each as
  /// long as `out`; weights[m] in [1, kWeightMax]. At least one row.
  virtual void fold(std::span<const std::span<const float>> rows, std::span<const int64_t> weights,
                    std::span<float> out) const = 0;

  /// Rules that need not see all rows at once have true here: a tile is then folded a few members
  /// at a time, by `add` for each group in order and `finish` at the end, in memory that does not
  /// grow with the members. However they are grouped, the bits are those of `fold`. Rules that need
  /// all rows leave the three as they are.
  virtual bool adds() const { return false; }
  /// As fold's rows. `first`: `sums` hold nothing yet.
  virtual void add(std::span<const std::span<const float>> rows, std::span<const int64_t> weights,
                   bool first, std::span<double> sums) const;
  /// `weight`: the sum of all that were added.
  virtual void finish(std::span<const double> sums, int64_t weight, std::span<float> out) const;

  /// True if a tile must be a tensor, whole: its `fold` is then never called, but this. `previous`
  /// are the consensus of the round before, zeros in the first round.
  virtual bool by_tensor() const { return false; }
  virtual void fold_tensor(std::span<const std::span<const float>> rows,
                           std::span<const int64_t> weights, std::span<const float> previous,
                           std::span<float> out) const;
  /// True if the consensus is all offers, one after the other by worker, zeros where there is none:
  /// nothing is folded.
  virtual bool gathers() const { return false; }
};

/// The caller's duty: at least one row, each as long as `size`, and a weight in range for each.
/// Returns the sum of the weights.
int64_t check_rows(std::span<const std::span<const float>> rows, std::span<const int64_t> weights,
                   size_t size);

/// Every rule, sorted by name.
Entries<Rule> rules();

}  // namespace causeway
