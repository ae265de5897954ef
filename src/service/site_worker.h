// SPDX-License-Identifier: Apache-2.0
//
// A worker as a process: one replica that trains here, and hands its offers to a hub at another
// place. Other processes of the site may share the work (site/orders.h): this one then leads.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "core/clock.h"
#include "net/client.h"
#include "service/machine_exchange.h"
#include "service/site_objects.h"
#include "service/store_access.h"
#include "service/workplace.h"
#include "store/disk.h"

namespace causeway {

struct SiteWorkerOptions {
  WorkerId worker = 0;
  std::string folder;   ///< its own checkpoint
  std::string version;  ///< of this program
  std::string token;
  ClientOptions link;                  ///< its preface is filled in
  std::shared_ptr<StoreAccess> store;  ///< null: bytes go over the connection
  int64_t checkpoint_rounds = 1;       ///< between checkpoints; 0: none
  int64_t leave_ms = 30'000;           ///< to hand in what is under way when it is told to leave
};

/// What a worker's log says with each line.
struct SitePlace {
  std::string run;    ///< its name; empty: not known yet
  int64_t round = 0;  ///< the last that the worker took part in, or followed; 0: none
};

/// How a worker ended.
struct SiteSummary {
  enum class End : uint8_t { kFinished = 1, kLeft = 2, kRefused = 3 } end = End::kFinished;
  std::string reason;
  int64_t steps = 0;
  std::string weights;  ///< digest of the run's result, if finished
  SitePlace place;
};

/// Started, run and ended by one thread.
class SiteWorker {
 public:
  /// For people; called on the running thread, but `note` also on others.
  struct Events {
    std::function<void(const SitePlace&, int64_t step, double loss, int64_t tokens)> on_step;
    std::function<void(const SitePlace&, const std::string& text)> note;
  };

  /// Workplace, clock and orders outlive it. `orders`: of a leader with followers, who hear from it
  /// what the run is, and that it is there; their end is the caller's.
  SiteWorker(SiteWorkerOptions options, Workplace& workplace, const Clock& clock, Events events,
             Orders* orders = nullptr);
  ~SiteWorker();

  /// Until the run is finished, the hub refuses us, or `stop` is true. Fault::kBadInput or kIo if
  /// the text of this site, or its folder, is not usable; otherwise what failed in training, among
  /// it Fault::kPeerLost if a follower did.
  Result<SiteSummary> run(const std::atomic<bool>& stop);

 private:
  Result<void> welcomed(const Charter& charter);
  void connect();
  void deliver(const Message& message);
  Result<bool> await_charter(const std::atomic<bool>& stop);
  Result<void> prepare();
  void begin(int64_t applied, ByteSpan machine);
  Result<bool> restore_checkpoint();
  Result<bool> fresh_trainer();
  Result<bool> take_state();
  Result<bool> finish_step();
  Result<void> keep_followers();
  void save_if_due();
  void save();
  SiteSummary ended(SiteSummary::End end, std::string reason);
  std::optional<SiteSummary> refusal();
  std::optional<SiteSummary> farewell();
  void note(const std::string& text) const {
    if (events_.note) events_.note(place(), text);
  }
  SitePlace place() const;
  void moved();

  SiteWorkerOptions options_;
  Workplace& workplace_;
  const Clock& clock_;
  const Events events_;
  Orders* const orders_;

  mutable std::mutex place_mutex_;  // while it is held no other is taken
  SitePlace place_;

  std::mutex mutex_;
  std::optional<Charter> charter_;
  std::optional<Error> refused_;

  std::unique_ptr<Disk> disk_;
  std::shared_ptr<MachineExchange> exchange_;  // for as long as somebody tells it something
  std::unique_ptr<Trainer> trainer_;
  std::unique_ptr<HubClient> client_;
  std::unique_ptr<SiteObjects> objects_;  // null without a store
  int64_t saved_round_ = 0;
  bool closed_ = false;
};

}  // namespace causeway
