// SPDX-License-Identifier: Apache-2.0
//
// For tests of logs: where they live, and what they hold.
#pragma once

#include <gtest/gtest.h>

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "store/log.h"
#include "store/test_disk.h"

namespace causeway {

using Log = std::unique_ptr<DurableLog>;
using Entries = std::vector<LogEntry>;

inline LogEntry entry_of(int64_t sequence) {
  const auto n = static_cast<uint32_t>(sequence);
  return {sequence, noise(n * 37 % 101, n)};
}

inline Entries entries_of(int64_t first, int64_t last) {
  Entries out;
  for (int64_t sequence = first; sequence <= last; ++sequence) out.push_back(entry_of(sequence));
  return out;
}

inline void append(DurableLog& log, int64_t first, int64_t last) {
  for (const LogEntry& entry : entries_of(first, last))
    ASSERT_TRUE(log.append(entry.sequence, entry.bytes).ok());
}

}  // namespace causeway
