// SPDX-License-Identifier: Apache-2.0
#include "store/posix_disk.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <map>
#include <string_view>
#include <system_error>
#include <utility>

#include "core/durable.h"

namespace causeway {
namespace {

namespace fs = std::filesystem;

/// An open file of the system.
class File {
 public:
  explicit File(int number = -1) : number_(number) {}
  ~File() {
    if (number_ >= 0) ::close(number_);
  }
  File(File&& other) noexcept : number_(std::exchange(other.number_, -1)) {}
  File& operator=(File&& other) noexcept {
    std::swap(number_, other.number_);
    return *this;
  }
  int number() const { return number_; }
  bool ok() const { return number_ >= 0; }

 private:
  int number_;
};

class Mapping {
 public:
  Mapping(void* data, size_t size) : data_(data), size_(size) {}
  ~Mapping() { ::munmap(data_, size_); }
  Mapping(const Mapping&) = delete;
  Mapping& operator=(const Mapping&) = delete;
  ByteSpan bytes() const { return {static_cast<const std::byte*>(data_), size_}; }
  void cool() const { ::madvise(data_, size_, MADV_DONTNEED); }

 private:
  void* data_;
  size_t size_;
};

bool write_all(int file, ByteSpan bytes, int64_t offset) {
  while (!bytes.empty()) {
    const ssize_t written = ::pwrite(file, bytes.data(), bytes.size(), off_t{offset});
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return false;
    bytes = bytes.subspan(static_cast<size_t>(written));
    offset += written;
  }
  return true;
}

/// Large files that were removed, kept for those that come: the system has their pages at hand, and
/// fresh ones cost several times what it costs to fill them.
class Spares {
 public:
  static constexpr std::string_view kPrefix = ".spare_";

  explicit Spares(int folder) : folder_(folder) {}
  ~Spares() { clear(); }
  Spares(const Spares&) = delete;
  Spares& operator=(const Spares&) = delete;

  /// Instead of removing the file. False if it is small, there are many, or the disk has less free
  /// than they take: others write there too.
  bool keep(const std::string& name) {
    struct stat info{};
    if (spares_.size() >= kCountMax || ::fstatat(folder_, name.c_str(), &info, 0) != 0)
      return false;
    struct statvfs disk{};
    if (info.st_size < kBytesMin || ::fstatvfs(folder_, &disk) != 0) return false;
    int64_t bytes = info.st_size;
    for (const auto& [spare_bytes, spare] : spares_) bytes += spare_bytes;
    if (static_cast<int64_t>(disk.f_bavail * disk.f_frsize) < bytes) return false;
    std::string spare = fmt::format("{}{}", kPrefix, ++kept_);
    if (::renameat(folder_, name.c_str(), folder_, spare.c_str()) != 0) return false;
    spares_.emplace(int64_t{info.st_size}, std::move(spare));
    return true;
  }
  /// One of about this size becomes the file `name`. False if there is none.
  bool take(const std::string& name, int64_t bytes) {
    auto found = spares_.lower_bound(bytes - bytes / 8);
    if (found == spares_.end() || found->first > bytes + bytes / 8) return false;
    const bool taken = ::renameat(folder_, found->second.c_str(), folder_, name.c_str()) == 0;
    spares_.erase(found);
    return taken;
  }
  /// Removes them all. False if there were none.
  bool clear() {
    if (spares_.empty()) return false;
    for (const auto& [bytes, name] : spares_) ::unlinkat(folder_, name.c_str(), 0);
    spares_.clear();
    return true;
  }

 private:
  static constexpr int64_t kBytesMin = int64_t{1} << 20;
  static constexpr size_t kCountMax = 64;

  const int folder_;
  std::multimap<int64_t, std::string> spares_;  // by their bytes
  int64_t kept_ = 0;
};

class PosixDisk final : public Disk {
 public:
  PosixDisk(std::string path, File folder)
      : path_(std::move(path)), folder_(std::move(folder)), spares_(folder_.number()) {}

  void expect(const std::string& name, int64_t bytes) override {
    if (!check_file_name(name) || size(name)) return;
    expects_ = true;
    if (!spares_.take(name, bytes)) return;
    // As of a file that is made: what is synced later must be found under this name.
    if (sync_folder())
      reused_[name] = 0;
    else
      ::unlinkat(folder_.number(), name.c_str(), 0);
  }

