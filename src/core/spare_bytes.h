// SPDX-License-Identifier: Apache-2.0
//
// Large arrays whose last user is gone, kept for the next: each round needs some of the same size
// as the one before it, and the first touch of fresh memory costs more than filling it.
#pragma once

#include "core/bytes.h"

namespace causeway {

/// An array with room for `count` bytes if one is spare, else an empty one. What it has is
/// unspecified. Thread-safe.
Bytes take_spare_bytes(size_t count);

/// Keeps an array if it is large, in place of the oldest of a few; else frees it. Thread-safe.
void give_spare_bytes(Bytes bytes);

}  // namespace causeway
