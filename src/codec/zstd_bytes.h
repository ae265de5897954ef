// SPDX-License-Identifier: Apache-2.0
//
// One zstd frame of bytes whose number the receiver knows. What is written may differ from one
// version of libzstd to the next; what it decodes to does not.
#pragma once

#include <span>

#include "core/bytes.h"

namespace causeway {

/// The lowest and the highest level that are offered.
inline constexpr int kZstdLevelMin = -7, kZstdLevelMax = 19;

/// Appends the frame of `plain`, at most 2^24 bytes.
void append_zstd(ByteSpan plain, int level, Bytes& bytes);

/// Fills `plain` whole. Any bytes are safe; Fault::kCorrupt unless they decode to exactly so many.
Result<void> read_zstd(ByteSpan bytes, std::span<std::byte> plain);

}  // namespace causeway
