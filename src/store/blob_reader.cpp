// SPDX-License-Identifier: Apache-2.0
#include "store/blob_reader.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "core/durable.h"
#include "core/spare_bytes.h"

namespace causeway {

BlobReader::~BlobReader() {
  for (const File& file : files_) ::close(file.handle);
}

void BlobReader::close_spare() {
  size_t spare = 0;
  for (auto next = files_.begin(); next != files_.end();) {
    const auto file = next++;
    if (file->readers > 0 || (!file->gone && ++spare <= kFilesMax)) continue;
    ::close(file->handle);
    files_.erase(file);
  }
}

/// Whether the open file is the one of that name. A file that is removed loses its name before its
/// place gets other bytes.
bool BlobReader::is_there(const File& file) const {
  struct stat named{}, open{};
  return ::stat(path_of(file.id).c_str(), &named) == 0 && ::fstat(file.handle, &open) == 0 &&
         named.st_ino == open.st_ino && named.st_dev == open.st_dev;
}

Result<BlobReader::File*> BlobReader::open(const BlobId& id) {
  const std::lock_guard lock(mutex_);
  auto found =
      std::ranges::find_if(files_, [&id](const File& file) { return file.id == id && !file.gone; });
  if (found != files_.end() && !is_there(*found)) {
    found->gone = true;
    found = files_.end();
  }
  if (found == files_.end()) {
    const std::string path = path_of(id);
    const int handle = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (handle < 0) return io_error(path, "cannot be read");
    files_.push_front({id, handle, 0, false});
    found = files_.begin();
  } else {
    files_.splice(files_.begin(), files_, found);
  }
  ++found->readers;
  close_spare();
  return &*found;
}

std::shared_ptr<const Bytes> BlobReader::find(const Place& place, int64_t bytes) {
  const std::lock_guard lock(mutex_);
  const auto found = pieces_.find(place);
  return found != pieces_.end() && found->second.bytes == bytes ? found->second.held.lock()
                                                                : nullptr;
}

void BlobReader::keep(const Place& place, int64_t bytes,
                      const std::shared_ptr<const Bytes>& piece) {
  std::shared_ptr<const Bytes> oldest;  // freed without the lock
  const std::lock_guard lock(mutex_);
  std::erase_if(pieces_, [](const auto& one) { return one.second.held.expired(); });
  pieces_[place] = {bytes, piece};
  recent_.push_back(piece);
  if (recent_.size() <= kRecentMax) return;
  oldest = std::move(recent_.front());
  recent_.pop_front();
}

Result<SharedBytes> BlobReader::read(const BlobId& id, int64_t offset, int64_t bytes) {
  const Place place(id, offset);
  std::shared_ptr<const Bytes> piece = find(place, bytes);
  if (piece == nullptr) {
    CW_ASSIGN(Bytes read, read_file(id, offset, bytes));
    piece = share_spare_bytes(std::move(read));
    keep(place, bytes, piece);
  }
  return SharedBytes(std::move(piece));
}

Result<Bytes> BlobReader::read_file(const BlobId& id, int64_t offset, int64_t bytes) {
  CW_ASSIGN(File* const file, open(id));
  struct stat info{};
  const bool known = ::fstat(file->handle, &info) == 0;
  const int64_t here =
      known ? std::max<int64_t>(info.st_size - std::max<int64_t>(offset, 0), 0) : 0;
  const auto count = static_cast<size_t>(std::clamp<int64_t>(bytes, 0, here));
  Bytes out = take_spare_bytes(count);
  out.resize(count);
  size_t have = 0;
  int error = known ? 0 : errno;
  while (error == 0 && have < out.size()) {
    const ssize_t got = ::pread(file->handle, out.data() + have, out.size() - have,
                                offset + static_cast<int64_t>(have));
    if (got > 0) have += static_cast<size_t>(got);
    if (got == 0) error = EIO;
    if (got < 0 && errno != EINTR) error = errno;
  }
  if (error == 0 && !is_there(*file)) error = ENOENT;  // it may have been overwritten meanwhile
  {
    const std::lock_guard lock(mutex_);
    --file->readers;
  }
  if (error == 0) return out;
  errno = error;
  return io_error(path_of(id), "cannot be read");
}

}  // namespace causeway
