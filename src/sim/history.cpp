// SPDX-License-Identifier: Apache-2.0
#include "sim/history.h"

namespace causeway {

void History::on_durable(const World&, int64_t sequence, int64_t) {
  while (!pending_.empty() && pending_.front().first <= sequence) {
    take(pending_.front().second);
    pending_.pop_front();
  }
}

void History::on_life(const World&, WorkerId node, Life life) {
  // It has just said what of its log is durable. What that lacks was never decided.
  if (node == kHubNode && life == Life::kBooted) pending_.clear();
}

void History::take(const Record& record) {
  if (const auto* closed = std::get_if<Closed>(&record)) {
    Round& round = rounds_[closed->round];
    round.closed = true;
    round.members.clear();
    for (const ClosedMember& member : closed->members) round.members.push_back(member.worker);
    round.absent = closed->absent;
  } else if (const auto* committed = std::get_if<Committed>(&record)) {
    rounds_[committed->round].committed = true;
    ++committed_;
  } else if (const auto* aborted = std::get_if<Aborted>(&record)) {
    rounds_[aborted->round].aborted = true;
    rounds_[aborted->round].reason = aborted->reason;
    ++aborted_;
  } else if (const auto* removed = std::get_if<Removed>(&record)) {
    removed_.push_back({removed->worker, removed->reason});
  } else if (const auto* struck = std::get_if<Struck>(&record)) {
    struck_.push_back({struck->worker, struck->reason});
  }
}

}  // namespace causeway
