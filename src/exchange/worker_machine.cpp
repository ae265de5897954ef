// SPDX-License-Identifier: Apache-2.0
#include "exchange/worker_machine.h"

#include <algorithm>

#include "core/fields.h"
#include "exchange/commit_blob.h"
#include "exchange/message_fields.h"

namespace causeway {
namespace {

constexpr int64_t kAheadMax = 64;     // decisions kept that the trainer has not reached
constexpr int kDownloadsMax = 2;      // at a time
constexpr size_t kTicketsMax = 1024;  // offers that are not settled

/// What save() keeps of an offer.
struct SavedTicket {
  OfferReady ready;
  std::vector<SharedBytes> blobs;
};
struct Saved {
  int64_t applied = 0;
  std::vector<int64_t> settled_ahead;
  std::vector<SavedTicket> tickets;
};
void each_field(auto&& visit, Is<SavedTicket> auto& s) { visit(s.ready), visit(s.blobs); }
void each_field(auto&& visit, Is<Saved> auto& s) {
  visit(s.applied), visit(s.settled_ahead), visit(s.tickets);
}

}  // namespace

WorkerMachine::WorkerMachine(WorkerSettings settings, uint64_t incarnation, int64_t applied)
    : settings_(std::move(settings)),
      incarnation_(incarnation),
      applied_(applied),
      hello_(settings_.retry_ms_min, settings_.retry_ms_max),
      ask_(hello_),
      progress_(hello_) {}

Message WorkerMachine::message(Body body) const {
  return {run_, epoch_, settings_.worker, std::move(body)};
}

void WorkerMachine::be_gone(std::string reason) {
  state_ = State::kGone;
  gone_reason_ = std::move(reason);
}

/// The epoch is over: another incarnation, so that the hub tells it from the one before.
void WorkerMachine::say_hello_again(bool keep_state) {
  if (state_ == State::kDrain) return be_gone(leave_reason_);
  state_ = State::kConnect;
  ++incarnation_;
  epoch_ = 0;
  snapshot_.reset();
  hello_.hurry();
  for (auto& [round, ticket] : tickets_) {
    ticket.answered = false;
    ticket.retry.hurry();
    for (Upload& upload : ticket.uploads) upload.relinked();
  }
  // What it has asked for in the epoch that is over was not heard.
  for (auto& [round, decided] : decisions_)
    if (decided.download) decided.download->relinked();
  if (!keep_state) forget_state();
}

/// Its own state does not count any more, nor what it has said of it: it waits for a snapshot.
void WorkerMachine::forget_state() {
  applied_ = -1;
  settled_ = 0;
  replicated_ = {};
  tickets_.clear();
  decisions_.clear();
  settled_ahead_.clear();
}

void WorkerMachine::on(int64_t now_ms, const Message& message, std::vector<Message>& out) {
  if (message.worker != settings_.worker || state_ == State::kGone) return;
  const bool answers_hello = std::holds_alternative<Welcome>(message.body) ||
                             std::holds_alternative<Refused>(message.body);
  if (answers_hello != (state_ == State::kConnect)) return;
  if (!answers_hello && (message.run != run_ || message.epoch != epoch_)) return;
  if (const auto* welcome = std::get_if<Welcome>(&message.body);
      welcome != nullptr && welcome->incarnation == incarnation_) {
    run_ = message.run;
    epoch_ = message.epoch;
  }
  std::visit(
      [&](const auto& body) {
        if constexpr (requires { hear(now_ms, body); }) hear(now_ms, body);
      },
      message.body);
  tick(now_ms, out);
}

void WorkerMachine::hear(int64_t now_ms, const Welcome& welcome) {
  if (welcome.incarnation != incarnation_) return;
  if (welcome.chunk_bytes < 1 || welcome.chunk_bytes > static_cast<int64_t>(kChunkBytesMax) ||
      welcome.window_bytes < welcome.chunk_bytes || welcome.lease_ms < 1)
    return be_gone(
        fmt::format("the hub's welcome makes no sense: chunks of {} bytes, a lease of "
                    "{} ms",
                    welcome.chunk_bytes, welcome.lease_ms));
  decided_ = std::max(decided_, welcome.decided);
  offer_from_ = std::max(offer_from_, welcome.offer_from);
  counted_ = std::max(counted_, welcome.counted);
  lease_ms_ = welcome.lease_ms;
  chunk_bytes_ = welcome.chunk_bytes;
  window_bytes_ = welcome.window_bytes;
  progress_ = Retry(std::max<int64_t>(lease_ms_ / 4, 1), std::max<int64_t>(lease_ms_ / 4, 1));
  progress_.answered(now_ms);
  ask_.hurry();
  state_ = State::kTrain;
  if (welcome.snapshot_bytes > 0) {
    state_ = State::kFetch;
    snapshot_.emplace(welcome.snapshot, welcome.snapshot_bytes, bytes_retry());
    forget_state();
  } else if (applied_ < 0) {
    be_gone("the hub has no snapshot for a worker without state");
  }
}

void WorkerMachine::hear(int64_t, const Refused& refused) {
  if (refused.incarnation != incarnation_) return;
  refused_ = true;
  be_gone(refused.reason);
}

void WorkerMachine::hear(int64_t now_ms, const ChunkHeld& held) {
  for (auto& [round, ticket] : tickets_)
    for (Upload& upload : ticket.uploads) {
      if (upload.digest() != held.blob) continue;
      upload.acknowledged(now_ms, held.durable);
      // The hub knows of the offer: it is said again only if bytes no longer get through.
      ticket.retry = bytes_retry();
      ticket.retry.said(now_ms);
      return;
    }
}

void WorkerMachine::hear(int64_t, const OfferHeld& held) {
  const auto found = tickets_.find(held.round);
  if (found != tickets_.end() && found->second.ready.stage == held.stage)
    found->second.answered = true;
}

void WorkerMachine::hear(int64_t, const OfferRefused& refused) {
  offer_from_ = std::max(offer_from_, refused.offer_from);
  const auto found = tickets_.find(refused.round);
  if (found != tickets_.end() && found->second.ready.stage == refused.stage)
    found->second.answered = true;
}

void WorkerMachine::hear(int64_t now_ms, const Decision& decision) {
  decided_ = std::max({decided_, decision.decided, decision.round});
  ask_.answered(now_ms);
  const bool wanted = decision.round > applied_ && decision.round <= applied_ + kAheadMax &&
                      !settled_ahead_.contains(decision.round);
  if (!wanted || state_ == State::kFetch || decisions_.contains(decision.round)) return;
  Decided& decided = decisions_[decision.round];
  decided.committed = decision.committed;
  if (decision.committed) decided.download.emplace(decision.blob, decision.bytes, bytes_retry());
}

void WorkerMachine::hear(int64_t, const Want& want) {
  if (Upload* upload = upload_of(want.blob)) upload->wanted(want.offset);
}

void WorkerMachine::hear(int64_t, const Fenced& fenced) { say_hello_again(fenced.keep_state); }

void WorkerMachine::hear(int64_t now_ms, const Chunk& chunk) {
  if (snapshot_ && snapshot_->digest() == chunk.blob) return snapshot_->take(now_ms, chunk);
  for (auto& [round, decided] : decisions_) {
    if (!decided.download || decided.download->digest() != chunk.blob) continue;
    decided.download->take(now_ms, chunk);
    if (!decided.download->done()) return;
    auto commit = decode_commit(decided.download->release());
    if (!commit || commit->round != round)
      return be_gone(fmt::format("round {}: the hub's result cannot be read", round));
    decided.commit = std::make_shared<const Commit>(*std::move(commit));
    decided.download.reset();
    return;
  }
}

Upload* WorkerMachine::upload_of(const Digest& blob) {
  for (auto& [round, ticket] : tickets_)
    for (Upload& upload : ticket.uploads)
      if (upload.digest() == blob) return &upload;
  return nullptr;
}

std::optional<ByteSpan> WorkerMachine::snapshot() const {
  if (state_ != State::kFetch || !snapshot_ || !snapshot_->done()) return std::nullopt;
  return snapshot_->bytes();
}

void WorkerMachine::joined(int64_t round, const std::vector<int64_t>& open) {
  CW_CHECK(state_ == State::kFetch);
  applied_ = open.empty() ? round : *std::min_element(open.begin(), open.end()) - 1;
  for (int64_t settled = applied_ + 1; settled <= round; ++settled)
    if (std::find(open.begin(), open.end(), settled) == open.end()) settled_ahead_.insert(settled);
  settled_ = 0;
  replicated_ = {};
  snapshot_.reset();
  state_ = State::kTrain;
  ask_.hurry();
}

void WorkerMachine::leave(int64_t now_ms, int64_t grace_ms, std::string reason) {
  if (state_ == State::kGone || state_ == State::kDrain) return;
  leave_reason_ = std::move(reason);
  if (state_ != State::kTrain) return be_gone(leave_reason_);
  state_ = State::kDrain;
  leave_by_ms_ = now_ms + grace_ms;
}

void WorkerMachine::launch(Offer offer) {
  const auto [found, fresh] = tickets_.try_emplace(offer.round);
  if (!fresh) return;
  CW_CHECK(tickets_.size() <= kTicketsMax, "{} offers are not settled", tickets_.size());
  Ticket& ticket = found->second;
  const Retry retry(settings_.retry_ms_min, settings_.retry_ms_max);
  ticket.retry = retry;
  ticket.ready = {offer.round, 0, offer.step, offer.hook, {}, std::move(offer.declined)};
  for (Part& part : offer.parts) {
    SharedBytes bytes(std::move(part.bytes));
    const Parcel parcel{part.channel, part.weight, digest_of(bytes.view()), bytes.size()};
    ticket.ready.parcels.push_back(parcel);
    ticket.uploads.emplace_back(parcel.digest, std::move(bytes), bytes_retry());
  }
}

Poll WorkerMachine::poll(int64_t round, WorkerId, const Commit*& commit) {
  const auto found = decisions_.find(round);
  polled_ = round;
  if (found == decisions_.end()) return Poll::kPending;
  if (!found->second.committed) return Poll::kAborted;
  if (found->second.commit == nullptr) return Poll::kPending;
  commit = found->second.commit.get();
  return Poll::kReady;
}

void WorkerMachine::settled(int64_t round, WorkerId, const Digest& replicated) {
  settled_ = round;
  replicated_ = replicated;
  settled_ahead_.insert(round);
  while (settled_ahead_.erase(applied_ + 1) > 0) ++applied_;
  tickets_.erase(round);
  decisions_.erase(round);
  polled_ = 0;
}

std::shared_ptr<const Commit> WorkerMachine::commit_of(int64_t round) const {
  const auto found = decisions_.find(round);
  return found == decisions_.end() ? nullptr : found->second.commit;
}

void WorkerMachine::relinked() {
  hello_.hurry();
  ask_.hurry();
  progress_.hurry();
  for (auto& [round, ticket] : tickets_) {
    ticket.retry.hurry();
    for (Upload& upload : ticket.uploads) upload.relinked();
  }
  if (snapshot_) snapshot_->relinked();
  for (auto& [round, decided] : decisions_)
    if (decided.download) decided.download->relinked();
  wake_ms_ = 0;
}

bool WorkerMachine::expects(int64_t round, WorkerId) const {
  return round >= offer_from_ && (round > decided_ || round <= counted_) && state_ != State::kDrain;
}

void WorkerMachine::tick(int64_t now_ms, std::vector<Message>& out) {
  wake_ms_ = INT64_MAX;
  switch (state_) {
    case State::kGone:
      return;
    case State::kConnect:
      if (hello_.due(now_ms)) {
        hello_.said(now_ms);
        out.push_back(
            message(Hello{incarnation_, settings_.plan, settings_.layout, settings_.genesis,
                          settings_.build, settings_.token, applied_}));
      }
      return wake_by(hello_.at_ms());
    case State::kFetch:
    case State::kTrain:
    case State::kDrain:
      return pump_member(now_ms, out);
  }
}

void WorkerMachine::pump_member(int64_t now_ms, std::vector<Message>& out) {
  if (state_ != State::kFetch) pump_tickets(now_ms, out);
  pump_downloads(now_ms, out);
  if (progress_.due(now_ms)) {
    progress_.said(now_ms);
    out.push_back(message(Progress{applied_, settled_, replicated_, step_, tokens_, loss_}));
  }
  wake_by(progress_.at_ms());
  // It may wait for a round while one before it is known and not due yet.
  const bool waits = polled_ > 0 && !decisions_.contains(polled_);
  const bool behind = polled_ == 0 && decided_ > applied_ && !decisions_.contains(applied_ + 1);
  if ((waits || behind) && state_ != State::kFetch) {
    if (ask_.due(now_ms)) {
      ask_.said(now_ms);
      out.push_back(message(Ask{applied_}));
    }
    wake_by(ask_.at_ms());
  }
  if (!leave_by_ms_) return;
  const bool handed_in = std::all_of(tickets_.begin(), tickets_.end(),
                                     [](const auto& ticket) { return ticket.second.answered; });
  if (handed_in || now_ms >= *leave_by_ms_) {
    out.push_back(message(Leave{leave_reason_}));
    return be_gone(leave_reason_);
  }
  wake_by(*leave_by_ms_);
}

void WorkerMachine::pump_tickets(int64_t now_ms, std::vector<Message>& out) {
  for (auto& [round, ticket] : tickets_) {
    if (!ticket.answered) {
      if (ticket.retry.due(now_ms)) {
        ticket.retry.said(now_ms);
        out.push_back(message(ticket.ready));
      }
      wake_by(ticket.retry.at_ms());
    }
    for (Upload& upload : ticket.uploads) pump(upload, now_ms, out);
  }
}

void WorkerMachine::pump(Upload& upload, int64_t now_ms, std::vector<Message>& out) {
  std::vector<Chunk> chunks;
  upload.pump(now_ms, sizes(), chunks);
  for (Chunk& chunk : chunks) out.push_back(message(std::move(chunk)));
  wake_by(upload.wake_ms());
}

void WorkerMachine::pump_downloads(int64_t now_ms, std::vector<Message>& out) {
  const auto pump = [&](Download& download) {
    if (const auto get = download.pump(now_ms, sizes())) out.push_back(message(*get));
    wake_by(download.wake_ms());
  };
  if (snapshot_) pump(*snapshot_);
  int active = 0;
  for (auto& [round, decided] : decisions_)
    if (decided.download && active++ < kDownloadsMax) pump(*decided.download);
}

Bytes WorkerMachine::save() const {
  Saved saved{applied_, {settled_ahead_.begin(), settled_ahead_.end()}, {}};
  for (const auto& [round, ticket] : tickets_) {
    SavedTicket& kept = saved.tickets.emplace_back(SavedTicket{ticket.ready, {}});
    for (const Upload& upload : ticket.uploads) kept.blobs.push_back(upload.bytes());
  }
  Bytes bytes;
  FieldWriter writer(bytes);
  writer(kProtocolVersion);
  writer(saved);
  return bytes;
}

Result<void> WorkerMachine::restore(ByteSpan bytes) {
  if (bytes.empty() || static_cast<uint8_t>(bytes.front()) != kProtocolVersion)
    return failure(Fault::kCorrupt, "offers that were kept are of another version");
  CW_ASSIGN(const Saved saved, read_fields<Saved>(bytes.subspan(1)));
  std::map<int64_t, Ticket> tickets;
  for (const SavedTicket& kept : saved.tickets) {
    Ticket& ticket = tickets[kept.ready.round];
    ticket.ready = kept.ready;
    ticket.retry = Retry(settings_.retry_ms_min, settings_.retry_ms_max);
    if (kept.blobs.size() != kept.ready.parcels.size())
      return failure(Fault::kCorrupt, "round {}: {} blobs for {} parcels", kept.ready.round,
                     kept.blobs.size(), kept.ready.parcels.size());
    for (size_t i = 0; i < kept.blobs.size(); ++i) {
      const Digest digest = digest_of(kept.blobs[i].view());
      if (digest != kept.ready.parcels[i].digest)
        return failure(Fault::kCorrupt, "round {}: a kept offer has changed", kept.ready.round);
      ticket.uploads.emplace_back(digest, kept.blobs[i], bytes_retry());
    }
  }
  tickets_ = std::move(tickets);
  applied_ = saved.applied;
  settled_ahead_ = {saved.settled_ahead.begin(), saved.settled_ahead.end()};
  return {};
}

}  // namespace causeway
