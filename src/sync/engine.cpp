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

/// A worker's fixed weight in a mean of all, times the workers.
double share_of(const BindOptions& options, WorkerId worker) {
  double sum = 0;
  for (const int64_t weight : options.fixed_weights) sum += static_cast<double>(weight);
  const auto own = static_cast<double>(options.fixed_weights[static_cast<size_t>(worker)]);
  return own / sum * options.workers;
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
    declare(channel.port->states(channel.region.count()));
    declare(channel.feedback->states(channel.count, Holder::kWorker));
    channel.port->start(channel.region, replica, states);
  }
  counters_.versions.resize(states_.size());
  counters_.tokens_at.resize(states_.size());
}

Go Engine::at(Hook hook, int64_t step, int64_t tokens, double rate) {
  step_ = step;
  rate_ = rate;
  if (begun_step_ != step || begun_hook_ != hook) begin(hook, step);
  if (!arrive(hook, step)) return Go::kWait;
  for (int32_t stage = 0;; ++stage) {
    std::vector<int32_t> due = plan_.due(hook, step, stage);
    if (due.empty()) break;
    if (stage < launched_stages_) continue;
    launch(std::move(due), hook, step, tokens);
    if (!arrive(hook, step)) return Go::kWait;
  }
  // A consensus is taken by all, also by who did not train for it.
  const bool moves = !applied_.empty() || trains(step);
  return moves && !holds_update(hook) ? Go::kUpdate : Go::kSkipUpdate;
}

/// Once at each hook: the local steps of methods.
void Engine::begin(Hook hook, int64_t step) {
  if (begun_step_ != step) trained_ = trains(step);
  begun_step_ = step;
  begun_hook_ = hook;
  launched_stages_ = 0;
  aborted_ = false;
  applied_.clear();
  if (worker_ == kFollower) return;
  const Open here{{counters_.round, step, hook, 0, {}}, 0, {}};
  const std::vector<int32_t> due = plan_.due(hook, step);
  for (size_t i = 0; i < states_.size(); ++i) {
    const BoundChannel& channel = plan_.channels()[i];
    if (channel.spec.hook != hook || channel.spec.closing) continue;
    const bool fires = std::ranges::binary_search(due, static_cast<int32_t>(i));
    if (!fires && !channel.port->watches()) continue;
    Firing fired = firing(static_cast<int32_t>(i), here);
    fired.fires = fires;
    fired.trained = trained_;
    channel.port->begin(fired, channel.region, replica_, states_[i]);
  }
}

