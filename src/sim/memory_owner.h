// SPDX-License-Identifier: Apache-2.0
//
// Whose code runs: the hub's, or that of everything around it. Only a program that measures asks
// (bench/world_bench.cpp); it replaces operator new, which no argument reaches. Hence a variable of
// the thread, the one of its kind.
#pragma once

#include <cstdint>

namespace causeway {

enum class MemoryOwner : uint8_t { kWorld = 0, kHub = 1 };

/// While it lives, what this thread allocates is the owner's.
class OwnedBy {
 public:
  explicit OwnedBy(MemoryOwner owner) : before_(current()) { current() = owner; }
  ~OwnedBy() { current() = before_; }
  OwnedBy(const OwnedBy&) = delete;
  OwnedBy& operator=(const OwnedBy&) = delete;

  static MemoryOwner& current() {
    thread_local MemoryOwner owner = MemoryOwner::kWorld;
    return owner;
  }

 private:
  const MemoryOwner before_;
};

}  // namespace causeway
