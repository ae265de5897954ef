// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "core/hash.h"
#include "exchange/messages.h"

namespace causeway {

/// Bytes of a blob that go to a worker, or come from one.
struct BulkRequest {
  uint64_t run = 0;
  int64_t epoch = 0;
  WorkerId worker = 0;
  Digest blob;
  int64_t offset = 0, bytes = 0;
};

}  // namespace causeway
