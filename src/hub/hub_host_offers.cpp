// SPDX-License-Identifier: Apache-2.0
//
// Offers as they come: into the spool, looked at, and folded ahead.
#include <algorithm>

#include "hub/hub_host.h"

namespace causeway {
namespace {

constexpr int64_t kCoolBytes = 16 << 20;  // of offers that came, before views give memory back

}  // namespace

const Parcel* HubHost::parcel_of(const std::vector<Parcel>& parcels, int32_t channel) {
  for (const Parcel& parcel : parcels)
    if (parcel.channel == channel) return &parcel;
  return nullptr;
}

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

}  // namespace causeway
