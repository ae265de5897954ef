// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>

namespace causeway {

/// Becomes true at the first SIGINT or SIGTERM, which then ask for a clean end; a second one kills.
/// Call it when the work begins.
const std::atomic<bool>& stop_on_signals();

}  // namespace causeway
