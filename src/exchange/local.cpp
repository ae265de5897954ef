// SPDX-License-Identifier: Apache-2.0
#include "exchange/local.h"

#include <algorithm>
#include <iterator>
#include <optional>
#include <set>

#include "codec/signal.h"
#include "exchange/fold.h"

namespace causeway {

struct LocalExchange::Round {
  int64_t step = 0;
  Hook hook = Hook::kAfterUpdate;
  int32_t stage = 0;
  std::vector<int32_t> channels;
  std::set<WorkerId> expected;
  std::map<WorkerId, Offer> offers;
  std::set<WorkerId> settled;
  std::optional<Digest> replicated;
  Poll state = Poll::kPending;
  Commit commit;

  void open(const BoundPlan& plan, Hook at_hook, int64_t at_step, int32_t at_stage) {
    step = at_step;
    hook = at_hook;
    stage = at_stage;
    channels = plan.due(hook, step, stage);
    for (const int32_t channel : channels)
      for (const WorkerId member : plan.members(channel, hook, step, stage))
        expected.insert(member);
  }
  bool complete() const { return offers.size() == expected.size(); }
};

namespace {

constexpr uint64_t kLocalMagic = 0x324c41434f4c5743;  // "CWLOCAL2"
constexpr size_t kReasonMax = 65'536;

void put_sized(ByteWriter& writer, ByteSpan bytes) {
  writer.put(static_cast<uint64_t>(bytes.size()));
  writer.put(ByteSpan(bytes));
}

Result<Bytes> get_sized(ByteReader& reader) {
  CW_ASSIGN(const uint64_t size, reader.get<uint64_t>());
  CW_ASSIGN(const ByteSpan bytes, reader.take(size));
  return Bytes(bytes.begin(), bytes.end());
}

Result<int64_t> get_weight(ByteReader& reader) {
  CW_ASSIGN(const int64_t weight, reader.get<int64_t>());
  if (weight < 1 || weight > kWeightMax) return failure(Fault::kCorrupt, "got weight {}", weight);
  return weight;
}

void put_offer(ByteWriter& writer, const Offer& offer) {
  writer.put(offer.worker);
  writer.put_text(offer.declined);
  writer.put(static_cast<uint32_t>(offer.parts.size()));
  for (const Part& part : offer.parts) {
    writer.put(part.channel);
    writer.put(part.weight);
    put_sized(writer, part.bytes);
  }
}

void put_result(ByteWriter& writer, const ChannelResult& result) {
  writer.put(result.channel);
  writer.put(result.part);
  writer.put(static_cast<uint32_t>(result.members.size()));
  for (const Member& member : result.members) {
    writer.put(member.id);
    writer.put(member.weight);
  }
  put_sized(writer, result.bytes.bytes().view());
}

}  // namespace

LocalExchange::LocalExchange(const BoundPlan& plan) : plan_(plan) {
  for (const BoundChannel& channel : plan.channels()) {
    States& states = states_.emplace_back();
    for (StateSpec& spec : folder_states(channel)) states.declare(std::move(spec));
  }
}

LocalExchange::~LocalExchange() = default;

void LocalExchange::launch(Offer offer) {
  const std::lock_guard lock(mutex_);
  if (offer.round <= decided_ && !rounds_.contains(offer.round)) return;
  const auto [found, fresh] = rounds_.try_emplace(offer.round);
  Round& round = found->second;
  if (fresh) round.open(plan_, offer.hook, offer.step, offer.stage);
  CW_CHECK(round.step == offer.step && round.hook == offer.hook && round.stage == offer.stage,
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

bool LocalExchange::has_rounds() const {
  const std::lock_guard lock(mutex_);
  return !rounds_.empty();
}

Bytes LocalExchange::snapshot() const {
  const std::lock_guard lock(mutex_);
  Bytes bytes;
  ByteWriter writer(bytes);
  writer.put(kLocalMagic);
  writer.put(decided_);
  writer.put(static_cast<uint32_t>(rounds_.size()));
  for (const auto& [number, round] : rounds_) {
    writer.put(number);
    writer.put(round.step);
    writer.put(static_cast<uint8_t>(round.hook));
    writer.put(round.stage);
    writer.put(static_cast<uint8_t>(round.state));
    writer.put(static_cast<uint32_t>(round.settled.size()));
    for (const WorkerId worker : round.settled) writer.put(worker);
    const Digest replicated = round.replicated.value_or(Digest{});
    writer.put(replicated.high);
    writer.put(replicated.low);
    writer.put(static_cast<uint32_t>(round.offers.size()));
    for (const auto& [worker, offer] : round.offers) put_offer(writer, offer);
    writer.put(static_cast<uint32_t>(round.commit.results.size()));
    for (const ChannelResult& result : round.commit.results) put_result(writer, result);
  }
  return bytes;
}

Result<void> LocalExchange::restore(ByteSpan snapshot) {
  const std::lock_guard lock(mutex_);
  CW_CHECK(rounds_.empty(), "an exchange with {} rounds is restored", rounds_.size());
  ByteReader reader(snapshot);
  CW_ASSIGN(const uint64_t magic, reader.get<uint64_t>());
  if (magic != kLocalMagic)
    return failure(Fault::kCorrupt, "are no rounds of an exchange, or of another version");
  CW_ASSIGN(const int64_t decided, reader.get<int64_t>());
  CW_ASSIGN(const uint32_t count, reader.get<uint32_t>());
  std::map<int64_t, Round> rounds;
  for (uint32_t i = 0; i < count; ++i) {
    CW_ASSIGN(const int64_t number, reader.get<int64_t>());
    CW_ASSIGN(Round round, read_round(reader));
    round.commit.round = number;
    for (auto& [worker, offer] : round.offers) offer.round = number;
    const bool follows = rounds.empty() ? number > 0 : number > rounds.rbegin()->first;
    if (!follows || (number > decided) != (round.state == Poll::kPending))
      return failure(Fault::kCorrupt, "round {} does not fit: {} are decided", number, decided);
    rounds.emplace(number, std::move(round));
  }
  if (decided < 0 || reader.left() > 0)
    return failure(Fault::kCorrupt, "{} bytes follow the rounds", reader.left());
  decided_ = decided;
  rounds_ = std::move(rounds);
  return {};
}

Result<LocalExchange::Round> LocalExchange::read_round(ByteReader& reader) const {
  CW_ASSIGN(const int64_t step, reader.get<int64_t>());
  CW_ASSIGN(const uint8_t hook, reader.get<uint8_t>());
  CW_ASSIGN(const int32_t stage, reader.get<int32_t>());
  CW_ASSIGN(const uint8_t state, reader.get<uint8_t>());
  if (step < 1 || hook < 1 || hook > 3 || stage < 0 || state < 1 || state > 3)
    return failure(Fault::kCorrupt, "got step {}, hook {}, stage {}, state {}", step, hook, stage,
                   state);
  Round round;
  round.open(plan_, static_cast<Hook>(hook), step, stage);
  round.state = static_cast<Poll>(state);
  if (round.channels.empty()) return failure(Fault::kCorrupt, "nothing fires at step {}", step);
  CW_ASSIGN(const uint32_t settled, reader.get<uint32_t>());
  for (uint32_t i = 0; i < settled; ++i) {
    CW_ASSIGN(const WorkerId worker, reader.get<WorkerId>());
    if (worker < 0 || worker >= plan_.options().workers)
      return failure(Fault::kCorrupt, "got worker {}", worker);
    round.settled.insert(worker);
  }
  Digest replicated;
  CW_ASSIGN(replicated.high, reader.get<uint64_t>());
  CW_ASSIGN(replicated.low, reader.get<uint64_t>());
  if (settled > 0) round.replicated = replicated;
  CW_ASSIGN(const uint32_t offers, reader.get<uint32_t>());
  for (uint32_t i = 0; i < offers; ++i) {
    CW_ASSIGN(Offer offer, read_offer(reader, round));
    round.offers.emplace(offer.worker, std::move(offer));
  }
  CW_ASSIGN(const uint32_t results, reader.get<uint32_t>());
  for (uint32_t i = 0; i < results; ++i) {
    CW_ASSIGN(ChannelResult result, read_result(reader, round));
    const auto& before = round.commit.results;
    if (!before.empty() && std::pair(before.back().channel, before.back().part) >=
                               std::pair(result.channel, result.part))
      return failure(Fault::kCorrupt, "results are out of order");
    round.commit.results.push_back(std::move(result));
  }
  const auto has = [&](int32_t channel) {
    return std::ranges::find(round.commit.results, channel, &ChannelResult::channel) !=
           round.commit.results.end();
  };
  if (round.state == Poll::kReady ? !std::ranges::all_of(round.channels, has) : results > 0)
    return failure(Fault::kCorrupt, "the round of step {} has {} results", step, results);
  return round;
}

Result<Offer> LocalExchange::read_offer(ByteReader& reader, const Round& round) {
  Offer offer;
  offer.step = round.step;
  offer.hook = round.hook;
  offer.stage = round.stage;
  CW_ASSIGN(offer.worker, reader.get<WorkerId>());
  if (!round.expected.contains(offer.worker))
    return failure(Fault::kCorrupt, "worker {} is not in the round of step {}", offer.worker,
                   round.step);
  CW_ASSIGN(const std::string_view declined, reader.get_text(kReasonMax));
  offer.declined = declined;
  CW_ASSIGN(const uint32_t parts, reader.get<uint32_t>());
  for (uint32_t i = 0; i < parts; ++i) {
    Part& part = offer.parts.emplace_back();
    CW_ASSIGN(part.channel, reader.get<int32_t>());
    if (!std::ranges::binary_search(round.channels, part.channel))
      return failure(Fault::kCorrupt, "channel {} does not fire at step {}", part.channel,
                     round.step);
    CW_ASSIGN(part.weight, get_weight(reader));
    CW_ASSIGN(part.bytes, get_sized(reader));
  }
  return offer;
}

/// Engines take it that a committed result decodes.
Result<ChannelResult> LocalExchange::read_result(ByteReader& reader, const Round& round) const {
  ChannelResult result;
  CW_ASSIGN(result.channel, reader.get<int32_t>());
  CW_ASSIGN(result.part, reader.get<int32_t>());
  if (!std::ranges::binary_search(round.channels, result.channel) || result.part < 0 ||
      result.part >= std::ssize(plan_.parts(result.channel, round.hook, round.step, round.stage)))
    return failure(Fault::kCorrupt, "got a result of channel {}, part {}", result.channel,
                   result.part);
  CW_ASSIGN(const uint32_t members, reader.get<uint32_t>());
  for (uint32_t i = 0; i < members; ++i) {
    Member& member = result.members.emplace_back();
    CW_ASSIGN(member.id, reader.get<WorkerId>());
    CW_ASSIGN(member.weight, get_weight(reader));
  }
  CW_ASSIGN(result.bytes, get_sized(reader));
  const Wire& wire =
      plan_.channels()[static_cast<size_t>(result.channel)].wires[static_cast<size_t>(round.stage)];
  auto values = large_zeros<float>(static_cast<size_t>(wire.consensus));
  CW_TRY(decode_signal(*wire.down, result.bytes.bytes().view(), values));
  return result;
}

void LocalExchange::fold(Round& round, Threads& threads, RoundOutcome& outcome) {
  for (auto& [worker, offer] : round.offers) {
    for (const Part& part : offer.parts)
      outcome.up_bytes += static_cast<int64_t>(part.bytes.size());
    if (!offer.declined.empty()) outcome.dropped.emplace_back(worker, offer.declined);
  }
  std::erase_if(round.offers, [](const auto& entry) { return !entry.second.declined.empty(); });
  const FoldedKey key{round.commit.round, round.step, round.hook, round.stage};
  FoldedRound folded =
      fold_round(plan_, key, round.channels, std::move(round.offers), states_, threads);
  round.offers.clear();
  std::move(folded.dropped.begin(), folded.dropped.end(), std::back_inserter(outcome.dropped));
  round.commit.results = std::move(folded.results);
  if (round.commit.results.empty()) {
    round.state = Poll::kAborted;
    return;
  }
  round.state = Poll::kReady;
  for (const ChannelResult& result : round.commit.results) {
    if (result.channel == round.channels.front())
      outcome.members.insert(outcome.members.end(), result.members.begin(), result.members.end());
    const bool parted = plan_.channels()[static_cast<size_t>(result.channel)].group->parted();
    outcome.down_bytes +=
        result.bytes.size() * (parted ? std::ssize(result.members) : plan_.options().workers);
  }
  std::ranges::sort(outcome.members, {}, &Member::id);
}

}  // namespace causeway
