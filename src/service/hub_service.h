// SPDX-License-Identifier: Apache-2.0
//
// The hub as a process: the pure machine of hub/hub_machine.h with a clock, a disk, a network and a
// page around it.
#pragma once

#include <atomic>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "core/clock.h"
#include "net/turns.h"
#include "service/hub_objects.h"
#include "service/hub_work.h"
#include "service/run_card.h"
#include "service/store_access.h"
#include "service/watch.h"
#include "store/blob_reader.h"
#include "web/web_server.h"

namespace causeway {

struct HubServiceOptions {
  std::string folder;         ///< of the run; the hub's own files lie in FOLDER/hub
  std::string version;        ///< of this program: workers must have the same
  std::string token;          ///< workers must show it, too; may be empty
  std::string access_folder;  ///< of admitted.txt and revoked.txt; empty: no such lists
  ServerOptions server;
  std::optional<WebOptions> web;
  std::shared_ptr<StoreAccess> store;  ///< null: bytes go over connections
  int32_t threads = 0;                 ///< that fold; 0: the machine's cores
};

struct HubSummary {
  bool finished = false;
  std::string halted;  ///< why it could not go on; empty if it could
  Digest weights;      ///< of the mean of all replicas at the end, if finished
  std::string model_folder;
  int64_t rounds = 0;
};

/// Started, run and ended by one thread.
class HubService {
 public:
  /// Called on the running thread a few times a second.
  using Show = std::function<void(const HubView&, const HubNews& news)>;

  /// Opens the run's folder, recovers what was decided, and listens. The recipe and the clock
  /// outlive the service. Fault::kBadInput: the folder is of another run; kCorrupt or kIo with what
  /// to do.
  static Result<std::unique_ptr<HubService>> start(const Recipe& recipe, HubServiceOptions options,
                                                   const Clock& clock);
  ~HubService();

  int64_t port() const { return server_->port(); }
  int64_t web_port() const { return web_ == nullptr ? 0 : web_->port(); }
  bool resumed() const { return card_.starts > 1; }
  int64_t decided() const { return machine_->ledger().decided; }

  /// Until the run is finished and its members have left, `stop` is true, or the log cannot be
  /// written any more.
  Result<HubSummary> run(const std::atomic<bool>& stop, const Show& show);

 private:
  struct Heard {
    Message message;
    HubServer::Held held;  // until it is taken in
  };

  HubService(const Recipe& recipe, HubServiceOptions options, const Clock& clock);
  Result<void> open();
  Result<void> begin_run();
  Result<void> listen();
  void open_objects();
  Result<Charter> admit(const Preface& preface, const Peer& peer) const;
  Result<void> check_store(const std::string& theirs) const;
  const std::string& store_name() const;
  void serve(const SendChunk& request);
  Result<SharedBytes> read(const BulkRequest& request) const;
  void note(WorkerId worker, const std::string& text);
  void give(HubInput input);
  void hear(Message message, HubServer::Held held);
  bool take_inputs(std::vector<HubInput>& inputs, std::vector<Heard>& heard);
  void take_notes(int64_t now_ms);
  void act(std::vector<HubOutput>& outputs);
  void look_around(const Show& show);
  std::map<WorkerId, LinkStats> links() const;
  void clear_store();
  bool over(int64_t finished_ms) const;
  Result<void> keep_result(HubSummary& summary);
  int64_t now_ms() const { return (clock_.now_ns() - began_ns_) / 1'000'000; }

  const Recipe& recipe_;
  const HubServiceOptions options_;
  const Clock& clock_;
  const int64_t began_ns_, began_unix_ms_;
  RunCard card_;
  SharedBytes tokenizer_;
  std::unique_ptr<BoundPlan> plan_;
  std::unique_ptr<RoundSchedule> schedule_;
  std::unique_ptr<Threads> threads_;
  std::unique_ptr<Disk> disk_;
  std::unique_ptr<DurableLog> log_;
  std::unique_ptr<Spool> spool_;
  std::unique_ptr<BlobReader> reader_;
  std::unique_ptr<HubHost> host_;
  std::unique_ptr<HubMachine> machine_;
  std::unique_ptr<Watch> watch_;
  std::unique_ptr<WebServer> web_;

  std::mutex mutex_;
  std::condition_variable news_;
  std::vector<HubInput> inbox_;  // of the hub's own
  Turns<WorkerId, Heard> heard_;
  std::vector<std::pair<WorkerId, std::string>> notes_;
  int64_t notes_left_out_ = 0;
  // Last, so that they end first: they call what is above.
  std::unique_ptr<HubWork> work_;
  std::unique_ptr<HubServer> server_;
  std::unique_ptr<HubObjects> objects_;  // null without a store
  int64_t looked_ms_ = 0, access_ms_ = 0;
};

}  // namespace causeway
