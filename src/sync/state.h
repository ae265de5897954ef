// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/check.h"
#include "core/heap_bytes.h"
#include "core/memory.h"

namespace causeway {

/// Who has a state. Values are fixed: checkpoints have them.
enum class Holder : uint8_t {
  kReplicated = 1,  ///< every member, bit-equal after a commit; hashed and audited
  kWorker = 2,      ///< each worker its own
  kFolder = 3,      ///< who folds the offers
};

struct StateSpec {
  std::string name;
  int64_t count = 0;
  Holder holder = Holder::kWorker;
};

/// The values of one channel that outlive a step, by name. Nothing else may keep state. Copies are
/// deep; const methods are thread-safe.
class States {
 public:
  /// Adds a state of zeros; the name must be new.
  void declare(StateSpec spec) {
    const std::string name = spec.name;
    const auto count = static_cast<size_t>(spec.count);
    const bool fresh =
        entries_.emplace(name, Entry{std::move(spec), large_zeros<float>(count)}).second;
    CW_CHECK(fresh, "state {} declared twice", name);
  }
  std::span<const float> get(std::string_view name) const { return at(name).values; }
  std::span<float> edit(std::string_view name) { return const_cast<Entry&>(at(name)).values; }

  struct Entry {
    StateSpec spec;
    std::vector<float> values;
  };
  const std::map<std::string, Entry, std::less<>>& entries() const { return entries_; }

  /// What it holds of the heap.
  int64_t memory_bytes() const {
    int64_t bytes = heap_bytes(entries_);
    for (const auto& [name, entry] : entries_)
      bytes += heap_bytes(name) + heap_bytes(entry.spec.name) + heap_bytes(entry.values);
    return bytes;
  }

 private:
  const Entry& at(std::string_view name) const {
    const auto found = entries_.find(name);
    CW_CHECK(found != entries_.end(), "no state {}", name);
    return found->second;
  }
  std::map<std::string, Entry, std::less<>> entries_;
};

/// Consecutive values of all states of a channel, or all of them.
class StatesPart {
 public:
  explicit StatesPart(States& states) : states_(states), whole_(true) {}
  StatesPart(States& states, int64_t begin, int64_t count)
      : states_(states), begin_(static_cast<size_t>(begin)), count_(static_cast<size_t>(count)) {}
  std::span<float> edit(std::string_view name) const {
    const std::span<float> all = states_.edit(name);
    return whole_ ? all : all.subspan(begin_, count_);
  }
  /// False of what only workers have, where nobody trains.
  bool has(std::string_view name) const { return states_.entries().contains(name); }

 private:
  States& states_;
  const size_t begin_ = 0, count_ = 0;
  const bool whole_ = false;
};

}  // namespace causeway
