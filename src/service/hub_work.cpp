// SPDX-License-Identifier: Apache-2.0
#include "service/hub_work.h"

#include "core/denormals.h"

namespace causeway {

HubWork::HubWork(HubHost& host, const DurableLog& log, Spool& spool,
                 std::function<void(HubInput)> done, std::function<void(const SendChunk&)> served)
    : host_(host),
      log_(log),
      spool_(spool),
      done_(std::move(done)),
      served_(std::move(served)),
      thread_([this] { work(); }) {}

HubWork::~HubWork() {
  {
    const std::lock_guard lock(mutex_);
    stops_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

void HubWork::ask(std::vector<HubOutput> outputs) {
  if (outputs.empty()) return;
  {
    const std::lock_guard lock(mutex_);
    for (HubOutput& output : outputs) asked_.push_back(std::move(output));
  }
  changed_.notify_one();
}

size_t HubWork::pending() const {
  const std::lock_guard lock(mutex_);
  return asked_.size() + doing_;
}

void HubWork::work() {
  flush_denormals();
  std::deque<HubOutput> now;
  while (true) {
    weigh();
    {
      std::unique_lock lock(mutex_);
      doing_ = 0;
      changed_.wait(lock, [this] { return stops_ || !asked_.empty(); });
      if (asked_.empty()) return;
      now.swap(asked_);
      doing_ = now.size();
    }
    for (const HubOutput& output : now) host_.start(output);
    while (!now.empty()) {
      if (const auto* request = std::get_if<SendChunk>(&now.front()))
        serve(*request);
      else if (auto result = host_.finish(now.front()))
        done_(*std::move(result));
      now.pop_front();  // with the bytes of a chunk, which are then no longer counted
    }
  }
}

/// For people, who do not look more often.
void HubWork::weigh() {
  constexpr auto kAgain = std::chrono::milliseconds(200);
  const auto now = std::chrono::steady_clock::now();
  if (now - weighed_ < kAgain) return;
  weighed_ = now;
  spool_bytes_ = spool_.bytes_reserved();
  log_bytes_ = log_.bytes();
}

/// A blob is read through before the first byte of it is sent: rot on the disk is found here.
void HubWork::serve(const SendChunk& request) {
  if (!whole_.contains(request.blob)) {
    if (!spool_.verify(request.blob)) return done_(Rotten{request.blob});
    constexpr size_t kRememberedMax = 64;
    if (whole_.size() >= kRememberedMax) whole_.clear();
    whole_.insert(request.blob);
  }
  served_(request);
}

}  // namespace causeway
