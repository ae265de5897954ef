// SPDX-License-Identifier: Apache-2.0
//
// The worker's half of the protocol, as a pure state machine: messages and ticks in, messages out.
// To the engine it is an Exchange. docs/protocol.md has its states and why each message is safe.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "exchange/messages.h"
#include "exchange/transfer.h"
#include "sync/exchange.h"

namespace causeway {

struct WorkerSettings {
  WorkerId worker = 0;
  Digest plan, layout;
  Digest genesis;  ///< of Mirror::snapshot() before the first step
  std::string build, token;
  int64_t retry_ms_min = 100;  ///< first repetition of an unanswered message; then doubled
  int64_t retry_ms_max = 10'000;
  /// The same for bytes of blobs: long where the carrier loses nothing without a word (relinked).
  int64_t bytes_retry_ms_min = 100, bytes_retry_ms_max = 10'000;
};

/// One thread at a time. Its clock is the worker's own: any monotonic count of milliseconds.
class WorkerMachine final : public Exchange {
 public:
  enum class State : uint8_t {
    kConnect = 1,  ///< says Hello until it is welcomed
    kFetch = 2,    ///< gets a snapshot; then `joined` or `rejected`
    kTrain = 3,    ///< a member: the engine may go on
    kDrain = 4,    ///< was told to leave: hands in what is under way, then leaves
    kGone = 5,     ///< refused, or has left: gone_reason() says why
  };

  /// `incarnation`: new whenever the process starts. `applied`: see Hello.
  WorkerMachine(WorkerSettings settings, uint64_t incarnation, int64_t applied);

  /// Takes a message from the hub.
  void on(int64_t now_ms, const Message& message, std::vector<Message>& out);
  /// Call after every advance of the trainer, and when wake_ms() is reached.
  void tick(int64_t now_ms, std::vector<Message>& out);
  /// What carries messages has begun anew: whatever was under way is lost, and the hub may be
  /// another process. Everything unanswered is said again at once.
  void relinked();
  /// When tick wants to be called at the latest.
  int64_t wake_ms() const { return wake_ms_; }

  State state() const { return state_; }
  /// Why it is gone.
  const std::string& gone_reason() const { return gone_reason_; }
  /// The hub refused it, and would again.
  bool was_refused() const { return refused_; }
  int64_t epoch() const { return epoch_; }
  int64_t applied() const { return applied_; }        ///< all rounds up to it are; -1: no state
  int64_t decided() const { return decided_; }        ///< last round known to be decided
  int64_t offer_from() const { return offer_from_; }  ///< first round that it may offer in

  /// The snapshot to start from, when state is kFetch and all its bytes are there; else empty.
  std::optional<ByteSpan> snapshot() const;
  /// The trainer stands where the snapshot says: rounds up to `round` are settled, but for those
  /// that it has still `open`.
  void joined(int64_t round, const std::vector<int64_t>& open);

  /// How far the trainer is, for Progress.
  void set_progress(int64_t step, int64_t tokens, double loss) {
    step_ = step;
    tokens_ = tokens;
    loss_ = loss;
  }
  /// Hands in what is under way for at most `grace_ms`, then says Leave and is kGone.
  void leave(int64_t now_ms, int64_t grace_ms, std::string reason);

  // ---- Exchange, for the engine.
  void launch(Offer offer) override;
  Poll poll(int64_t round, WorkerId worker, const Commit*& commit) override;
  void settled(int64_t round, WorkerId worker, const Digest& replicated) override;
  bool expects(int64_t round, WorkerId worker) const override;

  /// The round's commit, for who wants to keep it beyond `settled`; null if it is not there.
  std::shared_ptr<const Commit> commit_of(int64_t round) const;

  /// What a restart on the same machine needs beside the trainer's own snapshot: offers that are
  /// not settled, with their bytes. Versioned and bounded.
  Bytes save() const;
  /// Of a machine that is just made. Fault::kCorrupt changes nothing.
  Result<void> restore(ByteSpan bytes);

 private:
  struct Ticket {
    OfferReady ready;
    std::vector<Upload> uploads;
    bool answered = false;  ///< held by the hub, or refused: only the decision is waited for
    Retry retry;
  };
  struct Decided {
    bool committed = false;
    std::optional<Download> download;
    std::shared_ptr<const Commit> commit;
  };

  void be_gone(std::string reason);
  void say_hello_again(bool keep_state);
  void forget_state();
  Message message(Body body) const;
  void hear(int64_t now_ms, const Welcome& welcome);
  void hear(int64_t now_ms, const Refused& refused);
  void hear(int64_t now_ms, const ChunkHeld& held);
  void hear(int64_t now_ms, const OfferHeld& held);
  void hear(int64_t now_ms, const OfferRefused& refused);
  void hear(int64_t now_ms, const Decision& decision);
  void hear(int64_t now_ms, const Want& want);
  void hear(int64_t now_ms, const Fenced& fenced);
  void hear(int64_t now_ms, const Chunk& chunk);
  Upload* upload_of(const Digest& blob);
  Retry bytes_retry() const { return {settings_.bytes_retry_ms_min, settings_.bytes_retry_ms_max}; }
  TransferSizes sizes() const { return {chunk_bytes_, window_bytes_}; }
  void pump_member(int64_t now_ms, std::vector<Message>& out);
  void pump_tickets(int64_t now_ms, std::vector<Message>& out);
  void pump_downloads(int64_t now_ms, std::vector<Message>& out);
  void pump(Upload& upload, int64_t now_ms, std::vector<Message>& out);
  void wake_by(int64_t ms) { wake_ms_ = std::min(wake_ms_, ms); }

  const WorkerSettings settings_;
  State state_ = State::kConnect;
  bool refused_ = false;
  std::string gone_reason_;
  uint64_t run_ = 0, incarnation_ = 0;
  int64_t epoch_ = 0;
  int64_t applied_ = 0;              // all rounds up to it are settled; -1: no state yet
  std::set<int64_t> settled_ahead_;  // rounds past that which are
  int64_t settled_ = 0;              // the round settled last
  Digest replicated_;                // after it
  int64_t decided_ = 0, offer_from_ = 1;
  int64_t counted_ = 0;  // so far the hub has what it offers again
  int64_t step_ = 0, tokens_ = 0;
  double loss_ = 0;
  int64_t lease_ms_ = 0, chunk_bytes_ = 0, window_bytes_ = 0;
  int64_t polled_ = 0;  // a round that the engine waits for; 0: none
  std::map<int64_t, Ticket> tickets_;
  std::map<int64_t, Decided> decisions_;
  std::optional<Download> snapshot_;
  Retry hello_, ask_, progress_;
  std::optional<int64_t> leave_by_ms_;
  std::string leave_reason_;
  int64_t wake_ms_ = 0;
};

}  // namespace causeway
