// SPDX-License-Identifier: Apache-2.0
#include "core/spare_bytes.h"

#include <algorithm>
#include <deque>
#include <limits>
#include <mutex>
#include <vector>

#include "core/memory.h"

namespace causeway {
namespace {

struct Shelf {
  const size_t count_max, bytes_max;
  std::mutex mutex;
  std::deque<Bytes> arrays;  // the oldest first
  size_t bytes = 0;

  bool too_full() const {
    return arrays.size() > count_max || (bytes > bytes_max && arrays.size() > 1);
  }
};

/// Of messages and pieces of files; and of whole offers and results. Never destroyed: arrays are
/// given to it as late as at the process's end.
Shelf& shelf_of(size_t bytes) {
  static Shelf& small = *new Shelf{16, size_t{16} << 20, {}, {}};
  static Shelf& large = *new Shelf{4, std::numeric_limits<size_t>::max(), {}, {}};
  return bytes < kPastCacheBytes ? small : large;
}

}  // namespace

Bytes take_spare_bytes(size_t count) {
  if (count < kSpareBytesMin) return {};
  Shelf& shelf = shelf_of(count);
  const std::lock_guard lock(shelf.mutex);
  // Not one that is far too large: another may be looking for it.
  const auto found = std::ranges::find_if(shelf.arrays, [count](const Bytes& one) {
    return one.capacity() >= count && one.capacity() / 2 <= count;
  });
  if (found == shelf.arrays.end()) return {};
  Bytes out = std::move(*found);
  shelf.arrays.erase(found);
  shelf.bytes -= out.capacity();
  return out;
}

void give_spare_bytes(Bytes bytes) {
  if (bytes.capacity() < kSpareBytesMin) return;
  Shelf& shelf = shelf_of(bytes.capacity());
  std::vector<Bytes> oldest;  // freed without the lock
  const std::lock_guard lock(shelf.mutex);
  shelf.bytes += bytes.capacity();
  shelf.arrays.push_back(std::move(bytes));
  while (shelf.too_full()) {
    shelf.bytes -= shelf.arrays.front().capacity();
    oldest.push_back(std::move(shelf.arrays.front()));
    shelf.arrays.pop_front();
  }
}

std::shared_ptr<Bytes> share_spare_bytes(Bytes bytes) {
  if (bytes.capacity() < kSpareBytesMin) return std::make_shared<Bytes>(std::move(bytes));
  return {new Bytes(std::move(bytes)), [](Bytes* last) {
            give_spare_bytes(std::move(*last));
            delete last;
          }};
}

}  // namespace causeway
