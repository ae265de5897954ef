// SPDX-License-Identifier: Apache-2.0
//
// For tests of spools.
#pragma once

#include <algorithm>

#include "store/spool.h"
#include "store/test_disk.h"

namespace causeway {

inline constexpr int64_t kMax = 100'000;

inline BlobId id_of(const Bytes& bytes, int32_t owner = 3) { return {owner, digest_of(bytes)}; }
inline Bytes copy(ByteSpan bytes) { return {bytes.begin(), bytes.end()}; }
inline ByteSpan part(const Bytes& bytes, size_t offset, size_t count) {
  return ByteSpan(bytes).subspan(offset, std::min(count, bytes.size() - offset));
}

}  // namespace causeway
