// SPDX-License-Identifier: Apache-2.0
#include "store/spool_ledger.h"

#include <algorithm>

#include "core/heap_bytes.h"

namespace causeway {
namespace {

constexpr size_t kPieceBytesMax = size_t{1} << 20;  // what a damaged bit costs
constexpr size_t kSmallBytes = 4096;
constexpr int32_t kSmallMax = 1024;

bool is_small(const SpoolLedger::Chunk& chunk) { return chunk.length < kSmallBytes; }

}  // namespace

std::string name_of(const BlobId& id) {
  return id.owner == kHubOwner ? fmt::format("blob {} of the hub", id.digest.hex())
                               : fmt::format("blob {} of worker {}", id.digest.hex(), id.owner);
}

SpoolLedger::SpoolLedger(int64_t bytes_max) : bytes_max_(bytes_max) {
  CW_CHECK(bytes_max >= 0, "a spool of {} bytes", bytes_max);
}

SpoolLedger::Blob* SpoolLedger::find(const BlobId& id) {
  const auto found = blobs_.find(id);
  return found == blobs_.end() ? nullptr : &found->second;
}

const SpoolLedger::Blob* SpoolLedger::find(const BlobId& id) const {
  const auto found = blobs_.find(id);
  return found == blobs_.end() ? nullptr : &found->second;
}

Result<SpoolLedger::Blob*> SpoolLedger::wanted(const BlobId& id) {
  if (Blob* const blob = find(id)) return blob;
  return failure(Fault::kBadInput, "{} is not open", name_of(id));
}

Result<void> SpoolLedger::check_open(const BlobId& id, int64_t bytes_total) const {
  if (bytes_total < 0 || bytes_total > kBlobBytesMax)
    return failure(Fault::kBadInput, "{} cannot have {} bytes", name_of(id), bytes_total);
  if (const Blob* const blob = find(id)) {
    if (blob->progress.bytes_total == bytes_total) return {};
    return failure(Fault::kBadInput, "{} came as {} bytes, and now as {}", name_of(id),
                   blob->progress.bytes_total, bytes_total);
  }
  if (bytes_reserved_ > bytes_max_ || bytes_total > bytes_max_ - bytes_reserved_)
    return failure(Fault::kRefused, "spool is full: {} of {} bytes are taken; {} wants {}",
                   bytes_reserved_, bytes_max_, name_of(id), bytes_total);
  return {};
}

SpoolLedger::Blob& SpoolLedger::add(const BlobId& id, int64_t bytes_total) {
  bytes_reserved_ += bytes_total;
  Blob& blob = blobs_[id];
  blob.progress.bytes_total = bytes_total;
  return blob;
}

Result<void> SpoolLedger::reserve(int64_t bytes) {
  if (bytes > 0 && (bytes_reserved_ > bytes_max_ || bytes > bytes_max_ - bytes_reserved_))
    return failure(Fault::kRefused, "spool is full: {} of {} bytes are taken", bytes_reserved_,
                   bytes_max_);
  bytes_reserved_ += bytes;
  return {};
}

void SpoolLedger::erase(const BlobId& id) {
  const auto found = blobs_.find(id);
  bytes_reserved_ -= found->second.progress.bytes_total;
  blobs_.erase(found);
}

std::vector<SpoolLedger::Chunk> SpoolLedger::pieces_of(ByteSpan chunk) {
  std::vector<Chunk> pieces;
  for (; !chunk.empty(); chunk = chunk.subspan(pieces.back().length)) {
    const ByteSpan piece = chunk.first(std::min(chunk.size(), kPieceBytesMax));
    pieces.push_back({static_cast<uint32_t>(piece.size()), crc32c(piece)});
  }
  return pieces;
}

Result<std::vector<SpoolLedger::Chunk>> SpoolLedger::admit(const BlobId& id, const Blob& blob,
                                                           int64_t offset, ByteSpan chunk) {
  const BlobProgress& at = blob.progress;
  if (offset < 0 || offset > at.received)
    return failure(Fault::kBadInput, "{} has {} bytes; a chunk came for byte {}", name_of(id),
                   at.received, offset);
  if (std::ssize(chunk) > at.bytes_total - offset)
    return failure(Fault::kBadInput, "{} has {} bytes in all; a chunk came for bytes {} to {}",
                   name_of(id), at.bytes_total, offset, offset + std::ssize(chunk));
  if (offset < at.received) return std::vector<Chunk>();
  std::vector<Chunk> pieces = pieces_of(chunk);
  if (!pieces.empty() && is_small(pieces.back()) && blob.small >= kSmallMax)
    return failure(Fault::kRefused, "{} comes in too small chunks: {} were below {} bytes",
                   name_of(id), kSmallMax, kSmallBytes);
  return pieces;
}

void SpoolLedger::extend(Blob& blob, const std::vector<Chunk>& pieces) {
  for (const Chunk& piece : pieces) {
    blob.progress.received += piece.length;
    blob.small += is_small(piece) ? 1 : 0;
    blob.chunks.push_back(piece);
  }
}

void SpoolLedger::cut(Blob& blob, size_t chunks) {
  for (; blob.chunks.size() > chunks; blob.chunks.pop_back()) {
    blob.progress.received -= blob.chunks.back().length;
    blob.small -= is_small(blob.chunks.back()) ? 1 : 0;
  }
  blob.progress.durable = std::min(blob.progress.durable, blob.progress.received);
}

SpoolLedger::Range SpoolLedger::range(const Blob& blob, int64_t offset, int64_t count) {
  const int64_t begin = std::clamp<int64_t>(offset, 0, blob.progress.received);
  return {begin, begin + std::clamp<int64_t>(count, 0, blob.progress.received - begin)};
}

Result<void> SpoolLedger::check_complete(const BlobId& id, const Blob& blob) {
  if (blob.progress.complete()) return {};
  return failure(Fault::kBadInput, "{} has {} of {} bytes; wanted: all", name_of(id),
                 blob.progress.received, blob.progress.bytes_total);
}

int64_t SpoolLedger::memory_bytes() const {
  int64_t bytes = heap_bytes(blobs_);
  for (const auto& [id, blob] : blobs_) bytes += heap_bytes(blob.chunks);
  return bytes;
}

std::vector<BlobId> SpoolLedger::ids() const {
  std::vector<BlobId> out;
  for (const auto& [id, blob] : blobs_) out.push_back(id);
  return out;
}

}  // namespace causeway
