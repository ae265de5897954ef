// SPDX-License-Identifier: Apache-2.0
#include "record/output_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

#include "core/log.h"

namespace causeway {
namespace {
constexpr size_t kBufferBytesMax = 64 * 1024;

std::string reason_of(int error) { return std::system_category().message(error); }
}  // namespace

Result<std::unique_ptr<OutputFile>> OutputFile::open(const std::string& path, int flags) {
  const int descriptor = ::open(path.c_str(), flags | O_CREAT | O_CLOEXEC, 0644);
  if (descriptor < 0)
    return failure(Fault::kIo, "{}: cannot open for writing: {}", path, reason_of(errno));
  return std::unique_ptr<OutputFile>(new OutputFile(path, descriptor));
}

OutputFile::~OutputFile() {
  flush();
  ::close(descriptor_);
}

void OutputFile::write(std::string_view bytes) {
  if (failed_) return;
  while (bytes.size() > kBufferBytesMax - buffer_.size()) {
    const size_t part = kBufferBytesMax - buffer_.size();
    buffer_ += bytes.substr(0, part);
    bytes.remove_prefix(part);
    flush();
    if (failed_) return;
  }
  buffer_ += bytes;
}

void OutputFile::flush() {
  std::string_view left = buffer_;
  while (!left.empty() && !failed_) {
    const ssize_t written = ::write(descriptor_, left.data(), left.size());
    if (written >= 0)
      left.remove_prefix(static_cast<size_t>(written));
    else if (errno != EINTR)
      fail(errno);
  }
  buffer_.clear();
}

void OutputFile::keep(int64_t size_bytes) {
  CW_CHECK(buffer_.empty(), "{}: {} bytes are buffered", path_, buffer_.size());
  struct stat status{};
  if (::fstat(descriptor_, &status) != 0) return fail(errno);
  if (status.st_size != size_bytes && ::ftruncate(descriptor_, size_bytes) != 0) return fail(errno);
  if (::lseek(descriptor_, size_bytes, SEEK_SET) < 0) fail(errno);
}

void OutputFile::fail(int error) {
  if (failed_) return;
  failed_ = true;
  log(LogLevel::kError,
      fmt::format("{}: cannot write: {}; the run goes on without it", path_, reason_of(error)));
}

}  // namespace causeway
