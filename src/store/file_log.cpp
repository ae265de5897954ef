// SPDX-License-Identifier: Apache-2.0
//
// The file: a head
//   8 bytes of mark and version | u32 base | u32 crc32c of mark and base
// and entries
//   u32 length | u32 crc32c of sequence and bytes | i64 sequence | bytes
// A new file, also that of a restart, is written aside, synced and renamed. So whatever has the
// log's name has a head and `base` bytes of entries (the snapshot, if any) that no crash tears.
#include <algorithm>
#include <array>
#include <cstring>
#include <optional>

#include "core/hash.h"
#include "store/log.h"

namespace causeway {
namespace {

constexpr std::array<uint8_t, 8> kLogMark = {'C', 'W', 'L', 'O', 'G', 0, 0, 1};

struct FileHead {
  std::array<uint8_t, 8> mark = kLogMark;
  uint32_t base = 0;
  uint32_t crc = 0;

  uint32_t wanted_crc() const {
    return crc32c(std::as_bytes(std::span(this, 1)).first(offsetof(FileHead, crc)));
  }
};
static_assert(sizeof(FileHead) == 16);

struct EntryHead {
  uint32_t length;
  uint32_t crc;
  int64_t sequence;
};
static_assert(sizeof(EntryHead) == 16);

template <class Head>
Head head_at(ByteSpan bytes) {
  Head head;
  std::memcpy(&head, bytes.data(), sizeof(head));
  return head;
}

Bytes entry_bytes(int64_t sequence, ByteSpan bytes) {
  Bytes out;
  ByteWriter writer(out);
  writer.put(static_cast<uint32_t>(bytes.size()));
  writer.put(log_entry_crc(sequence, bytes));
  writer.put(sequence);
  writer.put(bytes);
  return out;
}

/// Finds the entries of a log's image.
class Scan {
 public:
  explicit Scan(ByteSpan image) : image_(image) {}

  /// The entry at `at` if it is good.
  std::optional<LogEntry> entry(size_t at) {
    const ByteSpan rest = image_.subspan(at);
    if (rest.size() < sizeof(EntryHead)) return std::nullopt;
    const auto head = head_at<EntryHead>(rest);
    if (head.length > kLogEntryBytesMax || head.length > rest.size() - sizeof(head))
      return std::nullopt;
    const ByteSpan bytes = rest.subspan(sizeof(head), head.length);
    looked_at_ += bytes.size();
    if (log_entry_crc(head.sequence, bytes) != head.crc) return std::nullopt;
    return LogEntry{head.sequence, Bytes(bytes.begin(), bytes.end())};
  }

  /// Where a good entry lies behind `at`, one that may follow entry `last` of the same log. Lengths
  /// are not to be trusted there, so every place is tried. Looks at so many bytes at most that a
  /// file made to slow this down is given up, as if one were found.
  std::optional<size_t> good_entry_after(size_t at, int64_t last) {
    const size_t most = looked_at_ + 64 * image_.size();
    const auto entries_max = static_cast<int64_t>(image_.size() / sizeof(EntryHead));
    for (size_t place = at + 1; place + sizeof(EntryHead) <= image_.size(); ++place) {
      const int64_t sequence = head_at<EntryHead>(image_.subspan(place)).sequence;
      if (sequence <= last || sequence - last > entries_max) continue;
      if (looked_at_ > most || entry(place)) return place;
    }
    return std::nullopt;
  }

 private:
  const ByteSpan image_;
  size_t looked_at_ = 0;
};

struct Image {
  std::vector<LogEntry> entries;
  size_t good_bytes = 0;  // of the head and the entries
};

Result<FileHead> read_head(const std::string& name, ByteSpan bytes) {
  if (bytes.size() < sizeof(FileHead))
    return failure(Fault::kCorrupt, "{}: has {} bytes; wanted: a log's head of {}", name,
                   bytes.size(), sizeof(FileHead));
  const auto head = head_at<FileHead>(bytes);
  if (head.crc == head.wanted_crc() && head.mark == kLogMark) return head;
  const auto same = std::mismatch(head.mark.begin(), head.mark.end(), kLogMark.begin()).first;
  if (same - head.mark.begin() < 4 && head.crc != head.wanted_crc())
    return failure(Fault::kBadInput, "{}: is no log", name);
  if (head.crc == head.wanted_crc())
    return failure(Fault::kBadInput, "{}: is a log of version {}, this program reads {}", name,
                   head.mark.back(), kLogMark.back());
  return failure(Fault::kCorrupt, "{}: its head is damaged", name);
}

Result<Image> read_image(const std::string& name, ByteSpan bytes) {
  CW_ASSIGN(const FileHead head, read_head(name, bytes));
  Scan scan(bytes);
  Image image;
  int64_t last = 0;
  image.good_bytes = sizeof(FileHead);
  while (auto entry = scan.entry(image.good_bytes)) {
    const bool first = image.entries.empty() && head.base > 0;
    if (entry->sequence < 1 || entry->sequence > kLogSequenceMax)
      return failure(Fault::kCorrupt, "{}: entry {} at byte {}; wanted: 1 to {}", name,
                     entry->sequence, image.good_bytes, kLogSequenceMax);
    if (!first && entry->sequence != last + 1)
      return failure(Fault::kCorrupt, "{}: entry {} follows entry {} at byte {}", name,
                     entry->sequence, last, image.good_bytes);
    last = entry->sequence;
    image.good_bytes += sizeof(EntryHead) + entry->bytes.size();
    image.entries.push_back(*std::move(entry));
  }
  if (image.good_bytes < sizeof(FileHead) + head.base)
    return failure(Fault::kCorrupt, "{}: the snapshot at byte {} is damaged", name,
                   image.good_bytes);
  if (const auto good = scan.good_entry_after(image.good_bytes, last))
    return failure(Fault::kCorrupt,
                   "{}: damaged from byte {} on, after entry {}; a good entry follows at byte {}",
                   name, image.good_bytes, last, *good);
  return image;
}

class FileLog final : public DurableLog {
 public:
  FileLog(Disk& disk, std::string name) : disk_(disk), name_(std::move(name)) {}

