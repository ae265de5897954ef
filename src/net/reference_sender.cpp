// SPDX-License-Identifier: Apache-2.0
#include "net/reference_sender.h"

#include <algorithm>
#include <numeric>

namespace causeway {

/// With the lock held, as all that follows but begin_put, put_done and flush.
ReferenceSender::Lane& ReferenceSender::lane_of(const BulkRequest& what) {
  if (lanes_.size() >= kBlobsMax && !lanes_.contains(what.blob)) {
    // Of one that is forgotten nothing is known but that it may be tried by reference.
    const auto oldest = std::ranges::min_element(lanes_, [](const auto& a, const auto& b) {
      return std::pair(!a.second.on.empty(), a.second.used) <
             std::pair(!b.second.on.empty(), b.second.used);
    });
    lanes_.erase(oldest);
  }
  Lane& lane = lanes_[what.blob];
  if (lane.run != what.run || lane.epoch != what.epoch) lane = {what.run, what.epoch};
  lane.reach = std::max(lane.reach, what.offset + what.bytes);
  lane.used = ++tickets_;
  return lane;
}

size_t ReferenceSender::count() const {
  return std::accumulate(lanes_.begin(), lanes_.end(), size_t{0},
                         [](size_t sum, const auto& lane) { return sum + lane.second.on.size(); });
}

/// Whether the chunk is new and shall be put, under that ticket.
bool ReferenceSender::take(Lane& lane, const BulkRequest& what, const Read& read,
                           uint64_t& ticket) {
  const auto found = lane.on.find(what.offset);
  if (found != lane.on.end() && found->second.what.bytes == what.bytes) return false;
  if (found == lane.on.end() && count() >= kChunksMax) return false;
  ticket = ++tickets_;
  lane.on[what.offset] = {what, read, ticket, {}};
  return true;
}

void ReferenceSender::send(const BulkRequest& what, const Read& read) {
  uint64_t ticket = 0;  // of none: a put to see whether the store is back
  bool puts = false;
  {
    const std::lock_guard lock(mutex_);
    Lane& lane = lane_of(what);
    if (health_.away()) go_plain(lane);
    if (lane.plain) {
      out_.push_back({what, read, 0, {}});
      puts = health_.try_again(now_ms());
    } else {
      puts = take(lane, what, read, ticket);
    }
  }
  if (puts) begin_put(what, read, ticket);
  flush();
}

void ReferenceSender::begin_put(const BulkRequest& what, const Read& read, uint64_t ticket) {
  const auto unread = std::make_shared<bool>(false);  // written and read by the put, in this order
  transfers_.put(
      line_, what,
      [read, unread] {
        auto bytes = read();
        *unread = !bytes || bytes->size() == 0;
        return bytes;
      },
      [this, what, ticket, unread](const Result<ChunkReference>& put) {
        put_done(what, ticket, *unread, put);
      });
}

void ReferenceSender::put_done(const BulkRequest& what, uint64_t ticket, bool unread,
                               const Result<ChunkReference>& put) {
  std::string news;
  bool gave_up = false;
  {
    const std::lock_guard lock(mutex_);
    const bool was_away = health_.away();
    news = settle(what, ticket, unread, put);
    gave_up = health_.away() && !was_away;
  }
  if (gave_up) transfers_.drop(line_);
  if (!news.empty() && hooks_.note) hooks_.note(news);
  flush();
}

/// What came of a put; what people should know of it.
std::string ReferenceSender::settle(const BulkRequest& what, uint64_t ticket, bool unread,
                                    const Result<ChunkReference>& put) {
  const auto lane = lanes_.find(what.blob);
  const auto one = lane == lanes_.end() ? std::map<int64_t, Outgoing>::iterator()
                                        : lane->second.on.find(what.offset);
  const bool waited =
      lane != lanes_.end() && one != lane->second.on.end() && one->second.ticket == ticket;
  if (unread) {
    health_.forget_try();
    if (!waited) return {};
    lane->second.on.erase(one);
    release(lane->second);
    return {};
  }
  if (put) {
    if (waited) {
      one->second.put = *put;
      release(lane->second);
    }
    return health_.succeeded() ? "the object store takes objects again" : "";
  }
  if (waited) go_plain(lane->second);
  if (!health_.failed(now_ms()))
    return waited ? fmt::format("an object could not be put, its bytes go over the connection: {}",
                                put.error().message)
                  : "";
  for (auto& [blob, other] : lanes_) go_plain(other);
  return fmt::format(
      "the object store fails, all bytes go over the connection until it takes objects again: {}",
      put.error().message);
}

/// What has its turn goes.
void ReferenceSender::release(Lane& lane) {
  while (!lane.on.empty() && lane.on.begin()->second.put) {
    out_.push_back(std::move(lane.on.begin()->second));
    lane.on.erase(lane.on.begin());
  }
}

void ReferenceSender::go_plain(Lane& lane) {
  lane.plain = true;
  for (auto& [offset, one] : lane.on) {
    one.put.reset();
    out_.push_back(std::move(one));
  }
  lane.on.clear();
}

void ReferenceSender::flush() {
  {
    const std::lock_guard lock(mutex_);
    if (std::exchange(flushing_, true)) return;
  }
  while (true) {
    Outgoing one;
    {
      const std::lock_guard lock(mutex_);
      if (out_.empty()) {
        flushing_ = false;
        return;
      }
      one = std::move(out_.front());
      out_.pop_front();
      if (one.put) referred_bytes_ += one.put->bytes;
    }
    if (one.put)
      hooks_.refer({one.what.run, one.what.epoch, one.what.worker, *one.put});
    else
      hooks_.plain(one.what, one.read);
  }
}

std::optional<BulkRequest> ReferenceSender::missing(const Referral& referral) {
  const ChunkReference& chunk = referral.chunk;
  int64_t reach = 0;
  {
    const std::lock_guard lock(mutex_);
    const auto found = lanes_.find(chunk.blob);
    if (found == lanes_.end() || found->second.run != referral.run ||
        found->second.epoch != referral.epoch || chunk.offset >= found->second.reach)
      return std::nullopt;
    Lane& lane = found->second;
    lane.plain = true;
    lane.on.clear();
    std::erase_if(out_, [&](const Outgoing& one) { return one.what.blob == chunk.blob; });
    reach = lane.reach;
  }
  transfers_.forget(referral.run, chunk.blob);
  return BulkRequest{referral.run, referral.epoch, referral.worker,
                     chunk.blob,   chunk.offset,   reach - chunk.offset};
}

void ReferenceSender::reset() {
  transfers_.drop(line_);
  std::map<Digest, Lane> lanes;  // let go of without the lock
  std::deque<Outgoing> out;
  const std::lock_guard lock(mutex_);
  lanes.swap(lanes_);
  out.swap(out_);
  health_.forget_try();
}

int64_t ReferenceSender::referred_bytes() const {
  const std::lock_guard lock(mutex_);
  return referred_bytes_;
}

}  // namespace causeway
