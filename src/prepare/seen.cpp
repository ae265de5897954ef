// SPDX-License-Identifier: Apache-2.0
//
// Open addressing with linear probing: an entry lies at its digest's slot or in the next free one.
// Entries are only ever added, so dropping the latest leaves the table as it was before them,
// except where it has doubled since; it is therefore built anew when it is opened.
#include "prepare/seen.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <span>
#include <system_error>
#include <utility>

#include "core/durable.h"
#include "prepare/growing_file.h"

namespace causeway {
namespace {

constexpr uint64_t kMagic = 0x314E454553575743;  // "CWWSEEN1"
constexpr uint64_t kHeadBytes = 4096;
constexpr uint64_t kCapacityMin = 1 << 12;
constexpr uint64_t kCapacityMax = uint64_t{1} << 40;

struct Entry {
  uint64_t high, low;
  uint64_t number;  ///< plus 1; 0: free
};
static_assert(sizeof(Entry) == 24);

Error failed(const std::string& path, std::string_view what, int code) {
  return failure(Fault::kIo, "{}: {}: {}", path, what, std::generic_category().message(code));
}

}  // namespace

struct Seen::Table {
  void* start = nullptr;
  uint64_t bytes = 0;
  std::span<Entry> entries;

  ~Table() {
    if (start != nullptr) ::munmap(start, bytes);
  }

  /// A new file of free entries. Its room is taken at once: a page that the disk has no room for
  /// would kill the process when it is touched.
  static Result<std::unique_ptr<Table>> make(const std::string& path, uint64_t capacity) {
    const int number = ::open(path.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (number < 0) return failed(path, "cannot be made", errno);
    const int code =
        ::posix_fallocate(number, 0, static_cast<off_t>(kHeadBytes + capacity * sizeof(Entry)));
    if (code != 0) {
      ::close(number);
      return failed(path, "cannot grow", code);
    }
    auto table = map(path, number, capacity);
    if (!table) return table;
    auto* head = static_cast<uint64_t*>((*table)->start);
    head[0] = kMagic;
    head[1] = capacity;
    return table;
  }

  static Result<std::unique_ptr<Table>> open(const std::string& path) {
    const int number = ::open(path.c_str(), O_RDWR | O_CLOEXEC);
    if (number < 0) return failed(path, "cannot be opened", errno);
    uint64_t head[2] = {0, 0};
    struct stat info{};
    const bool read = ::pread(number, head, sizeof(head), 0) == sizeof(head);
    const bool fits = read && ::fstat(number, &info) == 0 && head[0] == kMagic &&
                      head[1] >= kCapacityMin && head[1] <= kCapacityMax &&
                      (head[1] & (head[1] - 1)) == 0 &&
                      static_cast<uint64_t>(info.st_size) == kHeadBytes + head[1] * sizeof(Entry);
    if (fits) return map(path, number, head[1]);
    ::close(number);
    return failure(Fault::kCorrupt, "{}: is damaged", path);
  }

  /// Closes the file; the mapping stays.
  static Result<std::unique_ptr<Table>> map(const std::string& path, int number,
                                            uint64_t capacity) {
    auto table = std::make_unique<Table>();
    const uint64_t bytes = kHeadBytes + capacity * sizeof(Entry);
    void* start = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, number, 0);
    const int code = errno;
    ::close(number);
    if (start == MAP_FAILED) return failed(path, "cannot be mapped into memory", code);
    table->start = start;
    table->bytes = bytes;
    table->entries = {reinterpret_cast<Entry*>(static_cast<char*>(start) + kHeadBytes), capacity};
    return table;
  }

  Result<void> sync(const std::string& path) const {
    if (::msync(start, bytes, MS_SYNC) != 0) return failed(path, "cannot be synced to disk", errno);
    return {};
  }

  /// The entry of a digest, or the free one where it belongs. There is a free one.
  Entry& find(uint64_t high, uint64_t low) const {
    const uint64_t mask = entries.size() - 1;
    uint64_t at = low & mask;
    while (entries[at].number != 0 && (entries[at].high != high || entries[at].low != low))
      at = (at + 1) & mask;
    return entries[at];
  }
};

Seen::Seen(std::string folder, std::string name)
    : folder_(std::move(folder)), name_(std::move(name)) {}
Seen::~Seen() = default;

Result<std::unique_ptr<Seen>> Seen::open(const std::string& folder, const std::string& name,
                                         uint64_t numbers_below) {
  std::unique_ptr<Seen> seen(new Seen(folder, name));
  const std::string path = folder + "/" + name;
  uint64_t capacity = kCapacityMin;
  if (::access(path.c_str(), F_OK) == 0) {
    CW_ASSIGN(seen->table_, Table::open(path));
    capacity = seen->table_->entries.size();
  }
  CW_TRY(seen->rebuild(capacity, numbers_below));
  return seen;
}

Result<void> Seen::rebuild(uint64_t capacity, uint64_t numbers_below) {
  if (capacity > kCapacityMax)
    return failure(Fault::kIo, "{}/{}: more than {} texts", folder_, name_, size_);
  const std::string aside = folder_ + "/" + std::string(kAside) + name_;
  CW_ASSIGN(auto larger, Table::make(aside, capacity));
  size_ = 0;
  if (table_)
    for (const Entry& entry : table_->entries)
      if (entry.number != 0 && entry.number <= numbers_below) {
        larger->find(entry.high, entry.low) = entry;
        ++size_;
      }
  CW_TRY(larger->sync(aside));
  CW_TRY(rename_file(aside, folder_ + "/" + name_));
  CW_TRY(sync_path(folder_));
  table_ = std::move(larger);
  return {};
}

Result<bool> Seen::add(const Digest& digest, uint64_t number) {
  Entry& entry = table_->find(digest.high, digest.low);
  if (entry.number != 0) return false;
  entry = {digest.high, digest.low, number + 1};
  ++size_;
  if (size_ * 10 > table_->entries.size() * 6)
    CW_TRY(rebuild(2 * table_->entries.size(), UINT64_MAX));
  return true;
}

Result<void> Seen::sync() { return table_->sync(folder_ + "/" + name_); }

}  // namespace causeway
