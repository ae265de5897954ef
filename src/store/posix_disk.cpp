// SPDX-License-Identifier: Apache-2.0
#include "store/posix_disk.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <map>
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

bool write_all(int file, ByteSpan bytes) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(file, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return false;
    bytes = bytes.subspan(static_cast<size_t>(written));
  }
  return true;
}

class PosixDisk final : public Disk {
 public:
  PosixDisk(std::string path, File folder) : path_(std::move(path)), folder_(std::move(folder)) {}

  Result<void> append(const std::string& name, ByteSpan bytes) override {
    CW_TRY(check_file_name(name));
    CW_ASSIGN(const File file, open_or_make(name));
    struct stat before{};
    if (::fstat(file.number(), &before) != 0) return trouble(name, "has no size");
    if (write_all(file.number(), bytes)) return {};
    const Error error = trouble(name, "cannot be appended to");
    if (::ftruncate(file.number(), before.st_size) != 0)
      return trouble(name, "keeps a part of what could not be appended");
    return error;
  }

  Result<void> sync(const std::string& name) override {
    CW_ASSIGN(const File file, open(name, O_RDONLY));
    if (::fdatasync(file.number()) != 0) return trouble(name, "cannot be synced to disk");
    return {};
  }

  Result<Bytes> read(const std::string& name, int64_t offset, int64_t count) const override {
    CW_ASSIGN(const int64_t bytes, size(name));
    CW_TRY(check_range(name, offset, count, bytes));
    CW_ASSIGN(const File file, open(name, O_RDONLY));
    Bytes out(static_cast<size_t>(count));
    for (size_t done = 0; done < out.size();) {
      const ssize_t got = ::pread(file.number(), out.data() + done, out.size() - done,
                                  static_cast<off_t>(offset) + static_cast<off_t>(done));
      if (got < 0 && errno == EINTR) continue;
      if (got < 0) return trouble(name, "cannot be read");
      if (got == 0) return failure(Fault::kIo, "{}: became shorter while it was read", where(name));
      done += static_cast<size_t>(got);
    }
    return out;
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
    return int64_t{info.st_size};
  }

  Result<void> truncate(const std::string& name, int64_t left) override {
    CW_ASSIGN(const int64_t bytes, size(name));
    CW_TRY(check_range(name, 0, left, bytes));
    views_.erase(name);
    CW_ASSIGN(const File file, open(name, O_WRONLY));
    if (::ftruncate(file.number(), static_cast<off_t>(left)) != 0)
      return trouble(name, "cannot be cut");
    if (::fdatasync(file.number()) != 0) return trouble(name, "cannot be synced to disk");
    return {};
  }

  Result<void> rename(const std::string& from, const std::string& to) override {
    CW_TRY(check_file_name(from));
    CW_TRY(check_file_name(to));
    views_.erase(from);
    views_.erase(to);
    const int folder = folder_.number();
    if (::renameat(folder, from.c_str(), folder, to.c_str()) != 0)
      return trouble(from, "cannot be renamed");
    return sync_folder();
  }

  Result<void> remove(const std::string& name) override {
    CW_TRY(check_file_name(name));
    views_.erase(name);
    if (::unlinkat(folder_.number(), name.c_str(), 0) != 0)
      return trouble(name, "cannot be removed");
    return sync_folder();
  }

  Result<std::vector<std::string>> list() const override {
    std::vector<std::string> names;
    std::error_code error;
    for (fs::directory_iterator entry(path_, error), end; !error && entry != end;
         entry.increment(error))
      if (entry->symlink_status(error).type() == fs::file_type::regular)
        names.push_back(entry->path().filename().string());
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
    constexpr int kFlags = O_WRONLY | O_APPEND;
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
  return std::unique_ptr<Disk>(std::make_unique<PosixDisk>(folder, std::move(file)));
}

}  // namespace causeway
