// SPDX-License-Identifier: Apache-2.0
#include "service/site_worker.h"

#include <algorithm>
#include <filesystem>

#include "core/hash.h"
#include "exchange/worker_checkpoint.h"
#include "store/posix_disk.h"

namespace causeway {
namespace {

constexpr const char* kCheckpoint = "checkpoint";
constexpr const char* kCheckpointNew = "checkpoint.new";
constexpr int64_t kWaitMs = 100;

bool fires(const BoundPlan& plan, int64_t step) {
  return std::ranges::any_of(
      std::initializer_list<Hook>{Hook::kAfterBackward, Hook::kBeforeUpdate, Hook::kAfterUpdate},
      [&](Hook hook) { return !plan.due(hook, step).empty(); });
}

}  // namespace

SiteWorker::SiteWorker(SiteWorkerOptions options, Workplace& workplace, const Clock& clock,
                       Events events, Orders* orders)
    : options_(std::move(options)),
      workplace_(workplace),
      clock_(clock),
      events_(std::move(events)),
      orders_(orders) {}

SiteWorker::~SiteWorker() {
  if (options_.store != nullptr) options_.store->store->cancel();
  if (client_ != nullptr) client_->stop();
  // Its thread speaks through the client.
  trainer_.reset();
  std::shared_ptr<MachineExchange> last;
  {
    const std::lock_guard lock(mutex_);
    last.swap(exchange_);
  }
  last.reset();  // unless the store's threads tell it something
  objects_.reset();
}

SitePlace SiteWorker::place() const {
  const std::lock_guard lock(place_mutex_);
  return place_;
}

/// The run is known, or the trainer is further.
void SiteWorker::moved() {
  const std::lock_guard lock(place_mutex_);
  place_.run = workplace_.run();
  if (trainer_ != nullptr) place_.round = trainer_->engine()->counters().round;
}

// ---- Coming in.

/// On the network's thread.
Result<void> SiteWorker::welcomed(const Charter& charter) {
  if (objects_ != nullptr) {
    objects_->connected(!charter.store.empty());
    if (charter.store.empty()) note("the hub uses no object store: bytes go over the connection");
  }
  const std::lock_guard lock(mutex_);
  if (charter_ && charter_->run != charter.run)
    return failure(Fault::kRefused, "the hub there is now that of another run");
  if (!charter_) charter_ = charter;
  if (exchange_ != nullptr) exchange_->relinked();
  return {};
}

/// False if it is told to stop, or is refused, before.
Result<bool> SiteWorker::await_charter(const std::atomic<bool>& stop) {
  while (!stop) {
    {
      const std::lock_guard lock(mutex_);
      if (refused_) return false;
      if (charter_) return true;
    }
    CW_TRY(keep_followers());
    std::this_thread::sleep_for(std::chrono::milliseconds(kWaitMs / 5));
  }
  return false;
}

/// All that follows from the charter and what is here.
Result<void> SiteWorker::prepare() {
  std::error_code error;
  std::filesystem::create_directories(options_.folder, error);
  if (error) return failure(Fault::kIo, "{}: cannot be made: {}", options_.folder, error.message());
  CW_ASSIGN(disk_, open_posix_disk(options_.folder + "/state"));
  CW_TRY(workplace_.open(*charter_, options_.folder));
  moved();
  // Now that it is known to be of use.
  if (orders_ != nullptr) CW_TRY(orders_->give(encode_charter(*charter_).joined()));
  return {};
}

Result<void> SiteWorker::keep_followers() {
  return orders_ == nullptr ? Result<void>() : orders_->keep();
}

void SiteWorker::begin(int64_t applied, ByteSpan machine) {
  WorkerSettings settings;
  settings.worker = options_.worker;
  settings.plan = charter_->plan;
  settings.layout = workplace_.layout();
  settings.genesis = charter_->genesis;
  settings.build = options_.version;
  settings.token = options_.token;
  // A connection loses nothing while it lives, and who reconnects says all anew: repetitions are
  // for what the hub had no room for, and must not come before an answer can, on the longest way.
  settings.retry_ms_min = 500;
  settings.retry_ms_max = 5'000;
  settings.bytes_retry_ms_min = 60'000;
  settings.bytes_retry_ms_max = 600'000;
  const uint64_t incarnation =
      digest_of(fmt::format("{} {} {}", options_.worker, clock_.unix_ms(), clock_.now_ns())).low |
      1U;
  auto made = std::make_unique<WorkerMachine>(settings, incarnation, applied);
  if (!machine.empty())
    if (const auto restored = made->restore(machine); !restored)
      note("offers that were kept are not used: " + restored.error().message);
  exchange_->begin(std::move(made));
}

/// True if it stands where the run begins.
Result<bool> SiteWorker::fresh_trainer() {
  CW_ASSIGN(Workplace::Fresh fresh, workplace_.trainer(*exchange_));
  trainer_ = std::move(fresh.trainer);
  return fresh.at_start;
}

/// True if the machine has begun: where the worker was, or to join.
Result<bool> SiteWorker::restore_checkpoint() {
  const auto size = disk_->size(kCheckpoint);
  if (!size) return false;
  const auto load = [&]() -> Result<WorkerCheckpoint> {
    CW_ASSIGN(const Bytes file, disk_->read(kCheckpoint, 0, *size));
    CW_ASSIGN(WorkerCheckpoint checkpoint, decode_worker_checkpoint(file));
    if (checkpoint.run != charter_->run) return failure(Fault::kCorrupt, "it is of another run");
    CW_TRY(trainer_->restore(checkpoint.trainer));
    return checkpoint;
  };
  auto checkpoint = load();
  if (!checkpoint) {
    note(fmt::format("{}/state/{} is not used: {}; starts from the hub's state", options_.folder,
                     kCheckpoint, checkpoint.error().message));
    if (auto fresh = fresh_trainer(); !fresh) return fresh.error();
    begin(-1, {});
    return true;
  }
  begin(checkpoint->applied, checkpoint->machine);
  moved();
  note(fmt::format("goes on at step {}, after round {}", trainer_->steps(), checkpoint->applied));
  return true;
}

// ---- Training.

SiteSummary SiteWorker::ended(SiteSummary::End end, std::string reason) {
  return {end, std::move(reason), trainer_ == nullptr ? 0 : trainer_->steps(), {}, place()};
}

/// How it ends if the connection was refused.
std::optional<SiteSummary> SiteWorker::refusal() {
  const std::lock_guard lock(mutex_);
  if (!refused_) return std::nullopt;
  return ended(SiteSummary::End::kRefused, refused_->message);
}

/// How it ends if the hub has let it go.
std::optional<SiteSummary> SiteWorker::farewell() {
  const auto [gone, refused, reason] = exchange_->with([](const WorkerMachine& one) {
    return std::tuple(one.state() == WorkerMachine::State::kGone, one.was_refused(),
                      one.gone_reason());
  });
  if (!gone) return std::nullopt;
  auto summary = ended(refused   ? SiteSummary::End::kRefused
                       : closed_ ? SiteSummary::End::kFinished
                                 : SiteSummary::End::kLeft,
                       reason);
  if (closed_) summary.weights = trainer_->weights().hex();
  client_->stop();
  return summary;
}

/// True if the trainer may go on.
Result<bool> SiteWorker::take_state() {
  using State = WorkerMachine::State;
  const State state = exchange_->with([](const WorkerMachine& one) { return one.state(); });
  if (state != State::kFetch) return state == State::kTrain;
  const auto snapshot = exchange_->with([](const WorkerMachine& one) -> std::optional<Bytes> {
    const auto view = one.snapshot();
    return view ? std::optional(Bytes(view->begin(), view->end())) : std::nullopt;
  });
  if (!snapshot) return false;
  if (auto fresh = fresh_trainer(); !fresh) return fresh.error();
  exchange_->forget();
  CW_ASSIGN(const int64_t joined, trainer_->join(*snapshot));
  exchange_->with([&](WorkerMachine& one) {
    one.joined(joined, trainer_->open_rounds());
    one.set_progress(trainer_->steps(), trainer_->tokens(), 0);
  });
  moved();
  note(fmt::format("joins at step {}, after round {}", trainer_->steps(), joined));
  exchange_->tick();
  return true;
}

/// Goes on to the end of a step, or of the run; false if it must wait for the hub.
Result<bool> SiteWorker::finish_step() {
  if (!trainer_->within_step() && trainer_->steps() >= workplace_.steps()) {
    closed_ = trainer_->close() == Trainer::Status::kStepped;
    if (closed_) moved();
    exchange_->tick();
    return closed_;
  }
  if (!trainer_->within_step()) save_if_due();
  CW_ASSIGN(const Trainer::Status status, trainer_->advance());
  if (status != Trainer::Status::kStepped) {
    exchange_->tick();
    return false;
  }
  exchange_->with([&](WorkerMachine& one) {
    one.set_progress(trainer_->steps(), trainer_->tokens(), trainer_->loss());
  });
  exchange_->tick();
  moved();
  if (events_.on_step)
    events_.on_step(place(), trainer_->steps(), trainer_->loss(), trainer_->tokens());
  return true;
}

/// Before a step that ends in a round: who is killed while it waits for others then has that step
/// alone to repeat, and offers the same bytes again.
void SiteWorker::save_if_due() {
  if (options_.checkpoint_rounds == 0 || !fires(workplace_.plan(), trainer_->steps() + 1)) return;
  const int64_t next = trainer_->engine()->counters().round + 1;
  if (next - saved_round_ < options_.checkpoint_rounds) return;
  saved_round_ = next;
  save();
}

void SiteWorker::save() {
  const auto write = [&]() -> Result<void> {
    WorkerCheckpoint checkpoint{charter_->run, 0, trainer_->save(), {}};
    exchange_->with([&](const WorkerMachine& one) {
      checkpoint.applied = one.applied();
      checkpoint.machine = one.save();
    });
    if (disk_->size(kCheckpointNew)) CW_TRY(disk_->remove(kCheckpointNew));
    CW_TRY(disk_->append(kCheckpointNew, encode_worker_checkpoint(checkpoint)));
    CW_TRY(disk_->sync(kCheckpointNew));
    return disk_->rename(kCheckpointNew, kCheckpoint);
  };
  const auto written = write();
  if (written) return;
  // The last good one stays; half of a new one is of no use.
  if (disk_->size(kCheckpointNew)) static_cast<void>(disk_->remove(kCheckpointNew));
  note(fmt::format("cannot write a checkpoint, goes on with the last one: {}",
                   written.error().message));
}

/// From the network's thread, or one of the store's.
void SiteWorker::deliver(const Message& message) {
  std::shared_ptr<MachineExchange> exchange;
  {
    const std::lock_guard lock(mutex_);
    exchange = exchange_;
  }
  if (exchange != nullptr) exchange->receive(message);
}

void SiteWorker::connect() {
  StoreAccess* store = options_.store.get();
  options_.link.preface = {Preface{}.magic,  kProtocolVersion, options_.worker,
                           options_.version, options_.token,   store == nullptr ? "" : store->name};
  if (store != nullptr) {
    SiteObjects::Hooks hooks;
    hooks.send = [this](const Message& message) { client_->send(message); };
    hooks.refer = [this](FrameKind kind, const Referral& what) { client_->refer(kind, what); };
    hooks.deliver = [this](const Message& message) { deliver(message); };
    hooks.note = [this](const std::string& text) { note(text); };
    objects_ =
        std::make_unique<SiteObjects>(*store->store, clock_, store->chunks, std::move(hooks));
  }
  HubClient::Handler handler;
  handler.welcomed = [this](const Charter& charter) { return welcomed(charter); };
  handler.receive = [this](Message message) {
    objects_ != nullptr ? objects_->receive(std::move(message)) : deliver(message);
  };
  if (store != nullptr)
    handler.referred = [this](FrameKind kind, const Referral& what) {
      objects_->receive(kind, what);
    };
  handler.lost = [this](const std::string& reason) { note("no connection to the hub: " + reason); };
  handler.refused = [this](const Error& error) {
    const std::lock_guard lock(mutex_);
    refused_ = error;
  };
  client_ = HubClient::start(options_.link, std::move(handler));
}

Result<SiteSummary> SiteWorker::run(const std::atomic<bool>& stop) {
  connect();
  CW_ASSIGN(const bool let_in, await_charter(stop));
  if (!let_in) return refusal().value_or(ended(SiteSummary::End::kLeft, "told to stop"));
  CW_TRY(prepare());
  {
    auto exchange = std::make_shared<MachineExchange>(clock_, [this](const Message& message) {
      objects_ != nullptr ? objects_->send(message) : client_->send(message);
    });
    const std::lock_guard lock(mutex_);
    exchange_ = std::move(exchange);
  }
  CW_ASSIGN(const bool at_start, fresh_trainer());
  CW_ASSIGN(const bool restored, restore_checkpoint());
  if (!restored) begin(at_start ? 0 : -1, {});
  bool leaving = false;
  while (true) {
    if (auto refused = refusal()) return *refused;
    if (auto gone = farewell()) return *gone;
    const bool told = stop || (orders_ != nullptr && orders_->asked_to_leave());
    if ((told || closed_) && !leaving) {
      leaving = true;
      exchange_->with([&](WorkerMachine& one) {
        one.leave(clock_.now_ns() / 1'000'000, closed_ ? 0 : options_.leave_ms,
                  closed_ ? "finished" : "told to stop");
      });
      exchange_->tick();
      continue;
    }
    CW_TRY(keep_followers());
    CW_ASSIGN(bool goes_on, take_state());
    if (goes_on && !closed_) {
      CW_ASSIGN(goes_on, finish_step());
    }
    if (!goes_on || closed_) exchange_->wait(kWaitMs);
  }
}

}  // namespace causeway
