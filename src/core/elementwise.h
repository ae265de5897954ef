// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>

#include "core/simd.h"

namespace causeway {

namespace elementwise_detail {
// A function of its own, as `__restrict` holds for parameters and not for what a lambda captures.
template <class Function, class... T>
void loop(size_t count, const Function& function, T* __restrict... data) {
  for (size_t i = 0; i < count; ++i) function(data[i]...);
}
}  // namespace elementwise_detail

/// Calls `function(data[i]...)` for i = 0 ... count - 1: one pass over arrays that do not overlap,
/// compiled for this machine's instruction set. A function without branches is vectorised, and as
/// it sees one index at a time, splitting the arrays changes no bit.
template <class Function, class... T>
void elementwise(size_t count, const Function& function, T*... data) {
  with_simd([&] { elementwise_detail::loop(count, function, data...); });
}

}  // namespace causeway
