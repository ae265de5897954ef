// SPDX-License-Identifier: Apache-2.0
//
// The one seam to files that must outlive a crash: a real folder, or the simulator's disk.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/bytes.h"

namespace causeway {

/// Files of one folder, by plain name. Calls block; one thread at a time.
///
/// What was appended is read back at once, but survives a crash only after `sync`. A crash keeps
/// any prefix of what was appended since, may spoil the last bytes of what it keeps, and may lose a
/// file that was never synced; see also `expect`. Everything else is durable when it returns.
///
/// Any call may fail: Fault::kIo with the system's reason (no such file, no space left, ...), or
/// Fault::kBadInput for a name that check_file_name refuses. A failed call changed nothing that
/// can be read, except that after a failed `sync` or `rename` nobody knows what a crash will keep.
class Disk {
 public:
  virtual ~Disk() = default;

  /// Says that a file that is not there yet will be appended to, up to about so many bytes. It may
  /// then lie where a removed one lay, whose pages the system has at hand: a crash leaves other
  /// bytes in place of those that it takes back, and behind the file's end.
  virtual void expect(const std::string& /*name*/, int64_t /*bytes*/) {}
  /// Adds to the end of a file, which is made if there is none.
  virtual Result<void> append(const std::string& name, ByteSpan bytes) = 0;
  /// Has what was appended written, and does not wait for it: `sync` then takes less time.
  virtual void begin_sync(const std::string& /*name*/) {}
  virtual Result<void> sync(const std::string& name) = 0;
  /// Fills `out` with the bytes from `offset` on; it fails if the file is shorter, and `out` then
  /// has unspecified bytes.
  virtual Result<void> read_into(const std::string& name, int64_t offset,
                                 std::span<std::byte> out) const = 0;
  /// The same for exactly `count` bytes, and no more memory than the file has.
  Result<Bytes> read(const std::string& name, int64_t offset, int64_t count) const;
  /// The first `count` bytes without a copy; any thread may read them. They stay where they are
  /// until the file is changed, renamed, removed or viewed again.
  virtual Result<ByteSpan> view(const std::string& name, int64_t count) = 0;
  /// Gives the memory back that views have touched. They stay valid.
  virtual void cool() {}
  virtual Result<int64_t> size(const std::string& name) const = 0;
  /// Cuts a file down to `size` bytes, durably, with what is left of it.
  virtual Result<void> truncate(const std::string& name, int64_t size) = 0;
  /// Atomic; replaces `to`. Does not sync what the file holds.
  virtual Result<void> rename(const std::string& from, const std::string& to) = 0;
  virtual Result<void> remove(const std::string& name) = 0;
  /// Names of all files, sorted.
  virtual Result<std::vector<std::string>> list() const = 0;
};

/// Fault::kBadInput unless `name` is that of a file right in the folder: 1 to 200 bytes, no '/', no
/// zero byte, and neither "." nor "..".
Result<void> check_file_name(std::string_view name);

}  // namespace causeway
