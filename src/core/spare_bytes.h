// SPDX-License-Identifier: Apache-2.0
//
// Arrays whose last user is gone, kept for the next: each round needs some of the same size as the
// one before it, and each message one of the same size as the last, and the first touch of fresh
// memory costs more than filling it.
#pragma once

#include <memory>

#include "core/bytes.h"

namespace causeway {

/// Arrays of less are never kept.
inline constexpr size_t kSpareBytesMin = size_t{256} << 10;

/// An array with room for `count` bytes if one is spare, else an empty one. What it has, and how
/// much, is unspecified. Thread-safe.
Bytes take_spare_bytes(size_t count);

/// Keeps an array that is not small, in place of the oldest ones if there are enough: of those
/// below 8 MiB 16 and 16 MiB in all, of larger ones 4. Thread-safe.
void give_spare_bytes(Bytes bytes);

/// The array to share; one that is not small is given back when the last user is gone.
std::shared_ptr<Bytes> share_spare_bytes(Bytes bytes);

}  // namespace causeway
