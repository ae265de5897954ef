// SPDX-License-Identifier: Apache-2.0
#include "sim/hub_node.h"

#include <algorithm>
#include <utility>

#include "core/heap_bytes.h"
#include "sim/memory_owner.h"
#include "sim/world.h"

namespace causeway {
namespace {

HubSettings settings_of(const World& world) {
  const SimHubOptions& options = world.scenario().hub;
  HubSettings out = settings_from(options, world.course().plan().options().workers);
  out.run = world.seed() | 1U;
  out.steps = world.course().steps();
  out.plan = world.plan_digest();
  out.layout = world.course().layout().digest();
  out.genesis = {world.genesis_digest(), world.genesis().size()};
  out.build = World::kBuild;
  out.token = options.token;
  return out;
}

/// Bytes that a request of the machine writes or computes on.
int64_t bytes_of(const HubOutput& output) {
  const auto sum = [](const std::vector<Parcel>& parcels) {
    int64_t bytes = 0;
    for (const Parcel& parcel : parcels) bytes += parcel.bytes;
    return bytes;
  };
  if (const auto* append = std::get_if<Append>(&output)) return std::ssize(append->record);
  if (const auto* store = std::get_if<Store>(&output)) return store->bytes.size();
  if (const auto* check = std::get_if<Check>(&output)) return sum(check->parcels);
  int64_t bytes = 0;
  if (const auto* fold = std::get_if<Fold>(&output))
    for (const ClosedMember& member : fold->members) bytes += sum(member.parcels);
  return bytes;
}

}  // namespace

HubNode::HubNode(World& world)
    : world_(world),
      course_(world.course()),
      options_(world.scenario().hub),
      settings_(settings_of(world)),
      schedule_(course_.plan(), course_.steps()),
      disk_(Chance(world.seed(), Purpose::kHubDisk).bits(), world.scenario().disk.hub_bytes),
      latency_chance_(world.seed(), Purpose::kHubLatency) {}

HubNode::~HubNode() = default;

int64_t HubNode::now_ms() const { return clock_.now_ms(world_.now_us()); }

int64_t HubNode::memory_bytes() const {
  if (!up()) return 0;
  int64_t bytes = machine_->memory_bytes() + host_->memory_bytes() + spool_->memory_bytes() +
                  schedule_.memory_bytes() + heap_bytes(out_) + heap_bytes(pending_);
  for (const Pending& pending : pending_) bytes += heap_bytes(pending.output);
  return bytes;
}

int64_t HubNode::held_bytes() const {
  return pending_bytes_ + (spool_ == nullptr ? 0 : spool_->bytes_reserved());
}

// ---- Life.

void HubNode::boot() {
  if (up()) return;
  ++incarnation_;
  if (const auto started = start_process(); !started) {
    const Error& error = started.error();
    stop_process();
    world_.tell(kHubNode, "cannot start: {}", error.message);
    // A full disk will have room again; damage stays.
    if (error.fault == Fault::kIo || error.fault == Fault::kRefused) return start_again_later();
    trouble_ = error.message;
    return;
  }
  trouble_.clear();
  // What it has read is durable, whether or not it was told so before a crash.
  world_.durable(log_->durable_sequence(), incarnation_);
  world_.tell(kHubNode, "starts; round {} is decided", machine_->ledger().decided);
  world_.lived(kHubNode, Life::kBooted);
  act();
}

Result<void> HubNode::start_process() {
  const OwnedBy hub(MemoryOwner::kHub);
  CW_ASSIGN(log_, open_file_log(disk_, kLog));
  CW_ASSIGN(spool_, disk_spool(disk_, options_.spool_bytes));
  const BlobId genesis{kHubOwner, world_.genesis_digest()};
  CW_TRY(spool_->put(genesis, world_.genesis().view()));
  host_ = std::make_unique<HubHost>(course_.plan(), course_.layout().count(), *log_, *spool_,
                                    threads_, HubHost::Gates{options_.norm_max});
  CW_ASSIGN(machine_, host_->recover(settings_, schedule_, now_ms()));
  return {};
}

void HubNode::stop_process() {
  ++life_;
  ++timer_;
  timer_us_ = -1;
  paused_ = done_armed_ = told_halted_ = starts_again_ = false;
  for (const Event& event : stalled_)
    if (event.kind == EventKind::kHubArrival) world_.take_parcel(event.number);
  stalled_.clear();
  pending_.clear();
  pending_bytes_ = 0;
  out_.clear();
  machine_.reset();
  host_.reset();
  spool_.reset();
  log_.reset();
}

void HubNode::crash(bool power) {
  if (!up()) return;
  world_.tell(kHubNode, "is killed{}", power ? "" : " (its disk goes on)");
  stop_process();
  if (power) disk_.crash();
  world_.lived(kHubNode, Life::kCrashed);
}

/// As whatever looks after the process does.
void HubNode::start_again_later() {
  constexpr int64_t kLaterUs = 1'000'000;
  starts_again_ = true;
  world_.after_us(kLaterUs, {EventKind::kHubTimer, 0, ++timer_});
}

void HubNode::restart_if_halted() {
  if (!up() || machine_->halted().empty()) return;
  crash(false);
  boot();
}

void HubNode::pause() {
  if (!up() || paused_) return;
  paused_ = true;
  world_.tell(kHubNode, "is stopped");
  world_.lived(kHubNode, Life::kPaused);
}

void HubNode::resume() {
  if (!up() || !paused_) return;
  paused_ = false;
  world_.tell(kHubNode, "goes on; {} events have waited", stalled_.size());
  world_.lived(kHubNode, Life::kResumed);
  while (!stalled_.empty() && up()) {
    const Event event = stalled_.front();
    stalled_.pop_front();
    happen(event);
  }
  clock_changed();
}

void HubNode::clock_changed() {
  if (!up() || paused_) return;
  tick();
  act();
}

// ---- Events.

void HubNode::tick() {
  const OwnedBy hub(MemoryOwner::kHub);
  machine_->tick(now_ms(), out_);
}

void HubNode::tell(const HubInput& input) {
  const OwnedBy hub(MemoryOwner::kHub);
  machine_->on(now_ms(), input, out_);
}

void HubNode::happen(const Event& event) {
  const bool arrival = event.kind == EventKind::kHubArrival;
  const uint64_t current = event.kind == EventKind::kHubTimer ? timer_ : life_;
  if (starts_again_ && !paused_ && !arrival && event.number == timer_) {
    starts_again_ = false;
    restart_if_halted();
    return boot();
  }
  if (!up() || (!arrival && event.number != current)) {
    if (arrival) world_.take_parcel(event.number);
    return;
  }
  if (paused_) {
    constexpr size_t kStalledMax = 100'000;
    if (stalled_.size() < kStalledMax)
      stalled_.push_back(event);
    else if (arrival)
      world_.take_parcel(event.number);
    return;
  }
  if (arrival) {
    arrive(event);
  } else if (event.kind == EventKind::kHubDone) {
    finish_some();
  } else {
    timer_us_ = -1;
    tick();
  }
  act();
}

void HubNode::arrive(const Event& event) {
  auto message = world_.receive(kHubNode, world_.take_parcel(event.number), event.worker);
  if (message) tell(HubInput(*std::move(message)));
}

void HubNode::finish_some() {
  done_armed_ = false;
  while (!pending_.empty() && pending_.front().at_us <= world_.now_us()) {
    const Pending done = std::move(pending_.front());
    pending_.pop_front();
    pending_bytes_ -= done.bytes;
    std::optional<HubInput> result;
    {
      const OwnedBy hub(MemoryOwner::kHub);
      result = host_->finish(done.output);
    }
    end(done.output, result);
    if (result) tell(*result);
  }
}

void HubNode::end(const HubOutput& output, const std::optional<HubInput>& result) {
  if (!result) return;
  if (const auto* logged = std::get_if<Logged>(&*result))
    world_.durable(logged->sequence, incarnation_);
  if (const auto* folded = std::get_if<Folded>(&*result))
    if (folded->damaged.empty() && !folded->trouble)
      world_.happened(RoundEvent::kFolded, std::get<Fold>(output).round);
}

/// Does what the machine has asked for.
void HubNode::act() {
  for (std::vector<HubOutput> outputs; !out_.empty();) {
    outputs.swap(out_);
    for (HubOutput& output : outputs) take(output);
    outputs.clear();
    for (const BlobId& blob : std::exchange(rotten_, {})) tell(Rotten{blob});
  }
  held_bytes_max_ = std::max(held_bytes_max_, held_bytes());
  if (!machine_->halted().empty() && !told_halted_) {
    told_halted_ = true;
    world_.tell(kHubNode, "decides nothing any more: {}", machine_->halted());
    start_again_later();
  }
  arm_done();
  arm();
}

void HubNode::take(HubOutput& output) {
  if (const auto* send = std::get_if<Send>(&output)) return world_.send_to_worker(send->message);
  if (const auto* chunk = std::get_if<SendChunk>(&output)) {
    auto bytes = serve(*chunk);
    if (!bytes) rotten_.push_back(chunk->blob);
    if (!bytes || bytes->size() == 0) return;
    Chunk body{chunk->blob.digest, chunk->offset, *std::move(bytes)};
    return world_.send_to_worker({settings_.run, chunk->epoch, chunk->to, std::move(body)});
  }
  begin(output);
}

Result<SharedBytes> HubNode::serve(const SendChunk& chunk) {
  const OwnedBy hub(MemoryOwner::kHub);
  return host_->chunk(chunk);
}

void HubNode::begin(HubOutput& output) {
  if (const auto* append = std::get_if<Append>(&output)) {
    if (append->restart) {
      world_.compacted(append->sequence, incarnation_);
    } else {
      const auto record = decode_record(append->record);
      CW_CHECK(record.ok(), "the hub wrote a bad record: {}", record.error().message);
      world_.recorded(*record, append->record, append->sequence, incarnation_);
    }
  }
  const OwnedBy hub(MemoryOwner::kHub);
  host_->start(output);
  const int64_t bytes = bytes_of(output);
  const int64_t last_us = pending_.empty() ? 0 : pending_.back().at_us;
  const int64_t at_us = std::max(last_us, world_.now_us() + latency_us(output, bytes));
  pending_.push_back({at_us, bytes, std::move(output)});
  pending_bytes_ += bytes;
}

int64_t HubNode::latency_us(const HubOutput& output, int64_t bytes) {
  const bool computes =
      std::holds_alternative<Check>(output) || std::holds_alternative<Fold>(output);
  const auto compute_us =
      computes ? static_cast<int64_t>(static_cast<double>(bytes) / options_.code_mbyte_per_s) : 0;
  // Checking only reads; everything else ends with a sync.
  if (std::holds_alternative<Check>(output) || std::holds_alternative<Expect>(output))
    return compute_us;
  return compute_us + world_.scenario().disk.latency_us(bytes, latency_chance_);
}

void HubNode::arm_done() {
  if (done_armed_ || pending_.empty()) return;
  done_armed_ = true;
  world_.after_us(pending_.front().at_us - world_.now_us(), {EventKind::kHubDone, 0, life_});
}

void HubNode::arm() {
  const int64_t wake_ms = machine_->wake_ms();
  if (wake_ms == INT64_MAX) return;
  const int64_t at_us = clock_.reaches_us(std::max(wake_ms, now_ms() + 1), world_.now_us());
  if (timer_us_ >= 0 && timer_us_ <= at_us) return;
  timer_us_ = at_us;
  world_.after_us(at_us - world_.now_us(), {EventKind::kHubTimer, 0, ++timer_});
}

}  // namespace causeway
