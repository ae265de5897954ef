// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/error.h"
#include "exchange/worker_machine.h"
#include "sim/observer.h"

namespace causeway {

/// What has happened in worlds, so that one sees what never did. Counts are of one world after
/// another, or of many merged. One thread at a time.
class Coverage final : public Observer {
 public:
  Coverage();

  /// Another world begins.
  void begin(const World& world);

  void on_event(const World& world) override;
  void on_message(const World& world, const Message& message, bool from_hub) override;
  void on_record(const World& world, const Record& record, int64_t sequence,
                 int64_t incarnation) override;
  void on_compaction(const World& world, int64_t sequence, int64_t incarnation) override;
  void on_settled(const World& world, WorkerId worker, int64_t round, const Digest& replicated,
                  bool committed) override;
  void on_life(const World& world, WorkerId node, Life life) override;

  /// Adds what the other has counted.
  void merge(const Coverage& other);
  int64_t count(std::string_view group, std::string_view name) const;
  /// "group / name" of all that was never seen.
  std::vector<std::string> unseen() const;
  /// Groups, names and counts in columns; what was never seen is marked.
  std::string table() const;

  Bytes encode() const;
  /// Fault::kCorrupt if the bytes are not of this program.
  static Result<Coverage> decode(ByteSpan bytes);

 private:
  void add(std::string_view group, std::string_view name);
  void add_text(std::string_view group, std::string_view text);
  void look_at_worker(const World& world, WorkerId worker);
  void hub_started(const World& world);

  std::vector<int64_t> counts_;  // by row of the table
  // Of this world.
  std::vector<WorkerMachine::State> states_;
  std::set<std::pair<WorkerId, int64_t>> told_;  // decisions that have arrived
  int64_t last_sequence_ = 0;
};

}  // namespace causeway
