// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <deque>
#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <utility>

#include "core/shared_bytes.h"
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
  /// came to lie in its place (Disk::expect) is never taken for it. Who reads what another still
  /// holds, or what was read a moment ago, shares it: many receivers go through a blob side by
  /// side.
  Result<SharedBytes> read(const BlobId& id, int64_t offset, int64_t bytes);

 private:
  struct File {
    BlobId id;
    int handle = -1;
    int readers = 0;
    bool gone = false;  // its name is that of another file, or of none
  };
  struct Piece {
    int64_t bytes = 0;  ///< that were asked for; it has fewer at the blob's end
    std::weak_ptr<const Bytes> held;
  };
  using Place = std::pair<BlobId, int64_t>;  // and offset

  Result<Bytes> read_file(const BlobId& id, int64_t offset, int64_t bytes);
  std::shared_ptr<const Bytes> find(const Place& place, int64_t bytes);
  void keep(const Place& place, int64_t bytes, const std::shared_ptr<const Bytes>& piece);
  std::string path_of(const BlobId& id) const { return folder_ + "/" + spool_file_name(id); }
  Result<File*> open(const BlobId& id);
  bool is_there(const File& file) const;
  void close_spare();

  static constexpr size_t kFilesMax = 8;   // open at once, but for those being read
  static constexpr size_t kRecentMax = 8;  // pieces that are held for who comes next
  const std::string folder_;
  std::mutex mutex_;
  std::list<File> files_;  // the one read last comes first
  std::map<Place, Piece> pieces_;
  std::deque<std::shared_ptr<const Bytes>> recent_;
};

}  // namespace causeway
