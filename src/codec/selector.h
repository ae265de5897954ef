// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "codec/codec.h"
#include "codec/indices.h"

namespace causeway {

/// Chooses the values of a signal that are sent; the others decode to 0. The receiver needs no
/// selector: a block says which values it has. Pure, and const methods may be called from many
/// threads at once, as Codec's.
class Selector {
 public:
  virtual ~Selector() = default;

  /// As Codec's of the same names.
  virtual void fit(std::span<const TensorCut>) {}
  virtual bool surveys() const { return false; }
  virtual Bytes survey(std::span<const float>, const Coding&) const { return {}; }
  virtual int64_t block_values() const { return kBlockValues; }

  /// Values of a run of which each is looked at on its own, or 0: a block is a multiple of it.
  /// Codecs with a scale for each run then have one for what is sent of each such run.
  virtual int64_t run_values() const { return 0; }
  /// True if positions are drawn: a seed is sent instead of indices.
  virtual bool draws() const { return false; }

  /// Chooses from one block of 1 to block_values() finite values. `selection` is empty.
  virtual void select(std::span<const float> block, const Coding& coding,
                      Selection& selection) const = 0;

  /// Upper bound on the values that are sent of a block of `count`, and what may be expected.
  virtual int64_t selected_max(int64_t count) const { return count; }
  virtual int64_t selected_likely(int64_t count) const { return selected_max(count); }
};

/// Every selector, sorted by name.
Entries<Selector> selectors();

}  // namespace causeway
