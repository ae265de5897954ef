// SPDX-License-Identifier: Apache-2.0
#include "sim/world.h"

#include <algorithm>

#include "sim/memory_owner.h"

namespace causeway {
namespace {

Digest digest_of_plan(const BoundPlan& plan) {
  Plan specs;
  for (const BoundChannel& channel : plan.channels()) specs.channels.push_back(channel.spec);
  return digest_of(to_value(specs).text());
}

}  // namespace

World::World(const Scenario& scenario, const Course& course, Options options)
    : scenario_(scenario),
      course_(course),
      options_(std::move(options)),
      plan_digest_(digest_of_plan(course.plan())),
      genesis_(course.genesis()),
      genesis_digest_(digest_of(genesis_.view())),
      queue_(static_cast<size_t>(1'000'000 + 1'000 * scenario.workers)),
      observers_{&history_} {
  observers_.insert(observers_.end(), options_.observers.begin(), options_.observers.end());
  hub_ = std::make_unique<HubNode>(*this);
  for (WorkerId id = 0; id < scenario.workers; ++id) {
    const auto index = static_cast<uint32_t>(id);
    uplinks_.emplace_back(scenario.network, Chance(seed(), Purpose::kUplink, index));
    downlinks_.emplace_back(scenario.network, Chance(seed(), Purpose::kDownlink, index));
    workers_.push_back(std::make_unique<WorkerNode>(*this, id));
  }
  done_.resize(workers_.size());
  plan_faults();
  // After the faults of the first moment, so that these hold when the first word is said.
  after_us(0, {EventKind::kBoot, 0, 0});
}

World::~World() = default;

void World::run() {
  while (step()) {
  }
}

bool World::step() {
  if (over_) return false;
  if (queue_.empty()) {
    trouble_ = "nothing is to happen any more";
    over_ = true;
    return false;
  }
  const auto entry = queue_.pop();
  event_ = entry.event;
  ++events_;
  mark(entry.at_us, static_cast<int64_t>(event_.kind) << 32 | static_cast<uint32_t>(event_.worker));
  dispatch(event_);
  for (Observer* observer : observers_) observer->on_event(*this);
  end_if_over();
  return !over_;
}

void World::boot() {
  hub_->boot();
  for (const auto& worker : workers_) worker->boot();
}

void World::dispatch(const Event& event) {
  switch (event.kind) {
    case EventKind::kHubTimer:
    case EventKind::kHubDone:
    case EventKind::kHubArrival:
      return hub_->happen(event);
    case EventKind::kWorkerTimer:
    case EventKind::kWorkerArrival:
    case EventKind::kWorkerComputed:
    case EventKind::kWorkerSynced:
      worker(event.worker).happen(event);
      return mark_done(event.worker);
    case EventKind::kFaultBegin:
      return begin_fault(event.number);
    case EventKind::kFaultEnd:
      return end_fault(event.number);
    case EventKind::kBoot:
      return boot();
  }
}

void World::mark_done(WorkerId id) {
  const auto index = static_cast<size_t>(id);
  const bool now = worker(id).settled_down();
  if (done_[index] == now) return;
  done_[index] = now;
  done_count_ += now ? 1 : -1;
}

void World::end_if_over() {
  for (const Observer* observer : observers_)
    if (const auto complaint = observer->complaint(); !complaint.empty()) trouble_ = complaint;
  if (trouble_.empty() && !hub_->trouble().empty())
    trouble_ = fmt::format("the hub cannot start: {}", hub_->trouble());
  if (trouble_.empty() && now_us() / 1'000 >= scenario_.time_limit_ms)
    trouble_ =
        fmt::format("not finished after {} s of virtual time", scenario_.time_limit_ms / 1'000);
  if (trouble_.empty() && events_ >= scenario_.events_max)
    trouble_ = fmt::format("not finished after {} events", events_);
  if (trouble_.empty() && queue_.full()) trouble_ = "too many events are to come";
  const bool finished =
      done_count_ == std::ssize(workers_) && hub_->up() && hub_->machine()->finished();
  over_ = finished || !trouble_.empty();
}

void World::mark(int64_t a, int64_t b) {
  const std::array<int64_t, 2> words{a, b};
  hasher_.add(std::as_bytes(std::span(words)));
}

// ---- Faults.

void World::plan_faults() {
  for (size_t i = 0; i < scenario_.faults.size(); ++i) {
    const FaultSpec& spec = scenario_.faults[i];
    Mistakes mistakes;
    auto kind = make_plugin(causeway::faults(), "fault", {spec.kind, spec.options}, mistakes);
    CW_CHECK(mistakes.empty() && kind != nullptr, "{}", mistakes.text());
    faults_.push_back({&spec, std::move(kind),
                       Chance(seed(), Purpose::kFault, static_cast<uint32_t>(i)),
                       spec.every_ms > 0 ? spec.times : 1, false});
    if (spec.at_round == 0) after_us(spec.at_ms * 1'000, {EventKind::kFaultBegin, 0, i});
  }
}

void World::happened(RoundEvent event, int64_t round) {
  for (size_t i = 0; i < faults_.size(); ++i) {
    PlannedFault& fault = faults_[i];
    if (fault.triggered || fault.spec->at_round != round || fault.spec->event != event) continue;
    fault.triggered = true;
    after_us(fault.spec->after_ms * 1'000, {EventKind::kFaultBegin, 0, i});
  }
}

std::vector<WorkerId> World::draw_workers(PlannedFault& fault) const {
  using Kind = Value::Kind;
  const Value& whom = fault.spec->worker;
  // Drawn in any case, so that naming a worker shifts nothing else.
  const auto drawn = static_cast<WorkerId>(fault.chance.between(0, workers() - 1));
  std::vector<WorkerId> out;
  if (whom.is(Kind::kInteger)) {
    out.push_back(static_cast<WorkerId>(whom.integer()));
  } else if (whom.is(Kind::kArray)) {
    for (const Value& one : whom.array()) out.push_back(static_cast<WorkerId>(one.integer()));
    std::sort(out.begin(), out.end());
  } else if (whom.is(Kind::kString) && whom.string() == "all") {
    for (WorkerId id = 0; id < workers(); ++id) out.push_back(id);
  } else {
    out.push_back(drawn);
  }
  return out;
}

void World::begin_fault(uint64_t index) {
  PlannedFault& fault = faults_[index];
  const auto id = static_cast<uint64_t>(strikes_.size());
  strikes_.push_back({index, {static_cast<int64_t>(id), draw_workers(fault), fault.spec->for_ms}});
  // A copy: what begins may begin more.
  const Strike strike = strikes_.back().strike;
  fault.kind->begin(*this, strike, fault.chance);
  for (const WorkerId worker : strike.workers) mark_done(worker);
  if (strike.for_ms >= 0) after_us(strike.for_ms * 1'000, {EventKind::kFaultEnd, 0, id});
  if (--fault.times > 0) after_us(fault.spec->every_ms * 1'000, {EventKind::kFaultBegin, 0, index});
}

void World::end_fault(uint64_t index) {
  const PendingStrike& strike = strikes_[index];
  faults_[strike.fault].kind->end(*this, strike.strike);
  for (const WorkerId worker : strike.strike.workers) mark_done(worker);
}

// ---- Messages.

void World::after_us(int64_t us, const Event& event) {
  // A full queue ends the world after this event.
  (void)queue_.push(now_us() + us, event);
}

void World::carry(Link& link, WorkerId worker, EventKind kind, const Message& message) {
  const Link::Arrivals arrivals = link.send(now_us(), SharedBytes(encode_message(message)));
  for (size_t i = 0; i < arrivals.count; ++i) {
    uint64_t slot = parcels_.size();
    if (free_.empty()) {
      parcels_.push_back(arrivals.items[i].bytes);
    } else {
      slot = free_.back();
      free_.pop_back();
      parcels_[slot] = arrivals.items[i].bytes;
    }
    if (!queue_.push(arrivals.items[i].at_us, {kind, worker, slot})) take_parcel(slot);
  }
}

void World::send_to_hub(WorkerId from, const Message& message) {
  carry(uplink(from), from, EventKind::kHubArrival, message);
}

void World::send_to_worker(const Message& message) {
  if (message.worker < 0 || message.worker >= workers()) return;
  carry(downlink(message.worker), message.worker, EventKind::kWorkerArrival, message);
}

SharedBytes World::take_parcel(uint64_t slot) {
  SharedBytes out = std::move(parcels_[slot]);
  parcels_[slot] = {};
  free_.push_back(slot);
  return out;
}

std::optional<Message> World::receive(WorkerId node, const SharedBytes& bytes, WorkerId from) {
  Link& link = node == kHubNode ? uplink(from) : downlink(node);
  if (!link.arrive(bytes)) return std::nullopt;
  hasher_.add(bytes.view());
  const auto decoded = [&] {
    const OwnedBy receiver(node == kHubNode ? MemoryOwner::kHub : MemoryOwner::kWorld);
    return decode_message(bytes.view());
  };
  auto message = decoded();
  if (!message) {
    ++link.counts().undecodable;
    return std::nullopt;
  }
  for (Observer* observer : observers_) observer->on_message(*this, *message, node != kHubNode);
  return *std::move(message);
}

// ---- What nodes report.

void World::recorded(const Record& record, ByteSpan bytes, int64_t sequence, int64_t incarnation) {
  hasher_.add(bytes);
  for (Observer* observer : observers_) observer->on_record(*this, record, sequence, incarnation);
  if (options_.timeline_lines > 0) tell_record(record);
  if (const auto* opened = std::get_if<Opened>(&record))
    happened(RoundEvent::kOpened, opened->round);
  else if (const auto* held = std::get_if<Held>(&record))
    happened(RoundEvent::kHeld, held->round);
  else if (const auto* closed = std::get_if<Closed>(&record))
    happened(RoundEvent::kClosed, closed->round);
  else if (const auto* committed = std::get_if<Committed>(&record))
    happened(RoundEvent::kCommitted, committed->round);
  else if (const auto* aborted = std::get_if<Aborted>(&record))
    happened(RoundEvent::kAborted, aborted->round);
}

void World::compacted(int64_t sequence, int64_t incarnation) {
  for (Observer* observer : observers_) observer->on_compaction(*this, sequence, incarnation);
  tell(kHubNode, "replaces its log by its state, as entry {}", sequence);
}

void World::durable(int64_t sequence, int64_t incarnation) {
  for (Observer* observer : observers_) observer->on_durable(*this, sequence, incarnation);
}

void World::settled(WorkerId worker, int64_t round, const Digest& replicated, bool committed) {
  mark(worker, round);
  mark(static_cast<int64_t>(replicated.high), static_cast<int64_t>(replicated.low));
  for (Observer* observer : observers_)
    observer->on_settled(*this, worker, round, replicated, committed);
  if (round > applied_) {
    applied_ = round;
    happened(RoundEvent::kApplied, round);
  }
}

void World::lived(WorkerId node, Life life) {
  for (Observer* observer : observers_) observer->on_life(*this, node, life);
}

// ---- The time line.

void World::add_line(WorkerId node, const std::string& text) {
  if (timeline_.size() == options_.timeline_lines) timeline_.pop_front();
  const std::string who = node == kHubNode ? "hub" : fmt::format("worker {}", node);
  timeline_.push_back(
      fmt::format("{:9.3f}s  {:<10} {}", static_cast<double>(now_us()) * 1e-6, who, text));
}

void World::tell_record(const Record& record) {
  // A line names so many workers and no more.
  constexpr size_t kNamedMax = 16;
  if (const auto* admitted = std::get_if<Admitted>(&record)) {
    tell(kHubNode, "admits worker {} as epoch {}, to offer from round {}", admitted->worker,
         admitted->epoch, admitted->offer_from);
  } else if (const auto* removed = std::get_if<Removed>(&record)) {
    tell(kHubNode, "removes worker {}: {}", removed->worker, removed->reason);
  } else if (const auto* opened = std::get_if<Opened>(&record)) {
    tell(kHubNode, "opens round {}", opened->round);
  } else if (const auto* held = std::get_if<Held>(&record)) {
    tell(kHubNode, "holds the offer of worker {} to round {}{}{}", held->worker, held->round,
         held->declined.empty() ? "" : ", which is none: ", held->declined);
  } else if (const auto* struck = std::get_if<Struck>(&record)) {
    tell(kHubNode, "strikes worker {} in round {}: {}", struck->worker, struck->round,
         struck->reason);
  } else if (const auto* closed = std::get_if<Closed>(&record)) {
    std::string text = fmt::format("closes round {}:", closed->round);
    for (size_t i = 0; i < std::min(closed->members.size(), kNamedMax); ++i)
      text += fmt::format(" {}", closed->members[i].worker);
    if (closed->members.size() > kNamedMax) text += fmt::format(" … ({})", closed->members.size());
    for (size_t i = 0; i < std::min(closed->absent.size(), kNamedMax); ++i)
      text += fmt::format("{} {} ({})", i == 0 ? "; absent" : ",", closed->absent[i].worker,
                          closed->absent[i].reason);
    if (closed->absent.size() > kNamedMax) text += fmt::format(" … ({})", closed->absent.size());
    tell(kHubNode, "{}", text);
  } else if (const auto* committed = std::get_if<Committed>(&record)) {
    tell(kHubNode, "commits round {}", committed->round);
  } else if (const auto* aborted = std::get_if<Aborted>(&record)) {
    tell(kHubNode, "aborts round {}: {}", aborted->round, aborted->reason);
  } else if (const auto* sat_out = std::get_if<SatOut>(&record)) {
    tell(kHubNode, "lets worker {} follow until round {}", sat_out->worker, sat_out->offer_from);
  } else if (const auto* taken = std::get_if<SnapshotTaken>(&record)) {
    tell(kHubNode, "keeps a snapshot after round {}", taken->round);
  }
}

}  // namespace causeway
