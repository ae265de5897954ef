// SPDX-License-Identifier: Apache-2.0
//
// What standard containers hold of the heap, for accounts of memory: the bytes that they ask for,
// as libstdc++ lays them out, without what their elements hold of it. What an allocator adds to
// each block, 8 to 16 bytes, is not in them.
#pragma once

#include <algorithm>
#include <cstdint>
#include <deque>
#include <map>
#include <set>
#include <string>
#include <vector>

namespace causeway {

/// A node of a map or set: three links and a colour, then the value.
template <class Value>
inline constexpr int64_t kNodeBytes = 32 + static_cast<int64_t>((sizeof(Value) + 7) / 8 * 8);

template <class T>
int64_t heap_bytes(const std::vector<T>& values) {
  return static_cast<int64_t>(values.capacity() * sizeof(T));
}

/// Short texts lie in the string itself.
inline int64_t heap_bytes(const std::string& text) {
  constexpr size_t kShort = 15;
  return text.capacity() > kShort ? static_cast<int64_t>(text.capacity()) + 1 : 0;
}

template <class Key, class Value, class Less>
int64_t heap_bytes(const std::map<Key, Value, Less>& map) {
  return static_cast<int64_t>(map.size()) * kNodeBytes<std::pair<const Key, Value>>;
}

template <class Value>
int64_t heap_bytes(const std::set<Value>& set) {
  return static_cast<int64_t>(set.size()) * kNodeBytes<Value>;
}

/// Blocks of 512 bytes, or of one large element, and a list of them.
template <class T>
int64_t heap_bytes(const std::deque<T>& values) {
  constexpr size_t kBlock = 512, kListMin = 8;
  constexpr size_t kHere = sizeof(T) < kBlock ? kBlock / sizeof(T) : 1;
  const size_t blocks = values.size() / kHere + 1;
  return static_cast<int64_t>(blocks * kHere * sizeof(T) +
                              sizeof(void*) * std::max(kListMin, blocks + 2));
}

}  // namespace causeway
