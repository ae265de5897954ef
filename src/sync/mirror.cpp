// SPDX-License-Identifier: Apache-2.0
//
// A snapshot: u64 magic | u32 states: name, values | the engine's snapshot, to the end.
#include "sync/mirror.h"

#include <algorithm>
#include <functional>
#include <map>
#include <set>
#include <utility>

#include "core/memory.h"

namespace causeway {
namespace {

constexpr uint64_t kMirrorMagic = 0x314f5252494d5743;  // "CWMIRRO1"
constexpr uint32_t kStatesMax = 1024;
constexpr size_t kMirrorNameMax = 65'536;

constexpr int64_t kFloatBytes = sizeof(float);

Region whole(int64_t count) { return {{{0, count}}}; }

/// A snapshot taken apart, not copied.
struct Parsed {
  std::map<std::string, ByteSource, std::less<>> states;  ///< float32
  ByteSource engine;
};

Result<Parsed> parse(const ByteSource& snapshot, int64_t count) {
  ByteSourceReader reader(snapshot);
  CW_ASSIGN(const uint64_t magic, reader.get<uint64_t>());
  if (magic != kMirrorMagic)
    return failure(Fault::kCorrupt, "is no snapshot of a mirror, or of another version");
  Parsed out;
  CW_ASSIGN(const uint32_t states, reader.get<uint32_t>());
  if (states > kStatesMax) return failure(Fault::kCorrupt, "the snapshot has {} states", states);
  for (uint32_t i = 0; i < states; ++i) {
    CW_ASSIGN(const std::string_view text, reader.get_text(kMirrorNameMax));
    const std::string name(text);
    CW_ASSIGN(const uint64_t values, reader.get<uint64_t>());
    if (values != static_cast<uint64_t>(count))
      return failure(Fault::kCorrupt, "state `{}` has {} values; this model has {}", name, values,
                     count);
    CW_ASSIGN(const ByteSource bytes, reader.slice(kFloatBytes * count));
    if (!out.states.emplace(name, bytes).second)
      return failure(Fault::kCorrupt, "the snapshot has the state `{}` twice", name);
  }
  CW_ASSIGN(out.engine, reader.slice(reader.left()));
  return out;
}

/// The values of a state, some at a time.
Result<void> each_part(const ByteSource& state,
                       const std::function<void(int64_t, std::span<const float>)>& take) {
  constexpr int64_t kPart = int64_t{1} << 18;
  const int64_t count = state.size() / kFloatBytes;
  std::vector<float> part(static_cast<size_t>(std::min(kPart, count)));
  for (int64_t begin = 0; begin < count; begin += kPart) {
    const auto here = std::span(part).first(static_cast<size_t>(std::min(kPart, count - begin)));
    CW_TRY(state.read(kFloatBytes * begin, std::as_writable_bytes(here)));
    take(begin, here);
  }
  return {};
}

/// Those that the plan shares and no others.
Result<void> check_states(const Parsed& parsed, const std::vector<std::string>& names) {
  for (const std::string& name : names)
    if (!parsed.states.contains(name))
      return failure(Fault::kCorrupt, "the snapshot lacks the state `{}`", name);
  if (parsed.states.size() != names.size())
    return failure(Fault::kCorrupt, "the snapshot has {} states; this plan shares {}",
                   parsed.states.size(), names.size());
  return {};
}

int64_t oldest_open_of(const Engine& engine) {
  const auto open = engine.open_rounds();
  return open.empty() ? engine.counters().round + 1 : open.front();
}

}  // namespace

/// Flat arrays for the states that outlive a step.
class Mirror::FlatReplica final : public Replica {
 public:
  FlatReplica(const std::vector<std::string>& names, int64_t count) : count_(count) {
    for (const std::string& name : names)
      arrays_.emplace(name, large_zeros<float>(static_cast<size_t>(count)));
  }

  std::vector<std::string> states() const override {
    std::vector<std::string> out;
    for (const auto& [name, values] : arrays_) out.push_back(name);
    return out;
  }
  void read(std::string_view state, const Region& region, std::span<float> packed) const override {
    const std::vector<float>& from = arrays_.find(state)->second;
    size_t at = 0;
    for (const Span& span : region.spans) {
      std::copy_n(from.begin() + span.begin, span.count, packed.begin() + at);
      at += static_cast<size_t>(span.count);
    }
  }
  void write(std::string_view state, const Region& region, std::span<const float> packed) override {
    std::vector<float>& to = arrays_.find(state)->second;
    size_t at = 0;
    for (const Span& span : region.spans) {
      std::copy_n(packed.begin() + at, span.count, to.begin() + span.begin);
      at += static_cast<size_t>(span.count);
    }
  }
  void reset_optimizer() override {
    for (auto& [name, values] : arrays_)
      if (name != "x") std::ranges::fill(values, 0.0F);
  }

