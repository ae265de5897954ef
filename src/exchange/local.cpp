// SPDX-License-Identifier: Apache-2.0
#include "exchange/local.h"

#include <algorithm>
#include <memory>
#include <optional>
#include <set>

#include "codec/signal.h"
#include "core/memory.h"
#include "core/random.h"

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

namespace {

const Part* part_of(const Offer& offer, int32_t channel) {
  for (const Part& part : offer.parts)
    if (part.channel == channel) return &part;
  return nullptr;
}

/// Folds one channel's offers, tile by tile, members in ascending order. False if offers do not
/// decode; `bad` then has the first such index of every tile, whichever thread came first.
bool fold_channel(const BoundChannel& channel, std::span<const EncodedSignal> signals,
                  std::span<const int64_t> weights, Threads& threads, std::span<float> consensus,
                  std::set<size_t>& bad) {
  std::mutex mutex;
  threads.each(signals.front().blocks(), [&](int64_t block) {
    const int64_t size = signals.front().block_size(block);
    // Not set to zero: each row is decoded whole or not looked at.
    const auto rows =
        std::make_unique_for_overwrite<float[]>(static_cast<size_t>(size) * signals.size());
    std::vector<std::span<const float>> views;
    for (size_t m = 0; m < signals.size(); ++m) {
      const std::span<float> row(rows.get() + m * static_cast<size_t>(size),
                                 static_cast<size_t>(size));
      if (!signals[m].decode_block(block, row)) {
        const std::lock_guard lock(mutex);
        bad.insert(m);
        return;
      }
      views.emplace_back(row);
    }
    const auto begin = static_cast<size_t>(signals.front().block_begin(block));
    channel.rule->fold(views, weights, consensus.subspan(begin, static_cast<size_t>(size)));
  });
  return bad.empty();
}

}  // namespace

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
  std::vector<States> next = states_;  // published whole, when every channel has folded
  while (true) {
    std::optional<WorkerId> bad;
    round.commit.results.clear();
    for (const int32_t channel : round.channels) {
      auto result = fold_one(channel, round, threads, next[static_cast<size_t>(channel)], bad);
      if (!result) break;
      round.commit.results.push_back(*std::move(result));
    }
    if (!bad) break;
    outcome.dropped.emplace_back(*bad, "its offer is damaged");
    round.offers.erase(*bad);
    next = states_;
  }
  if (round.commit.results.size() != round.channels.size()) {
    round.commit.results.clear();
    round.state = Poll::kAborted;
  } else {
    states_ = std::move(next);
    round.state = Poll::kReady;
    outcome.members = round.commit.results.front().members;
    for (const ChannelResult& result : round.commit.results)
      outcome.down_bytes += static_cast<int64_t>(result.bytes.size()) * plan_.options().workers;
  }
  round.offers.clear();
}

std::optional<ChannelResult> LocalExchange::fold_one(int32_t index, const Round& round,
                                                     Threads& threads, States& states,
                                                     std::optional<WorkerId>& bad) const {
  const BoundChannel& channel = plan_.channels()[static_cast<size_t>(index)];
  ChannelResult result;
  result.channel = index;
  std::vector<EncodedSignal> signals;
  std::vector<int64_t> weights;
  for (const auto& [worker, offer] : round.offers) {
    const Part* part = part_of(offer, index);
    if (part == nullptr) continue;
    auto signal = EncodedSignal::open(*channel.up, part->bytes, channel.count);
    if (!signal) {
      bad = worker;
      return std::nullopt;
    }
    signals.push_back(*std::move(signal));
    weights.push_back(part->weight);
    result.members.push_back({worker, part->weight});
  }
  if (signals.empty()) return std::nullopt;

  auto consensus = large_zeros<float>(static_cast<size_t>(channel.count));
  std::set<size_t> broken;
  if (!fold_channel(channel, signals, weights, threads, consensus, broken)) {
    bad = result.members[*broken.begin()].id;
    return std::nullopt;
  }
  channel.down_feedback->prepare(states, consensus);
  const Random random(plan_.options().seed, Stream::kRounding, UINT32_MAX);
  const auto key = static_cast<uint64_t>(round.commit.round) * plan_.channels().size();
  result.bytes =
      encode_signal(*channel.down, consensus, random.bits(key + static_cast<uint64_t>(index)));
  if (!states.entries().empty()) {
    auto sent = large_zeros<float>(consensus.size());
    CW_CHECK(decode_signal(*channel.down, result.bytes, sent).ok());
    channel.down_feedback->settle(consensus, sent, states);
  }
  return result;
}

}  // namespace causeway
