// SPDX-License-Identifier: Apache-2.0
#include "core/spare_bytes.h"

#include <algorithm>
#include <deque>
#include <mutex>

#include "core/memory.h"

namespace causeway {
namespace {

constexpr size_t kSparesMax = 4;

struct Spares {
  std::mutex mutex;
  std::deque<Bytes> arrays;  // the oldest first
};

/// Never destroyed: arrays are given to it as late as at the process's end.
Spares& spares() {
  static Spares& all = *new Spares;
  return all;
}

}  // namespace

Bytes take_spare_bytes(size_t count) {
  if (count < kPastCacheBytes) return {};
  const std::lock_guard lock(spares().mutex);
  std::deque<Bytes>& arrays = spares().arrays;
  // Not one that is far too large: another may be looking for it.
  const auto found = std::ranges::find_if(arrays, [count](const Bytes& one) {
    return one.capacity() >= count && one.capacity() / 2 <= count;
  });
  if (found == arrays.end()) return {};
  Bytes out = std::move(*found);
  arrays.erase(found);
  return out;
}

void give_spare_bytes(Bytes bytes) {
  if (bytes.capacity() < kPastCacheBytes) return;
  Bytes oldest;  // freed without the lock
  const std::lock_guard lock(spares().mutex);
  std::deque<Bytes>& arrays = spares().arrays;
  arrays.push_back(std::move(bytes));
  if (arrays.size() <= kSparesMax) return;
  oldest = std::move(arrays.front());
  arrays.pop_front();
}

}  // namespace causeway
