// SPDX-License-Identifier: Apache-2.0
#include "exchange/transfer.h"

#include "core/memory.h"
#include "core/spare_bytes.h"

namespace causeway {
namespace {

constexpr int64_t kRoomBytesMax = int64_t{1} << 30;

}  // namespace

void Upload::acknowledged(int64_t now_ms, int64_t durable) {
  durable = std::clamp<int64_t>(durable, 0, bytes_.size());
  const bool more = durable > durable_, less = durable < durable_;
  if (!invited_ || less) {
    sent_ = durable;
    retry_.hurry();
  } else if (more) {
    sent_ = std::max(sent_, durable);
    retry_.answered(now_ms);
  } else if (resent_ != durable) {
    sent_ = resent_ = durable;
  }
  invited_ = true;
  durable_ = durable;
}

void Upload::wanted(int64_t offset) {
  durable_ = sent_ = std::clamp<int64_t>(offset, 0, bytes_.size());
  invited_ = true;
  retry_.hurry();
}

void Upload::pump(int64_t now_ms, const TransferSizes& sizes, std::vector<Chunk>& out) {
  if (done() || !invited_) return;
  const bool again = retry_.due(now_ms);
  if (again) sent_ = durable_;
  const int64_t end = std::min(durable_ + sizes.window_bytes, bytes_.size());
  const int64_t begin = sent_;
  while (sent_ < end) {
    SharedBytes piece = bytes_.slice(sent_, std::min(sizes.chunk_bytes, end - sent_));
    const int64_t offset = sent_;
    sent_ += piece.size();
    out.push_back({digest_, offset, std::move(piece)});
  }
  if (again || begin == durable_) retry_.said(now_ms);
}

void Download::take(int64_t now_ms, const Chunk& chunk) {
  const auto have = static_cast<int64_t>(bytes_.size());
  if (chunk.offset != have || done() || chunk.bytes.size() > total_ - have) return;
  const ByteSpan piece = chunk.bytes.view();
  // Room that is not touched costs nothing, whatever size was claimed.
  if (bytes_.empty()) {
    const auto room = static_cast<size_t>(std::min(total_, kRoomBytesMax));
    if (bytes_.capacity() < room) bytes_ = take_spare_bytes(room);
    bytes_.clear();
    reserve_large(bytes_, room);
  }
  bytes_.insert(bytes_.end(), piece.begin(), piece.end());
  retry_.answered(now_ms);
  if (done() && digest_of(bytes_) != digest_) {
    bytes_.clear();
    asked_ = 0;
  }
}

std::optional<Get> Download::pump(int64_t now_ms, const TransferSizes& sizes) {
  if (done()) return std::nullopt;
  const auto have = static_cast<int64_t>(bytes_.size());
  if (retry_.due(now_ms)) asked_ = have;
  // The next window is asked for when half of the last one is here: the link does not run dry.
  const int64_t ahead = asked_ - have;
  if (ahead > sizes.window_bytes / 2 || (ahead > 0 && asked_ == total_)) return std::nullopt;
  const int64_t count = std::min(have + sizes.window_bytes, total_) - asked_;
  if (count <= 0) return std::nullopt;
  const Get get{digest_, asked_, count};
  asked_ += count;
  retry_.said(now_ms);
  return get;
}

}  // namespace causeway
