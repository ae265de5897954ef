// SPDX-License-Identifier: Apache-2.0
//
// Vectors of float32 in snapshots.
#pragma once

#include <algorithm>
#include <cstring>
#include <span>

#include "core/bytes.h"

namespace causeway {

/// Writes the number of values, 8 bytes, and the values.
inline void put_floats(ByteWriter& writer, std::span<const float> values) {
  writer.put(static_cast<uint64_t>(values.size()));
  writer.put(std::as_bytes(values));
}

/// Reads exactly values.size() of them. Fault::kCorrupt if there is another number; `values` is
/// then untouched.
inline Result<void> get_floats(ByteReader& reader, std::span<float> values) {
  CW_ASSIGN(const uint64_t count, reader.get<uint64_t>());
  if (count != values.size())
    return failure(Fault::kCorrupt, "got {} values where {} were wanted", count, values.size());
  CW_ASSIGN(const ByteSpan bytes, reader.take(values.size_bytes()));
  if (!bytes.empty()) std::memcpy(values.data(), bytes.data(), bytes.size());
  return {};
}

}  // namespace causeway