  std::span<float> edit(const std::string& state) { return arrays_.at(state); }
  int64_t count() const { return count_; }
  int64_t memory_bytes() const {
    int64_t bytes = static_cast<int64_t>(sizeof(*this)) + heap_bytes(arrays_);
    for (const auto& [name, values] : arrays_) bytes += heap_bytes(name) + heap_bytes(values);
    return bytes;
  }

 private:
  const int64_t count_;
  std::map<std::string, std::vector<float>, std::less<>> arrays_;
};

/// Knows what was decided, and nothing else.
class Mirror::Decisions final : public Exchange {
 public:
  void put(int64_t round, std::shared_ptr<const Commit> commit) {
    commits_.emplace(round, std::move(commit));
  }
  bool aborted(int64_t round) const {
    const auto found = commits_.find(round);
    return found != commits_.end() && found->second == nullptr;
  }

  void launch(Offer offer) override {
    CW_CHECK(false, "a silent member has an offer for round {}", offer.round);
  }
  Poll poll(int64_t round, WorkerId, const Commit*& commit) override {
    const auto found = commits_.find(round);
    if (found == commits_.end()) return Poll::kPending;
    commit = found->second.get();
    return commit == nullptr ? Poll::kAborted : Poll::kReady;
  }
  void settled(int64_t round, WorkerId, const Digest& replicated) override {
    commits_.erase(round);
    settled_[round] = replicated;
  }
  bool expects(int64_t, WorkerId) const override { return false; }
  std::map<int64_t, Digest> take_settled() { return std::exchange(settled_, {}); }
  int64_t memory_bytes() const {
    int64_t bytes =
        static_cast<int64_t>(sizeof(*this)) + heap_bytes(commits_) + heap_bytes(settled_);
    for (const auto& [round, commit] : commits_)
      if (commit != nullptr) bytes += causeway::memory_bytes(*commit);
    return bytes;
  }