  Result<void> open() {
    CW_ASSIGN(const std::vector<std::string> names, disk_.list());
    const auto has = [&](const std::string& name) {
      return std::binary_search(names.begin(), names.end(), name);
    };
    if (has(aside())) CW_TRY(disk_.remove(aside()));
    if (!has(name_)) CW_TRY(replace({}));
    CW_ASSIGN(const int64_t size, disk_.size(name_));
    CW_ASSIGN(const Bytes bytes, disk_.read(name_, 0, size));
    CW_ASSIGN(Image image, read_image(name_, bytes));
    size_ = static_cast<int64_t>(image.good_bytes);
    torn_ = size - size_;
    if (torn_ > 0) CW_TRY(disk_.truncate(name_, size_));
    // What a process that was killed wrote may be in the system's memory only.
    CW_TRY(disk_.sync(name_));
    entries_ = std::move(image.entries);
    last_ = durable_ = entries_.empty() ? 0 : entries_.back().sequence;
    return {};
  }

  const std::vector<LogEntry>& entries() const override { return entries_; }
  void forget_entries() override { entries_ = {}; }
  int64_t last_sequence() const override { return last_; }
  int64_t durable_sequence() const override { return durable_; }

  Result<void> append(int64_t sequence, ByteSpan bytes) override {
    CW_CHECK(sequence == last_ + 1, "entry {} after entry {}", sequence, last_);
    CW_CHECK(std::ssize(bytes) <= kLogEntryBytesMax, "an entry of {} bytes", bytes.size());
    CW_TRY(usable());
    const Bytes entry = entry_bytes(sequence, bytes);
    if (auto appended = disk_.append(name_, entry); !appended) {
      const auto size = disk_.size(name_);
      failed_ = !size || *size != size_;
      return appended.error();
    }
    size_ += std::ssize(entry);
    last_ = sequence;
    return {};
  }

  Result<void> sync() override {
    CW_TRY(usable());
    if (durable_ == last_) return {};
    if (auto synced = disk_.sync(name_); !synced) {
      failed_ = true;
      return synced.error();
    }
    durable_ = last_;
    return {};
  }

  Result<void> restart(int64_t sequence, ByteSpan snapshot) override {
    CW_CHECK(sequence >= last_ && sequence > 0, "a snapshot of entry {} after entry {}", sequence,
             last_);
    CW_CHECK(std::ssize(snapshot) <= kLogEntryBytesMax, "an entry of {} bytes", snapshot.size());
    CW_TRY(usable());
    CW_TRY(replace(entry_bytes(sequence, snapshot)));
    last_ = durable_ = sequence;
    return {};
  }

  int64_t bytes() const override { return size_; }
  int64_t torn_bytes() const override { return torn_; }

 private:
  std::string aside() const { return name_ + ".new"; }

  Result<void> usable() const {
    if (!failed_) return {};
    return failure(Fault::kIo, "{}: an earlier write or sync failed; wanted: the log opened anew",
                   name_);
  }

  Result<void> replace(ByteSpan entry) {
    FileHead head;
    head.base = static_cast<uint32_t>(entry.size());
    head.crc = head.wanted_crc();
    Bytes bytes;
    ByteWriter writer(bytes);
    writer.put(std::as_bytes(std::span(&head, 1)));
    writer.put(entry);
    if (disk_.size(aside()).ok()) CW_TRY(disk_.remove(aside()));
    auto written = disk_.append(aside(), bytes);
    if (written) written = disk_.sync(aside());
    if (!written) {
      // The old file is whole. If this fails too, the next restart or opening removes the new one.
      [[maybe_unused]] const auto removed = disk_.remove(aside());
      return written.error();
    }
    if (auto renamed = disk_.rename(aside(), name_); !renamed) {
      failed_ = true;
      return renamed.error();
    }
    size_ = std::ssize(bytes);
    return {};
  }

  Disk& disk_;
  const std::string name_;
  std::vector<LogEntry> entries_;
  int64_t last_ = 0, durable_ = 0, size_ = 0, torn_ = 0;
  bool failed_ = false;
};

}  // namespace

Result<std::unique_ptr<DurableLog>> open_file_log(Disk& disk, const std::string& name) {
  auto log = std::make_unique<FileLog>(disk, name);
  CW_TRY(log->open());
  return std::unique_ptr<DurableLog>(std::move(log));
}

}  // namespace causeway
