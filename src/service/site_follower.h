// SPDX-License-Identifier: Apache-2.0
//
// The other processes of a site's worker: no hub, no checkpoint, nothing but their leader's orders.
#pragma once

#include <atomic>
#include <cstdint>
#include <string>

#include "service/workplace.h"

namespace causeway {

/// Follows the leader, which is a SiteWorker, until it ends this; gives the exit code that it says.
/// `folder` is this process's own, for what has to lie in files. The faults of Workplace and of the
/// group; Fault::kCorrupt if the leader is none.
Result<int32_t> follow_site_worker(Orders& orders, Workplace& workplace, const std::string& folder,
                                   const std::atomic<bool>& stop);

}  // namespace causeway
