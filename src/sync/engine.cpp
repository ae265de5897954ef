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
    for (StateSpec& spec : channel.port->states(channel.count)) states.declare(std::move(spec));
    for (StateSpec& spec : channel.feedback->states(channel.count, Holder::kWorker))
      states.declare(std::move(spec));
    channel.port->start(channel.region, replica, states);
  }
  counters_.versions.resize(states_.size());
  counters_.tokens_at.resize(states_.size());
}

Go Engine::at(Hook hook, int64_t step, int64_t tokens) {
  if (!open_) {
    std::vector<int32_t> due = plan_.due(hook, step);
    if (due.empty()) return plan_.trains(worker_, step) ? Go::kUpdate : Go::kSkipUpdate;
    launch(std::move(due), hook, step, tokens);
  }
  const Commit* commit = nullptr;
  const Poll poll = exchange_.poll(open_->round, worker_, commit);
  if (poll == Poll::kPending) return Go::kWait;
  if (poll == Poll::kReady) apply(*commit);
  exchange_.settled(open_->round, worker_, replicated_digest());
  open_.reset();
  const bool no_gradient = poll == Poll::kAborted && hook == Hook::kAfterBackward;
  return no_gradient ? Go::kSkipUpdate : Go::kUpdate;
}

void Engine::launch(std::vector<int32_t> due, Hook hook, int64_t step, int64_t tokens) {
  open_ = Open{++counters_.round, tokens, std::move(due), {}};
  Offer offer{open_->round, step, hook, worker_, {}, {}};
  bool member = false;
  for (const int32_t channel : open_->channels) {
    const auto drawn = plan_.members(channel, hook, step);
    if (!std::binary_search(drawn.begin(), drawn.end(), worker_)) continue;
    member = true;
    auto part = this->offer(channel, tokens, open_->sent);
    if (!part) {
      offer.declined = part.error().message;
      offer.parts.clear();
      open_->sent.clear();
      break;
    }
    offer.parts.push_back(*std::move(part));
  }
  for (const Part& part : offer.parts)
    counters_.traffic.up_bytes += static_cast<int64_t>(part.bytes.size());
  if (member) exchange_.launch(std::move(offer));
}

Result<Part> Engine::offer(int32_t index, int64_t tokens, std::vector<Sent>& sent) {
  const BoundChannel& channel = plan_.channels()[static_cast<size_t>(index)];
  const States& states = states_[static_cast<size_t>(index)];
  resize_scratch(channel.count);
  channel.port->offer(channel.region, replica_, states, scratch_);
  channel.feedback->prepare(states, scratch_);
  if (!all_finite(scratch_))
    return failure(Fault::kNumeric, "channel `{}` has values that are not finite",
                   channel.spec.name);
  Part part{index, weight(index, tokens), encode_signal(*channel.up, scratch_, firing(index).seed)};
  if (!channel.feedback->states(channel.count, Holder::kWorker).empty()) {
    Sent& kept = sent.emplace_back(Sent{index, {}, large_zeros<float>(scratch_.size())});
    reserve_large(kept.prepared, scratch_.size());
    kept.prepared = scratch_;
    CW_CHECK(decode_signal(*channel.up, part.bytes, kept.decoded).ok(),
             "channel {}: cannot decode what was encoded", channel.spec.name);
  }
  return part;
}

void Engine::apply(const Commit& commit) {
  for (const ChannelResult& result : commit.results) {
    const auto index = static_cast<size_t>(result.channel);
    const BoundChannel& channel = plan_.channels()[index];
    resize_scratch(channel.count);
    CW_CHECK(decode_signal(*channel.down, result.bytes, scratch_).ok(),
             "round {}: the committed result of channel {} is damaged", commit.round,
             channel.spec.name);
    if (has(result.members, worker_)) {
      for (const Sent& sent : open_->sent)
        if (sent.channel == result.channel)
          channel.feedback->settle(sent.prepared, sent.decoded, states_[index]);
      counters_.tokens_at[index] = open_->tokens;
    }
    channel.port->apply(firing(result.channel), channel.region, scratch_, states_[index], replica_);
    ++counters_.versions[index];
    counters_.traffic.down_bytes += static_cast<int64_t>(result.bytes.size());
  }
  ++counters_.traffic.rounds;
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

Firing Engine::firing(int32_t channel) const {
  const auto index = static_cast<size_t>(channel);
  const Random random(plan_.options().seed, Stream::kRounding, static_cast<uint32_t>(worker_));
  const auto key = static_cast<uint64_t>(open_->round) * plan_.channels().size() + index;
  return {open_->round, counters_.versions[index], random.bits(key)};
}

void Engine::restore(EngineCounters counters) {
  CW_CHECK(counters.versions.size() == states_.size() &&
           counters.tokens_at.size() == states_.size());
  counters_ = std::move(counters);
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
