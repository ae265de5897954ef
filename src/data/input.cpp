// SPDX-License-Identifier: Apache-2.0
#include "data/input.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <system_error>
#include <vector>

namespace causeway {
namespace {

constexpr size_t kSkipBytes = size_t{256} << 10;

std::string reason(int code) { return std::generic_category().message(code); }

/// Read, not mapped: a file may be larger than memory, and one that is shortened meanwhile must not
/// kill the process.
class FileInput final : public Input {
 public:
  FileInput(int number, std::string path, bool is_stream)
      : number_(number), path_(std::move(path)), is_stream_(is_stream) {}
  ~FileInput() override {
    if (!is_stream_) ::close(number_);
  }

  Result<size_t> read(std::span<char> out) override {
    while (true) {
      const ssize_t count = ::read(number_, out.data(), out.size());
      if (count < 0 && errno == EINTR) continue;
      if (count < 0) return failure(Fault::kIo, "{}: cannot be read: {}", path_, reason(errno));
      consumed_ += count;
      return static_cast<size_t>(count);
    }
  }
  Result<bool> skip(int64_t count) override {
    if (is_stream_) return skip_by_reading(*this, count);
    struct stat info{};
    if (::fstat(number_, &info) != 0)
      return failure(Fault::kIo, "{}: cannot be read: {}", path_, reason(errno));
    if (count > info.st_size - consumed_) return false;
    if (::lseek(number_, count, SEEK_CUR) < 0)
      return failure(Fault::kIo, "{}: cannot be read: {}", path_, reason(errno));
    consumed_ += count;
    return true;
  }
  int64_t consumed() const override { return consumed_; }

 private:
  const int number_;
  const std::string path_;
  const bool is_stream_;
  int64_t consumed_ = 0;
};

class MemoryInput final : public Input {
 public:
  explicit MemoryInput(ByteSpan bytes) : bytes_(bytes) {}

  Result<size_t> read(std::span<char> out) override {
    const size_t count = std::min(out.size(), bytes_.size() - consumed_);
    if (count > 0) std::memcpy(out.data(), bytes_.data() + consumed_, count);
    consumed_ += count;
    return count;
  }
  Result<bool> skip(int64_t count) override { return skip_by_reading(*this, count); }
  int64_t consumed() const override { return static_cast<int64_t>(consumed_); }

 private:
  const ByteSpan bytes_;
  size_t consumed_ = 0;
};

Result<std::unique_ptr<Input>> open_file(const std::string& path) {
  // Without O_NONBLOCK a named pipe would wait here for its writer.
  const int number = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (number < 0)
    return failure(Fault::kIo, "{}: cannot be opened: {}; check the path and its rights", path,
                   reason(errno));
  std::unique_ptr<Input> file = std::make_unique<FileInput>(number, path, false);
  struct stat info{};
  if (::fstat(number, &info) != 0)
    return failure(Fault::kIo, "{}: cannot be read: {}", path, reason(errno));
  if (!S_ISREG(info.st_mode))
    return failure(Fault::kIo, "{}: is no regular file; give a file, or - for standard input",
                   path);
  ::posix_fadvise(number, 0, 0, POSIX_FADV_SEQUENTIAL);
  return file;
}

}  // namespace

Result<bool> skip_by_reading(Input& input, int64_t count) {
  std::vector<char> passed(kSkipBytes);
  while (count > 0) {
    const size_t wanted = std::min(passed.size(), static_cast<size_t>(count));
    CW_ASSIGN(const size_t got, input.read(std::span(passed).first(wanted)));
    if (got == 0) return false;
    count -= static_cast<int64_t>(got);
  }
  return true;
}

Packing packing_of(std::string_view path) {
  if (path.ends_with(".gz")) return Packing::kGzip;
  return path.ends_with(".zst") ? Packing::kZstd : Packing::kNone;
}

std::unique_ptr<Input> memory_input(ByteSpan bytes) { return std::make_unique<MemoryInput>(bytes); }

std::unique_ptr<Input> unpack(std::unique_ptr<Input> source, Packing packing,
                              const std::string& name) {
  if (packing == Packing::kGzip) return gzip_input(std::move(source), name);
  return packing == Packing::kZstd ? zstd_input(std::move(source), name) : std::move(source);
}

Result<std::unique_ptr<Input>> open_input(const std::string& path) {
  if (path == "-")
    return std::unique_ptr<Input>(
        std::make_unique<FileInput>(STDIN_FILENO, "standard input", true));
  CW_ASSIGN(auto file, open_file(path));
  return unpack(std::move(file), packing_of(path), path);
}

}  // namespace causeway
