// SPDX-License-Identifier: Apache-2.0
#include "hub/hub_host.h"

#include <algorithm>

#include "core/fields.h"
#include "exchange/commit_blob.h"

namespace causeway {
namespace {

constexpr int64_t kCoolBytes = 16 << 20;   // of offers that came, before views give memory back
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

// ---- Offers.

void HubHost::begin(const OpenBlob& open) {
  blob_troubles_.erase(open.blob);
  arrivals_.erase(open.blob);
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
  if (Arrival& arrival = arrivals_[store.blob]; arrival.bytes == store.offset) {
    arrival.bytes += store.bytes.size();
    arrival.hasher.add(store.bytes.view());
  }
  for (auto& [number, round] : rounds_)
    if (const auto offer = round.offers.find(store.blob.owner); offer != round.offers.end())
      for (const Parcel& parcel : std::vector<Parcel>(offer->second))
        if (parcel.digest == store.blob.digest)
          static_cast<void>(extend(round, store.blob.owner, parcel));
  looked_at_bytes_ += store.bytes.size();
  if (looked_at_bytes_ < kCoolBytes) return;
  looked_at_bytes_ = 0;
  spool_.cool();
}

std::optional<HubInput> HubHost::end(const Store& store) {
  for (auto& [number, round] : rounds_)
    if (round.offers.contains(store.blob.owner)) fold_ahead(number, round);
  return synced(store.blob);
}

HubHost::RoundFold& HubHost::round_of(int64_t number) {
  return rounds_.try_emplace(number, plan_, number, states_, spool_).first->second;
}

void HubHost::begin_anew(RoundFold& round) {
  round.stream.begin_anew();
  for (auto& [channel, fold] : round.channels) fold.restart();
}

/// Of the round that is decided next: what the folder has of its own is then as that needs it.
void HubHost::fold_ahead(int64_t number, RoundFold& round) {
  if (number != decided_ + 1) return;
  if (round.stream.spoilt()) begin_anew(round);
  while (const auto channel = round.stream.current()) {
    const auto found = round.channels.find(*channel);
    if (found == round.channels.end()) return;
    found->second.fold_ahead(threads_);
    if (round.stream.spoilt() || !found->second.all_given()) return;
    round.stream.end_channel(found->second.members());
  }
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
      for (const Parcel& parcel : offer->second) {
        // No fold: it was of others, and the next one finds what is there by then.
        const auto fold = round.channels.find(parcel.channel);
        if (parcel.digest == drop.blob.digest && fold != round.channels.end())
          static_cast<void>(fold->second.extend(drop.blob.owner, parcel.weight, {}));
      }
  // A file that cannot be removed now is an orphan when the hub starts next.
  static_cast<void>(spool_.drop(drop.blob));
  arrivals_.erase(drop.blob);
  blob_troubles_.erase(drop.blob);
}

void HubHost::begin(const Expect& expect) {
  if (expect.workers.empty()) return;
  RoundFold& round = round_of(expect.round);
  round.expected = {expect.workers.begin(), expect.workers.end()};
  round.stream.expect(expect.channels);
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
    fold.stream.spoil();
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
  ChannelFold& made =
      fold.channels.try_emplace(index, channel, expected, fold.stream.taker(index)).first->second;
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
  fold.stream.spoil();
}

/// Of a whole blob. What came in one piece since the hub started was hashed on its way, and is not
/// read again: each of its blocks has a checksum that is compared when it is folded.
Result<void> HubHost::check_digest(const BlobId& blob) {
  const auto arrival = arrivals_.find(blob);
  const auto progress = spool_.progress(blob);
  if (arrival == arrivals_.end() || !progress || arrival->second.bytes != progress->bytes_total)
    return spool_.verify(blob);
  const bool right = arrival->second.hasher.digest() == blob.digest;
  arrivals_.erase(arrival);
  // Cuts it back: the sender lied.
  return right ? Result<void>() : spool_.verify(blob);
}

Result<void> HubHost::check(const Check& check) {
  RoundFold& round = round_of(check.round);
  for (const Parcel& parcel : check.parcels) {
    const auto verified = check_digest({check.worker, parcel.digest});
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
  fold_ahead(check.round, round);
  return {};
}

std::optional<HubInput> HubHost::end(const Check& request) {
  const auto checked = check(request);
  Checked out{request.round, request.stage, request.worker, request.epoch, {}};
  if (!checked) out.trouble = checked.error();
  return out;
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
    CW_ASSIGN(const auto writer, spool_.begin());
    CW_TRY(mirror_->save([&](ByteSpan bytes) { return writer->append(bytes); }));
    CW_ASSIGN(const BlobId id, writer->finish());
    return BlobRef{id.digest, spool_.progress(id)->bytes_total};
  };
  const auto kept = keep_mirror();
  if (!kept) return Snapshotted{};
  return Snapshotted{mirror_->oldest_open() - 1, *kept};
}

}  // namespace causeway
