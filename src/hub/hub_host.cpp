// SPDX-License-Identifier: Apache-2.0
#include "hub/hub_host.h"

#include <algorithm>

#include "core/fields.h"

namespace causeway {
namespace {

constexpr int64_t kServedBytes = 1 << 20;  // pieces of blobs begin at multiples of it

/// The folder's own states of all channels, as a blob.
struct FolderStates {
  std::vector<std::map<std::string, std::vector<float>>> channels;
};
void each_field(auto&& visit, FolderStates& s) { visit(s.channels); }
void each_field(auto&& visit, const FolderStates& s) { visit(s.channels); }

bool any(const std::vector<States>& states) {
  return std::any_of(states.begin(), states.end(),
                     [](const States& one) { return !one.entries().empty(); });
}

Bytes encode_states(const std::vector<States>& states) {
  FolderStates out;
  for (const States& one : states) {
    auto& channel = out.channels.emplace_back();
    for (const auto& [name, entry] : one.entries()) channel[name] = entry.values;
  }
  return write_fields(out);
}

Result<void> decode_states(ByteSpan bytes, std::vector<States>& states) {
  CW_ASSIGN(const FolderStates in, read_fields<FolderStates>(bytes));
  bool fits = in.channels.size() == states.size();
  for (size_t i = 0; fits && i < states.size(); ++i) {
    fits = in.channels[i].size() == states[i].entries().size();
    for (const auto& [name, values] : in.channels[i]) {
      const auto& entries = states[i].entries();
      const auto found = entries.find(name);
      fits = fits && found != entries.end() && found->second.values.size() == values.size();
    }
  }
  if (!fits) return failure(Fault::kCorrupt, "the folder's states are not those of this plan");
  for (size_t i = 0; i < states.size(); ++i)
    for (const auto& [name, values] : in.channels[i])
      std::copy(values.begin(), values.end(), states[i].edit(name).begin());
  return {};
}

const Parcel* parcel_of(const std::vector<Parcel>& parcels, int32_t channel) {
  for (const Parcel& parcel : parcels)
    if (parcel.channel == channel) return &parcel;
  return nullptr;
}

}  // namespace

HubHost::HubHost(const BoundPlan& plan, int64_t layout_count, DurableLog& log, Spool& spool,
                 Threads& threads, Gates gates)
    : plan_(plan),
      layout_count_(layout_count),
      log_(log),
      spool_(spool),
      threads_(threads),
      gates_(gates) {
  for (const BoundChannel& channel : plan.channels()) {
    States& states = states_.emplace_back();
    for (StateSpec& spec : channel.down_feedback->states(channel.count, Holder::kFolder))
      states.declare(std::move(spec));
  }
}

HubHost::~HubHost() = default;

// ---- Starting again.

Result<std::unique_ptr<HubMachine>> HubHost::recover(const HubSettings& settings,
                                                     const RoundSchedule& schedule,
                                                     int64_t now_ms) {
  CW_ASSIGN(std::unique_ptr<HubMachine> machine,
            HubMachine::recover(settings, schedule, log_.entries(), spool_.ids(), now_ms));
  log_.forget_entries();
  const Ledger& ledger = machine->ledger();
  if (ledger.folder.bytes > 0) {
    const BlobId blob{kHubOwner, ledger.folder.digest};
    CW_TRY(spool_.verify(blob));
    CW_ASSIGN(const ByteSpan bytes, spool_.view(blob));
    CW_TRY(decode_states(bytes, states_));
  }
  CW_TRY(recover_mirror(settings, ledger));
  return machine;
}

Result<void> HubHost::recover_mirror(const HubSettings& settings, const Ledger& ledger) {
  if (!can_mirror(plan_)) return {};
  const BlobRef from = ledger.snapshot.bytes > 0 ? ledger.snapshot : settings.genesis;
  const BlobId blob{kHubOwner, from.digest};
  CW_TRY(spool_.verify(blob));
  CW_ASSIGN(const ByteSpan snapshot, spool_.view(blob));
  CW_ASSIGN(mirror_, Mirror::open(plan_, layout_count_, snapshot));
  mirror_->end_at(settings.steps);
  for (const auto& [round, decision] : ledger.decisions) {
    if (round <= ledger.snapshot_round) continue;
    std::shared_ptr<const Commit> commit;
    if (decision.committed) {
      CW_ASSIGN(commit, read_result({kHubOwner, decision.result.digest}, round));
    }
    mirror_->decide(round, std::move(commit));
  }
  return {};
}

Result<std::shared_ptr<const Commit>> HubHost::read_result(const BlobId& blob, int64_t round) {
  CW_TRY(spool_.verify(blob));
  CW_ASSIGN(const ByteSpan bytes, spool_.view(blob));
  CW_ASSIGN(Commit commit, decode_commit(bytes));
  if (commit.round != round)
    return failure(Fault::kCorrupt, "the result of round {} says that it is of round {}", round,
                   commit.round);
  return std::shared_ptr<const Commit>(std::make_shared<Commit>(std::move(commit)));
}

// ---- What was asked.

void HubHost::start(const HubOutput& output) {
  std::visit(
      [this](const auto& one) {
        if constexpr (requires { begin(one); }) begin(one);
      },
      output);
}

std::optional<HubInput> HubHost::finish(const HubOutput& output) {
  return std::visit(
      [this](const auto& one) -> std::optional<HubInput> {
        if constexpr (requires { end(one); })
          return end(one);
        else
          return std::nullopt;
      },
      output);
}

Result<SharedBytes> HubHost::chunk(const SendChunk& request) {
  const BlobId& blob = request.blob;
  const auto progress = spool_.progress(blob);
  if (!progress || !progress->complete() || request.offset < 0)
    return failure(Fault::kCorrupt, "blob {} of the hub is not whole", blob.digest.hex());
  if (request.offset >= progress->bytes_total) return SharedBytes();
  const int64_t end = std::min(request.offset + request.bytes, progress->bytes_total);
  const auto has = [&] {
    return served_.blob == blob && served_.offset <= request.offset &&
           end <= served_.offset + served_.bytes.size();
  };
  if (!has()) {
    const int64_t from = request.offset - request.offset % kServedBytes;
    const int64_t to = (end + kServedBytes - 1) / kServedBytes * kServedBytes;
    served_ = {};
    CW_ASSIGN(Bytes bytes, spool_.read(blob, from, to - from));
    served_ = {blob, from, SharedBytes(std::move(bytes))};
  }
  return served_.bytes.slice(request.offset - served_.offset, end - request.offset);
}

void HubHost::begin(const Append& append) {
  if (log_trouble_) return;
  const auto done = append.restart ? log_.restart(append.sequence, append.record)
                                   : log_.append(append.sequence, append.record);
  if (!done) log_trouble_ = done.error();
}

std::optional<HubInput> HubHost::end(const Append& append) {
  if (!log_trouble_)
    if (const auto synced = log_.sync(); !synced) log_trouble_ = synced.error();
  if (log_trouble_) return LogFailed{*log_trouble_};
  return Logged{append.sequence};
}

// ---- Offers.

void HubHost::begin(const OpenBlob& open) {
  blob_troubles_.erase(open.blob);
  if (const auto opened = spool_.open(open.blob, open.parcel.bytes); !opened) {
    blob_troubles_.emplace(open.blob, opened.error());
    return;
  }
  if (const auto round = rounds_.find(open.round); round != rounds_.end())
    static_cast<void>(extend(round->second, open.blob.owner, open.parcel));
}

std::optional<HubInput> HubHost::end(const OpenBlob& open) { return synced(open.blob); }

void HubHost::begin(const Store& store) {
  if (blob_troubles_.contains(store.blob)) return;
  if (const auto written = spool_.write(store.blob, store.offset, store.bytes.view()); !written) {
    blob_troubles_.emplace(store.blob, written.error());
    return;
  }
  for (auto& [number, round] : rounds_)
    if (const auto offer = round.offers.find(store.blob.owner); offer != round.offers.end())
      for (const Parcel& parcel : std::vector<Parcel>(offer->second))
        if (parcel.digest == store.blob.digest)
          static_cast<void>(extend(round, store.blob.owner, parcel));
}

std::optional<HubInput> HubHost::end(const Store& store) {
  for (auto& [number, round] : rounds_)
    if (round.offers.contains(store.blob.owner))
      for (auto& [channel, fold] : round.channels) fold.fold_ahead(threads_);
  return synced(store.blob);
}

std::optional<HubInput> HubHost::synced(const BlobId& blob) {
  if (const auto trouble = blob_troubles_.find(blob); trouble != blob_troubles_.end())
    return StoreFailed{blob, trouble->second};
  if (!spool_.progress(blob)) return std::nullopt;
  const auto durable = spool_.sync(blob);
  if (!durable) return StoreFailed{blob, durable.error()};
  return Stored{blob, *durable};
}

void HubHost::begin(const DropBlob& drop) {
  for (auto& [number, round] : rounds_)
    if (const auto offer = round.offers.find(drop.blob.owner); offer != round.offers.end())
      for (const Parcel& parcel : offer->second)
        if (const auto fold = round.channels.find(parcel.channel);
            fold != round.channels.end() && parcel.digest == drop.blob.digest)
          static_cast<void>(fold->second.extend(drop.blob.owner, parcel.weight, {}));
  // A file that cannot be removed now is an orphan when the hub starts next.
  static_cast<void>(spool_.drop(drop.blob));
  blob_troubles_.erase(drop.blob);
}

void HubHost::begin(const Expect& expect) {
  if (!expect.workers.empty())
    rounds_[expect.round].expected = {expect.workers.begin(), expect.workers.end()};
}

/// Gives the fold all that is there of a parcel. Nobody is told of what is wrong before the whole
/// is checked.
Result<void> HubHost::extend(RoundFold& fold, WorkerId worker, const Parcel& parcel) {
  if (!fold.expected.contains(worker)) expect_also(fold, worker);
  std::vector<Parcel>& known = fold.offers[worker];
  if (const Parcel* before = parcel_of(known, parcel.channel);
      before != nullptr && *before != parcel) {
    // Another offer than the one before it, which was struck or fenced.
    fold.channels.clear();
    std::erase_if(known, [&](const Parcel& one) { return one.channel == parcel.channel; });
  }
  if (parcel_of(known, parcel.channel) == nullptr) known.push_back(parcel);
  ChannelFold& channel = channel_fold(fold, parcel.channel);
  CW_ASSIGN(const ByteSpan bytes, spool_.view({worker, parcel.digest}));
  return channel.extend(worker, parcel.weight, bytes);
}

/// Begun from all that is known of its offers, if it is not there: others had come than were
/// expected.
ChannelFold& HubHost::channel_fold(RoundFold& fold, int32_t index) {
  const auto found = fold.channels.find(index);
  if (found != fold.channels.end()) return found->second;
  const BoundChannel& channel = plan_.channels()[static_cast<size_t>(index)];
  const std::vector<WorkerId> expected(fold.expected.begin(), fold.expected.end());
  ChannelFold& made = fold.channels.emplace(index, ChannelFold(channel, expected)).first->second;
  for (const auto& [worker, parcels] : fold.offers) {
    const Parcel* parcel = parcel_of(parcels, index);
    if (parcel == nullptr) continue;
    if (const auto view = spool_.view({worker, parcel->digest}); view)
      static_cast<void>(made.extend(worker, parcel->weight, *view));
  }
  return made;
}

/// A worker that came after the round was opened.
void HubHost::expect_also(RoundFold& fold, WorkerId worker) {
  fold.expected.insert(worker);
  fold.channels.clear();
}

Result<void> HubHost::check(const Check& check) {
  RoundFold& round = rounds_[check.round];
  for (const Parcel& parcel : check.parcels) {
    const auto verified = spool_.verify({check.worker, parcel.digest});
    // Verifying may have cut the blob back.
    const auto extended = extend(round, check.worker, parcel);
    if (!verified) return verified.error();
    const std::string& name = plan_.channels()[static_cast<size_t>(parcel.channel)].spec.name;
    const ChannelFold& fold = round.channels.at(parcel.channel);
    if (!extended)
      return failure(Fault::kBadInput, "channel `{}`: {}", name, extended.error().message);
    if (!fold.complete(check.worker))
      return failure(Fault::kBadInput, "channel `{}`: blocks are missing", name);
    const double squared = fold.squared_norm(check.worker);
    if (gates_.norm_max > 0 && !(squared <= gates_.norm_max * gates_.norm_max))
      return failure(Fault::kNumeric, "channel `{}`: its squared norm is {:.3g}, allowed {:.3g}",
                     name, squared, gates_.norm_max * gates_.norm_max);
  }
  for (auto& [channel, fold] : round.channels) fold.fold_ahead(threads_);
  return {};
}

std::optional<HubInput> HubHost::end(const Check& request) {
  const auto checked = check(request);
  Checked out{request.round, request.stage, request.worker, request.epoch, {}};
  if (!checked) out.trouble = checked.error();
  return out;
}

// ---- Rounds.

Result<Commit> HubHost::fold(const Fold& request, std::vector<WorkerId>& damaged) {
  RoundFold& round = rounds_[request.round];
  for (const ClosedMember& member : request.members) {
    for (const Parcel& parcel : member.parcels) {
      const bool whole = spool_.verify({member.worker, parcel.digest}).ok();
      const bool good = extend(round, member.worker, parcel).ok() &&
                        round.channels.at(parcel.channel).complete(member.worker);
      if ((!whole || !good) && (damaged.empty() || damaged.back() != member.worker))
        damaged.push_back(member.worker);
    }
  }
  Commit commit{request.round, {}};
  if (!damaged.empty()) return commit;
  next_states_ = states_;
  for (const int32_t index : request.channels) {
    std::vector<WorkerId> ids;
    std::vector<Member> members;
    for (const ClosedMember& member : request.members)
      if (const Parcel* parcel = parcel_of(member.parcels, index)) {
        ids.push_back(member.worker);
        members.push_back({member.worker, parcel->weight});
      }
    if (ids.empty())
      return failure(Fault::kTooFew, "channel `{}` has no offer",
                     plan_.channels()[static_cast<size_t>(index)].spec.name);
    ChannelFold& fold = channel_fold(round, index);
    auto consensus = fold.finish(ids, threads_);
    tiles_refolded_ += fold.tiles_refolded();
    if (!consensus) {
      damaged.push_back(fold.damaged().value_or(ids.front()));
      return commit;
    }
    commit.results.push_back(encode_consensus(plan_, request.round, index, std::move(members),
                                              *consensus,
                                              next_states_[static_cast<size_t>(index)]));
  }
  return commit;
}

std::optional<HubInput> HubHost::end(const Fold& request) {
  Folded out{request.round, request.stage, {}, {}, {}, {}};
  const auto store = [&]() -> Result<void> {
    CW_ASSIGN(Commit commit, fold(request, out.damaged));
    if (!out.damaged.empty()) return {};
    if (any(next_states_)) {
      CW_ASSIGN(out.folder, keep(encode_states(next_states_)));
    }
    CW_ASSIGN(out.result, keep(encode_commit(commit)));
    next_commit_ = std::make_shared<Commit>(std::move(commit));
    return {};
  };
  if (const auto stored = store(); !stored) out.trouble = stored.error();
  return out;
}

Result<BlobRef> HubHost::keep(const Bytes& bytes) {
  const BlobRef ref{digest_of(bytes), std::ssize(bytes)};
  CW_TRY(spool_.put({kHubOwner, ref.digest}, bytes));
  return ref;
}

std::optional<HubInput> HubHost::end(const Advance& advance) {
  rounds_.erase(rounds_.begin(), rounds_.upper_bound(advance.round));
  std::shared_ptr<const Commit> commit;
  if (advance.committed) {
    CW_CHECK(next_commit_ != nullptr && next_commit_->round == advance.round,
             "round {} was not the last one folded", advance.round);
    commit = std::move(next_commit_);
    states_ = std::move(next_states_);
  }
  if (mirror_ == nullptr) return std::nullopt;
  mirror_->decide(advance.round, std::move(commit));
  return Mirrored{mirror_->take_settled()};
}

std::optional<HubInput> HubHost::end(const TakeSnapshot&) {
  if (mirror_ == nullptr) return Snapshotted{};
  const auto kept = keep(mirror_->snapshot());
  if (!kept) return Snapshotted{};
  return Snapshotted{mirror_->oldest_open() - 1, *kept};
}

}  // namespace causeway