  Result<void> append(const std::string& name, ByteSpan bytes) override {
    CW_TRY(check_file_name(name));
    const auto reused = reused_.find(name);
    CW_ASSIGN(const File file, reused != reused_.end() ? open(name, O_WRONLY) : open_or_make(name));
    CW_ASSIGN(const int64_t before, size(name));
    while (!write_all(file.number(), bytes, before)) {
      if (errno == ENOSPC && spares_.clear()) continue;
      const Error error = trouble(name, "cannot be appended to");
      if (reused == reused_.end() && ::ftruncate(file.number(), before) != 0)
        return trouble(name, "keeps a part of what could not be appended");
      return error;
    }
    if (reused != reused_.end()) reused->second += std::ssize(bytes);
    return {};
  }

  void begin_sync(const std::string& name) override {
    if (const auto file = open(name, O_WRONLY))
      ::sync_file_range(file->number(), 0, 0, SYNC_FILE_RANGE_WRITE);
  }

  Result<void> sync(const std::string& name) override {
    CW_ASSIGN(const File file, open(name, O_RDONLY));
    if (::fdatasync(file.number()) != 0) return trouble(name, "cannot be synced to disk");
    return {};
  }

  Result<void> read_into(const std::string& name, int64_t offset,
                         std::span<std::byte> out) const override {
    CW_ASSIGN(const int64_t bytes, size(name));
    CW_TRY(check_range(name, offset, std::ssize(out), bytes));
    CW_ASSIGN(const File file, open(name, O_RDONLY));
    while (!out.empty()) {
      const ssize_t got =
          ::pread(file.number(), out.data(), out.size(), static_cast<off_t>(offset));
      if (got < 0 && errno == EINTR) continue;
      if (got < 0) return trouble(name, "cannot be read");
      if (got == 0) return failure(Fault::kIo, "{}: became shorter while it was read", where(name));
      out = out.subspan(static_cast<size_t>(got));
      offset += got;
    }
    return {};
  }

  Result<ByteSpan> view(const std::string& name, int64_t count) override {
    CW_ASSIGN(const int64_t bytes, size(name));
    CW_TRY(check_range(name, 0, count, bytes));
    const auto wanted = static_cast<size_t>(count);
    if (wanted == 0) return ByteSpan();
    const auto found = views_.find(name);
    if (found != views_.end() && found->second.bytes().size() >= wanted)
      return found->second.bytes().first(wanted);
    views_.erase(name);
    CW_ASSIGN(const File file, open(name, O_RDONLY));
    void* const data = ::mmap(nullptr, wanted, PROT_READ, MAP_SHARED, file.number(), 0);
    if (data == MAP_FAILED) return trouble(name, "cannot be mapped");
    return views_.try_emplace(name, data, wanted).first->second.bytes();
  }

  void cool() override {
    for (const auto& [name, mapping] : views_) mapping.cool();
  }

  Result<int64_t> size(const std::string& name) const override {
    CW_TRY(check_file_name(name));
    struct stat info{};
    if (::fstatat(folder_.number(), name.c_str(), &info, AT_SYMLINK_NOFOLLOW) != 0)
      return trouble(name, "has no size");
    if (!S_ISREG(info.st_mode)) return failure(Fault::kIo, "{}: is no file", where(name));
    const auto reused = reused_.find(name);
    return reused != reused_.end() ? reused->second : int64_t{info.st_size};
  }

  Result<void> truncate(const std::string& name, int64_t left) override {
    CW_ASSIGN(const int64_t bytes, size(name));
    CW_TRY(check_range(name, 0, left, bytes));
    views_.erase(name);
    CW_ASSIGN(const File file, open(name, O_WRONLY));
    if (::ftruncate(file.number(), static_cast<off_t>(left)) != 0)
      return trouble(name, "cannot be cut");
    reused_.erase(name);
    if (::fdatasync(file.number()) != 0) return trouble(name, "cannot be synced to disk");
    return {};
  }

