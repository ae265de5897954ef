// SPDX-License-Identifier: Apache-2.0
//
// Where the values of a layout lie on this machine: one padded flat tensor for each kind of state.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "sync/layout.h"

namespace causeway {

/// Offsets of a layout's tensors in an arena: each starts on 128 bytes, padding is zero. Immutable.
class Placement {
 public:
  explicit Placement(const Layout& layout);

  const Layout& layout() const { return layout_; }
  int64_t size() const { return size_; }                            ///< values, padding included
  int64_t offset(size_t tensor) const { return offsets_[tensor]; }  ///< of layout().tensors()[i]

  /// A run of consecutive values of the arena whose tensors decay or do not (matrices and head do).
  struct Group {
    int64_t begin, count;
    bool decays;
  };
  const std::vector<Group>& groups() const { return groups_; }

 private:
  Layout layout_;
  std::vector<int64_t> offsets_;
  std::vector<Group> groups_;
  int64_t size_ = 0;
};

/// One state of a replica: a flat tensor and a view for each tensor of the layout, aliases
/// included.
class Arena {
 public:
  /// Zeros, of kFloat (or kDouble, for gradient checks), on the CPU.
  explicit Arena(std::shared_ptr<const Placement> placement, at::ScalarType dtype = at::kFloat);
  Arena(const Arena&) = delete;
  Arena& operator=(const Arena&) = delete;

  const Placement& placement() const { return *placement_; }
  const std::shared_ptr<const Placement>& shared_placement() const { return placement_; }
  const at::Tensor& flat() const { return flat_; }
  /// The view of layout().tensors()[index].
  const at::Tensor& operator[](size_t index) const { return views_[index]; }
  /// kFloat arenas: all values, padding included.
  std::span<float> values();
  std::span<const float> values() const;

  /// Packs a region in global order; the reverse. Arenas of another dtype are converted.
  void read(const Region& region, std::span<float> packed) const;
  void write(const Region& region, std::span<const float> packed);

 private:
  std::shared_ptr<const Placement> placement_;
  at::Tensor flat_;
  std::vector<at::Tensor> views_;
};

}  // namespace causeway
