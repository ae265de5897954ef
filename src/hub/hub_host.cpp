// SPDX-License-Identifier: Apache-2.0
#include "hub/hub_host.h"

#include <algorithm>

#include "core/fields.h"
#include "exchange/commit_blob.h"

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
  decided_ = ledger.decided;
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
  CW_ASSIGN(mirror_, Mirror::open(plan_, layout_count_, spool_source(spool_, blob)));
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
  CW_ASSIGN(Commit commit, decode_commit(spool_source(spool_, blob)));
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

// ---- Rounds.

bool HubHost::is_whole(RoundFold& round, const ClosedMember& member) {
  return std::ranges::all_of(member.parcels, [&](const Parcel& parcel) {
    return channel_fold(round, parcel.channel).complete(member.worker);
  });
}

/// All channels into the stream, from the members of the close. What was folded ahead from these
/// very members stays.
Result<void> HubHost::fold_channels(const Fold& request, RoundFold& round,
                                    std::vector<WorkerId>& damaged) {
  if (round.stream.spoilt()) begin_anew(round);
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
    const auto finished = fold.finish(ids, threads_);
    if (round.stream.spoilt()) return {};
    if (!finished) {
      damaged.push_back(fold.damaged().value_or(ids.front()));
      return {};
    }
    if (round.stream.current() == index) round.stream.end_channel(std::move(members));
  }
  return {};
}

Result<void> HubHost::fold(const Fold& request, std::vector<WorkerId>& damaged) {
  RoundFold& round = round_of(request.round);
  round.stream.expect(request.channels);
  for (const ClosedMember& member : request.members)
    for (const Parcel& parcel : member.parcels)
      static_cast<void>(extend(round, member.worker, parcel));
  // Not before all are there: one who was not expected has the others read anew.
  for (const ClosedMember& member : request.members)
    if (!is_whole(round, member)) damaged.push_back(member.worker);
  if (!damaged.empty()) return {};
  // Once more if what was folded ahead was from others.
  do {
    CW_TRY(fold_channels(request, round, damaged));
  } while (round.stream.spoilt());
  for (const auto& [channel, fold] : round.channels) tiles_refolded_ += fold.tiles_refolded();
  return {};
}

/// To what is good of their bytes: what is missing is asked for again.
void HubHost::cut_back(const Fold& request, const std::vector<WorkerId>& damaged) {
  for (const ClosedMember& member : request.members)
    if (std::ranges::find(damaged, member.worker) != damaged.end())
      for (const Parcel& parcel : member.parcels)
        static_cast<void>(spool_.verify({member.worker, parcel.digest}));
}

std::optional<HubInput> HubHost::end(const Fold& request) {
  Folded out{request.round, request.stage, {}, {}, {}, {}};
  const auto store = [&]() -> Result<void> {
    CW_TRY(fold(request, out.damaged));
    if (!out.damaged.empty()) {
      cut_back(request, out.damaged);
      return {};
    }
    ResultStream& stream = round_of(request.round).stream;
    auto kept = stream.finish();
    stream.spoil();
    if (!kept) return kept.error();
    next_ = *std::move(kept);
    if (any(next_->states)) {
      CW_ASSIGN(out.folder, keep(encode_states(next_->states)));
    }
    out.result = next_->result;
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

/// A large result is read from the disk once more: what it has there is what was written.
Result<void> HubHost::read_through(const Commit& commit) {
  const bool held = std::ranges::all_of(
      commit.results, [](const ChannelResult& result) { return result.bytes.in_memory(); });
  return held ? Result<void>() : spool_.verify({kHubOwner, next_->result.digest});
}

std::optional<HubInput> HubHost::end(const Advance& advance) {
  rounds_.erase(rounds_.begin(), rounds_.upper_bound(advance.round));
  decided_ = advance.round;
  std::shared_ptr<const Commit> commit;
  if (advance.committed) {
    CW_CHECK(next_ && next_->commit.round == advance.round, "round {} was not the last one folded",
             advance.round);
    if (const auto read = read_through(next_->commit); !read)
      return LogFailed{failure(read.error().fault, "the result of round {}: {}", advance.round,
                               read.error().message)};
    commit = std::make_shared<Commit>(std::move(next_->commit));
    states_ = std::move(next_->states);
    next_.reset();
  }
  if (mirror_ == nullptr) return std::nullopt;
  mirror_->decide(advance.round, std::move(commit));
  return Mirrored{mirror_->take_settled()};
}

std::optional<HubInput> HubHost::end(const TakeSnapshot&) {
  if (mirror_ == nullptr) return Snapshotted{};
  const auto keep_mirror = [this]() -> Result<BlobRef> {
    CW_ASSIGN(const auto writer, spool_.begin(snapshot_bytes_));
    CW_TRY(mirror_->save([&](ByteSpan bytes) { return writer->append(bytes); }));
    CW_ASSIGN(const BlobId id, writer->finish());
    snapshot_bytes_ = spool_.progress(id)->bytes_total;
    return BlobRef{id.digest, snapshot_bytes_};
  };
  const auto kept = keep_mirror();
  if (!kept) return Snapshotted{};
  return Snapshotted{mirror_->oldest_open() - 1, *kept};
}

}  // namespace causeway
