// SPDX-License-Identifier: Apache-2.0
//
// What must be true in every world at every moment, whatever fails. It keeps its own account from
// what it is shown and trusts none of the machines' (docs/protocol.md lists the promises).
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "sim/observer.h"
#include "sim/world.h"

namespace causeway {

class Auditor final : public Observer {
 public:
  void on_event(const World& world) override;
  void on_message(const World& world, const Message& message, bool from_hub) override;
  void on_record(const World& world, const Record& record, int64_t sequence,
                 int64_t incarnation) override;
  void on_compaction(const World& world, int64_t sequence, int64_t incarnation) override;
  void on_durable(const World& world, int64_t sequence, int64_t incarnation) override;
  void on_settled(const World& world, WorkerId worker, int64_t number, const Digest& replicated,
                  bool committed) override;
  void on_life(const World& world, WorkerId node, Life life) override;
  std::string_view complaint() const override { return complaint_; }

 private:
  /// An offer that is held until it is struck, or its epoch ends.
  struct Holding {
    int64_t epoch = 0, at = 0;
    std::optional<int64_t> over_at;
  };
  /// What the hub has decided about a round, with the log entry that says so.
  struct Round {
    std::optional<int64_t> closed_at, decided_at;
    Closed closed;
    bool committed = false;
    std::map<WorkerId, std::vector<Holding>> held;
    std::optional<Digest> replicated;  // of the first who settled it
  };
  struct Admission {
    int64_t epoch = 0, at = 0;
    std::optional<int64_t> over_at;
  };
  /// A worker between two starts.
  struct WorkerLife {
    std::set<int64_t> settled;
    std::vector<std::pair<int32_t, Digest>> feedback;  // of its own states, by channel
  };

  /// An offer as it came.
  struct Sent {
    int64_t opened = 0;  ///< the last round by then
    Bytes bytes;
  };

  template <class... Args>
  void complain(fmt::format_string<Args...> format, Args&&... args) {
    if (complaint_.empty()) complaint_ = fmt::format(format, std::forward<Args>(args)...);
  }
  bool durable(const std::optional<int64_t>& entry) const { return entry && *entry <= durable_; }
  /// The crash has taken back what is at and after this entry.
  void forget_from(int64_t sequence);
  const Admission* current(WorkerId worker) const;
  static const Holding* holding(const Round& round, WorkerId worker);
  /// In rounds that are not closed.
  void let_go(WorkerId worker, int64_t at);
  void note(const World& world, const Admitted& record, int64_t at);
  void note(const World& world, const Removed& record, int64_t at);
  void note(const World& world, const Opened& record, int64_t at);
  void note(const World& world, const Held& record, int64_t at);
  void note(const World& world, const Struck& record, int64_t at);
  void note(const World& world, const Closed& record, int64_t at);
  void note(const World& world, const Committed& record, int64_t at);
  void note(const World& world, const Aborted& record, int64_t at);
  void fold_again(const World& world, const Committed& record);
  std::optional<ByteSpan> offer_of(Spool& spool, const BlobId& blob) const;
  void take(WorkerId worker, const Chunk& chunk);
  void check_feedback(const World& world, WorkerId worker, int64_t number, bool committed);

  std::string complaint_;
  std::optional<int64_t> memory_max_;  // what the hub may hold
  int64_t durable_ = 0, last_ = 0;
  std::map<int64_t, Round> rounds_;
  std::map<WorkerId, std::vector<Admission>> admissions_;
  std::map<WorkerId, WorkerLife> lives_;
  std::map<std::pair<WorkerId, Digest>, Sent> sent_;
};

}  // namespace causeway
