// SPDX-License-Identifier: Apache-2.0
//
// An engine as bytes:
//   u64 magic | i64 steps finished | counters | channels: name, counters, states | open rounds
// Everything is checked against the plan before anything changes, so that an engine that took
// hostile bytes over still keeps its invariants: the turn of every open round is to come, and so,
// as no delay is longer than its period, a channel is in one open round at most.
#include <algorithm>

#include "core/memory.h"
#include "sync/engine.h"

namespace causeway {
namespace {

constexpr uint64_t kEngineMagic = 0x314e49474e455743;  // "CWENGIN1"
constexpr int64_t kStepsMax = 1'000'000'000'000'000;
constexpr int64_t kHooks = 3;
constexpr int64_t kRoundsPerStep = 64;  // hooks and stages
constexpr size_t kEngineNameMax = 65'536;

Result<int64_t> get_number(ByteSourceReader& reader, int64_t low, int64_t high, const char* what) {
  CW_ASSIGN(const int64_t number, reader.get<int64_t>());
  if (number < low || number > high)
    return failure(Fault::kCorrupt, "{} is {}; wanted: {} to {}", what, number, low, high);
  return number;
}

void put_floats(ByteWriter& writer, std::span<const float> values) {
  writer.put(static_cast<uint64_t>(values.size()));
  writer.put(std::as_bytes(values));
}

/// Exactly values.size() of them.
Result<void> get_floats(ByteSourceReader& reader, std::span<float> values) {
  CW_ASSIGN(const uint64_t count, reader.get<uint64_t>());
  if (count != values.size())
    return failure(Fault::kCorrupt, "got {} values where {} were wanted", count, values.size());
  return reader.fill(std::as_writable_bytes(values));
}

Result<void> expect_name(ByteSourceReader& reader, const std::string& wanted) {
  CW_ASSIGN(const std::string_view name, reader.get_text(kEngineNameMax));
  if (name != wanted)
    return failure(Fault::kCorrupt, "the snapshot has a channel `{}` where the plan has `{}`", name,
                   wanted);
  return {};
}

Result<void> read_states(ByteSourceReader& reader, const std::string& channel, States& states) {
  CW_ASSIGN(const uint32_t count, reader.get<uint32_t>());
  std::string last;
  for (uint32_t i = 0; i < count; ++i) {
    CW_ASSIGN(const std::string_view name, reader.get_text(kEngineNameMax));
    if (!states.entries().contains(name) || (i > 0 && name <= last))
      return failure(Fault::kCorrupt, "the snapshot has a state `{}` that channel `{}` has not",
                     name, channel);
    last = name;
    CW_TRY(get_floats(reader, states.edit(name)));
  }
  return {};
}

}  // namespace

Bytes Engine::snapshot() const {
  Bytes bytes;
  size_t values = 0;
  for (const States& states : states_)
    for (const auto& [name, entry] : states.entries()) values += entry.values.size();
  for (const Open& open : open_)
    for (const Sent& sent : open.sent) values += sent.kept.size() + sent.decoded.size();
  reserve_large(bytes, 4 * values + 65'536);
  const auto saved = save([&bytes](ByteSpan part) {
    bytes.insert(bytes.end(), part.begin(), part.end());
    return Result<void>();
  });
  CW_CHECK(saved.ok());
  return bytes;
}

Result<void> Engine::save(const std::function<Result<void>(ByteSpan)>& write) const {
  Bytes head;
  ByteWriter writer(head);
  writer.put(kEngineMagic);
  for (const int64_t number : {step_, counters_.round, counters_.traffic.up_bytes,
                               counters_.traffic.down_bytes, counters_.traffic.rounds})
    writer.put(number);
  writer.put(static_cast<uint32_t>(states_.size()));
  for (size_t i = 0; i < states_.size(); ++i) {
    writer.put_text(plan_.channels()[i].spec.name);
    writer.put(counters_.versions[i]);
    writer.put(counters_.tokens_at[i]);
    writer.put(static_cast<uint32_t>(states_[i].entries().size()));
    for (const auto& [name, entry] : states_[i].entries()) {
      writer.put_text(name);
      writer.put(static_cast<uint64_t>(entry.values.size()));
      CW_TRY(write(std::exchange(head, {})));
      CW_TRY(write(std::as_bytes(std::span(entry.values))));
    }
  }
  put_open(writer);
  return write(head);
}

Bytes Engine::open_snapshot() const {
  Bytes bytes;
  ByteWriter writer(bytes);
  writer.put(kEngineMagic);
  put_open(writer);
  return bytes;
}

void Engine::put_open(ByteWriter& writer) const {
  writer.put(static_cast<uint32_t>(open_.size()));
  for (const Open& open : open_) {
    writer.put(open.round);
    writer.put(open.step);
    writer.put(static_cast<uint8_t>(open.hook));
    writer.put(open.tokens);
    writer.put(static_cast<uint32_t>(open.channels.size()));
    for (const int32_t channel : open.channels) writer.put(channel);
    writer.put(static_cast<uint32_t>(open.sent.size()));
    for (const Sent& sent : open.sent) {
      writer.put(sent.channel);
      put_floats(writer, sent.kept);
      put_floats(writer, sent.decoded);
    }
  }
}

Result<void> Engine::restore(const ByteSource& snapshot) {
  ByteSourceReader reader(snapshot);
  CW_ASSIGN(const uint64_t magic, reader.get<uint64_t>());
  if (magic != kEngineMagic)
    return failure(Fault::kCorrupt, "is no snapshot of an engine, or of another version");
  EngineCounters counters;
  CW_ASSIGN(const int64_t step, get_number(reader, 0, kStepsMax, "the step"));
  CW_ASSIGN(counters.round, get_number(reader, 0, kRoundsPerStep * step, "the round"));
  for (int64_t* number :
       {&counters.traffic.up_bytes, &counters.traffic.down_bytes, &counters.traffic.rounds}) {
    CW_ASSIGN(*number, get_number(reader, 0, INT64_MAX, "a count of traffic"));
  }
  std::vector<States> states;
  CW_TRY(read_channels(reader, counters, states));

  CW_ASSIGN(std::deque<Open> open, read_all_open(reader, step, counters.round));
  step_ = step;
  counters_ = std::move(counters);
  states_ = std::move(states);
  open_ = std::move(open);
  return {};
}

Result<void> Engine::restore_open(int64_t steps, ByteSpan snapshot) {
  ByteSourceReader reader(ByteSource::borrow(snapshot));
  CW_ASSIGN(const uint64_t magic, reader.get<uint64_t>());
  if (magic != kEngineMagic)
    return failure(Fault::kCorrupt, "are no open rounds of an engine, or of another version");
  CW_ASSIGN(open_, read_all_open(reader, steps, counters_.round));
  step_ = steps;
  return {};
}

/// The open rounds, which end the bytes.
Result<std::deque<Engine::Open>> Engine::read_all_open(ByteSourceReader& reader, int64_t step,
                                                       int64_t round) const {
  CW_ASSIGN(const uint32_t count, reader.get<uint32_t>());
  std::deque<Open> open;
  for (uint32_t i = 0; i < count; ++i) {
    CW_ASSIGN(Open next, read_open(reader, step));
    const bool follows = open.empty() || (next.round > open.back().round &&
                                          std::pair(next.step, next.hook) >
                                              std::pair(open.back().step, open.back().hook));
    if (!follows || next.round > round)
      return failure(Fault::kCorrupt, "round {} cannot be open beside the others", next.round);
    open.push_back(std::move(next));
  }
  if (reader.left() > 0)
    return failure(Fault::kCorrupt, "{} bytes follow the snapshot", reader.left());
  return open;
}

Result<void> Engine::read_channels(ByteSourceReader& reader, EngineCounters& counters,
                                   std::vector<States>& states) const {
  CW_ASSIGN(const uint32_t channels, reader.get<uint32_t>());
  if (channels != states_.size())
    return failure(Fault::kCorrupt, "the snapshot has {} channels; this plan has {}", channels,
                   states_.size());
  for (size_t i = 0; i < states_.size(); ++i) {
    const std::string& channel = plan_.channels()[i].spec.name;
    CW_TRY(expect_name(reader, channel));
    CW_ASSIGN(const int64_t version, get_number(reader, 0, counters.round, "a version"));
    CW_ASSIGN(const int64_t tokens, get_number(reader, 0, INT64_MAX, "a count of tokens"));
    counters.versions.push_back(version);
    counters.tokens_at.push_back(tokens);
    States& next = states.emplace_back();
    for (const auto& [name, entry] : states_[i].entries()) next.declare(entry.spec);
    CW_TRY(read_states(reader, channel, next));
  }
  return {};
}

Result<Engine::Open> Engine::read_open(ByteSourceReader& reader, int64_t step) const {
  Open open;
  CW_ASSIGN(open.round, get_number(reader, 1, kRoundsPerStep * step, "an open round"));
  CW_ASSIGN(open.step, get_number(reader, 1, step, "the step of an open round"));
  CW_ASSIGN(const uint8_t hook, reader.get<uint8_t>());
  if (hook < 1 || hook > kHooks) return failure(Fault::kCorrupt, "got hook {}", hook);
  open.hook = static_cast<Hook>(hook);
  CW_ASSIGN(open.tokens, get_number(reader, 0, INT64_MAX, "a count of tokens"));
  CW_ASSIGN(open.channels, read_open_channels(reader, open, step));
  CW_ASSIGN(const uint32_t count, reader.get<uint32_t>());
  for (uint32_t i = 0; i < count; ++i) {
    CW_ASSIGN(const int32_t channel, reader.get<int32_t>());
    const bool left = std::ranges::binary_search(open.channels, channel);
    if (!left || (i > 0 && channel <= open.sent.back().channel))
      return failure(Fault::kCorrupt, "round {} sent nothing for channel {}", open.round, channel);
    const BoundChannel& bound = plan_.channels()[static_cast<size_t>(channel)];
    const auto kept = static_cast<size_t>(bound.feedback->kept_values(bound.count));
    Sent& sent = open.sent.emplace_back(Sent{channel, large_zeros<float>(kept),
                                             large_zeros<float>(static_cast<size_t>(bound.count))});
    CW_TRY(get_floats(reader, sent.kept));
    CW_TRY(get_floats(reader, sent.decoded));
  }
  return open;
}

/// The channels left to apply of a round that fired: all of them must have fired there, and their
/// turn must be to come.
Result<std::vector<int32_t>> Engine::read_open_channels(ByteSourceReader& reader, const Open& open,
                                                        int64_t step) const {
  std::vector<int32_t> out;
  const auto due = plan_.due(open.hook, open.step);
  CW_ASSIGN(const uint32_t count, reader.get<uint32_t>());
  if (count < 1 || count > due.size())
    return failure(Fault::kCorrupt, "round {} has {} channels", open.round, count);
  for (uint32_t i = 0; i < count; ++i) {
    CW_ASSIGN(const int32_t channel, reader.get<int32_t>());
    const bool fired = std::ranges::binary_search(due, channel);
    if (!fired || (i > 0 && channel <= out.back()) ||
        open.step + plan_.channels()[static_cast<size_t>(channel)].spec.delay <= step)
      return failure(Fault::kCorrupt, "channel {} cannot be open in round {}", channel, open.round);
    out.push_back(channel);
  }
  return out;
}

}  // namespace causeway
