// SPDX-License-Identifier: Apache-2.0
#include "prepare/growing_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <utility>

#include "core/durable.h"

namespace causeway {
namespace {

constexpr size_t kHeldBytesMax = size_t{256} << 10;
constexpr size_t kReadBytes = size_t{1} << 20;

}  // namespace

Result<void> rename_file(const std::string& from, const std::string& to) {
  if (std::rename(from.c_str(), to.c_str()) != 0) return io_error(to, "cannot be made");
  return {};
}

Result<void> write_durably(const std::string& folder, const std::string& name,
                           std::string_view text) {
  const std::string aside = folder + "/" + std::string(kAside) + name;
  {
    CW_ASSIGN(const auto file, GrowingFile::open(aside, 0));
    CW_TRY(file->append(std::as_bytes(std::span(text))));
    CW_TRY(file->sync());
  }
  CW_TRY(rename_file(aside, folder + "/" + name));
  return sync_path(folder);
}

Result<std::unique_ptr<GrowingFile>> GrowingFile::open(const std::string& path, int64_t length) {
  const int flags = O_RDWR | O_CLOEXEC | (length == 0 ? O_CREAT | O_TRUNC : 0);
  const int number = ::open(path.c_str(), flags, 0666);
  if (number < 0) return io_error(path, "cannot be opened for writing");
  std::unique_ptr<GrowingFile> file(new GrowingFile(number, path));
  struct stat info{};
  if (::fstat(number, &info) != 0) return file->failed("cannot be read");
  if (info.st_size < length)
    return failure(Fault::kCorrupt, "{}: has {} bytes of {} that were written", path, info.st_size,
                   length);
  if (::ftruncate(number, length) != 0) return file->failed("cannot be cut");
  file->length_ = length;
  return file;
}

GrowingFile::~GrowingFile() { ::close(number_); }

Error GrowingFile::failed(std::string_view what) const { return io_error(path_, what); }

Result<void> GrowingFile::append(ByteSpan bytes) {
  if (held_.size() + bytes.size() > kHeldBytesMax) CW_TRY(flush());
  if (bytes.size() < kHeldBytesMax) {
    held_.insert(held_.end(), bytes.begin(), bytes.end());
    return {};
  }
  CW_TRY(write(length_, bytes));
  length_ += static_cast<int64_t>(bytes.size());
  return {};
}

Result<void> GrowingFile::flush() {
  CW_TRY(write(length_, held_));
  length_ += static_cast<int64_t>(held_.size());
  held_.clear();
  return {};
}

Result<void> GrowingFile::sync() {
  CW_TRY(flush());
  if (::fdatasync(number_) != 0) return failed("cannot be synced to disk");
  return {};
}

Result<void> GrowingFile::write(int64_t begin, ByteSpan bytes) const {
  while (!bytes.empty()) {
    const ssize_t count = ::pwrite(number_, bytes.data(), bytes.size(), begin);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return failed("cannot be written");
    begin += count;
    bytes = bytes.subspan(static_cast<size_t>(count));
  }
  return {};
}

Result<void> GrowingFile::write_at(int64_t begin, ByteSpan bytes) {
  CW_CHECK(begin >= 0 && begin + std::ssize(bytes) <= length_);
  return write(begin, bytes);
}

Result<size_t> GrowingFile::read_at(int64_t begin, std::span<std::byte> out) const {
  while (true) {
    const ssize_t count = ::pread(number_, out.data(), out.size(), begin);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return failed("cannot be read");
    return static_cast<size_t>(count);
  }
}

Result<void> GrowingFile::append_all_of(const GrowingFile& other) {
  CW_CHECK(other.held_.empty(), "not flushed");
  Bytes part(kReadBytes);
  for (int64_t at = 0; at < other.length_;) {
    CW_ASSIGN(const size_t got, other.read_at(at, part));
    if (got == 0) return other.failed("became shorter");
    CW_TRY(append(ByteSpan(part).first(got)));
    at += static_cast<int64_t>(got);
  }
  return {};
}

Result<Digest> GrowingFile::digest() const {
  CW_CHECK(held_.empty(), "not flushed");
  Hasher hasher;
  Bytes part(kReadBytes);
  for (int64_t at = 0; at < length_;) {
    CW_ASSIGN(const size_t got, read_at(at, part));
    if (got == 0) return failed("became shorter");
    hasher.add(ByteSpan(part).first(got));
    at += static_cast<int64_t>(got);
  }
  return hasher.digest();
}

}  // namespace causeway
