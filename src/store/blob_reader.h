// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <list>
#include <mutex>
#include <string>

#include "store/spool.h"

namespace causeway {

/// Reads blobs out of the folder of a disk_spool while that goes on writing others. Safe from many
/// threads. What it reads is not checked: verify the blob through the spool first, once.
class BlobReader {
 public:
  explicit BlobReader(std::string folder) : folder_(std::move(folder)) {}
  ~BlobReader();
  BlobReader(const BlobReader&) = delete;
  BlobReader& operator=(const BlobReader&) = delete;

  /// At most `bytes` from `offset` on, fewer at the blob's end. Fault::kIo: it is gone, say; what
  /// came to lie in its place (Disk::expect) is never taken for it.
  Result<Bytes> read(const BlobId& id, int64_t offset, int64_t bytes);

 private:
  struct File {
    BlobId id;
    int handle = -1;
    int readers = 0;
    bool gone = false;  // its name is that of another file, or of none
  };
  std::string path_of(const BlobId& id) const { return folder_ + "/" + spool_file_name(id); }
  Result<File*> open(const BlobId& id);
  bool is_there(const File& file) const;
  void close_spare();

  static constexpr size_t kFilesMax = 8;  // open at once, but for those being read
  const std::string folder_;
  std::mutex mutex_;
  std::list<File> files_;  // the one read last comes first
};

}  // namespace causeway
