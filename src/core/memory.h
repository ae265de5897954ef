// SPDX-License-Identifier: Apache-2.0
//
// For arrays that are larger than the caches.
#pragma once

#include <cstddef>
#include <vector>

#include "core/bytes.h"

namespace causeway {

/// Arrays of this many bytes or more are written past the caches: they would not stay there, and a
/// line that is written whole need not be read first.
inline constexpr size_t kPastCacheBytes = size_t{8} << 20;

/// Copies past the caches. Other threads may read what was copied when this object is gone.
class PastCache {
 public:
  PastCache() = default;
  ~PastCache();
  PastCache(const PastCache&) = delete;
  PastCache& operator=(const PastCache&) = delete;

  /// Copies `from` to `to`, which do not overlap.
  void copy(ByteSpan from, std::byte* to);

 private:
  bool copied_ = false;
};

/// Asks the system to back the `size` bytes at `data` by large pages, where it has them: the first
/// touch of fresh memory costs more than filling it. Call before that. Never fails.
void want_large_pages(void* data, size_t size);

/// Makes room in an array, on large pages if it becomes large and its memory fresh.
template <class T>
void reserve_large(std::vector<T>& values, size_t count) {
  if (values.capacity() >= count) return;
  values.reserve(count);
  if (count * sizeof(T) >= kPastCacheBytes)
    want_large_pages(values.data(), values.capacity() * sizeof(T));
}

/// `count` zeros, on large pages if they are many.
template <class T>
std::vector<T> large_zeros(size_t count) {
  std::vector<T> values;
  reserve_large(values, count);
  values.resize(count);
  return values;
}

/// Bytes of this process that are in memory now; 0 where the system does not say.
int64_t resident_memory_bytes();

}  // namespace causeway
