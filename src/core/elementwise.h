// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>

namespace causeway {

/// Calls `function(data[i]...)` for i = 0 ... count - 1: one pass over arrays that do not overlap.
/// A function without branches is vectorised, and as it sees one index at a time, splitting the
/// arrays changes no bit.
template <class Function, class... T>
void elementwise(size_t count, Function function, T* __restrict... data) {
  for (size_t i = 0; i < count; ++i) function(data[i]...);
}

}  // namespace causeway
