// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ATen/Parallel.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>

namespace causeway {

/// Values that one thread works through at a time; a part of the gradient norm's bits.
inline constexpr int64_t kFlatPart = 32'768;

inline size_t flat_parts(int64_t count) {
  return static_cast<size_t>((count + kFlatPart - 1) / kFlatPart);
}

/// Calls each(part, begin, count) for the parts of a flat state, shared among LibTorch's threads.
template <class Each>
void each_flat_part(int64_t count, const Each& each) {
  at::parallel_for(0, static_cast<int64_t>(flat_parts(count)), 1, [&](int64_t first, int64_t last) {
    for (int64_t part = first; part < last; ++part)
      each(static_cast<size_t>(part), part * kFlatPart,
           std::min(kFlatPart, count - part * kFlatPart));
  });
}

}  // namespace causeway
