// SPDX-License-Identifier: Apache-2.0
//
// Takes the place of gloo_group.cpp where CMake finds no Gloo.
#include "site/gloo_group.h"

namespace causeway::site {

Result<std::unique_ptr<SiteGroup>> join_with_gloo(const GroupPlace& place, int64_t) {
  return failure(Fault::kBadInput,
                 "a group of {} processes needs Gloo, and this program was built without: install "
                 "libgloo-dev and build again",
                 place.size);
}

}  // namespace causeway::site
