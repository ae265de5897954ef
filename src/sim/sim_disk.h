// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <limits>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "store/disk.h"

namespace causeway {

/// A disk in memory that does what disks may do. The same seed and calls give the same bytes.
class SimDisk final : public Disk {
 public:
  static constexpr int64_t kNoLimit = std::numeric_limits<int64_t>::max();

  /// What has happened so far.
  struct Counts {
    int64_t appends = 0, appended_bytes = 0, syncs = 0;
    int64_t full = 0;  ///< appends refused for want of space
    int64_t crashes = 0;
    int64_t lost_bytes = 0;  ///< unsynced, dropped by crashes
    int64_t lost_files = 0;  ///< never synced, dropped by crashes
    int64_t torn = 0;        ///< files whose kept tail a crash spoiled
    int64_t flipped = 0;
    bool operator==(const Counts&) const = default;
  };

  explicit SimDisk(uint64_t seed, int64_t capacity_bytes = kNoLimit)
      : seed_(seed), capacity_bytes_(capacity_bytes) {}

  void expect(const std::string& name, int64_t bytes) override;
  Result<void> append(const std::string& name, ByteSpan bytes) override;
  Result<void> sync(const std::string& name) override;
  Result<void> read_into(const std::string& name, int64_t offset,
                         std::span<std::byte> out) const override;
  Result<ByteSpan> view(const std::string& name, int64_t count) override;
  Result<int64_t> size(const std::string& name) const override;
  Result<void> truncate(const std::string& name, int64_t size) override;
  Result<void> rename(const std::string& from, const std::string& to) override;
  Result<void> remove(const std::string& name) override;
  Result<std::vector<std::string>> list() const override;

  /// The machine dies and comes back: each file keeps a drawn prefix of what was not synced,
  /// sometimes with its last bytes spoilt; files that were never synced may vanish.
  void crash();
  /// Lets that many more changes through, a sync among them; then every change fails until the
  /// crash. So a test dies at any point of a longer call.
  void stop_after(int64_t changes) { changes_left_ = changes; }
  /// Flips bit `draw` modulo the number of durable bits. False if the file has none.
  bool flip_bit(const std::string& name, uint64_t draw);
  /// Appends are refused beyond it; what is there stays.
  void set_capacity(int64_t bytes) { capacity_bytes_ = bytes; }

  int64_t bytes_used() const;
  const Counts& counts() const { return counts_; }

 private:
  struct File {
    Bytes bytes;
    size_t durable = 0;   // bytes that a crash keeps
    bool synced = false;  // or a crash may lose it altogether
    bool reused = false;  // where a removed file lay
  };

  Result<File*> find(const std::string& name);
  Result<const File*> find(const std::string& name) const;
  Result<void> change();
  uint64_t draw();
  void lose_tail(File& file);

  const uint64_t seed_;
  int64_t capacity_bytes_;
  int64_t changes_left_ = kNoLimit;
  uint64_t drawn_ = 0;
  std::map<std::string, File> files_;
  std::set<std::string> expected_;  // to lie where others lay
  Counts counts_;
};

}  // namespace causeway
