// SPDX-License-Identifier: Apache-2.0
//
// For each blob two files:
//   blob_OWNER_DIGEST        its bytes, nothing else
//   blob_OWNER_DIGEST.sums   40 bytes of head, then u32 length | u32 crc32c for each chunk
// A chunk goes to the first file before its checksum goes to the second, and neither is trusted
// after a crash: what counts is the longest prefix whose checksums are right. The second file makes
// the blob: without it the first is rubbish.
#include <algorithm>
#include <charconv>
#include <set>

#include "core/heap_bytes.h"
#include "store/spool_ledger.h"

namespace causeway {

std::string spool_file_name(const BlobId& id) {
  return fmt::format("blob_{}_{}", id.owner, id.digest.hex());
}

namespace {

using Blob = SpoolLedger::Blob;
using Chunk = SpoolLedger::Chunk;
static_assert(sizeof(Chunk) == 8);

constexpr uint64_t kSpoolMark = 0x0001'4c4f'4f50'5357;  // "WSPOOL", version 1
constexpr std::string_view kSums = ".sums";
constexpr std::string_view kNew = "new_";  // begins the names of blobs that are being written

std::string data_name(const BlobId& id) { return spool_file_name(id); }
std::string sums_name(const BlobId& id) { return data_name(id).append(kSums); }

/// The blob that a file of this name belongs to.
std::optional<BlobId> id_of(std::string_view name) {
  if (name.ends_with(kSums)) name.remove_suffix(kSums.size());
  constexpr std::string_view kPrefix = "blob_";
  constexpr size_t kHalf = 16;
  if (!name.starts_with(kPrefix) || name.size() < kPrefix.size() + 2 + 2 * kHalf)
    return std::nullopt;
  const char* const start = name.data() + kPrefix.size();
  const char* const high = name.data() + name.size() - 2 * kHalf;
  BlobId id;
  std::from_chars(start, high - 1, id.owner);
  std::from_chars(high, high + kHalf, id.digest.high, 16);
  std::from_chars(high + kHalf, high + 2 * kHalf, id.digest.low, 16);
  return data_name(id) == name ? std::optional(id) : std::nullopt;
}

Bytes head_of(const BlobId& id, int64_t bytes_total) {
  Bytes out;
  ByteWriter writer(out);
  writer.put(kSpoolMark);
  writer.put(bytes_total);
  writer.put(id.digest.high);
  writer.put(id.digest.low);
  writer.put(id.owner);
  writer.put(crc32c(out));
  return out;
}
constexpr size_t kHeadBytes = 40;
constexpr int64_t kSyncBytes = int64_t{8} << 20;

/// The total that a head of this blob states; none if it is no such head.
std::optional<int64_t> total_in(const BlobId& id, ByteSpan sums) {
  if (sums.size() < kHeadBytes) return std::nullopt;
  ByteReader reader(sums.subspan(sizeof(kSpoolMark)));
  const int64_t total = reader.get<int64_t>().value();
  const Bytes wanted = head_of(id, total);
  const bool same = total >= 0 && total <= kBlobBytesMax &&
                    std::equal(wanted.begin(), wanted.end(), sums.begin());
  return same ? std::optional(total) : std::nullopt;
}

int64_t sums_bytes(const Blob& blob) {
  return static_cast<int64_t>(kHeadBytes + sizeof(Chunk) * blob.chunks.size());
}

class DiskSpool final : public Spool {
 public:
  DiskSpool(Disk& disk, int64_t bytes_max) : disk_(disk), ledger_(bytes_max) {}

  Result<void> recover();

  Result<int64_t> open(const BlobId& id, int64_t bytes_total) override;
  Result<void> write(const BlobId& id, int64_t offset, ByteSpan chunk) override;
  Result<int64_t> sync(const BlobId& id) override;
  Result<void> put(const BlobId& id, ByteSpan bytes) override;
  Result<std::unique_ptr<BlobWriter>> begin(int64_t bytes_expected) override;
  Result<ByteSpan> view(const BlobId& id) override;
  void cool() override { disk_.cool(); }
  Result<void> each_piece(const BlobId& id, int64_t offset, int64_t count,
                          const TakePiece& take) override;
  Result<void> verify(const BlobId& id) override;
  Result<void> drop(const BlobId& id) override;

