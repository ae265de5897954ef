// SPDX-License-Identifier: Apache-2.0
#include "sim/auditor.h"

#include <algorithm>

#include "codec/signal.h"
#include "exchange/commit_blob.h"
#include "hub/hub_memory.h"

namespace causeway {
namespace {

bool can_rot(const World& world) {
  return std::ranges::any_of(world.scenario().faults,
                             [](const FaultSpec& fault) { return fault.kind == "bit_rot"; });
}

}  // namespace

// ---- The log: what a crash may take back, and what it may not.

void Auditor::on_record(const World& world, const Record& record, int64_t sequence, int64_t) {
  if (sequence <= durable_)
    return complain("entry {} ({}) is written, but the log was durable up to {}", sequence,
                    record_name(record), durable_);
  if (sequence <= last_) forget_from(sequence);
  last_ = sequence;
  std::visit(
      [&](const auto& one) {
        if constexpr (requires { note(world, one, sequence); }) note(world, one, sequence);
      },
      record);
}

void Auditor::on_compaction(const World&, int64_t sequence, int64_t) { last_ = sequence; }

void Auditor::on_durable(const World&, int64_t sequence, int64_t) {
  durable_ = std::max(durable_, sequence);
}

void Auditor::forget_from(int64_t sequence) {
  last_ = sequence - 1;
  const auto gone = [sequence](const std::optional<int64_t>& at) { return at && *at >= sequence; };
  for (auto& [number, round] : rounds_) {
    if (gone(round.decided_at)) round.decided_at.reset();
    if (gone(round.closed_at)) round.closed_at.reset();
    for (auto& [worker, holdings] : round.held) {
      std::erase_if(holdings, [&](const Holding& one) { return one.at >= sequence; });
      for (Holding& one : holdings)
        if (gone(one.over_at)) one.over_at.reset();
    }
  }
  for (auto& [worker, admissions] : admissions_) {
    std::erase_if(admissions, [&](const Admission& one) { return one.at >= sequence; });
    for (Admission& one : admissions)
      if (gone(one.over_at)) one.over_at.reset();
  }
}

const Auditor::Admission* Auditor::current(WorkerId worker) const {
  const auto found = admissions_.find(worker);
  const bool there =
      found != admissions_.end() && !found->second.empty() && !found->second.back().over_at;
  return there ? &found->second.back() : nullptr;
}

const Auditor::Holding* Auditor::holding(const Round& round, WorkerId worker) {
  const auto found = round.held.find(worker);
  const bool there =
      found != round.held.end() && !found->second.empty() && !found->second.back().over_at;
  return there ? &found->second.back() : nullptr;
}

void Auditor::let_go(WorkerId worker, int64_t at) {
  for (auto& [number, round] : rounds_)
    if (!round.closed_at && holding(round, worker) != nullptr)
      round.held[worker].back().over_at = at;
}

void Auditor::note(const World&, const Admitted& record, int64_t at) {
  for (const auto& [worker, admissions] : admissions_)
    for (const Admission& one : admissions)
      if (one.epoch == record.epoch) complain("epoch {} is given twice", record.epoch);
  std::vector<Admission>& mine = admissions_[record.worker];
  if (!mine.empty() && !mine.back().over_at) mine.back().over_at = at;
  mine.push_back({record.epoch, at, {}});
  let_go(record.worker, at);
}

void Auditor::note(const World&, const Removed& record, int64_t at) {
  if (record.reason.empty()) complain("worker {} is removed without a reason", record.worker);
  const Admission* now = current(record.worker);
  if (now == nullptr || now->epoch != record.epoch)
    return complain("worker {} is removed from epoch {}, which it is not in", record.worker,
                    record.epoch);
  admissions_[record.worker].back().over_at = at;
  let_go(record.worker, at);
}

void Auditor::note(const World&, const Opened& record, int64_t) {
  rounds_[record.round];
  // A world is long; what is long decided and settled by all is not looked at again.
  constexpr size_t kRoundsMax = 256;
  if (rounds_.size() > kRoundsMax) rounds_.erase(rounds_.begin());
}

void Auditor::note(const World&, const Struck& record, int64_t at) {
  if (record.reason.empty()) complain("worker {} is struck without a reason", record.worker);
  if (const auto round = rounds_.find(record.round);
      round != rounds_.end() && !round->second.closed_at &&
      holding(round->second, record.worker) != nullptr)
    round->second.held[record.worker].back().over_at = at;
}

void Auditor::note(const World&, const Held& record, int64_t at) {
  Round& round = rounds_[record.round];
  const Admission* now = current(record.worker);
  if (now == nullptr || now->epoch != record.epoch)
    complain("round {} holds an offer of worker {} from epoch {}, which is over", record.round,
             record.worker, record.epoch);
  if (round.closed_at)
    complain("round {} holds an offer of worker {} after it was closed", record.round,
             record.worker);
  if (holding(round, record.worker) != nullptr)
    complain("round {} holds two offers of worker {}", record.round, record.worker);
  round.held[record.worker].push_back({record.epoch, at, {}});
}

void Auditor::note(const World& world, const Closed& record, int64_t at) {
  Round& round = rounds_[record.round];
  if (const int64_t quorum = world.scenario().hub.quorum_count; std::ssize(record.members) < quorum)
    complain("round {} is closed with {} members; a quorum has {}", record.round,
             record.members.size(), quorum);
  if (round.closed_at) complain("round {} is closed twice", record.round);
  if (round.decided_at) complain("round {} is closed after it was decided", record.round);
  std::set<WorkerId> named;
  for (const ClosedMember& member : record.members) {
    const Holding* held = holding(round, member.worker);
    if (!named.insert(member.worker).second)
      complain("round {} counts worker {} twice", record.round, member.worker);
    if (held == nullptr || held->epoch != member.epoch)
      complain("round {} counts worker {}, whose whole offer of epoch {} it does not hold",
               record.round, member.worker, member.epoch);
  }
  for (const Absence& absence : record.absent) {
    named.insert(absence.worker);
    if (absence.reason.empty())
      complain("round {} leaves worker {} out without a reason", record.round, absence.worker);
  }
  for (const auto& [worker, holdings] : round.held)
    if (holding(round, worker) != nullptr && !named.contains(worker))
      complain("round {} holds an offer of worker {} and does not say what became of it",
               record.round, worker);
  round.closed_at = at;
  round.closed = record;
}

void Auditor::note(const World& world, const Committed& record, int64_t at) {
  Round& round = rounds_[record.round];
  if (round.decided_at) complain("round {} is decided twice", record.round);
  if (!durable(round.closed_at))
    complain("round {} is committed before its close is durable", record.round);
  round.decided_at = at;
  round.committed = true;
  fold_again(world, record);
  // A crash may take back what was decided last.
  std::erase_if(sent_, [&](const auto& one) { return one.second.opened < record.round - 2; });
}

void Auditor::note(const World&, const Aborted& record, int64_t at) {
  Round& round = rounds_[record.round];
  if (round.decided_at) complain("round {} is decided twice", record.round);
  if (record.reason.empty()) complain("round {} is aborted without a reason", record.round);
  round.decided_at = at;
  round.committed = false;
}

/// The result, from the offers as they lie in the spool or as they came, by the plainest loop there
/// is: it must be the same to the bit. For channels with the rule `mean` and an exact downlink.
void Auditor::fold_again(const World& world, const Committed& record) {
  Spool* spool = world.hub().spool();
  const Closed& closed = rounds_[record.round].closed;
  const auto bytes = spool->view({kHubOwner, record.result.digest});
  const auto commit =
      bytes ? decode_commit(Bytes(bytes->begin(), bytes->end())) : Result<Commit>(bytes.error());
  if (!commit || digest_of(*bytes) != record.result.digest)
    return complain("round {}: its result is not in the spool", record.round);
  for (const ChannelResult& result : commit->results) {
    const BoundChannel& channel =
        world.course().plan().channels()[static_cast<size_t>(result.channel)];
    if (channel.spec.rule.name != "mean" || channel.spec.down.name != "fp32") continue;
    const auto count = static_cast<size_t>(channel.count);
    std::vector<double> sum(count);
    std::vector<float> row(count), got(count);
    double weights = 0;
    std::vector<Member> members;
    for (const ClosedMember& member : closed.members)
      for (const Parcel& parcel : member.parcels) {
        if (parcel.channel != result.channel) continue;
        const auto offer = offer_of(*spool, {member.worker, parcel.digest});
        // What a liar repeats may hide what it sent: then there is nothing to compare with.
        if (!offer && can_rot(world)) return;
        if (!offer || !decode_signal(*channel.up, *offer, row))
          return complain("round {}: worker {} has not sent what is folded as its offer",
                          record.round, member.worker);
        for (size_t i = 0; i < count; ++i)
          sum[i] += static_cast<double>(parcel.weight) * static_cast<double>(row[i]);
        weights += static_cast<double>(parcel.weight);
        members.push_back({member.worker, parcel.weight});
      }
    if (members != result.members)
      complain("round {}: the result says other members or weights than the close", record.round);
    if (!decode_signal(*channel.down, result.bytes.bytes().view(), got))
      return complain("round {}: its result does not decode", record.round);
    for (size_t i = 0; i < count; ++i)
      if (got[i] != static_cast<float>(sum[i] / weights))
        return complain(
            "round {}, channel `{}`, value {}: the consensus is {}, its members' mean {}",
            record.round, channel.spec.name, i, got[i], static_cast<float>(sum[i] / weights));
  }
}

std::optional<ByteSpan> Auditor::offer_of(Spool& spool, const BlobId& blob) const {
  if (const auto view = spool.view(blob); view && digest_of(*view) == blob.digest) return *view;
  const auto sent = sent_.find({blob.owner, blob.digest});
  if (sent == sent_.end() || digest_of(sent->second.bytes) != blob.digest) return std::nullopt;
  return sent->second.bytes;
}

void Auditor::take(WorkerId worker, const Chunk& chunk) {
  const int64_t opened = rounds_.empty() ? 0 : rounds_.rbegin()->first;
  Sent& sent = sent_[{worker, chunk.blob}];
  sent.opened = opened;  // two rounds' offers may be the same
  const auto begin = static_cast<size_t>(chunk.offset);
  const ByteSpan bytes = chunk.bytes.view();
  // Out of turn, or once more by a liar: the hub does not take it either.
  if (chunk.offset < 0 || begin > sent.bytes.size()) return;
  const size_t again = std::min(bytes.size(), sent.bytes.size() - begin);
  if (!std::equal(bytes.begin(), bytes.begin() + static_cast<int64_t>(again),
                  sent.bytes.begin() + chunk.offset) &&
      digest_of(sent.bytes) == chunk.blob)
    return;
  sent.bytes.resize(std::max(sent.bytes.size(), begin + bytes.size()));
  std::copy(bytes.begin(), bytes.end(), sent.bytes.begin() + chunk.offset);
}

// ---- What is told.

void Auditor::on_message(const World&, const Message& message, bool from_hub) {
  if (!from_hub) {
    if (const auto* chunk = std::get_if<Chunk>(&message.body)) take(message.worker, *chunk);
    return;
  }
  const auto durable_round = [this](int64_t number) {
    const auto found = rounds_.find(number);
    // Rounds that are no longer looked at were decided long ago.
    return found == rounds_.end() ? !rounds_.empty() && number < rounds_.begin()->first
                                  : durable(found->second.decided_at);
  };
  if (const auto* decision = std::get_if<Decision>(&message.body)) {
    if (!durable_round(decision->round))
      complain("worker {} is told of round {} before it is durable", message.worker,
               decision->round);
    const auto found = rounds_.find(decision->round);
    if (found != rounds_.end() && found->second.committed != decision->committed)
      complain("worker {} is told that round {} was {}", message.worker, decision->round,
               decision->committed ? "committed" : "aborted");
  } else if (const auto* held = std::get_if<OfferHeld>(&message.body)) {
    const auto found = rounds_.find(held->round);
    if (found == rounds_.end()) return;
    const Round& round = found->second;
    const Holding* mine = holding(round, message.worker);
    const bool counts =
        std::any_of(round.closed.members.begin(), round.closed.members.end(),
                    [&](const ClosedMember& member) { return member.worker == message.worker; });
    const bool fenced =
        current(message.worker) == nullptr || current(message.worker)->epoch != message.epoch;
    if (!fenced && !counts && !durable_round(held->round) &&
        (mine == nullptr || !durable(mine->at)))
      complain("worker {} is told that its offer for round {} is held, and it is not durable",
               message.worker, held->round);
  } else if (std::holds_alternative<Welcome>(message.body)) {
    const std::vector<Admission>& mine = admissions_[message.worker];
    if (std::none_of(mine.begin(), mine.end(), [&](const Admission& one) {
          return one.epoch == message.epoch && durable(one.at);
        }))
      complain("worker {} is welcomed to epoch {} before it is durable", message.worker,
               message.epoch);
  }
}

// ---- What is applied.

void Auditor::on_settled(const World& world, WorkerId worker, int64_t number,
                         const Digest& replicated, bool committed) {
  const auto found = rounds_.find(number);
  if (found == rounds_.end()) return;
  Round& round = found->second;
  if (!durable(round.decided_at) || round.committed != committed)
    return complain("worker {} has {} round {}, which is not so in the log", worker,
                    committed ? "applied" : "given up", number);
  if (!lives_[worker].settled.insert(number).second)
    complain("worker {} has applied round {} twice", worker, number);
  if (!round.replicated) round.replicated = replicated;
  if (*round.replicated != replicated)
    complain("after round {} worker {} has other replicated states than the first to get there",
             number, worker);
  check_feedback(world, worker, number, committed);
}

/// Mass is kept: what an encoding lost is settled for who was folded, and for nobody else.
void Auditor::check_feedback(const World& world, WorkerId worker, int64_t number, bool committed) {
  const Engine* engine = world.worker(worker).trainer()->engine();
  WorkerLife& life = lives_[worker];
  std::vector<std::pair<int32_t, Digest>> now;
  for (size_t channel = 0; channel < engine->states().size(); ++channel)
    for (const auto& [name, entry] : engine->states()[channel].entries())
      if (entry.spec.holder == Holder::kWorker)
        now.emplace_back(static_cast<int32_t>(channel),
                         digest_of(std::as_bytes(std::span(entry.values))));
  const Closed& closed = rounds_[number].closed;
  for (size_t i = 0; i < now.size() && now.size() == life.feedback.size(); ++i) {
    const auto counts = [&](const ClosedMember& member) {
      return member.worker == worker &&
             std::any_of(member.parcels.begin(), member.parcels.end(),
                         [&](const Parcel& parcel) { return parcel.channel == now[i].first; });
    };
    const bool folded =
        committed && std::any_of(closed.members.begin(), closed.members.end(), counts);
    if (!folded && now[i] != life.feedback[i])
      complain("round {} did not fold worker {}, but its error feedback was settled", number,
               worker);
  }
  life.feedback = std::move(now);
}

void Auditor::on_life(const World& world, WorkerId node, Life life) {
  if (life == Life::kPaused || life == Life::kResumed) return;
  if (node != kHubNode) {
    lives_[node] = {};
    const WorkerMachine* machine = world.worker(node).machine();
    if (life == Life::kGone && machine != nullptr && machine->gone_reason().empty())
      complain("worker {} is gone without a reason", node);
    return;
  }
  const HubMachine* machine = world.hub().machine();
  if (life != Life::kBooted || machine == nullptr) return;
  // The log that it has read decides: what that lacks was never decided.
  if (const int64_t kept = world.hub().log()->last_sequence(); kept < last_) forget_from(kept + 1);
  for (const auto& [number, round] : rounds_) {
    if (durable(round.decided_at) && number > machine->ledger().decided)
      complain("round {} was decided, and the hub has forgotten it when it starts", number);
    const auto open = machine->ledger().rounds.find(number);
    if (durable(round.closed_at) && open != machine->ledger().rounds.end() && !open->second.closed)
      complain("round {} was closed, and the hub has forgotten it when it starts", number);
  }
}

// ---- Bounds.

void Auditor::on_event(const World& world) {
  const HubMachine* machine = world.hub().machine();
  if (machine == nullptr) return;
  const auto workers = static_cast<size_t>(world.workers());
  const size_t rounds = machine->ledger().rounds.size();
  if (machine->transfers() > workers * rounds)
    complain("{} offers are on their way, with {} workers and {} open rounds", machine->transfers(),
             workers, rounds);
  constexpr size_t kWaitingPerWorker = 256;
  if (machine->waiting() > kWaitingPerWorker * (workers + 1))
    complain("{} messages wait for the log", machine->waiting());
  const HubOptions& options = world.scenario().hub;
  // Besides what the spool has reserved, each member may have a window of bytes on their way to it.
  const int64_t most = options.spool_bytes + world.workers() * options.window_bytes;
  if (world.hub().held_bytes() > most)
    complain("the spool and what is on its way there have {} bytes; wanted at most {}",
             world.hub().held_bytes(), most);
  // The account goes through all members, so not after each of a thousand members' events.
  if (world.events() % (8 + world.workers() / 8) != 0) return;
  if (!memory_max_)
    memory_max_ = hub_memory(world.hub().schedule(), world.hub().settings(), 1).total();
  if (const int64_t bytes = world.hub().memory_bytes(); bytes > *memory_max_)
    complain("the hub holds {} bytes of memory; wanted at most {}", bytes, *memory_max_);
}

}  // namespace causeway
