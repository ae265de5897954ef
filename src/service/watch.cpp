// SPDX-License-Identifier: Apache-2.0
#include "service/watch.h"

#include <algorithm>
#include <utility>

#include "sync/account.h"

namespace causeway {
namespace {

constexpr size_t kRoundsMax = 64, kEventsMax = 256, kLossesMax = 4096, kNewsMax = 1024;
constexpr int64_t kRateMs = 2'000;

/// By connections and by an object store.
int64_t up_bytes(const LinkStats& link) { return link.received_bytes + link.store_received_bytes; }
int64_t down_bytes(const LinkStats& link) { return link.sent_bytes + link.store_sent_bytes; }

double seconds(int64_t ms) { return static_cast<double>(ms) * 1e-3; }

/// Members say what they like, and a line of a log or a terminal is to stay one.
std::string one_line(std::string text) {
  std::ranges::replace_if(
      text, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; }, '?');
  return text;
}

}  // namespace

Watch::Watch(const Recipe& recipe, const RoundSchedule& schedule, int64_t opened)
    : recipe_(recipe), schedule_(schedule), opened_(opened) {}

RoundView& Watch::round(int64_t number) {
  const auto [found, fresh] = rounds_.try_emplace(number);
  RoundView& out = found->second;
  if (fresh) {
    out.round = number;
    if (const PlannedRound* planned = schedule_.round(number)) {
      out.step = planned->step;
      for (const int32_t channel : planned->channels)
        out.channels.push_back(schedule_.plan().channels()[static_cast<size_t>(channel)].spec.name);
    }
    while (rounds_.size() > kRoundsMax) rounds_.erase(rounds_.begin());
  }
  return out;
}

void Watch::event(int64_t now_ms, int64_t round, WorkerId worker, std::string text) {
  events_.push_back({seconds(now_ms), worker, one_line(std::move(text)), round});
  if (news_.events.size() < kNewsMax)
    news_.events.push_back(events_.back());
  else
    ++news_.left_out;
  if (events_.size() > kEventsMax) events_.pop_front();
}

HubNews Watch::take_news() { return std::exchange(news_, {}); }

void Watch::noted(int64_t now_ms, WorkerId worker, const std::string& text) {
  event(now_ms, opened_, worker, text);
}

void Watch::disk_failed(int64_t now_ms, const Error& error) {
  if (disk_failed_ms_ < 0)
    event(now_ms, opened_, -1, fmt::format("the disk fails, tries again: {}", error.message));
  disk_failed_ms_ = now_ms;
}

void Watch::stored(int64_t now_ms, const HubInput& done) {
  // Small files may still go while large ones do not.
  constexpr int64_t kWorksMs = 2'000;
  if (const auto* failed = std::get_if<StoreFailed>(&done)) {
    disk_failed(now_ms, failed->error);
  } else if (const auto* folded = std::get_if<Folded>(&done);
             folded != nullptr && folded->trouble) {
    if (folded->trouble->fault == Fault::kIo || folded->trouble->fault == Fault::kRefused)
      disk_failed(now_ms, *folded->trouble);
  } else if (disk_failed_ms_ >= 0 && std::holds_alternative<Stored>(done) &&
             now_ms - disk_failed_ms_ >= kWorksMs) {
    disk_failed_ms_ = -1;
    event(now_ms, opened_, -1, "the disk works again");
  }
}

// ---- What members say.

void Watch::heard(int64_t now_ms, const Message& message) {
  Seen& seen = seen_[message.worker];
  seen.heard_ms = now_ms;
  if (const auto* progress = std::get_if<Progress>(&message.body))
    take_progress(seen, now_ms, *progress);
}

void Watch::take_progress(Seen& seen, int64_t now_ms, const Progress& progress) {
  if (progress.step > seen.progress.step && seen.progress.step > 0 && now_ms > seen.step_ms)
    seen.steps_per_s =
        static_cast<double>(progress.step - seen.progress.step) / seconds(now_ms - seen.step_ms);
  if (progress.step != seen.progress.step) {
    seen.step_ms = now_ms;
    const auto worker = std::ranges::find_if(seen_, [&](const auto& entry) {
                          return &entry.second == &seen;
                        })->first;
    if (progress.loss > 0 && losses_.size() < kLossesMax)
      losses_.push_back({worker, progress.step, progress.loss});
  }
  seen.progress = progress;
}

