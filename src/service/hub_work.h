// SPDX-License-Identifier: Apache-2.0
//
// A thread that does what the hub's machine asks for: log, spool, checks, folds. So the machine
// answers its members while a disk or a fold takes its time.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

#include "hub/hub_host.h"

namespace causeway {

/// One thread gives, another does, in order. What was asked at once shares its waits for the disk.
class HubWork {
 public:
  /// `done` is called on the work's thread with what the machine is to be told. `served` with a
  /// blob that was asked for and is whole. What it is given outlives the work.
  HubWork(HubHost& host, const DurableLog& log, Spool& spool, std::function<void(HubInput)> done,
          std::function<void(const SendChunk&)> served);
  ~HubWork();
  HubWork(const HubWork&) = delete;
  HubWork& operator=(const HubWork&) = delete;

  void ask(std::vector<HubOutput> outputs);
  /// Asked and not yet done.
  size_t pending() const;
  /// Room that is set aside in the spool, and bytes of the log; as of the last work.
  int64_t spool_bytes() const { return spool_bytes_; }
  int64_t log_bytes() const { return log_bytes_; }

 private:
  void work();
  void serve(const SendChunk& request);
  void weigh();

  HubHost& host_;
  const DurableLog& log_;
  Spool& spool_;
  const std::function<void(HubInput)> done_;
  const std::function<void(const SendChunk&)> served_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<HubOutput> asked_;
  size_t doing_ = 0;
  bool stops_ = false;
  std::atomic<int64_t> spool_bytes_ = 0, log_bytes_ = 0;
  std::chrono::steady_clock::time_point weighed_;
  std::set<BlobId> whole_;  // blobs of the hub's own that were read through
  std::thread thread_;
};

}  // namespace causeway
