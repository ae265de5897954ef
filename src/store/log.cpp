// SPDX-License-Identifier: Apache-2.0
#include "store/log.h"

#include "core/hash.h"

namespace causeway {

uint32_t log_entry_crc(int64_t sequence, ByteSpan bytes) {
  return crc32c(bytes, crc32c(std::as_bytes(std::span(&sequence, 1))));
}

}  // namespace causeway