void Watch::take_link(Seen& seen, int64_t now_ms, const LinkStats& link) {
  const int64_t passed_ms = now_ms - seen.bytes_ms;
  if (passed_ms < kRateMs && seen.bytes_ms > 0) return;
  if (seen.bytes_ms > 0) {
    seen.up_bytes_per_s = static_cast<double>(up_bytes(link) - seen.up_bytes) / seconds(passed_ms);
    seen.down_bytes_per_s =
        static_cast<double>(down_bytes(link) - seen.down_bytes) / seconds(passed_ms);
  }
  seen.up_bytes = up_bytes(link);
  seen.down_bytes = down_bytes(link);
  seen.bytes_ms = now_ms;
}

// ---- What was decided.

void Watch::decided(int64_t now_ms, const Record& record) {
  const double now_s = seconds(now_ms);
  if (const auto* admitted = std::get_if<Admitted>(&record)) {
    Seen& seen = seen_[admitted->worker];
    ++seen.admissions;
    seen.reason.clear();
    event(now_ms, opened_, admitted->worker, fmt::format("joined (epoch {})", admitted->epoch));
  } else if (const auto* removed = std::get_if<Removed>(&record)) {
    seen_[removed->worker].reason = one_line(removed->reason);
    event(now_ms, opened_, removed->worker, removed->reason);
  } else if (const auto* opened = std::get_if<Opened>(&record)) {
    opened_ = opened->round;
    round(opened->round).opened_s = now_s;
  } else if (const auto* held = std::get_if<Held>(&record)) {
    RoundView& view = round(held->round);
    view.arrivals.emplace_back(held->worker, now_s);
    for (const Parcel& parcel : held->parcels) view.up_bytes += parcel.bytes;
    if (!held->declined.empty())
      event(now_ms, held->round, held->worker, "declined: " + held->declined);
  } else if (const auto* struck = std::get_if<Struck>(&record)) {
    event(now_ms, struck->round, struck->worker,
          fmt::format("round {}: {}", struck->round, struck->reason));
  } else if (const auto* closed = std::get_if<Closed>(&record)) {
    RoundView& view = round(closed->round);
    view.status = RoundStatus::kClosed;
    view.closed_s = now_s;
    for (const ClosedMember& member : closed->members) view.members.push_back(member.worker);
    for (const Absence& absence : closed->absent) {
      view.absent.emplace_back(absence.worker, one_line(absence.reason));
      event(now_ms, closed->round, absence.worker,
            fmt::format("not in round {}: {}", closed->round, absence.reason));
    }
  } else if (const auto* committed = std::get_if<Committed>(&record)) {
    RoundView& view = round(committed->round);
    view.status = RoundStatus::kCommitted;
    view.result_bytes = committed->result.bytes;
    if (began_ms_ < 0) {
      began_ms_ = now_ms;
      began_round_ = committed->round;
    }
    ++committed_;
    over(now_ms, view);
  } else if (const auto* aborted = std::get_if<Aborted>(&record)) {
    RoundView& view = round(aborted->round);
    view.status = RoundStatus::kAborted;
    view.reason = one_line(aborted->reason);
    ++aborted_;
    over(now_ms, view);
    event(now_ms, aborted->round, -1,
          fmt::format("round {} aborted: {}", aborted->round, aborted->reason));
  } else if (const auto* sat_out = std::get_if<SatOut>(&record)) {
    event(now_ms, opened_, sat_out->worker,
          fmt::format("was late: follows until round {}", sat_out->offer_from));
  }
}

void Watch::over(int64_t now_ms, RoundView& view) {
  view.decided_s = seconds(now_ms);
  if (news_.rounds.size() < kNewsMax)
    news_.rounds.push_back(view);
  else
    ++news_.left_out;
}