/// True if a gradient that should come by a consensus has not come.
bool Engine::holds_update(Hook hook) const {
  if (hook != Hook::kAfterBackward) return false;
  if (aborted_) return true;
  for (size_t i = 0; i < states_.size(); ++i)
    if (plan_.channels()[i].port->holds_updates() &&
        std::ranges::find(applied_, static_cast<int32_t>(i)) == applied_.end())
      return true;
  return false;
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

/// Applies what is due here, in order of round, up to the first round that is undecided: false if
/// there is one.
bool Engine::arrive(Hook hook, int64_t step) {
  for (size_t i = 0; i < open_.size();) {
    Open& open = open_[i];
    const auto channels = arriving(plan_, open, hook, step);
    const Commit* commit = nullptr;
    const Poll poll = channels.empty() ? Poll::kReady : exchange_.poll(open.round, worker_, commit);
    if (poll == Poll::kPending) return false;
    if (poll == Poll::kAborted) {
      aborted_ = true;
    } else {
      for (const int32_t channel : channels) apply(*commit, channel, open);
      applied_.insert(applied_.end(), channels.begin(), channels.end());
      if (!open.channels.empty()) {
        ++i;
        continue;
      }
      if (worker_ != kFollower) ++counters_.traffic.rounds;
    }
    exchange_.settled(open.round, worker_, replicated_digest());
    open_.erase(open_.begin() + static_cast<std::ptrdiff_t>(i));
  }
  return true;
}

void Engine::launch(std::vector<int32_t> due, Hook hook, int64_t step, int64_t tokens) {
  const int32_t stage = launched_stages_++;
  Open& open = open_.emplace_back(Open{{++counters_.round, step, hook, stage, due}, tokens, {}});
  CW_CHECK(open_.size() <= states_.size(), "{} rounds are open at once", open_.size());
  Offer offer{open.round, step, hook, worker_, {}, {}, stage};
  bool member = false;
  for (const int32_t channel : due) {
    if (!offers(channel, open)) continue;
    member = true;
    // What a stage sends follows from the consensus of the one before.
    auto part = stage > 0 && aborted_
                    ? Result<Part>(failure(Fault::kNumeric, "the stage before it was aborted"))
                    : this->offer(channel, open);
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
  return std::ranges::binary_search(plan_.members(channel, open.hook, open.step, open.stage),
                                    worker_);
}

Result<Part> Engine::offer(int32_t index, Open& open) {
  const BoundChannel& channel = plan_.channels()[static_cast<size_t>(index)];
  const Wire& wire = channel.wires[static_cast<size_t>(open.stage)];
  const States& states = states_[static_cast<size_t>(index)];
  const Firing fired = firing(index, open);
  resize_scratch(wire.count);
  channel.port->offer(fired, channel.region, replica_, states, scratch_);
  auto kept = large_zeros<float>(static_cast<size_t>(channel.feedback->kept_values(wire.count)));
  channel.feedback->prepare(fired, states, scratch_, kept);
  if (!all_finite(scratch_))
    return failure(Fault::kNumeric, "channel `{}` has values that are not finite",
                   channel.spec.name);
  Coding coding(fired.seed);
  coding.round = fired.version;
  Part part{index, channel.port->weight(states, weight(index, open.tokens)),
            encode_signal(*wire.up, scratch_, coding)};
  if (!channel.feedback->states(wire.count, Holder::kWorker).empty() || channel.port->settles()) {
    Sent& sent =
        open.sent.emplace_back(Sent{index, std::move(kept), large_zeros<float>(scratch_.size())});
    CW_CHECK(decode_signal(*wire.up, part.bytes, sent.decoded).ok(),
             "channel {}: cannot decode what was encoded", channel.spec.name);
  }
  return part;
}

/// Which part of a channel's group this worker is in.
int32_t Engine::part_of(int32_t channel, const Open& open) const {
  if (!plan_.channels()[static_cast<size_t>(channel)].group->parted()) return 0;
  const auto parts = plan_.parts(channel, open.hook, open.step, open.stage);
  const auto mine = std::ranges::find_if(parts, [this](const std::vector<int32_t>& part) {
    return std::ranges::binary_search(part, worker_);
  });
  return static_cast<int32_t>(mine - parts.begin());
}

/// Takes in the consensus of one channel of a committed round.
void Engine::apply(const Commit& commit, int32_t channel_index, Open& open) {
  const auto index = static_cast<size_t>(channel_index);
  const BoundChannel& channel = plan_.channels()[index];
  const Wire& wire = channel.wires[static_cast<size_t>(open.stage)];
  const int32_t own_part = part_of(channel_index, open);
  const auto result = std::ranges::find_if(commit.results, [&](const ChannelResult& one) {
    return one.channel == channel_index && one.part == own_part;
  });
  // A part of which all offers failed keeps what it has.
  CW_CHECK(result != commit.results.end() || channel.group->parted(),
           "round {} was committed without channel {}", open.round, channel.spec.name);
  if (result != commit.results.end()) take(*result, wire, open);
  if (open.stage + 1 == channel.stages()) ++counters_.versions[index];
  std::erase(open.channels, channel_index);
  std::erase_if(open.sent, [=](const Sent& sent) { return sent.channel == channel_index; });
}

void Engine::take(const ChannelResult& result, const Wire& wire, const Open& open) {
  const auto index = static_cast<size_t>(result.channel);
  const BoundChannel& channel = plan_.channels()[index];
  States& states = states_[index];
  Firing fired = firing(result.channel, open);
  fired.folded = has(result.members, worker_);
  if (fired.folded) {
    for (const Sent& sent : open.sent)
      if (sent.channel == result.channel) {
        channel.feedback->settle(sent.kept, sent.decoded, states);
        channel.port->settle(fired, channel.region, sent.decoded, states);
      }
    // All stages of a firing count the same tokens.
    if (open.stage + 1 == channel.stages()) counters_.tokens_at[index] = open.tokens;
  }
  const bool whole = channel.port->whole();
  if (whole) resize_scratch(wire.consensus);
  std::vector<float> sum;
  const auto taken = decode_blocks(
      *wire.down, result.bytes, wire.consensus, [&](int64_t begin, std::span<const float> values) {
        const int64_t count = std::ssize(values);
        if (channel.feedback->integrates()) {
          sum.assign(values.begin(), values.end());
          channel.feedback->integrate(sum, StatesPart(states, begin, count));
          values = sum;
        }
        if (whole) {
          std::ranges::copy(values, scratch_.begin() + begin);
          return;
        }
        channel.port->apply(fired, channel.region.part(begin, count), values,
                            StatesPart(states, begin, count), replica_);
      });
  CW_CHECK(taken.ok(), "round {}: the committed result of channel {} is damaged: {}", open.round,
           channel.spec.name, taken.error().message);
  if (whole) channel.port->apply(fired, channel.region, scratch_, StatesPart(states), replica_);
  channel.port->applied(replica_);
  if (worker_ != kFollower) counters_.traffic.down_bytes += result.bytes.size();
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

Firing Engine::firing(int32_t channel, const Open& open) const {
  const auto index = static_cast<size_t>(channel);
  const Random random(plan_.options().seed, Stream::kRounding, static_cast<uint32_t>(worker_));
  const auto key = static_cast<uint64_t>(open.round) * plan_.channels().size() + index;
  Firing out{
      open.round, counters_.versions[index], random.bits(key),    open.stage, open.step, rate_,
      worker_,    plan_.options().workers,   plan_.options().seed};
  if (worker_ != kFollower) out.share = share_of(plan_.options(), worker_);
  return out;
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
    for (const Sent& sent : open.sent) bytes += heap_bytes(sent.kept) + heap_bytes(sent.decoded);
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
