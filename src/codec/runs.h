// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>

#include "codec/codec.h"

namespace causeway {

/// How codecs with a scale for each run of values cut a signal: runs tile the whole of it, so that
/// a block is a multiple of the run's length; the last run may be shorter.
class Runs {
 public:
  /// `length` is 1 to kBlockValues.
  explicit Runs(int64_t length) : length_(static_cast<size_t>(length)) {}

  size_t length() const { return length_; }
  int64_t block_values() const {
    const auto length = static_cast<int64_t>(length_);
    return kBlockValues / length * length;
  }
  /// Runs of so many values.
  size_t count(size_t values) const { return (values + length_ - 1) / length_; }
  template <class T>
  std::span<T> part(std::span<T> block, size_t index) const {
    const size_t start = index * length_;
    return block.subspan(start, std::min(length_, block.size() - start));
  }

 private:
  size_t length_;
};

}  // namespace causeway