  Result<void> rename(const std::string& from, const std::string& to) override {
    CW_TRY(check_file_name(from));
    CW_TRY(check_file_name(to));
    views_.erase(from);
    views_.erase(to);
    if (const auto reused = reused_.find(from); reused != reused_.end())
      CW_TRY(truncate(from, reused->second));
    const int folder = folder_.number();
    if (::renameat(folder, from.c_str(), folder, to.c_str()) != 0)
      return trouble(from, "cannot be renamed");
    reused_.erase(to);
    return sync_folder();
  }

  Result<void> remove(const std::string& name) override {
    CW_TRY(check_file_name(name));
    views_.erase(name);
    if (!(expects_ && spares_.keep(name)) && ::unlinkat(folder_.number(), name.c_str(), 0) != 0)
      return trouble(name, "cannot be removed");
    reused_.erase(name);
    return sync_folder();
  }

  Result<std::vector<std::string>> list() const override {
    std::vector<std::string> names;
    std::error_code error;
    for (fs::directory_iterator entry(path_, error), end; !error && entry != end;
         entry.increment(error))
      if (entry->symlink_status(error).type() == fs::file_type::regular)
        if (std::string name = entry->path().filename().string();
            !name.starts_with(Spares::kPrefix))
          names.push_back(std::move(name));
    if (error) return failure(Fault::kIo, "{}: cannot be listed: {}", path_, error.message());
    std::sort(names.begin(), names.end());
    return names;
  }

 private:
  std::string where(const std::string& name) const { return path_ + "/" + name; }
  Error trouble(const std::string& name, std::string_view what) const {
    return io_error(where(name), what);
  }
  Result<void> check_range(const std::string& name, int64_t offset, int64_t count,
                           int64_t size) const {
    if (offset >= 0 && count >= 0 && offset <= size && count <= size - offset) return {};
    return failure(Fault::kIo, "{}: has {} bytes; wanted: {} from {} on", where(name), size, count,
                   offset);
  }
  File open_raw(const std::string& name, int flags) const {
    return File(::openat(folder_.number(), name.c_str(), flags | O_CLOEXEC | O_NOFOLLOW, 0644));
  }
  Result<File> open(const std::string& name, int flags) const {
    CW_TRY(check_file_name(name));
    File file = open_raw(name, flags);
    if (!file.ok()) return trouble(name, "cannot be opened");
    return file;
  }
  Result<File> open_or_make(const std::string& name) const {
    constexpr int kFlags = O_WRONLY;
    File file = open_raw(name, kFlags);
    if (file.ok()) return file;
    if (errno != ENOENT) return trouble(name, "cannot be opened");
    file = open_raw(name, kFlags | O_CREAT | O_EXCL);
    if (!file.ok()) return trouble(name, "cannot be made");
    CW_TRY(sync_folder());
    return file;
  }
  Result<void> sync_folder() const {
    if (::fsync(folder_.number()) != 0) return io_error(path_, "cannot be synced to disk");
    return {};
  }

  const std::string path_;
  const File folder_;
  std::map<std::string, Mapping> views_;
  Spares spares_;
  bool expects_ = false;  // so that spares are of use
  std::map<std::string, int64_t>
      reused_;  // what is appended to in a spare one, and its size so far
};

}  // namespace

Result<std::unique_ptr<Disk>> open_posix_disk(const std::string& folder) {
  std::error_code error;
  const bool made = fs::create_directories(folder, error);
  if (error) return failure(Fault::kIo, "{}: cannot be made: {}", folder, error.message());
  if (made) CW_TRY(sync_path(fs::absolute(folder).parent_path().string()));
  File file(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!file.ok()) return io_error(folder, "cannot be opened");
  if (::flock(file.number(), LOCK_EX | LOCK_NB) != 0) {
    if (errno == EWOULDBLOCK)
      return failure(Fault::kIo, "{}: is in use by another process; wanted: one at a time", folder);
    return io_error(folder, "cannot be locked");
  }
  // Of a process that was killed.
  for (fs::directory_iterator entry(folder, error), end; !error && entry != end;
       entry.increment(error))
    if (entry->path().filename().string().starts_with(Spares::kPrefix))
      ::unlinkat(file.number(), entry->path().filename().c_str(), 0);
  return std::unique_ptr<Disk>(std::make_unique<PosixDisk>(folder, std::move(file)));
}

}  // namespace causeway
