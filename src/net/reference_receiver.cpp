// SPDX-License-Identifier: Apache-2.0
#include "net/reference_receiver.h"

#include <algorithm>

namespace causeway {
namespace {

/// Whether a failure says that the store is of no use, and not that this object is none.
bool is_of_store(Fault fault) {
  return fault == Fault::kIo || fault == Fault::kTimeout || fault == Fault::kRefused;
}

}  // namespace

/// Null if there are too many. With the lock held, as all that follows but begin_get, get_done and
/// flush.
ReferenceReceiver::Lane* ReferenceReceiver::lane_of(uint64_t run, int64_t epoch,
                                                    const Digest& blob) {
  if (lanes_.size() >= kBlobsMax && !lanes_.contains(blob)) {
    // What was missed and never came again is of an offer or a result that nobody needs now.
    const auto given_up =
        std::ranges::find_if(lanes_, [](const auto& lane) { return lane.second.on.empty(); });
    if (given_up == lanes_.end()) return nullptr;
    lanes_.erase(given_up);
  }
  Lane& lane = lanes_[blob];
  if (lane.run != run || lane.epoch != epoch) {
    for (auto& [offset, one] : lane.on) dropped_.push_back(std::move(one));
    lane = {run, epoch, {}, {}};
  }
  return &lane;
}

bool ReferenceReceiver::has_room(int64_t plain_bytes) const {
  size_t count = 0;
  for (const auto& [blob, lane] : lanes_) {
    count += lane.on.size();
    for (const auto& [offset, one] : lane.on)
      if (one.message && one.ticket == 0)
        plain_bytes += std::get<Chunk>(one.message->body).bytes.size();
  }
  return count < kChunksMax && plain_bytes <= kPlainBytesMax;
}

/// Whether the object shall be got, under that ticket.
bool ReferenceReceiver::wants(const Referral& referral, uint64_t& ticket) {
  const ChunkReference& chunk = referral.chunk;
  if (!has_room(0)) return false;
  Lane* lane = lane_of(referral.run, referral.epoch, chunk.blob);
  if (lane == nullptr || lane->missing) return false;
  if (health_.away()) {
    miss(*lane, referral);
    return health_.try_again(now_ms());
  }
  const auto found = lane->on.find(chunk.offset);
  if (found != lane->on.end()) {
    if (found->second.ticket == 0 || found->second.referral == referral) return false;
    dropped_.push_back(std::move(found->second));
  }
  ticket = ++tickets_;
  lane->on[chunk.offset] = {referral, ticket, {}};
  return true;
}

void ReferenceReceiver::take(const Referral& referral) {
  uint64_t ticket = 0;  // of none: a get to see whether the store is back
  bool gets = false;
  std::deque<Incoming> dropped;
  {
    const std::lock_guard lock(mutex_);
    gets = wants(referral, ticket);
    dropped.swap(dropped_);
  }
  if (gets) begin_get(referral, ticket);
  flush();
}

void ReferenceReceiver::take(Message message) {
  const auto& chunk = std::get<Chunk>(message.body);
  const int64_t offset = chunk.offset;
  std::deque<Incoming> dropped;
  {
    const std::lock_guard lock(mutex_);
    const auto found = lanes_.find(chunk.blob);
    if (found == lanes_.end() || found->second.run != message.run ||
        found->second.epoch != message.epoch) {
      out_.emplace_back(std::move(message));
    } else {
      Lane& lane = found->second;
      if (lane.missing && offset > *lane.missing) return;
      lane.missing.reset();
      if (lane.on.contains(offset)) dropped.push_back(std::move(lane.on[offset]));
      const bool first = lane.on.empty() || offset <= lane.on.begin()->first;
      if (!first && !has_room(chunk.bytes.size())) return;
      const Digest blob = chunk.blob;
      lane.on[offset] = {{}, 0, std::move(message)};
      release(blob, lane);
    }
  }
  flush();
}

void ReferenceReceiver::begin_get(const Referral& referral, uint64_t ticket) {
  transfers_.get(line_, referral, [this, referral, ticket](Result<Chunk> got) {
    get_done(referral, ticket, std::move(got));
  });
}

void ReferenceReceiver::get_done(const Referral& referral, uint64_t ticket, Result<Chunk> got) {
  std::deque<Incoming> dropped;
  std::string news;
  bool gave_up = false;
  {
    const std::lock_guard lock(mutex_);
    const bool was_away = health_.away();
    news = settle(referral, ticket, std::move(got));
    gave_up = health_.away() && !was_away;
    dropped.swap(dropped_);
  }
  if (gave_up) transfers_.drop(line_);
  if (!news.empty() && hooks_.note) hooks_.note(news);
  flush();
}

/// What came of a get; what people should know of it.
std::string ReferenceReceiver::settle(const Referral& referral, uint64_t ticket,
                                      Result<Chunk> got) {
  const ChunkReference& chunk = referral.chunk;
  const auto found = lanes_.find(chunk.blob);
  Incoming* waits = nullptr;
  if (found != lanes_.end() && ticket != 0)
    if (const auto one = found->second.on.find(chunk.offset);
        one != found->second.on.end() && one->second.ticket == ticket)
      waits = &one->second;
  if (got) {
    if (waits != nullptr) {
      got_bytes_ += chunk.bytes;
      waits->message = Message{referral.run, referral.epoch, referral.worker, *std::move(got)};
      release(chunk.blob, found->second);
    }
    return health_.succeeded() ? "objects can be got from the object store again" : "";
  }
  const Error& error = got.error();
  if (waits != nullptr) miss(found->second, referral);
  if (!is_of_store(error.fault)) health_.forget_try();
  if (!is_of_store(error.fault) || !health_.failed(now_ms()))
    return waits == nullptr ? ""
                            : fmt::format(
                                  "an object could not be got, its bytes are asked for over the "
                                  "connection: {}",
                                  error.message);
  for (auto& [blob, lane] : lanes_) {
    const auto first =
        std::ranges::find_if(lane.on, [](const auto& one) { return !one.second.message; });
    if (first != lane.on.end()) miss(lane, Referral(first->second.referral));
  }
  return fmt::format(
      "the object store fails, all bytes are asked for over the connection until it gives objects "
      "again: {}",
      error.message);
}

/// The blob comes over the connection from there on.
void ReferenceReceiver::miss(Lane& lane, const Referral& referral) {
  const int64_t offset = referral.chunk.offset;
  out_.emplace_back(referral);
  lane.missing = offset;
  const auto begin = lane.on.lower_bound(offset);
  for (auto one = begin; one != lane.on.end(); ++one) dropped_.push_back(std::move(one->second));
  lane.on.erase(begin, lane.on.end());
}

/// What has its turn is given on.
void ReferenceReceiver::release(const Digest& blob, Lane& lane) {
  while (!lane.on.empty() && lane.on.begin()->second.message) {
    out_.emplace_back(*std::move(lane.on.begin()->second.message));
    lane.on.erase(lane.on.begin());
  }
  if (lane.on.empty() && !lane.missing) lanes_.erase(blob);
}

void ReferenceReceiver::flush() {
  {
    const std::lock_guard lock(mutex_);
    if (std::exchange(flushing_, true)) return;
  }
  while (true) {
    Out one;
    {
      const std::lock_guard lock(mutex_);
      if (out_.empty()) {
        flushing_ = false;
        return;
      }
      one = std::move(out_.front());
      out_.pop_front();
    }
    if (auto* message = std::get_if<Message>(&one))
      hooks_.deliver(std::move(*message));
    else
      hooks_.missing(std::get<Referral>(one));
  }
}

void ReferenceReceiver::reset() {
  transfers_.drop(line_);
  std::map<Digest, Lane> lanes;  // let go of without the lock
  std::deque<Out> out;
  const std::lock_guard lock(mutex_);
  lanes.swap(lanes_);
  out.swap(out_);
  health_.forget_try();
}

int64_t ReferenceReceiver::got_bytes() const {
  const std::lock_guard lock(mutex_);
  return got_bytes_;
}

}  // namespace causeway
