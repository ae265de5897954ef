// SPDX-License-Identifier: Apache-2.0
#include "service/hub_service.h"

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <thread>

#include "core/denormals.h"
#include "core/durable.h"
#include "core/log.h"
#include "core/memory.h"
#include "core/secret.h"
#include "recipe/genesis.h"
#include "recipe/shared_recipe.h"
#include "service/result_model.h"
#include "service/site_name.h"
#include "store/posix_disk.h"

namespace causeway {
namespace {

namespace fs = std::filesystem;

constexpr int64_t kLookMs = 500, kAccessMs = 1'000;
constexpr int64_t kClearMs = 120'000;  // for the last objects of a run
constexpr int64_t kWaitMsMax = 250;    // so that a signal is seen soon

}  // namespace

HubService::HubService(const Recipe& recipe, HubServiceOptions options, const Clock& clock)
    : recipe_(recipe),
      options_(std::move(options)),
      clock_(clock),
      began_ns_(clock.now_ns()),
      began_unix_ms_(clock.unix_ms()) {}

HubService::~HubService() {
  if (options_.store != nullptr) options_.store->store->cancel();
  if (server_ != nullptr) server_->stop();
  work_.reset();
  inbox_.clear();  // the server counts its bytes
}

Result<std::unique_ptr<HubService>> HubService::start(const Recipe& recipe,
                                                      HubServiceOptions options,
                                                      const Clock& clock) {
  std::unique_ptr<HubService> service(new HubService(recipe, std::move(options), clock));
  CW_TRY(service->open());
  CW_TRY(service->begin_run());
  CW_TRY(service->listen());
  return service;
}

// ---- What is on the disk.

Result<void> HubService::open() {
  const std::string folder = options_.folder + "/hub";
  std::error_code error;
  fs::create_directories(folder, error);
  if (error) return failure(Fault::kIo, "{}: cannot be made: {}", folder, error.message());
  CW_ASSIGN(disk_, open_posix_disk(folder + "/spool"));
  CW_ASSIGN(log_, open_sqlite_log(folder + "/log.sqlite"));
  CW_ASSIGN(spool_, disk_spool(*disk_, recipe_.hub.spool_bytes));
  reader_ = std::make_unique<BlobReader>(folder + "/spool");
  CW_ASSIGN(plan_, bind_plan(recipe_, true));
  schedule_ = std::make_unique<RoundSchedule>(*plan_, recipe_.run.steps);
  const auto cores = static_cast<int32_t>(std::max(1U, std::thread::hardware_concurrency()));
  threads_ = std::make_unique<Threads>(options_.threads > 0 ? options_.threads : cores,
                                       [] { flush_denormals(); });
  if (recipe_.data.tokenizer != "bytes") {
    const std::string json = recipe_.tokenizer->json();
    const auto bytes = std::as_bytes(std::span(json));
    tokenizer_ = SharedBytes(Bytes(bytes.begin(), bytes.end()));
  }
  // With room for what a charter has beside the two.
  constexpr size_t kMost = kCharterBytesMax - (size_t{64} << 10);
  if (shared_recipe(recipe_).size() + static_cast<size_t>(tokenizer_.size()) > kMost)
    return failure(Fault::kBadInput,
                   "recipe and tokenizer have more than {} bytes, which is more than workers take",
                   kMost);
  return {};
}

/// Finds the run that the folder is of, or begins it.
Result<void> HubService::begin_run() {
  const std::string folder = options_.folder + "/hub";
  const std::string shared = shared_recipe(recipe_);
  CW_ASSIGN(std::optional<RunCard> card, read_run_card(folder));
  if (card) {
    card_ = *std::move(card);
    if (card_.recipe != shared)
      return failure(Fault::kBadInput,
                     "{} is of a run with another recipe: go on with that one, or name another "
                     "folder with --out",
                     folder);
  } else {
    CW_ASSIGN(const auto writer, spool_->begin());
    CW_ASSIGN(card_.weights,
              save_genesis(recipe_, *plan_, [&](ByteSpan bytes) { return writer->append(bytes); }));
    CW_ASSIGN(const BlobId genesis, writer->finish());
    card_.run = digest_of(fmt::format("{} {} {}", shared, began_unix_ms_, began_ns_)).high | 1U;
    card_.recipe = shared;
    card_.genesis = {genesis.digest, spool_->progress(genesis)->bytes_total};
  }
  ++card_.starts;
  CW_TRY(write_run_card(folder, card_));
  host_ = std::make_unique<HubHost>(*plan_, plan_->count(), *log_, *spool_, *threads_,
                                    HubHost::Gates{recipe_.hub.norm_max});
  HubSettings settings = settings_from(recipe_.hub, recipe_.workers());
  settings.run = card_.run;
  settings.steps = recipe_.run.steps;
  settings.plan = digest_of(shared);
  settings.layout = recipe_.shape->layout().digest();
  settings.genesis = card_.genesis;
  settings.build = options_.version;
  settings.token = options_.token;
  CW_ASSIGN(machine_, host_->recover(settings, *schedule_, now_ms()));
  watch_ = std::make_unique<Watch>(recipe_, *schedule_, machine_->ledger().opened);
  return {};
}

// ---- The network.

Result<void> HubService::listen() {
  work_ = std::make_unique<HubWork>(
      *host_, *log_, *spool_, [this](HubInput input) { give(std::move(input)); },
      [this](const SendChunk& request) { serve(request); });
  open_objects();
  HubServer::Handler handler;
  handler.admit = [this](const Preface& preface, const Peer& peer) { return admit(preface, peer); };
  handler.receive = [this](Message message, HubServer::Held held) {
    if (objects_ != nullptr && std::holds_alternative<Chunk>(message.body))
      objects_->receive(std::move(message));
    else
      hear(std::move(message), std::move(held));
  };
  if (objects_ != nullptr)
    handler.referred = [this](FrameKind kind, const Referral& referral) {
      objects_->receive(kind, referral);
    };
  handler.read = [this](const BulkRequest& request) { return read(request); };
  handler.note = [this](WorkerId worker, const std::string& text) { note(worker, text); };
  CW_ASSIGN(server_, HubServer::start(options_.server, std::move(handler)));
  if (options_.web) {
    CW_ASSIGN(web_, WebServer::start(*options_.web));
  }
  return {};
}

Result<SharedBytes> HubService::read(const BulkRequest& request) const {
  return reader_->read({kHubOwner, request.blob}, request.offset, request.bytes);
}

void HubService::note(WorkerId worker, const std::string& text) {
  // Who connects again and again must not fill the log's disk.
  constexpr size_t kNotesMax = 32;
  const std::lock_guard lock(mutex_);
  if (notes_.size() < kNotesMax)
    notes_.emplace_back(worker, text);
  else
    ++notes_left_out_;
}

void HubService::open_objects() {
  if (options_.store == nullptr) return;
  HubObjects::Hooks hooks;
  hooks.refer = [this](FrameKind kind, const Referral& what) { server_->refer(kind, what); };
  hooks.plain = [this](const BulkRequest& what) {
    server_->send_bulk(what, recipe_.hub.chunk_bytes);
  };
  hooks.read = [this](const BulkRequest& what) { return read(what); };
  hooks.give = [this](Message message) { hear(std::move(message), {}); };
  hooks.note = [this](WorkerId worker, const std::string& text) { note(worker, text); };
  objects_ = std::make_unique<HubObjects>(*options_.store->store, clock_, options_.store->chunks,
                                          card_.run, std::move(hooks));
}

/// On the work's thread.
void HubService::serve(const SendChunk& request) {
  const BulkRequest what{card_.run,           request.epoch,  request.to,
                         request.blob.digest, request.offset, request.bytes};
  objects_ != nullptr ? objects_->send(what) : server_->send_bulk(what, recipe_.hub.chunk_bytes);
}

const std::string& HubService::store_name() const {
  static const std::string none;
  return options_.store == nullptr ? none : options_.store->name;
}

/// A worker without a store may come, and any worker where the hub has none.
Result<void> HubService::check_store(const std::string& theirs) const {
  if (theirs.empty() || options_.store == nullptr || theirs == store_name()) return {};
  return failure(Fault::kRefused, "the worker's object store is {} and the hub's {}", theirs,
                 store_name());
}

/// On a thread of the network: looks only at what never changes.
Result<Charter> HubService::admit(const Preface& preface, const Peer& peer) const {
  if (preface.protocol != kProtocolVersion || preface.version != options_.version)
    return failure(Fault::kRefused, "the worker's program is {} (protocol {}), the hub's {} ({})",
                   preface.version, preface.protocol, options_.version, kProtocolVersion);
  if (preface.worker >= recipe_.workers())
    return failure(Fault::kRefused, "worker {} is none of this run's {}", preface.worker,
                   recipe_.workers());
  const auto site = static_cast<size_t>(recipe_.site_of(preface.worker));
  const std::string name = recipe_.sites.empty() ? std::string() : recipe_.sites[site].options.name;
  if (peer.certificate) {
    if (!name.empty() && peer.certificate->name != certificate_name(name))
      return failure(Fault::kRefused,
                     "worker {} is of the site {}, and the certificate is that of {}",
                     preface.worker, name, peer.certificate->name);
    if (!options_.access_folder.empty()) {
      CW_ASSIGN(const AccessList list, read_access_list(options_.access_folder));
      if (const std::string reason = list.why_refused(peer.certificate->fingerprint);
          !reason.empty())
        return failure(Fault::kRefused, "{}", reason);
    }
  }
  if (!same_secret(preface.token, options_.token))
    return failure(Fault::kRefused, "the token is wrong");
  CW_TRY(check_store(preface.store));
  if (objects_ != nullptr) objects_->connected(preface.worker, !preface.store.empty());
  const auto recipe = std::as_bytes(std::span(card_.recipe));
  return Charter{card_.run,
                 name,
                 Bytes(recipe.begin(), recipe.end()),
                 tokenizer_,
                 digest_of(card_.recipe),
                 recipe_.shape->layout().digest(),
                 card_.genesis.digest,
                 card_.weights,
                 store_name()};
}

// ---- The machine's thread.

void HubService::give(HubInput input) {
  {
    const std::lock_guard lock(mutex_);
    inbox_.push_back(std::move(input));
  }
  news_.notify_one();
}

void HubService::hear(Message message, HubServer::Held held) {
  {
    const std::lock_guard lock(mutex_);
    const WorkerId from = message.worker;
    heard_.add(from, {std::move(message), std::move(held)});
  }
  news_.notify_one();
}

/// What has come, or nothing when the machine wants to be woken or a while has passed. Who asks for
/// more work than can be done is not heard until some is: then nobody is read any more
/// (net/inbox.h).
bool HubService::take_inputs(std::vector<HubInput>& inputs, std::vector<Heard>& heard) {
  constexpr size_t kHeardAtOnce = 64, kBehindMax = 65'536;
  const bool behind = work_->pending() > kBehindMax;
  const int64_t wait_ms = std::clamp<int64_t>(machine_->wake_ms() - now_ms(), 0, kWaitMsMax);
  std::unique_lock lock(mutex_);
  news_.wait_for(lock, std::chrono::milliseconds(wait_ms),
                 [&] { return !inbox_.empty() || (!behind && !heard_.empty()); });
  inputs.swap(inbox_);
  while (!behind && !heard_.empty() && heard.size() < kHeardAtOnce)
    heard.push_back(std::move(heard_.next()->value));
  return !inputs.empty() || !heard.empty();
}

Result<HubSummary> HubService::run(const std::atomic<bool>& stop, const Show& show) {
  std::vector<HubInput> inputs;
  std::vector<Heard> heard;
  std::vector<HubOutput> outputs;
  int64_t finished_ms = -1;
  machine_->tick(now_ms(), outputs);
  act(outputs);
  while (!stop && machine_->halted().empty() && !over(finished_ms)) {
    inputs.clear();
    heard.clear();
    if (!take_inputs(inputs, heard)) machine_->tick(now_ms(), outputs);
    for (const HubInput& input : inputs) {
      watch_->stored(now_ms(), input);
      machine_->on(now_ms(), input, outputs);
      act(outputs);
    }
    for (Heard& one : heard) {
      watch_->heard(now_ms(), one.message);
      machine_->on(now_ms(), HubInput(std::move(one.message)), outputs);
      one = {};
      act(outputs);
    }
    act(outputs);
    if (finished_ms < 0 && machine_->finished()) finished_ms = now_ms();
    look_around(show);
  }
  looked_ms_ = 0;
  look_around(show);
  HubSummary summary;
  summary.halted = machine_->halted();
  summary.rounds = machine_->ledger().decided;
  summary.finished = finished_ms >= 0;
  server_->stop();
  work_.reset();
  if (summary.finished) clear_store();
  if (summary.finished) CW_TRY(keep_result(summary));
  return summary;
}

/// Nobody needs its objects any more. What is left, as the store is away, its own rules remove.
void HubService::clear_store() {
  if (objects_ == nullptr || objects_->clear(kClearMs)) return;
  log(LogLevel::kWarning, fmt::format("objects of this run are left in {}, under chunks/{:016x}/",
                                      store_name(), card_.run));
}

/// All is decided, and all members have it or are gone; or they were given time enough.
bool HubService::over(int64_t finished_ms) const {
  if (finished_ms < 0) return false;
  const bool left = std::ranges::none_of(machine_->ledger().members,
                                         [](const auto& entry) { return entry.second.present; });
  return left || now_ms() - finished_ms > recipe_.hub.lease_ms;
}

void HubService::act(std::vector<HubOutput>& outputs) {
  std::vector<HubOutput> asked;
  for (HubOutput& output : outputs) {
    if (const auto* send = std::get_if<Send>(&output)) {
      server_->send(send->message);
      continue;
    }
    if (objects_ != nullptr) {
      if (const auto* open = std::get_if<OpenBlob>(&output)) objects_->opened(open->blob.digest);
      if (const auto* drop = std::get_if<DropBlob>(&output)) objects_->dropped(drop->blob.digest);
    }
    if (const auto* append = std::get_if<Append>(&output); append != nullptr && !append->restart)
      if (const auto record = decode_record(append->record)) watch_->decided(now_ms(), *record);
    asked.push_back(std::move(output));
  }
  outputs.clear();
  work_->ask(std::move(asked));
}

std::map<WorkerId, LinkStats> HubService::links() const {
  auto out = server_->links();
  if (objects_ == nullptr) return out;
  for (const auto& [worker, bytes] : objects_->bytes()) {
    out[worker].store_sent_bytes = bytes.sent;
    out[worker].store_received_bytes = bytes.received;
  }
  return out;
}

void HubService::look_around(const Show& show) {
  const int64_t now = now_ms();
  if (now - access_ms_ >= kAccessMs && !options_.access_folder.empty()) {
    access_ms_ = now;
    const int64_t now_unix_s = clock_.unix_ms() / 1000;
    if (const auto list = read_access_list(options_.access_folder))
      server_->drop_if([&](const CertificateInfo& info) {
        // A connection may outlive the certificate that it began with.
        if (now_unix_s > info.not_after_unix_s) return std::string("its certificate is over");
        return list->why_refused(info.fingerprint);
      });
  }
  if (now - looked_ms_ < kLookMs && looked_ms_ > 0) return;
  looked_ms_ = now;
  take_notes(now);
  HubView view = watch_->view(now, *machine_, links());
  view.version = options_.version;
  view.started_unix_ms = began_unix_ms_;
  view.hub_starts = card_.starts;
  view.spool_bytes = work_->spool_bytes();
  view.spool_bytes_max = recipe_.hub.spool_bytes;
  view.log_bytes = work_->log_bytes();
  view.resident_bytes = resident_memory_bytes();
  if (web_ != nullptr) web_->show(view);
  if (show) show(view, watch_->take_news());
}

void HubService::take_notes(int64_t now_ms) {
  std::vector<std::pair<WorkerId, std::string>> notes;
  int64_t left_out = 0;
  {
    const std::lock_guard lock(mutex_);
    notes.swap(notes_);
    left_out = std::exchange(notes_left_out_, 0);
  }
  for (const auto& [worker, text] : notes) watch_->noted(now_ms, worker, text);
  if (left_out > 0)
    watch_->noted(now_ms, -1, fmt::format("{} more came and went in this half second", left_out));
}

/// The last round's result, which is the mean of all replicas, as a model that other tools load.
Result<void> HubService::keep_result(HubSummary& summary) {
  host_.reset();  // with the mirror, which has as many
  CW_ASSIGN(const std::vector<float> x, closing_parameters(*plan_, machine_->ledger(), *spool_));
  summary.weights = digest_of(std::as_bytes(std::span(x)));
  summary.model_folder = options_.folder + "/model";
  return write_result_model(summary.model_folder, recipe_, x);
}

}  // namespace causeway
