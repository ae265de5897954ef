// SPDX-License-Identifier: Apache-2.0
#include "sync/engine.h"

#include <algorithm>

#include "codec/finite.h"
#include "codec/signal.h"
#include "core/memory.h"
#include "core/random.h"

namespace causeway {
namespace {

bool has(const std::vector<Member>& members, WorkerId worker) {
  return std::any_of(members.begin(), members.end(),
                     [worker](const Member& member) { return member.id == worker; });
}

}  // namespace

Engine::Engine(const BoundPlan& plan, WorkerId worker, Replica& replica, Exchange& exchange)
    : plan_(plan), worker_(worker), replica_(replica), exchange_(exchange) {
  for (const BoundChannel& channel : plan.channels()) {
    States& states = states_.emplace_back();
    const auto declare = [&](std::vector<StateSpec> specs) {
      for (StateSpec& spec : specs)
        if (worker != kFollower || spec.holder == Holder::kReplicated)
          states.declare(std::move(spec));
    };
    declare(channel.port->states(channel.count));
    declare(channel.feedback->states(channel.count, Holder::kWorker));
    channel.port->start(channel.region, replica, states);
  }
  counters_.versions.resize(states_.size());
  counters_.tokens_at.resize(states_.size());
}

Go Engine::at(Hook hook, int64_t step, int64_t tokens) {
  step_ = step;
  Arrival arrival = arrive(hook, step);
  if (arrival == Arrival::kPending) return Go::kWait;
  std::vector<int32_t> due = plan_.due(hook, step);
  if (due.empty()) return trains(step) ? Go::kUpdate : Go::kSkipUpdate;
  if (fired_step_ != step || fired_hook_ != hook) {
    launch(std::move(due), hook, step, tokens);
    arrival = arrive(hook, step);
    if (arrival == Arrival::kPending) return Go::kWait;
  }
  const bool no_gradient = arrival == Arrival::kAborted && hook == Hook::kAfterBackward;
  return no_gradient ? Go::kSkipUpdate : Go::kUpdate;
}

bool Engine::trains(int64_t step) const {
  return worker_ != kFollower && plan_.trains(worker_, step) &&
         exchange_.expects(counters_.round + 1, worker_);
}

int64_t Engine::needs(int64_t step) const {
  int64_t launched = counters_.round;
  std::vector<OpenRound> open = this->open();
  const auto applied = pass_step(plan_, step, launched, open);
  return applied.empty() ? 0 : std::ranges::max(applied);
}

std::vector<int64_t> Engine::open_rounds() const {
  std::vector<int64_t> out;
  for (const Open& open : open_) out.push_back(open.round);
  return out;
}

/// Applies what is due here, in order of round, up to the first round that is undecided.
Engine::Arrival Engine::arrive(Hook hook, int64_t step) {
  Arrival out = Arrival::kApplied;
  for (size_t i = 0; i < open_.size();) {
    Open& open = open_[i];
    const auto channels = arriving(plan_, open, hook, step);
    const Commit* commit = nullptr;
    const Poll poll = channels.empty() ? Poll::kReady : exchange_.poll(open.round, worker_, commit);
    if (poll == Poll::kPending) return Arrival::kPending;
    if (poll == Poll::kAborted) {
      out = Arrival::kAborted;
    } else {
      for (const int32_t channel : channels) apply(*commit, channel, open);
      if (!open.channels.empty()) {
        ++i;
        continue;
      }
      if (worker_ != kFollower) ++counters_.traffic.rounds;
    }
    exchange_.settled(open.round, worker_, replicated_digest());
    open_.erase(open_.begin() + static_cast<std::ptrdiff_t>(i));
  }
  return out;
}

void Engine::launch(std::vector<int32_t> due, Hook hook, int64_t step, int64_t tokens) {
  fired_step_ = step;
  fired_hook_ = hook;
  Open& open = open_.emplace_back(Open{{++counters_.round, step, hook, due}, tokens, {}});
  CW_CHECK(open_.size() <= states_.size(), "{} rounds are open at once", open_.size());
  Offer offer{open.round, step, hook, worker_, {}, {}};
  bool member = false;
  for (const int32_t channel : due) {
    if (!offers(channel, open)) continue;
    member = true;
    auto part = this->offer(channel, open);
    if (!part) {
      offer.declined = part.error().message;
      offer.parts.clear();
      open.sent.clear();
      break;
    }
    offer.parts.push_back(*std::move(part));
  }
  for (const Part& part : offer.parts)
    counters_.traffic.up_bytes += static_cast<int64_t>(part.bytes.size());
  if (member) exchange_.launch(std::move(offer));
}

bool Engine::offers(int32_t channel, const Open& open) const {
  if (worker_ == kFollower || !exchange_.expects(open.round, worker_)) return false;
  return std::ranges::binary_search(plan_.members(channel, open.hook, open.step), worker_);
}

Result<Part> Engine::offer(int32_t index, Open& open) {
  const BoundChannel& channel = plan_.channels()[static_cast<size_t>(index)];
  const States& states = states_[static_cast<size_t>(index)];
  resize_scratch(channel.count);
  channel.port->offer(channel.region, replica_, states, scratch_);
  channel.feedback->prepare(states, scratch_);
  if (!all_finite(scratch_))
    return failure(Fault::kNumeric, "channel `{}` has values that are not finite",
                   channel.spec.name);
  Part part{index, weight(index, open.tokens),
            encode_signal(*channel.up, scratch_, firing(index, open.round).seed)};
  if (!channel.feedback->states(channel.count, Holder::kWorker).empty()) {
    Sent& kept = open.sent.emplace_back(Sent{index, {}, large_zeros<float>(scratch_.size())});
    reserve_large(kept.prepared, scratch_.size());
    kept.prepared = scratch_;
    CW_CHECK(decode_signal(*channel.up, part.bytes, kept.decoded).ok(),
             "channel {}: cannot decode what was encoded", channel.spec.name);
  }
  return part;
}

/// Takes in the consensus of one channel of a committed round.
void Engine::apply(const Commit& commit, int32_t channel_index, Open& open) {
  const auto index = static_cast<size_t>(channel_index);
  const BoundChannel& channel = plan_.channels()[index];
  const auto result = std::ranges::find(commit.results, channel_index, &ChannelResult::channel);
  CW_CHECK(result != commit.results.end(), "round {} was committed without channel {}", open.round,
           channel.spec.name);
  if (has(result->members, worker_)) {
    for (const Sent& sent : open.sent)
      if (sent.channel == channel_index)
        channel.feedback->settle(sent.prepared, sent.decoded, states_[index]);
    counters_.tokens_at[index] = open.tokens;
  }
  const Firing fired = firing(channel_index, open.round);
  const auto taken =
      decode_blocks(*channel.down, result->bytes, channel.count,
                    [&](int64_t begin, std::span<const float> values) {
                      const int64_t count = std::ssize(values);
                      channel.port->apply(fired, channel.region.part(begin, count), values,
                                          StatesPart(states_[index], begin, count), replica_);
                    });
  CW_CHECK(taken.ok(), "round {}: the committed result of channel {} is damaged: {}", open.round,
           channel.spec.name, taken.error().message);
  channel.port->applied(replica_);
  ++counters_.versions[index];
  if (worker_ != kFollower) counters_.traffic.down_bytes += result->bytes.size();
  std::erase(open.channels, channel_index);
  std::erase_if(open.sent, [=](const Sent& sent) { return sent.channel == channel_index; });
}

void Engine::resize_scratch(int64_t count) {
  reserve_large(scratch_, static_cast<size_t>(count));
  scratch_.resize(static_cast<size_t>(count));
}

int64_t Engine::weight(int32_t channel, int64_t tokens) const {
  const auto index = static_cast<size_t>(channel);
  switch (plan_.channels()[index].spec.weight) {
    case Weight::kEqual:
      return 1;
    case Weight::kFixed:
      return plan_.options().fixed_weights[static_cast<size_t>(worker_)];
    case Weight::kTokens:
      return std::clamp<int64_t>(tokens - counters_.tokens_at[index], 1, kWeightMax);
  }
  return 1;
}

Firing Engine::firing(int32_t channel, int64_t round) const {
  const auto index = static_cast<size_t>(channel);
  const Random random(plan_.options().seed, Stream::kRounding, static_cast<uint32_t>(worker_));
  const auto key = static_cast<uint64_t>(round) * plan_.channels().size() + index;
  return {round, counters_.versions[index], random.bits(key)};
}

void Engine::restore(EngineCounters counters) {
  CW_CHECK(counters.versions.size() == states_.size() &&
           counters.tokens_at.size() == states_.size());
  counters_ = std::move(counters);
}

int64_t Engine::memory_bytes() const {
  int64_t bytes = heap_bytes(states_) + heap_bytes(counters_.versions) +
                  heap_bytes(counters_.tokens_at) + heap_bytes(open_) + heap_bytes(scratch_);
  for (const States& states : states_) bytes += states.memory_bytes();
  for (const Open& open : open_) {
    bytes += heap_bytes(open.channels) + heap_bytes(open.sent);
    for (const Sent& sent : open.sent)
      bytes += heap_bytes(sent.prepared) + heap_bytes(sent.decoded);
  }
  return bytes;
}

Digest Engine::replicated_digest() const {
  Hasher hasher;
  for (const States& states : states_)
    for (const auto& [name, entry] : states.entries())
      if (entry.spec.holder == Holder::kReplicated)
        hasher.add(std::as_bytes(std::span(entry.values)));
  return hasher.digest();
}

}  // namespace causeway
