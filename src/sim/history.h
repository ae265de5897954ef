// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <string>
#include <vector>

#include "sim/observer.h"

namespace causeway {

/// What the hub has decided for good, in words that checks ask for. Decisions count when they are
/// durable: what a crash took back was never one.
class History final : public Observer {
 public:
  struct Round {
    bool closed = false, committed = false, aborted = false;
    std::vector<WorkerId> members;  ///< ascending
    std::vector<Absence> absent;
    std::string reason;  ///< if aborted
  };
  struct Gone {
    WorkerId worker = 0;
    std::string reason;
  };

  const std::map<int64_t, Round>& rounds() const { return rounds_; }
  const std::vector<Gone>& removed() const { return removed_; }
  const std::vector<Gone>& struck() const { return struck_; }
  int64_t committed() const { return committed_; }
  int64_t aborted() const { return aborted_; }
  int64_t compactions() const { return compactions_; }

  void on_record(const World&, const Record& record, int64_t sequence, int64_t) override {
    pending_.emplace_back(sequence, record);
  }
  void on_compaction(const World&, int64_t, int64_t) override { ++compactions_; }
  void on_durable(const World&, int64_t sequence, int64_t) override;
  void on_life(const World&, WorkerId node, Life life) override;

 private:
  void take(const Record& record);

  std::deque<std::pair<int64_t, Record>> pending_;  // not yet durable
  std::map<int64_t, Round> rounds_;
  std::vector<Gone> removed_, struck_;
  int64_t committed_ = 0, aborted_ = 0, compactions_ = 0;
};

}  // namespace causeway