 private:
  std::map<int64_t, std::shared_ptr<const Commit>> commits_;
  std::map<int64_t, Digest> settled_;
};

Result<void> can_mirror(const BoundPlan& plan) {
  for (const BoundChannel& channel : plan.channels())
    if (!channel.port->follows() || channel.group->parted())
      return failure(Fault::kBadInput,
                     "channel `{}` exchanges gradients, or what differs between workers: what a "
                     "consensus does to the parameters only a worker knows",
                     channel.spec.name);
  return {};
}

std::vector<std::string> mirrored_states(const BoundPlan& plan) {
  std::set<std::string> names{"x"};
  for (const BoundChannel& channel : plan.channels()) names.emplace(channel.port->reads());
  return {names.begin(), names.end()};
}

Mirror::Mirror(const BoundPlan& plan, std::unique_ptr<FlatReplica> replica)
    : plan_(plan),
      replica_(std::move(replica)),
      decisions_(std::make_unique<Decisions>()),
      engine_(plan, kFollower, *replica_, *decisions_) {}

Mirror::Mirror(const BoundPlan& plan, int64_t count, const Replica& first)
    : Mirror(plan, [&] {
        const auto mirrored = can_mirror(plan);
        CW_CHECK(mirrored.ok(), "{}", mirrored.error().message);
        CW_CHECK(count == plan.count(), "{} values; the plan has {}", count, plan.count());
        const auto names = mirrored_states(plan);
        auto replica = std::make_unique<FlatReplica>(names, count);
        for (const std::string& name : names) first.read(name, whole(count), replica->edit(name));
        return replica;
      }()) {}

Mirror::~Mirror() = default;

Result<std::unique_ptr<Mirror>> Mirror::open(const BoundPlan& plan, int64_t count,
                                             const ByteSource& snapshot) {
  CW_TRY(can_mirror(plan));
  CW_CHECK(count == plan.count(), "{} values; the plan has {}", count, plan.count());
  CW_ASSIGN(const Parsed parsed, parse(snapshot, count));
  const auto names = mirrored_states(plan);
  CW_TRY(check_states(parsed, names));
  auto replica = std::make_unique<FlatReplica>(names, count);
  for (const auto& [name, bytes] : parsed.states)
    CW_TRY(bytes.read(0, std::as_writable_bytes(replica->edit(name))));
  std::unique_ptr<Mirror> out(new Mirror(plan, std::move(replica)));
  CW_TRY(out->engine_.restore(parsed.engine));
  out->round_ = out->oldest_open() - 1;
  return out;
}

void Mirror::decide(int64_t round, std::shared_ptr<const Commit> commit) {
  CW_CHECK(round == round_ + 1, "round {} was decided after round {}", round, round_);
  CW_CHECK(commit == nullptr || commit->round == round, "the commit of round {} came as that of {}",
           commit == nullptr ? 0 : commit->round, round);
  CW_CHECK(!plan_.channels().empty(), "a plan without channels has no round {}", round);
  round_ = round;
  const auto open = engine_.open_rounds();
  // A mirror that was opened from a snapshot has applied some rounds behind its oldest open one.
  if (round <= engine_.counters().round && !std::ranges::binary_search(open, round)) return;
  decisions_->put(round, std::move(commit));
  const int64_t last = reach();
  while (engine_.steps() < last) {
    const int64_t step = engine_.steps() + 1;
    for (const Hook hook : {Hook::kAfterBackward, Hook::kBeforeUpdate, Hook::kAfterUpdate})
      CW_CHECK(engine_.at(hook, step, 0) != Go::kWait, "step {} needs more than round {}", step,
               round_);
  }
}

/// The last step that can be finished and in which a decided round is applied.
int64_t Mirror::reach() const {
  std::vector<OpenRound> open = engine_.open();
  int64_t launched = engine_.counters().round, last = engine_.steps();
  for (int64_t step = last + 1;
       step <= last_step_ && (launched < round_ || (!open.empty() && open.front().round <= round_));
       ++step) {
    const auto applied = pass_step(plan_, step, launched, open);
    if (applied.empty()) continue;
    if (std::ranges::max(applied) > round_) break;
    last = step;
    std::erase_if(open, [&](const OpenRound& one) {
      return std::ranges::count(applied, one.round) > 0 && decisions_->aborted(one.round);
    });
  }
  return last;
}

std::map<int64_t, Digest> Mirror::take_settled() { return decisions_->take_settled(); }

int64_t Mirror::steps() const { return engine_.steps(); }
int64_t Mirror::round() const { return round_; }
int64_t Mirror::oldest_open() const { return oldest_open_of(engine_); }
Digest Mirror::replicated_digest() const { return engine_.replicated_digest(); }

int64_t Mirror::memory_bytes() const {
  return replica_->memory_bytes() + decisions_->memory_bytes() + engine_.memory_bytes();
}

Digest Mirror::digest_of_state(const std::string& state) const {
  return digest_of(std::as_bytes(replica_->edit(state)));
}

Result<void> Mirror::save(const std::function<Result<void>(ByteSpan)>& write) const {
  const auto names = replica_->states();
  Bytes head;
  ByteWriter(head).put(kMirrorMagic);
  ByteWriter(head).put(static_cast<uint32_t>(names.size()));
  for (const std::string& name : names) {
    ByteWriter(head).put_text(name);
    const std::span<const float> values = replica_->edit(name);
    ByteWriter(head).put(static_cast<uint64_t>(values.size()));
    CW_TRY(write(head));
    head.clear();
    CW_TRY(write(std::as_bytes(values)));
  }
  return engine_.save(write);
}

Bytes Mirror::snapshot() const {
  Bytes out;
  const auto saved = save([&out](ByteSpan bytes) {
    out.insert(out.end(), bytes.begin(), bytes.end());
    return Result<void>();
  });
  CW_CHECK(saved.ok());
  return out;
}

Result<Joined> join(ByteSpan snapshot, const BoundPlan& plan, Replica& replica, Engine& engine) {
  const ByteSource source(SharedBytes(nullptr, snapshot));
  CW_ASSIGN(const Parsed parsed, parse(source, plan.count()));
  const auto names = mirrored_states(plan);
  CW_TRY(check_states(parsed, names));
  const auto has = replica.states();
  for (const std::string& name : names)
    CW_CHECK(std::ranges::count(has, name) > 0, "the plan shares `{}`, the replica has none", name);
  CW_TRY(engine.restore(parsed.engine));
  replica.reset_optimizer();
  for (const auto& [name, bytes] : parsed.states) {
    const auto written = each_part(bytes, [&](int64_t begin, std::span<const float> values) {
      replica.write(name, Region{{{begin, std::ssize(values)}}}, values);
    });
    CW_CHECK(written.ok(), "{}", written.error().message);
  }
  return Joined{engine.steps(), oldest_open_of(engine) - 1};
}

}  // namespace causeway