  std::optional<BlobProgress> progress(const BlobId& id) const override {
    const Blob* const blob = ledger_.find(id);
    return blob == nullptr ? std::nullopt : std::optional(blob->progress);
  }
  std::vector<BlobId> ids() const override { return ledger_.ids(); }
  int64_t bytes_reserved() const override { return ledger_.bytes_reserved(); }
  int64_t bytes_max() const override { return ledger_.bytes_max(); }
  int64_t memory_bytes() const override {
    return ledger_.memory_bytes() + heap_bytes(unfit_) + heap_bytes(chunk_);
  }

 private:
  Result<void> recover_blob(const BlobId& id, const std::set<std::string>& names);
  Result<void> fit_files(const BlobId& id, const Blob& blob);
  Result<void> fit_file(const std::string& name, int64_t size);
  Result<ByteSpan> read_chunk(const BlobId& id, Blob& blob, size_t index, int64_t at);
  Result<void> append_chunk(const BlobId& id, ByteSpan chunk, const std::vector<Chunk>& pieces);
  Result<void> sync_files(const BlobId& id, const Blob& blob);
  /// Cuts a damaged blob back. Its files follow at once or, if the disk refuses, before they grow.
  void cut(const BlobId& id, Blob& blob, size_t chunks);

  class Writer;

  Disk& disk_;
  SpoolLedger ledger_;
  int64_t writers_ = 0;  // begun so far
  Bytes chunk_;          // that was read last, and of which blob it is which
  std::optional<std::pair<BlobId, size_t>> chunk_of_;
  std::set<BlobId> unfit_;  // blobs whose files are longer than the ledger says
};

/// Its bytes lie in a file of their own until the last one has come. They go to the disk meanwhile:
/// the end of a round would wait for them.
class DiskSpool::Writer final : public BlobWriter {
 public:
  Writer(DiskSpool& spool, std::string name) : spool_(spool), name_(std::move(name)) {}
  ~Writer() override {
    static_cast<void>(spool_.ledger_.reserve(-bytes_));
    // If it cannot be removed now it is when the spool is opened next.
    if (!name_.empty()) static_cast<void>(spool_.disk_.remove(name_));
  }

  Result<void> append(ByteSpan bytes) override {
    CW_TRY(spool_.ledger_.reserve(std::ssize(bytes)));
    bytes_ += std::ssize(bytes);
    hasher_.add(bytes);
    const auto pieces = SpoolLedger::pieces_of(bytes);
    pieces_.insert(pieces_.end(), pieces.begin(), pieces.end());
    CW_TRY(spool_.disk_.append(name_, bytes));
    if (bytes_ - begun_ >= kSyncBytes) {
      spool_.disk_.begin_sync(name_);
      begun_ = bytes_;
    }
    return {};
  }

  Result<BlobId> finish() override {
    const BlobId id{kHubOwner, hasher_.digest()};
    if (const Blob* const blob = spool_.ledger_.find(id); blob != nullptr) {
      if (blob->progress.durable == bytes_) return id;
      CW_TRY(spool_.drop(id));
    }
    Disk& disk = spool_.disk_;
    CW_TRY(disk.sync(name_));
    CW_TRY(disk.rename(name_, data_name(id)));
    name_.clear();
    static_cast<void>(spool_.ledger_.reserve(-bytes_));
    const int64_t bytes = std::exchange(bytes_, 0);
    Bytes sums = head_of(id, bytes);
    const auto table = std::as_bytes(std::span(pieces_));
    sums.insert(sums.end(), table.begin(), table.end());
    if (disk.size(sums_name(id))) CW_TRY(disk.remove(sums_name(id)));
    CW_TRY(disk.append(sums_name(id), sums));
    CW_TRY(disk.sync(sums_name(id)));
    Blob& blob = spool_.ledger_.add(id, bytes);
    SpoolLedger::extend(blob, pieces_);
    blob.progress.durable = bytes;
    return id;
  }

