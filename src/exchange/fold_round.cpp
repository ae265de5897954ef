// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <iterator>
#include <mutex>
#include <set>
#include <utility>

#include "codec/signal.h"
#include "core/memory.h"
#include "exchange/fold.h"
#include "exchange/fold_tile.h"

namespace causeway {
namespace {

const Part* part_of(const Offer& offer, int32_t channel) {
  for (const Part& part : offer.parts)
    if (part.channel == channel) return &part;
  return nullptr;
}

/// One channel's offers of one part of a group, by ascending worker.
struct Gathered {
  std::vector<EncodedSignal> signals;
  std::vector<int64_t> weights;
  std::vector<Member> members;
};

/// False if offers do not decode; `bad` then has the first such index of every tile, whichever
/// thread came first.
bool fold_tiles(const BoundChannel& channel, const Gathered& gathered, Threads& threads,
                std::span<float> consensus, std::set<size_t>& bad) {
  std::mutex mutex;
  const EncodedSignal& first = gathered.signals.front();
  threads.each(first.blocks(), [&](int64_t block) {
    const auto out = consensus.subspan(static_cast<size_t>(first.block_begin(block)),
                                       static_cast<size_t>(first.block_size(block)));
    const auto broken =
        fold_tile(*channel.rule, gathered.weights, out, [&](size_t m, std::span<float> row) {
          return gathered.signals[m].decode_block(block, row).ok();
        });
    if (!broken) return;
    const std::lock_guard lock(mutex);
    bad.insert(*broken);
  });
  return bad.empty();
}

/// The same where offers are not folded by tile: all are decoded whole first.
bool fold_whole(const BoundChannel& channel, const Wire& wire, const Gathered& gathered,
                std::span<const float> previous, Threads& threads, std::span<float> consensus,
                std::set<size_t>& bad) {
  std::mutex mutex;
  const auto count = static_cast<size_t>(wire.count);
  std::vector<std::vector<float>> decoded(gathered.signals.size());
  threads.each(std::ssize(decoded), [&](int64_t m) {
    auto& row = decoded[static_cast<size_t>(m)];
    row = large_zeros<float>(count);
    if (gathered.signals[static_cast<size_t>(m)].decode(row).ok()) return;
    const std::lock_guard lock(mutex);
    bad.insert(static_cast<size_t>(m));
  });
  if (!bad.empty()) return false;
  if (channel.rule->gathers()) {
    for (size_t m = 0; m < decoded.size(); ++m)
      std::ranges::copy(decoded[m], consensus.begin() + gathered.members[m].id * wire.count);
    return true;
  }
  std::vector<int64_t> begins;
  int64_t begin = 0;
  for (const TensorCut& cut : wire.cuts) begins.push_back(std::exchange(begin, begin + cut.count));
  threads.each(std::ssize(begins), [&](int64_t tensor) {
    const auto at = static_cast<size_t>(begins[static_cast<size_t>(tensor)]);
    const auto size = static_cast<size_t>(wire.cuts[static_cast<size_t>(tensor)].count);
    std::vector<std::span<const float>> rows;
    for (const auto& row : decoded) rows.push_back(std::span(row).subspan(at, size));
    channel.rule->fold_tensor(rows, gathered.weights, previous.subspan(at, size),
                              consensus.subspan(at, size));
  });
  return true;
}

/// One part of one channel of fold_round. None if there are no offers, or if that of `bad` is
/// damaged.
std::optional<ChannelResult> fold_part(const BoundPlan& plan, const FoldedKey& key, int32_t index,
                                       int32_t part, std::span<const WorkerId> senders,
                                       const std::map<WorkerId, Offer>& offers, States& states,
                                       Threads& threads, std::optional<WorkerId>& bad) {
  const BoundChannel& channel = plan.channels()[static_cast<size_t>(index)];
  const Wire& wire = channel.wires[static_cast<size_t>(key.stage)];
  Gathered gathered;
  for (const WorkerId worker : senders) {
    const auto offer = offers.find(worker);
    const Part* own = offer == offers.end() ? nullptr : part_of(offer->second, index);
    if (own == nullptr) continue;
    auto signal = EncodedSignal::open(*wire.up, own->bytes, wire.count);
    if (!signal) {
      bad = worker;
      return std::nullopt;
    }
    gathered.signals.push_back(*std::move(signal));
    gathered.weights.push_back(own->weight);
    gathered.members.push_back({worker, own->weight});
  }
  if (gathered.signals.empty()) return std::nullopt;

  auto consensus = large_zeros<float>(static_cast<size_t>(wire.consensus));
  std::set<size_t> broken;
  const bool whole = channel.rule->by_tensor() || channel.rule->gathers();
  const auto previous =
      channel.rule->by_tensor() ? states.get(kPreviousState) : std::span<const float>();
  const bool folded =
      whole ? fold_whole(channel, wire, gathered, previous, threads, consensus, broken)
            : fold_tiles(channel, gathered, threads, consensus, broken);
  if (!folded) {
    bad = gathered.members[*broken.begin()].id;
    return std::nullopt;
  }
  if (channel.rule->by_tensor()) std::ranges::copy(consensus, states.edit(kPreviousState).begin());
  auto result = encode_consensus(plan, key, index, std::move(gathered.members), consensus, states);
  result.part = part;
  return result;
}

/// All parts of one channel that somebody has an offer for.
std::vector<ChannelResult> fold_channel(const BoundPlan& plan, const FoldedKey& key, int32_t index,
                                        const std::map<WorkerId, Offer>& offers, States& states,
                                        Threads& threads, std::optional<WorkerId>& bad) {
  std::vector<ChannelResult> out;
  const auto parts = plan.parts(index, key.hook, key.step, key.stage);
  for (size_t part = 0; part < parts.size() && !bad; ++part) {
    auto result = fold_part(plan, key, index, static_cast<int32_t>(part), parts[part], offers,
                            states, threads, bad);
    if (result) out.push_back(*std::move(result));
  }
  return out;
}

}  // namespace

std::vector<StateSpec> folder_states(const BoundChannel& channel) {
  std::vector<StateSpec> out = channel.down_feedback->states(channel.count, Holder::kFolder);
  if (channel.rule->by_tensor()) out.push_back({kPreviousState, channel.count, Holder::kFolder});
  return out;
}

ChannelResult encode_consensus(const BoundPlan& plan, const FoldedKey& key, int32_t channel,
                               std::vector<Member> members, std::span<float> consensus,
                               States& states) {
  const BoundChannel& bound = plan.channels()[static_cast<size_t>(channel)];
  const Wire& wire = bound.wires[static_cast<size_t>(key.stage)];
  CW_CHECK(std::ssize(consensus) == wire.consensus, "{} values for channel {} of {}",
           consensus.size(), channel, wire.consensus);
  ChannelResult result{channel, std::move(members), {}};
  Firing firing;
  firing.round = key.round;
  auto kept =
      large_zeros<float>(static_cast<size_t>(bound.down_feedback->kept_values(wire.consensus)));
  bound.down_feedback->prepare(firing, states, consensus, kept);
  result.bytes = encode_signal(*wire.down, consensus, consensus_seed(plan, key.round, channel));
  if (!bound.down_feedback->states(wire.count, Holder::kFolder).empty()) {
    auto sent = large_zeros<float>(consensus.size());
    CW_CHECK(decode_signal(*wire.down, result.bytes.bytes().view(), sent).ok());
    bound.down_feedback->settle(kept, sent, states);
  }
  return result;
}

FoldedRound fold_round(const BoundPlan& plan, const FoldedKey& key,
                       std::span<const int32_t> channels, std::map<WorkerId, Offer> offers,
                       std::vector<States>& states, Threads& threads) {
  FoldedRound folded;
  while (true) {
    std::vector<States> next = states;  // published whole, when every channel has folded
    std::optional<WorkerId> bad;
    folded.results.clear();
    bool all = true;
    for (const int32_t channel : channels) {
      auto results = fold_channel(plan, key, channel, offers, next[static_cast<size_t>(channel)],
                                  threads, bad);
      all = all && !results.empty();
      if (!all || bad) break;
      std::ranges::move(results, std::back_inserter(folded.results));
    }
    if (bad) {
      folded.dropped.emplace_back(*bad, "its offer is damaged");
      offers.erase(*bad);
      continue;
    }
    if (all)
      states = std::move(next);
    else
      folded.results.clear();
    return folded;
  }
}

}  // namespace causeway