// ---- Everything.

MemberView Watch::member(WorkerId worker, int64_t now_ms, const HubMachine& machine) {
  const Ledger& ledger = machine.ledger();
  const Seen& seen = seen_[worker];
  MemberView out;
  out.worker = worker;
  const auto site = static_cast<size_t>(recipe_.site_of(worker));
  out.site =
      recipe_.sites.empty() ? fmt::format("worker-{}", worker) : recipe_.sites[site].options.name;
  out.admissions = seen.admissions;
  out.step = seen.progress.step;
  out.applied_round = seen.progress.applied;
  out.loss = seen.progress.loss;
  out.steps_per_s = seen.steps_per_s;
  out.tokens_per_s = seen.steps_per_s * static_cast<double>(recipe_.train.batch_tokens);
  out.up_bytes_per_s = seen.up_bytes_per_s;
  out.down_bytes_per_s = seen.down_bytes_per_s;
  out.heard_s_ago = seconds(now_ms - seen.heard_ms);
  const auto found = ledger.members.find(worker);
  if (found == ledger.members.end()) return out;
  const MemberState& state = found->second;
  out.epoch = state.epoch;
  out.strikes = state.strikes;
  out.reason = state.present ? std::string() : state.gone_reason;
  if (!state.present)
    out.status = MemberStatus::kGone;
  else if (seen.progress.applied < 0)
    out.status = MemberStatus::kJoining;
  else if (state.offer_from > ledger.opened && ledger.opened > 0)
    out.status = MemberStatus::kFollowing;
  else
    out.status = MemberStatus::kTraining;
  return out;
}

HubView Watch::view(int64_t now_ms, const HubMachine& machine,
                    const std::map<WorkerId, LinkStats>& links) {
  const Ledger& ledger = machine.ledger();
  HubView out;
  out.run = recipe_.run.name;
  out.method = recipe_.sync.options.preset;
  out.now_s = seconds(now_ms);
  out.steps = recipe_.run.steps;
  out.decided_round = ledger.decided;
  if (const PlannedRound* planned = schedule_.round(ledger.decided))
    out.decided_step = planned->step;
  out.decided_step = std::min(out.decided_step, out.steps);
  out.finished = machine.finished();
  out.halted = machine.halted();
  out.committed = committed_;
  out.aborted = aborted_;
  out.parameters = schedule_.plan().count();
  out.ddp_bytes = out.decided_step * ddp_step_bytes(out.parameters, recipe_.workers()).sum();
  for (const auto& [worker, link] : links) {
    take_link(seen_[worker], now_ms, link);
    out.up_bytes += up_bytes(link);
    out.down_bytes += down_bytes(link);
    out.store_up_bytes += link.store_received_bytes;
    out.store_down_bytes += link.store_sent_bytes;
  }
  for (WorkerId worker = 0; worker < recipe_.workers(); ++worker) {
    MemberView& view = out.members.emplace_back(member(worker, now_ms, machine));
    const auto link = links.find(worker);
    if (link == links.end()) continue;
    view.address = link->second.address;
    view.up_bytes = up_bytes(link->second);
    view.down_bytes = down_bytes(link->second);
    view.store_up_bytes = link->second.store_received_bytes;
    view.store_down_bytes = link->second.store_sent_bytes;
    view.round_trip_ms = link->second.round_trip_ms;
  }
  // The last round that there is says when the run ends.
  const int64_t rounds = schedule_.count();
  out.rounds = rounds;
  if (began_ms_ >= 0 && ledger.decided > began_round_)
    out.seconds_left = seconds(now_ms - began_ms_) * static_cast<double>(rounds - ledger.decided) /
                       static_cast<double>(ledger.decided - began_round_);
  for (const auto& [number, view] : rounds_) out.recent.push_back(view);
  out.events.assign(events_.begin(), events_.end());
  out.losses = std::move(losses_);
  losses_.clear();
  return out;
}

}  // namespace causeway
