// SPDX-License-Identifier: Apache-2.0
#include "aggregate/rule.h"

#include "core/check.h"

namespace causeway {

void Rule::add(std::span<const std::span<const float>>, std::span<const int64_t>, bool,
               std::span<double>) const {
  CW_CHECK(false, "this rule needs all rows at once");
}

void Rule::finish(std::span<const double>, int64_t, std::span<float>) const {
  CW_CHECK(false, "this rule needs all rows at once");
}

}  // namespace causeway
