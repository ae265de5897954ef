// SPDX-License-Identifier: Apache-2.0
#include "hub/hub_machine.h"

#include <algorithm>

#include "core/secret.h"

namespace causeway {
HubSettings settings_from(const HubOptions& options, int32_t workers) {
  HubSettings out;
  out.start_members = options.start_members == 0 ? workers : options.start_members;
  out.quorum_count = options.quorum_count;
  out.quorum_weight = options.quorum_weight;
  out.grace_ms = options.grace_ms;
  out.deadline_ms_min = options.deadline_ms_min;
  out.deadline_ms_max = options.deadline_ms_max;
  out.deadline_mads = options.deadline_mads;
  out.lease_ms = options.lease_ms;
  out.retain_rounds = options.retain_rounds;
  out.snapshot_rounds = options.snapshot_rounds;
  out.log_entries_max = options.log_entries_max;
  out.strikes_max = options.strikes_max;
  out.chunk_bytes = options.chunk_bytes;
  out.window_bytes = options.window_bytes;
  return out;
}

HubMachine::HubMachine(HubSettings settings, const RoundSchedule& schedule)
    : settings_(std::move(settings)),
      schedule_(schedule),
      arrivals_({settings_.deadline_ms_min, settings_.deadline_ms_max, settings_.deadline_mads}) {
  CW_CHECK(settings_.run != 0 && settings_.quorum_count >= 1 && settings_.lease_ms >= 1);
  CW_CHECK(settings_.chunk_bytes <= static_cast<int64_t>(kChunkBytesMax));
}

Result<std::unique_ptr<HubMachine>> HubMachine::recover(HubSettings settings,
                                                        const RoundSchedule& schedule,
                                                        std::span<const LogEntry> log,
                                                        const std::vector<BlobId>& spooled,
                                                        int64_t now_ms) {
  std::unique_ptr<HubMachine> hub(new HubMachine(std::move(settings), schedule));
  for (const LogEntry& entry : log) {
    if (auto state = Ledger::decode(entry.bytes); state) {
      hub->ledger_ = *std::move(state);
    } else {
      CW_ASSIGN(const Record record, decode_record(entry.bytes));
      CW_TRY(hub->ledger_.apply(record));
    }
    hub->appended_ = hub->durable_ = entry.sequence;
    ++hub->entries_;
  }
  const auto& run = hub->ledger_.run;
  if (run && (run->plan != hub->settings_.plan || run->layout != hub->settings_.layout ||
              run->genesis != hub->settings_.genesis))
    return failure(Fault::kBadInput,
                   "the log is of another run: its plan, model or first state differ; start the "
                   "hub with the recipe that began it, or with an empty folder");
  hub->now_ms_ = now_ms;
  for (const auto& [worker, member] : hub->ledger_.members)
    if (member.present) hub->live_[worker] = {now_ms, 0, false};
  std::vector<HubOutput> nothing_told_yet;
  hub->out_ = &nothing_told_yet;
  for (const auto& [number, round] : hub->ledger_.rounds) hub->start_clock(number);
  for (const BlobId& blob : spooled) hub->orphans_[blob] = hub->ledger_.opened;
  hub->wake_ms_ = now_ms;
  return hub;
}

void HubMachine::on(int64_t now_ms, const HubInput& input, std::vector<HubOutput>& out) {
  out_ = &out;
  pass_time(now_ms);
  take(input);
  tick(now_ms, out);
}

void HubMachine::pass_time(int64_t now_ms) {
  // Not called for long, though it asked to be: it was the hub that stood still, not its members.
  // What they said meanwhile is still to come, so none of that time counts.
  const int64_t late_ms = now_ms - std::max(now_ms_, wake_ms_);
  if (late_ms > settings_.lease_ms / 4) {
    const int64_t slept_ms = now_ms - now_ms_;
    for (auto& [worker, live] : live_) live.heard_ms += slept_ms;
    for (auto& [round, clock] : clocks_) clock.opened_ms += slept_ms;
    lease_check_ms_ += slept_ms;
  }
  now_ms_ = std::max(now_ms_, now_ms);
}

void HubMachine::tick(int64_t now_ms, std::vector<HubOutput>& out) {
  out_ = &out;
  pass_time(now_ms);
  if (!halted_.empty()) {
    wake_ms_ = INT64_MAX;
    return;
  }
  if (!ledger_.run)
    append(RunStarted{settings_.run, settings_.plan, settings_.layout, settings_.genesis});
  watch_leases();
  retry_stores();
  look_at_rounds();
  open_rounds();
  fold_next();
  compact();
  plan_wake();
}

bool HubMachine::finished() const {
  return schedule_.round(ledger_.decided + 1) == nullptr && durable_ >= appended_;
}

// ---- The log and its gate.

void HubMachine::take(const HubInput& input) {
  if (!halted_.empty()) return;
  if (const auto* message = std::get_if<Message>(&input)) return hear(*message);
  if (const auto* logged = std::get_if<Logged>(&input)) {
    durable_ = std::max(durable_, logged->sequence);
    return open_gate();
  }
  if (const auto* failed = std::get_if<LogFailed>(&input)) {
    halted_ = failed->error.message;
    gated_.clear();
    return;
  }
  std::visit(
      [this](const auto& event) {
        if constexpr (requires { took(event); }) took(event);
      },
      input);
}

void HubMachine::append(const Record& record) {
  const auto applied = ledger_.apply(record);
  CW_CHECK(applied.ok(), "{}", applied.error().message);
  ++entries_;
  emit_now(Append{++appended_, encode_record(record), false});
}

/// Whatever follows from what was decided waits until that is durable.
void HubMachine::emit(HubOutput output) {
  // A message may be lost: when too many wait, as the log is slow, it is. Who misses it asks again.
  const bool loses =
      std::holds_alternative<Send>(output) || std::holds_alternative<SendChunk>(output);
  if (loses && gated_.size() >= kGatedPerMember * (live_.size() + 1)) return;
  gated_.push_back({appended_, std::move(output)});
  open_gate();
}

void HubMachine::open_gate() {
  while (!gated_.empty() && gated_.front().sequence <= durable_) {
    HubOutput output = std::move(gated_.front().output);
    gated_.pop_front();
    const auto* drop = std::get_if<DropBlob>(&output);
    if (drop == nullptr || !in_use(drop->blob)) emit_now(std::move(output));
  }
}

void HubMachine::send(WorkerId worker, int64_t epoch, Body body) {
  emit(Send{{settings_.run, epoch, worker, std::move(body)}});
}

void HubMachine::compact() {
  if (entries_ < settings_.log_entries_max || durable_ < appended_) return;
  entries_ = 1;
  emit_now(Append{++appended_, ledger_.encode(), true});
}

// ---- Admission.

void HubMachine::hear(const Message& message) {
  if (const auto* hello = std::get_if<Hello>(&message.body)) return hear(message.worker, *hello);
  const WorkerId worker = message.worker;
  if (message.run != settings_.run || ledger_.member(worker, message.epoch) == nullptr) {
    const auto found = ledger_.members.find(worker);
    const bool known = found != ledger_.members.end() && message.run == settings_.run;
    if (!known || message.epoch > ledger_.epoch) return;
    const MemberState& member = found->second;
    return send(
        worker, message.epoch,
        Fenced{member.present ? "another process of this worker came later" : member.gone_reason,
               !member.reload});
  }
  live_[worker].heard_ms = now_ms_;
  if (const auto* offer = std::get_if<OfferReady>(&message.body))
    return hear_offer(worker, message.epoch, *offer);
  if (const auto* chunk = std::get_if<Chunk>(&message.body))
    return hear_chunk(worker, message.epoch, *chunk);
  if (const auto* get = std::get_if<Get>(&message.body))
    return hear_get(worker, message.epoch, *get);
  if (const auto* ask = std::get_if<Ask>(&message.body)) return tell_decisions(worker, ask->after);
  if (const auto* progress = std::get_if<Progress>(&message.body))
    return hear_progress(worker, *progress);
  if (const auto* leave = std::get_if<Leave>(&message.body))
    return remove(worker, "left: " + leave->reason);
}

std::string HubMachine::why_refused(WorkerId worker, const Hello& hello) const {
  if (!same_secret(hello.token, settings_.token)) return "the token is wrong";
  if (worker < 0 || worker >= schedule_.plan().options().workers)
    return fmt::format("worker {} is none of this run's {}", worker,
                       schedule_.plan().options().workers);
  if (hello.build != settings_.build)
    return fmt::format("the worker's program is {}, the hub's {}", hello.build, settings_.build);
  if (hello.plan != settings_.plan) return "the plan of synchronisation differs from the hub's";
  if (hello.layout != settings_.layout) return "the model differs from the hub's";
  if (hello.genesis != settings_.genesis.digest) return "the model's first state differs";
  return {};
}

void HubMachine::hear(WorkerId worker, const Hello& hello) {
  if (std::string reason = why_refused(worker, hello); !reason.empty())
    return emit(Send{{0, 0, worker, Refused{hello.incarnation, Fault::kRefused, reason}}});
  if (!ledger_.run) return;
  const auto found = ledger_.members.find(worker);
  const bool again = found != ledger_.members.end() && found->second.present &&
                     found->second.incarnation == hello.incarnation;
  if (!again) {
    release(worker);
    const bool reload = found != ledger_.members.end() && found->second.reload;
    append(Admitted{worker, ledger_.epoch + 1, hello.incarnation,
                    reload ? ledger_.opened + 1 : offer_from(worker, hello.applied)});
    forget_awaited(worker);
    for (auto& [number, clock] : clocks_) {
      const PlannedRound* planned = schedule_.round(number);
      const auto drawn = schedule_.drawn(*planned);
      if (ledger_.members[worker].offer_from <= number && !ledger_.rounds[number].closed &&
          std::binary_search(drawn.begin(), drawn.end(), worker))
        clock.awaited.insert(worker);
    }
  }
  // Who gets the snapshot stands, as soon as it has come, where that stands.
  const bool reloads = needs_snapshot(ledger_.members[worker], hello);
  live_[worker] = {now_ms_, reloads ? ledger_.snapshot_round : hello.applied, !reloads};
  if (reloads)
    fetching_.try_emplace(worker,
                          ledger_.snapshot.bytes > 0 ? ledger_.snapshot : settings_.genesis);
  welcome(worker, hello);
}

/// The last of the rounds after `applied`, without a gap, that count an offer of this worker.
int64_t HubMachine::counted_until(WorkerId worker, int64_t applied) const {
  const auto counts = [&](int64_t number) {
    if (const auto decided = ledger_.decisions.find(number); decided != ledger_.decisions.end())
      return std::ranges::binary_search(decided->second.members, worker);
    const auto open = ledger_.rounds.find(number);
    return open != ledger_.rounds.end() && open->second.closed &&
           std::ranges::find(*open->second.closed, worker, &ClosedMember::worker) !=
               open->second.closed->end();
  };
  while (counts(applied + 1)) ++applied;
  return applied;
}

/// A joiner takes part from the next round on. Who stands at the edge may still enter open ones,
/// but not one that its bad offer was struck from: it would hand in the same again, for ever. And
/// so may who was set back to a state before rounds that count its offers: it repeats those, and
/// then stands where it stood.
int64_t HubMachine::offer_from(WorkerId worker, int64_t applied) const {
  if (applied < 0 || applied > ledger_.decided) return ledger_.opened + 1;
  const int64_t next = counted_until(worker, applied) + 1;
  const auto enters = [&](const RoundState& round) {
    return !round.closed && std::ranges::find(round.struck, worker) == round.struck.end();
  };
  const auto open = ledger_.rounds.find(next);
  if (next > ledger_.opened || (open != ledger_.rounds.end() && enters(open->second)))
    return applied + 1;
  if (applied == ledger_.decided)
    for (const auto& [number, round] : ledger_.rounds)
      if (enters(round)) return number;
  return ledger_.opened + 1;
}

bool HubMachine::needs_snapshot(const MemberState& member, const Hello& hello) const {
  const bool too_old = hello.applied < ledger_.kept_from() - 1 && hello.applied < ledger_.decided;
  return hello.applied < 0 || too_old || hello.applied > ledger_.decided || member.reload;
}

void HubMachine::welcome(WorkerId worker, const Hello& hello) {
  const MemberState& member = ledger_.members[worker];
  Welcome welcome{hello.incarnation,  ledger_.decided,       member.offer_from,     {}, 0,
                  settings_.lease_ms, settings_.chunk_bytes, settings_.window_bytes};
  if (member.offer_from == hello.applied + 1)
    welcome.counted = counted_until(worker, hello.applied);
  if (const auto from = fetching_.find(worker); from != fetching_.end()) {
    welcome.snapshot = from->second.digest;
    welcome.snapshot_bytes = from->second.bytes;
  }
  send(worker, member.epoch, welcome);
}

void HubMachine::remove(WorkerId worker, std::string reason, bool reload) {
  const int64_t epoch = ledger_.members[worker].epoch;
  release(worker);
  append(Removed{worker, epoch, reason, reload});
  forget_awaited(worker);
  live_.erase(worker);
  send(worker, epoch, Fenced{std::move(reason), !ledger_.members[worker].reload});
}

/// Its epoch ends: what it was sending stops; what it has handed in stays in the spool until the
/// rounds that are open now are decided, as it may come back and offer the same again.
void HubMachine::release(WorkerId worker) {
  stop_fetching(worker);
  for (const auto& [number, round] : ledger_.rounds) {
    drop_transfer({number, worker});
    if (!round.closed) leave_orphans(worker, round, ledger_.opened);
  }
}

void HubMachine::watch_leases() {
  if (now_ms_ < lease_check_ms_) return;
  std::vector<WorkerId> silent;
  lease_check_ms_ = now_ms_ + settings_.lease_ms;
  for (const auto& [worker, live] : live_) {
    const int64_t ends_ms = live.heard_ms + settings_.lease_ms;
    if (ends_ms < now_ms_)
      silent.push_back(worker);
    else
      lease_check_ms_ = std::min(lease_check_ms_, ends_ms + 1);
  }
  for (const WorkerId worker : silent)
    remove(worker, fmt::format("no word for {:.1f} s",
                               static_cast<double>(now_ms_ - live_[worker].heard_ms) / 1000));
}

void HubMachine::plan_wake() {
  wake_ms_ = live_.empty() ? INT64_MAX : lease_check_ms_;
  for (const BlobId& blob : troubled_) wake_by(incoming_[blob].retry_ms);
  for (const auto& [number, round] : ledger_.rounds) {
    const RoundClock& clock = clocks_[number];
    if (clock.fold_ms > now_ms_) wake_by(clock.fold_ms);
    const int64_t soft = clock.opened_ms + deadline_ms(clock);
    const int64_t hard = clock.opened_ms + settings_.deadline_ms_max;
    if (soft > now_ms_) wake_by(soft);
    if (hard > now_ms_) wake_by(hard);
  }
}

}  // namespace causeway
