// SPDX-License-Identifier: Apache-2.0
#include "net/certificates_files.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <system_error>
#include <thread>

#include "core/durable.h"

namespace causeway {
namespace {

namespace fs = std::filesystem;

constexpr int kLockTries = 500;
constexpr auto kLockPause = std::chrono::milliseconds(20);

/// A file descriptor that is closed at the end of its scope.
class File {
 public:
  explicit File(int number) : number_(number) {}
  ~File() {
    if (number_ >= 0) ::close(number_);
  }
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  int number() const { return number_; }

 private:
  int number_;
};

Result<std::string> read_open_file(const File& file, const std::string& path, int64_t bytes_max) {
  std::string out;
  std::array<char, 16'384> part{};
  while (true) {
    const ssize_t count = ::read(file.number(), part.data(), part.size());
    if (count == 0) return out;
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return io_error(path, "cannot be read");
    if (std::ssize(out) + count > bytes_max)
      return failure(Fault::kBadInput, "{}: has more than {} bytes; is it the right file?", path,
                     bytes_max);
    out.append(part.data(), static_cast<size_t>(count));
  }
}

/// Opens what is to be read; a pipe does not make it wait.
int open_to_read(const std::string& path) {
  return ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
}

Result<void> write_all(const File& file, const std::string& path, std::string_view text) {
  while (!text.empty()) {
    const ssize_t count = ::write(file.number(), text.data(), text.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return io_error(path, "cannot be written");
    text.remove_prefix(static_cast<size_t>(count));
  }
  if (::fsync(file.number()) != 0) return io_error(path, "cannot be synced to disk");
  return {};
}

Result<void> write_private_file(const std::string& path, std::string_view text) {
  const File file(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
                         S_IRUSR | S_IWUSR));
  if (file.number() < 0) return io_error(path, "cannot be made");
  // A umask may have taken the owner's own rights away.
  if (::fchmod(file.number(), S_IRUSR | S_IWUSR) != 0)
    return io_error(path, "cannot be kept from others");
  return write_all(file, path, text);
}

}  // namespace

Result<std::unique_ptr<FolderLock>> FolderLock::take(const std::string& folder) {
  const int file = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (file < 0) return io_error(folder, "cannot be opened");
  std::unique_ptr<FolderLock> lock(new FolderLock(file));
  for (int tries = 0; ::flock(file, LOCK_EX | LOCK_NB) != 0; ++tries) {
    if (errno != EWOULDBLOCK && errno != EINTR) return io_error(folder, "cannot be locked");
    if (tries == kLockTries)
      return failure(Fault::kIo, "{}: another command has been changing it for 10 s; try again",
                     folder);
    std::this_thread::sleep_for(kLockPause);
  }
  return lock;
}

FolderLock::~FolderLock() { ::close(file_); }

Result<void> make_private_folder(const std::string& folder) {
  std::error_code error;
  const fs::path path(folder);
  if (fs::is_directory(path, error)) return {};
  if (path.has_parent_path()) fs::create_directories(path.parent_path(), error);
  if (::mkdir(folder.c_str(), S_IRWXU) != 0 && errno != EEXIST)
    return io_error(folder, "cannot be made");
  return sync_path(path.parent_path().string());
}

Result<void> want_absent(const std::string& path, std::string_view what_to_do) {
  std::error_code error;
  if (fs::symlink_status(path, error).type() == fs::file_type::not_found) return {};
  return failure(Fault::kBadInput, "{}: is there already; {}", path, what_to_do);
}

Result<std::string> read_small_file(const std::string& path, int64_t bytes_max) {
  const File file(open_to_read(path));
  if (file.number() < 0) return io_error(path, "cannot be opened");
  return read_open_file(file, path, bytes_max);
}

Result<std::string> read_key_file(const std::string& path) {
  const File file(open_to_read(path));
  if (file.number() < 0) return io_error(path, "cannot be opened");
  struct stat about{};
  if (::fstat(file.number(), &about) != 0) return io_error(path, "cannot be looked at");
  if ((about.st_mode & (S_IRWXG | S_IRWXO)) != 0)
    return failure(Fault::kBadInput,
                   "{}: others have rights on this private key (mode {:04o}; wanted: 0600). If "
                   "nobody has read it: chmod 600 {}; else revoke its certificate",
                   path, about.st_mode & 07777, path);
  return read_open_file(file, path, kPemBytesMax);
}

Result<void> write_key_file(const std::string& path, std::string_view pem) {
  const std::string aside = path + ".writing";
  ::unlink(aside.c_str());  // What a killed command left.
  auto written = write_private_file(aside, pem);
  if (written && std::rename(aside.c_str(), path.c_str()) != 0)
    written = io_error(path, "cannot be put in place");
  if (!written) {
    ::unlink(aside.c_str());
    return written;
  }
  return sync_path(fs::path(path).parent_path().string());
}

}  // namespace causeway
