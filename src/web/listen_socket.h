// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>

#include "core/error.h"
#include "web/descriptor.h"

namespace causeway {

struct ListenSocket {
  Descriptor fd;  ///< does not block
  int64_t port = 0;
};

/// Listens at the first address of `host` that can be had; `port` 0: any free one. With
/// `loopback_only`, Fault::kBadInput if any address of `host` is not this machine's own. Fault::kIo
/// if nothing can be had, with the system's reason.
Result<ListenSocket> listen_at(const std::string& host, int64_t port, bool loopback_only);

}  // namespace causeway
