// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "site/group.h"

namespace causeway::site {

/// join_group for two processes or more, on CPUs. Where this program was built without Gloo:
/// Fault::kBadInput, which says so.
Result<std::unique_ptr<SiteGroup>> join_with_gloo(const GroupPlace& place, int64_t timeout_ms);

}  // namespace causeway::site
