// SPDX-License-Identifier: Apache-2.0
#include "optim/inner.h"

#include "core/check.h"

namespace causeway {

bool InnerOptimizer::takes_whole(const TensorPlace&) const { return false; }

void InnerOptimizer::step_tensor(const Update&, const TensorPlace& place, std::span<float>,
                                 std::span<const float>, std::span<const std::span<float>>) const {
  CW_CHECK(false, "this optimizer takes no tensor whole, not {} either", place.name);
}

void InnerOptimizer::start_tensor(const TensorPlace&, std::span<const std::span<float>>) const {}

}  // namespace causeway