 private:
  DiskSpool& spool_;
  std::string name_;               // until it is the blob's
  int64_t bytes_ = 0, begun_ = 0;  // appended, and that are on their way to the disk
  Hasher hasher_;
  std::vector<Chunk> pieces_;
};

Result<std::unique_ptr<BlobWriter>> DiskSpool::begin(int64_t bytes_expected) {
  std::string name = fmt::format("{}{}", kNew, ++writers_);
  if (disk_.size(name)) CW_TRY(disk_.remove(name));
  if (bytes_expected > 0) disk_.expect(name, bytes_expected);
  return std::unique_ptr<BlobWriter>(std::make_unique<Writer>(*this, std::move(name)));
}

Result<void> DiskSpool::recover() {
  CW_ASSIGN(const std::vector<std::string> list, disk_.list());
  const std::set<std::string> names(list.begin(), list.end());
  for (const std::string& name : names) {
    if (name.starts_with(kNew)) CW_TRY(disk_.remove(name));
    const auto id = id_of(name);
    if (!id) continue;
    if (name.ends_with(kSums))
      CW_TRY(recover_blob(*id, names));
    else if (!names.contains(sums_name(*id)))
      CW_TRY(disk_.remove(name));
  }
  return {};
}

Result<void> DiskSpool::recover_blob(const BlobId& id, const std::set<std::string>& names) {
  const std::string data = data_name(id), sums = sums_name(id);
  CW_ASSIGN(const int64_t sums_size, disk_.size(sums));
  CW_ASSIGN(const Bytes bytes, disk_.read(sums, 0, sums_size));
  const auto total = total_in(id, bytes);
  if (!total) {
    CW_TRY(disk_.remove(sums));
    if (names.contains(data)) CW_TRY(disk_.remove(data));
    return {};
  }
  Blob& blob = ledger_.add(id, *total);
  int64_t data_size = 0;
  if (names.contains(data)) {
    CW_ASSIGN(data_size, disk_.size(data));
  }
  ByteReader reader(ByteSpan(bytes).subspan(kHeadBytes));
  while (reader.left() >= sizeof(Chunk)) {
    const uint32_t length = reader.get<uint32_t>().value();
    const Chunk chunk{length, reader.get<uint32_t>().value()};
    const int64_t at = blob.progress.received;
    if (length == 0 || length > std::min(*total, data_size) - at) break;
    CW_ASSIGN(const Bytes part, disk_.read(data, at, length));
    if (crc32c(part) != chunk.crc) break;
    SpoolLedger::extend(blob, {chunk});
  }
  CW_TRY(fit_files(id, blob));
  // What a process that was killed wrote may be in the system's memory only.
  CW_TRY(sync_files(id, blob));
  blob.progress.durable = blob.progress.received;
  return {};
}

Result<void> DiskSpool::fit_file(const std::string& name, int64_t size) {
  CW_ASSIGN(const int64_t got, disk_.size(name));
  return got > size ? disk_.truncate(name, size) : Result<void>();
}

Result<void> DiskSpool::fit_files(const BlobId& id, const Blob& blob) {
  CW_TRY(fit_file(sums_name(id), sums_bytes(blob)));
  const std::string data = data_name(id);
  if (!disk_.size(data)) return {};  // nothing has come yet
  return fit_file(data, blob.progress.received);
}

Result<void> DiskSpool::sync_files(const BlobId& id, const Blob& blob) {
  if (blob.progress.received > 0) CW_TRY(disk_.sync(data_name(id)));
  return disk_.sync(sums_name(id));
}

Result<int64_t> DiskSpool::open(const BlobId& id, int64_t bytes_total) {
  CW_TRY(ledger_.check_open(id, bytes_total));
  if (const Blob* const blob = ledger_.find(id)) return blob->progress.received;
  // A blob that could not be dropped whole left its bytes here.
  if (disk_.size(data_name(id)).ok()) CW_TRY(disk_.remove(data_name(id)));
  disk_.expect(data_name(id), bytes_total);
  CW_TRY(disk_.append(sums_name(id), head_of(id, bytes_total)));
  ledger_.add(id, bytes_total);
  return int64_t{0};
}

Result<void> DiskSpool::append_chunk(const BlobId& id, ByteSpan chunk,
                                     const std::vector<Chunk>& pieces) {
  CW_TRY(disk_.append(data_name(id), chunk));
  return disk_.append(sums_name(id), std::as_bytes(std::span(pieces)));
}

Result<void> DiskSpool::write(const BlobId& id, int64_t offset, ByteSpan chunk) {
  CW_ASSIGN(Blob * blob, ledger_.wanted(id));
  CW_ASSIGN(const auto pieces, SpoolLedger::admit(id, *blob, offset, chunk));
  if (pieces.empty()) return {};
  if (unfit_.contains(id)) CW_TRY(fit_files(id, *blob));
  unfit_.erase(id);
  if (auto appended = append_chunk(id, chunk, pieces); !appended) {
    if (!fit_files(id, *blob)) unfit_.insert(id);
    return appended.error();
  }
  SpoolLedger::extend(*blob, pieces);
  return {};
}

Result<int64_t> DiskSpool::sync(const BlobId& id) {
  CW_ASSIGN(Blob * blob, ledger_.wanted(id));
  if (auto synced = sync_files(id, *blob); !synced) {
    // The system may have forgotten what it could not write, and say yes next time.
    size_t chunks = 0;
    for (int64_t at = 0; at < blob->progress.durable; ++chunks) at += blob->chunks[chunks].length;
    cut(id, *blob, chunks);
    return synced.error();
  }
  return blob->progress.durable = blob->progress.received;
}

Result<void> DiskSpool::put(const BlobId& id, ByteSpan bytes) {
  CW_CHECK(digest_of(bytes) == id.digest, "{} has digest {}", name_of(id), digest_of(bytes).hex());
  CW_ASSIGN(const int64_t received, open(id, std::ssize(bytes)));
  CW_TRY(write(id, received, bytes.subspan(static_cast<size_t>(received))));
  CW_TRY(sync(id));
  return {};
}

Result<ByteSpan> DiskSpool::view(const BlobId& id) {
  CW_ASSIGN(const Blob* blob, ledger_.wanted(id));
  if (blob->progress.received == 0) return ByteSpan();
  return disk_.view(data_name(id), blob->progress.received);
}

void DiskSpool::cut(const BlobId& id, Blob& blob, size_t chunks) {
  chunk_of_.reset();
  SpoolLedger::cut(blob, chunks);
  if (!fit_files(id, blob)) unfit_.insert(id);
}

/// The chunk that starts at byte `at`; valid until the next one is read. Who reads on in the middle
/// of the last one finds it here.
Result<ByteSpan> DiskSpool::read_chunk(const BlobId& id, Blob& blob, size_t index, int64_t at) {
  const Chunk chunk = blob.chunks[index];
  if (chunk_of_ == std::pair(id, index)) return ByteSpan(chunk_);
  chunk_of_.reset();
  chunk_.resize(chunk.length);
  CW_TRY(disk_.read_into(data_name(id), at, chunk_));
  if (crc32c(chunk_) == chunk.crc) {
    chunk_of_.emplace(id, index);
    return ByteSpan(chunk_);
  }
  cut(id, blob, index);
  return failure(Fault::kCorrupt, "{} is damaged on disk, from byte {} on", name_of(id), at);
}

Result<void> DiskSpool::each_piece(const BlobId& id, int64_t offset, int64_t count,
                                   const TakePiece& take) {
  CW_ASSIGN(Blob * blob, ledger_.wanted(id));
  const auto range = SpoolLedger::range(*blob, offset, count);
  int64_t at = 0;
  for (size_t i = 0; i < blob->chunks.size() && at < range.end; ++i) {
    const int64_t length = blob->chunks[i].length, next = at + length;
    if (next > range.begin) {
      CW_ASSIGN(const ByteSpan bytes, read_chunk(id, *blob, i, at));
      const int64_t from = std::max<int64_t>(range.begin - at, 0);
      const int64_t end = std::min(range.end - at, length);
      take(bytes.subspan(static_cast<size_t>(from), static_cast<size_t>(end - from)));
    }
    at = next;
  }
  return {};
}

Result<void> DiskSpool::verify(const BlobId& id) {
  CW_ASSIGN(Blob * blob, ledger_.wanted(id));
  CW_TRY(SpoolLedger::check_complete(id, *blob));
  chunk_of_.reset();
  Hasher hasher;
  int64_t at = 0;
  for (size_t i = 0; i < blob->chunks.size(); ++i) {
    CW_ASSIGN(const ByteSpan bytes, read_chunk(id, *blob, i, at));
    hasher.add(bytes);
    at += std::ssize(bytes);
  }
  const Digest got = hasher.digest();
  if (got == id.digest) return {};
  cut(id, *blob, 0);
  return failure(Fault::kCorrupt, "{} has digest {}", name_of(id), got.hex());
}

Result<void> DiskSpool::drop(const BlobId& id) {
  if (ledger_.find(id) == nullptr) return {};
  if (chunk_of_ && chunk_of_->first == id) chunk_of_.reset();
  const std::string data = data_name(id);
  CW_TRY(disk_.remove(sums_name(id)));
  ledger_.erase(id);
  unfit_.erase(id);
  return disk_.size(data).ok() ? disk_.remove(data) : Result<void>();
}

}  // namespace

Result<std::unique_ptr<Spool>> disk_spool(Disk& disk, int64_t bytes_max) {
  auto spool = std::make_unique<DiskSpool>(disk, bytes_max);
  CW_TRY(spool->recover());
  return std::unique_ptr<Spool>(std::move(spool));
}

}  // namespace causeway
