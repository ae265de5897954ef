// SPDX-License-Identifier: Apache-2.0
#include "exchange/local.h"

#include <algorithm>
#include <iterator>
#include <optional>
#include <set>

#include "exchange/fold.h"

namespace causeway {

struct LocalExchange::Round {
  int64_t step = 0;
  Hook hook = Hook::kAfterUpdate;
  std::vector<int32_t> channels;
  std::set<WorkerId> expected;
  std::map<WorkerId, Offer> offers;
  std::set<WorkerId> settled;
  std::optional<Digest> replicated;
  Poll state = Poll::kPending;
  Commit commit;

  bool complete() const { return offers.size() == expected.size(); }
};

LocalExchange::LocalExchange(const BoundPlan& plan) : plan_(plan) {
  for (const BoundChannel& channel : plan.channels()) {
    States& states = states_.emplace_back();
    for (StateSpec& spec : channel.down_feedback->states(channel.count, Holder::kFolder))
      states.declare(std::move(spec));
  }
}

LocalExchange::~LocalExchange() = default;

void LocalExchange::launch(Offer offer) {
  const std::lock_guard lock(mutex_);
  if (offer.round <= decided_ && !rounds_.contains(offer.round)) return;
  const auto [found, fresh] = rounds_.try_emplace(offer.round);
  Round& round = found->second;
  if (fresh) {
    round.step = offer.step;
    round.hook = offer.hook;
    round.channels = plan_.due(offer.hook, offer.step);
    for (const int32_t channel : round.channels)
      for (const WorkerId member : plan_.members(channel, offer.hook, offer.step))
        round.expected.insert(member);
  }
  CW_CHECK(round.step == offer.step && round.hook == offer.hook,
           "worker {} has round {} at step {}, others at step {}", offer.worker, offer.round,
           offer.step, round.step);
  CW_CHECK(round.expected.contains(offer.worker), "worker {} is not in round {}", offer.worker,
           offer.round);
  if (round.state == Poll::kPending) round.offers.try_emplace(offer.worker, std::move(offer));
}

Poll LocalExchange::poll(int64_t round, WorkerId, const Commit*& commit) {
  const std::lock_guard lock(mutex_);
  const auto found = rounds_.find(round);
  if (found == rounds_.end()) return Poll::kPending;
  commit = &found->second.commit;
  return found->second.state;
}

void LocalExchange::settled(int64_t number, WorkerId worker, const Digest& replicated) {
  const std::lock_guard lock(mutex_);
  const auto found = rounds_.find(number);
  CW_CHECK(found != rounds_.end(), "round {} is settled but was never opened", number);
  Round& round = found->second;
  if (!round.replicated) round.replicated = replicated;
  CW_CHECK(*round.replicated == replicated,
           "after round {} the replicated states of worker {} are not those of the others", number,
           worker);
  round.settled.insert(worker);
  if (round.settled.size() == static_cast<size_t>(plan_.options().workers)) rounds_.erase(found);
}

std::vector<RoundOutcome> LocalExchange::pump(Threads& threads) {
  const std::lock_guard lock(mutex_);
  std::vector<RoundOutcome> outcomes;
  for (auto& [number, round] : rounds_) {
    if (number <= decided_) continue;
    // In order of number, whichever is complete first: the folder's states pass from one to the
    // next.
    if (number != decided_ + 1 || !round.complete()) break;
    decided_ = number;
    RoundOutcome outcome;
    outcome.round = round.commit.round = number;
    outcome.step = round.step;
    outcome.channels = round.channels;
    fold(round, threads, outcome);
    outcome.committed = round.state == Poll::kReady;
    outcomes.push_back(std::move(outcome));
  }
  return outcomes;
}

void LocalExchange::fold(Round& round, Threads& threads, RoundOutcome& outcome) {
  for (auto& [worker, offer] : round.offers) {
    for (const Part& part : offer.parts)
      outcome.up_bytes += static_cast<int64_t>(part.bytes.size());
    if (!offer.declined.empty()) outcome.dropped.emplace_back(worker, offer.declined);
  }
  std::erase_if(round.offers, [](const auto& entry) { return !entry.second.declined.empty(); });
  FoldedRound folded = fold_round(plan_, round.commit.round, round.channels,
                                  std::move(round.offers), states_, threads);
  round.offers.clear();
  std::move(folded.dropped.begin(), folded.dropped.end(), std::back_inserter(outcome.dropped));
  round.commit.results = std::move(folded.results);
  if (round.commit.results.empty()) {
    round.state = Poll::kAborted;
    return;
  }
  round.state = Poll::kReady;
  outcome.members = round.commit.results.front().members;
  for (const ChannelResult& result : round.commit.results)
    outcome.down_bytes += static_cast<int64_t>(result.bytes.size()) * plan_.options().workers;
}

}  // namespace causeway
