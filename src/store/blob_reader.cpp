// SPDX-License-Identifier: Apache-2.0
#include "store/blob_reader.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "core/durable.h"

namespace causeway {

BlobReader::~BlobReader() {
  for (const File& file : files_) ::close(file.handle);
}

void BlobReader::close_spare() {
  size_t spare = 0;
  for (auto next = files_.begin(); next != files_.end();) {
    const auto file = next++;
    if (file->readers > 0 || ++spare <= kFilesMax) continue;
    ::close(file->handle);
    files_.erase(file);
  }
}

Result<BlobReader::File*> BlobReader::open(const BlobId& id) {
  const std::lock_guard lock(mutex_);
  auto found = std::ranges::find(files_, id, &File::id);
  if (found == files_.end()) {
    const std::string path = folder_ + "/" + spool_file_name(id);
    const int handle = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (handle < 0) return io_error(path, "cannot be read");
    files_.push_front({id, handle, 0});
    found = files_.begin();
  } else {
    files_.splice(files_.begin(), files_, found);
  }
  ++found->readers;
  close_spare();
  return &*found;
}

Result<Bytes> BlobReader::read(const BlobId& id, int64_t offset, int64_t bytes) {
  CW_ASSIGN(File* const file, open(id));
  struct stat info{};
  const bool known = ::fstat(file->handle, &info) == 0;
  const int64_t here =
      known ? std::max<int64_t>(info.st_size - std::max<int64_t>(offset, 0), 0) : 0;
  Bytes out(static_cast<size_t>(std::clamp<int64_t>(bytes, 0, here)));
  size_t have = 0;
  int error = known ? 0 : errno;
  while (error == 0 && have < out.size()) {
    const ssize_t got = ::pread(file->handle, out.data() + have, out.size() - have,
                                offset + static_cast<int64_t>(have));
    if (got > 0) have += static_cast<size_t>(got);
    if (got == 0) error = EIO;
    if (got < 0 && errno != EINTR) error = errno;
  }
  {
    const std::lock_guard lock(mutex_);
    --file->readers;
  }
  if (error == 0) return out;
  errno = error;
  return io_error(folder_ + "/" + spool_file_name(id), "cannot be read");
}

}  // namespace causeway
