// SPDX-License-Identifier: Apache-2.0
//
// What people want to know of a hub, gathered from what its machine hears and decides.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <string>
#include <vector>

#include "hub/hub_machine.h"
#include "net/server.h"
#include "recipe/recipe.h"
#include "web/view.h"

namespace causeway {

/// What happened in a while.
struct HubNews {
  std::vector<EventView> events;
  std::vector<RoundView> rounds;  ///< that were decided
  int64_t left_out = 0;           ///< of either: there were too many
};

/// One thread at a time. Times are milliseconds of the hub's clock, from its start.
class Watch {
 public:
  /// Recipe and schedule outlive it. `opened`: the newest round, of an earlier life of the hub.
  Watch(const Recipe& recipe, const RoundSchedule& schedule, int64_t opened = 0);

  void heard(int64_t now_ms, const Message& message);
  void decided(int64_t now_ms, const Record& record);
  /// What the hub's disk did: an event when it begins to fail, and when it works again.
  void stored(int64_t now_ms, const HubInput& done);
  void noted(int64_t now_ms, WorkerId worker, const std::string& text);
  /// Everything as it is now, apart from what only the process knows (bytes on disk, memory).
  HubView view(int64_t now_ms, const HubMachine& machine,
               const std::map<WorkerId, LinkStats>& links);
  /// For the log: what has happened since the last call.
  HubNews take_news();

 private:
  struct Seen {
    std::string reason;
    int64_t admissions = 0, heard_ms = 0;
    Progress progress;
    int64_t step_ms = 0;  // when its step count rose last
    double steps_per_s = 0;
    int64_t up_bytes = 0, down_bytes = 0, bytes_ms = 0;
    double up_bytes_per_s = 0, down_bytes_per_s = 0;
  };

  RoundView& round(int64_t number);
  void event(int64_t now_ms, int64_t round, WorkerId worker, std::string text);
  void disk_failed(int64_t now_ms, const Error& error);
  void over(int64_t now_ms, RoundView& view);
  void take_progress(Seen& seen, int64_t now_ms, const Progress& progress);
  static void take_link(Seen& seen, int64_t now_ms, const LinkStats& link);
  MemberView member(WorkerId worker, int64_t now_ms, const HubMachine& machine);

  const Recipe& recipe_;
  const RoundSchedule& schedule_;
  std::map<WorkerId, Seen> seen_;
  std::map<int64_t, RoundView> rounds_;  // the last ones
  std::deque<EventView> events_;
  HubNews news_;
  int64_t opened_ = 0;
  int64_t disk_failed_ms_ = -1;  // when it last did; below 0: it works
  std::vector<LossPoint> losses_;
  int64_t committed_ = 0, aborted_ = 0;
  int64_t began_ms_ = -1, began_round_ = 0;  // when the first round of this hub's life was decided
};

}  // namespace causeway
