// SPDX-License-Identifier: Apache-2.0
//
// The durable record of what was decided: appended to, synced before anything is told, read back
// after a restart.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "core/bytes.h"
#include "store/disk.h"

namespace causeway {

inline constexpr int64_t kLogEntryBytesMax = int64_t{64} << 20;
inline constexpr int64_t kLogSequenceMax = int64_t{1} << 62;

struct LogEntry {
  int64_t sequence = 0;
  Bytes bytes;
  bool operator==(const LogEntry&) const = default;
};

/// Entries of consecutive sequence, 1 to kLogSequenceMax, from the last snapshot on. Calls block;
/// one thread at a time.
///
/// Failures are Fault::kIo. A failed append or restart changed nothing and may be tried again, say
/// when the disk has room. After a failed sync nobody knows what is durable: every later call fails
/// until the log is opened anew.
class DurableLog {
 public:
  virtual ~DurableLog() = default;

  /// What the log held when it was opened, all of it durable. Empty after forget_entries.
  virtual const std::vector<LogEntry>& entries() const = 0;
  /// Frees them: recovery is done.
  virtual void forget_entries() = 0;
  /// The newest entry; 0 if there is none.
  virtual int64_t last_sequence() const = 0;
  /// The newest entry that a crash will not lose.
  virtual int64_t durable_sequence() const = 0;

  /// `sequence` is last_sequence() + 1, `bytes` at most kLogEntryBytesMax: checked. After a crash
  /// entries that were not synced are there up to some sequence, then gone.
  virtual Result<void> append(int64_t sequence, ByteSpan bytes) = 0;
  virtual Result<void> sync() = 0;
  /// Replaces all entries by one that stands for them, atomically and durably: after a crash there
  /// are either the old ones or this. `sequence` is last_sequence() or later: checked.
  virtual Result<void> restart(int64_t sequence, ByteSpan snapshot) = 0;

  /// Bytes of storage in use.
  virtual int64_t bytes() const = 0;
  /// Bytes at the end of the file that opening found torn by a crash, and cut off.
  virtual int64_t torn_bytes() const = 0;
};

/// A log in the file `name` of `disk`, which outlives it; made if there is none. Besides it uses
/// NAME.new.
///
/// Opening cuts off a tail that a crash tore: bad bytes which no good entry follows. Bad bytes
/// which one follows were durable once: Fault::kCorrupt with their place. (So damage to the very
/// last entry looks like a torn tail. No log of one copy can tell the two apart.) Fault::kBadInput
/// if the file is no log.
Result<std::unique_ptr<DurableLog>> open_file_log(Disk& disk, const std::string& name);

/// A log in an SQLite database, which no other process may open meanwhile: Fault::kIo.
/// Fault::kCorrupt if it is damaged, Fault::kBadInput if it is no log or of another version.
Result<std::unique_ptr<DurableLog>> open_sqlite_log(const std::string& path);

/// The checksum that both keep of an entry.
uint32_t log_entry_crc(int64_t sequence, ByteSpan bytes);

}  // namespace causeway
