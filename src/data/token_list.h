// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstdint>
#include <span>
#include <variant>
#include <vector>

#include "core/check.h"

namespace causeway {

/// Tokens in memory, two bytes each where the vocabulary lets them, else four.
class TokenList {
 public:
  explicit TokenList(int64_t vocabulary) {
    if (vocabulary > 65'536) tokens_ = std::vector<int32_t>();
  }

  void add(std::span<const int32_t> tokens) {
    std::visit([&](auto& list) { list.insert(list.end(), tokens.begin(), tokens.end()); }, tokens_);
  }
  /// Gives back what growing has taken too much.
  void shrink() {
    std::visit([](auto& list) { list.shrink_to_fit(); }, tokens_);
  }
  int64_t size() const {
    return std::visit([](const auto& list) { return static_cast<int64_t>(list.size()); }, tokens_);
  }
  int64_t held_bytes() const {
    return std::visit(
        [](const auto& list) {
          return static_cast<int64_t>(list.capacity() * sizeof(list.front()));
        },
        tokens_);
  }
  /// Copies [begin, begin + out.size()); within the list, else a check fails.
  void copy(int64_t begin, std::span<int32_t> out) const {
    CW_CHECK(begin >= 0 && begin + static_cast<int64_t>(out.size()) <= size(),
             "{} tokens from {} of {}", out.size(), begin, size());
    std::visit(
        [&](const auto& list) { std::copy_n(list.begin() + begin, out.size(), out.begin()); },
        tokens_);
  }

 private:
  std::variant<std::vector<uint16_t>, std::vector<int32_t>> tokens_;
};

}  // namespace causeway
