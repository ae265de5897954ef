// SPDX-License-Identifier: Apache-2.0
#include "service/hub_objects.h"

#include <chrono>

namespace causeway {
namespace {

constexpr int64_t kHubHeldBytesMax = int64_t{64} << 20;
constexpr size_t kRememberedMax =
    4096;  // of each list; what is forgotten goes when the run is over
constexpr ChunkTransfers::Line kRemovals = -1;

ChunkTransfers::Line line_out(WorkerId worker) { return 2 * ChunkTransfers::Line{worker}; }
ChunkTransfers::Line line_in(WorkerId worker) { return line_out(worker) + 1; }

}  // namespace

HubObjects::HubObjects(ObjectStore& store, const Clock& clock, const ChunkStoreOptions& options,
                       uint64_t run, Hooks hooks)
    : clock_(clock),
      run_(run),
      removals_max_(options.transfers),
      hooks_(std::move(hooks)),
      turns_(std::make_unique<StoreTurns>(store, clock, options, kHubHeldBytesMax)) {}

HubObjects::~HubObjects() = default;

// ---- Workers.

std::unique_ptr<HubObjects::Peer> HubObjects::make_peer(WorkerId worker) {
  auto peer = std::make_unique<Peer>();
  const auto note = [this, worker](const std::string& what) {
    if (hooks_.note) hooks_.note(worker, what);
  };
  peer->sender = std::make_unique<ReferenceSender>(
      *turns_, clock_, line_out(worker),
      ReferenceSender::Hooks{
          [this](const Referral& referral) { hooks_.refer(FrameKind::kReference, referral); },
          [this](const BulkRequest& what, const auto&) { hooks_.plain(what); }, note});
  peer->receiver = std::make_unique<ReferenceReceiver>(
      *turns_, clock_, line_in(worker),
      ReferenceReceiver::Hooks{
          [this](Message message) { hooks_.give(std::move(message)); },
          [this](const Referral& referral) { hooks_.refer(FrameKind::kMissing, referral); }, note});
  return peer;
}

void HubObjects::connected(WorkerId worker, bool uses) {
  Peer* peer = nullptr;
  {
    const std::lock_guard lock(mutex_);
    auto& entry = peers_[worker];
    if (entry == nullptr) entry = make_peer(worker);
    entry->uses = uses;
    peer = entry.get();
  }
  peer->sender->reset();
  peer->receiver->reset();
}

/// Null if it does not use the store.
HubObjects::Peer* HubObjects::peer_of(WorkerId worker) const {
  const std::lock_guard lock(mutex_);
  const auto found = peers_.find(worker);
  return found == peers_.end() || !found->second->uses ? nullptr : found->second.get();
}

bool HubObjects::serves(WorkerId worker) const { return peer_of(worker) != nullptr; }

void HubObjects::send(const BulkRequest& what) {
  Peer* peer = peer_of(what.worker);
  if (peer == nullptr) return hooks_.plain(what);
  {
    const std::lock_guard lock(mutex_);
    if (ours_.size() < kRememberedMax) ours_.insert(what.blob);
  }
  peer->sender->send(what, [this, what] { return hooks_.read(what); });
}

void HubObjects::receive(Message message) {
  Peer* peer = std::holds_alternative<Chunk>(message.body) ? peer_of(message.worker) : nullptr;
  if (peer == nullptr) return hooks_.give(std::move(message));
  peer->receiver->take(std::move(message));
}

void HubObjects::receive(FrameKind kind, const Referral& referral) {
  Peer* peer = peer_of(referral.worker);
  if (peer == nullptr || referral.run != run_) return;
  if (kind == FrameKind::kMissing) {
    if (const auto again = peer->sender->missing(referral))
      hooks_.give(
          {again->run, again->epoch, again->worker, Get{again->blob, again->offset, again->bytes}});
    return;
  }
  // Of an offer that came too late: nobody will read it, but it was put.
  if (is_dropped(referral.chunk.blob)) return remove(referral.chunk.blob);
  peer->receiver->take(referral);
}

// ---- Objects that nobody needs any more.

bool HubObjects::is_dropped(const Digest& blob) {
  const std::lock_guard lock(mutex_);
  return dropped_.contains(blob);
}

void HubObjects::opened(const Digest& blob) {
  const std::lock_guard lock(mutex_);
  dropped_.erase(blob);
}

void HubObjects::dropped(const Digest& blob) {
  {
    const std::lock_guard lock(mutex_);
    ours_.erase(blob);
    if (dropped_.insert(blob).second) dropped_order_.push_back(blob);
    if (dropped_order_.size() > kRememberedMax) {
      dropped_.erase(dropped_order_.front());
      dropped_order_.pop_front();
    }
  }
  remove(blob);
}

void HubObjects::remove(const Digest& blob) {
  {
    const std::lock_guard lock(mutex_);
    if (const auto found = removals_.find(blob); found != removals_.end()) {
      if (found->second == Removal::kRuns) found->second = Removal::kRunsAgain;
      return;
    }
    if (removals_.size() >= kRememberedMax) return;
    removals_[blob] = Removal::kWaits;
    removals_waiting_.push_back(blob);
  }
  begin_removals();
}

/// Some at a time, so that a store that hangs keeps no chunk waiting.
void HubObjects::begin_removals() {
  std::vector<Digest> begun;
  {
    const std::lock_guard lock(mutex_);
    auto running = std::ssize(removals_) - std::ssize(removals_waiting_);
    for (; running < removals_max_ && !removals_waiting_.empty(); ++running) {
      begun.push_back(removals_waiting_.front());
      removals_[begun.back()] = Removal::kRuns;
      removals_waiting_.pop_front();
    }
  }
  for (const Digest& blob : begun)
    turns_->remove_blob(kRemovals, run_, blob,
                        [this, blob](const auto& count) { removed(blob, count.ok()); });
}

void HubObjects::removed(const Digest& blob, bool done) {
  {
    const std::lock_guard lock(mutex_);
    const bool again = done && removals_[blob] == Removal::kRunsAgain;
    removals_.erase(blob);
    if (again) {
      removals_[blob] = Removal::kWaits;
      removals_waiting_.push_back(blob);
    }
  }
  removed_.notify_all();
  begin_removals();
}

bool HubObjects::clear(int64_t wait_ms_max) {
  std::set<Digest> ours;
  {
    const std::lock_guard lock(mutex_);
    ours.swap(ours_);
  }
  for (const Digest& blob : ours) remove(blob);
  const auto until = std::chrono::steady_clock::now() + std::chrono::milliseconds(wait_ms_max);
  {
    std::unique_lock lock(mutex_);
    if (!removed_.wait_until(lock, until, [this] { return removals_.empty(); })) return false;
  }
  const auto done = std::make_shared<std::optional<bool>>();
  turns_->remove_run(kRemovals, run_, [this, done](const Result<int64_t>& count) {
    {
      const std::lock_guard lock(mutex_);
      *done = count.ok();
    }
    removed_.notify_all();
  });
  std::unique_lock lock(mutex_);
  return removed_.wait_until(lock, until, [&] { return done->has_value(); }) && **done;
}

std::map<WorkerId, StoreBytes> HubObjects::bytes() const {
  const std::lock_guard lock(mutex_);
  std::map<WorkerId, StoreBytes> out;
  for (const auto& [worker, peer] : peers_)
    out[worker] = {peer->sender->referred_bytes(), peer->receiver->got_bytes()};
  return out;
}

}  // namespace causeway
