// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

namespace causeway {

/// Equal, in a time that does not depend on where they differ.
inline bool same_secret(const std::string& a, const std::string& b) {
  unsigned difference = a.size() == b.size() ? 0 : 1;
  for (size_t i = 0; i < a.size(); ++i)
    difference |= static_cast<unsigned>(a[i] ^ (b.empty() ? '\0' : b[i % b.size()]));
  return difference == 0;
}

}  // namespace causeway
