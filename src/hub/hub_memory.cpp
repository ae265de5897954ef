// SPDX-License-Identifier: Apache-2.0
#include "hub/hub_memory.h"

#include <algorithm>

#include "codec/signal.h"
#include "core/heap_bytes.h"
#include "exchange/fold.h"
#include "hub/result_stream.h"
#include "sync/mirror.h"

namespace causeway {
namespace {

// Rounded up from what account.cpp counts. An entry of a map with what its value holds, but for
// texts; a reason, of which messages bound the length.
constexpr int64_t kEntry = 256, kReason = 600;
constexpr int64_t kSmall = 64 << 10;  // constants: settings, spans, headers, deques
constexpr int64_t kGrowth = 2;        // of arrays that grow by doubling
constexpr int64_t kServedMax = 2 << 20;
constexpr int64_t kPassing = 2 << 20;  // pieces of what is read from the disk or written to it

/// What of rounds is there at once.
struct Open {
  int64_t rounds = 0, channels = 0;
  int64_t fold_bytes = 0, result_bytes = 0, up_bytes = 0;
  void add(const Open& other, int64_t sign) {
    rounds += sign * other.rounds;
    channels += sign * other.channels;
    fold_bytes += sign * other.fold_bytes;
    result_bytes += sign * other.result_bytes;
    up_bytes += sign * other.up_bytes;
  }
  void take_larger(const Open& other) {
    rounds = std::max(rounds, other.rounds);
    channels = std::max(channels, other.channels);
    fold_bytes = std::max(fold_bytes, other.fold_bytes);
    result_bytes = std::max(result_bytes, other.result_bytes);
    up_bytes = std::max(up_bytes, other.up_bytes);
  }
};

class Estimate {
 public:
  Estimate(const RoundSchedule& schedule, const HubSettings& settings, int32_t threads)
      : plan_(schedule.plan()),
        settings_(settings),
        threads_(threads),
        members_(plan_.options().workers),
        mirrored_(can_mirror(plan_).ok()) {
    for (const BoundChannel& channel : plan_.channels()) look_at(channel);
    walk(schedule);
  }

  HubMemory memory() const;
  HubDisk disk() const;

 private:
  /// Of one channel.
  struct Sizes {
    int64_t fold_bytes = 0, up_bytes = 0, down_bytes = 0, tile_bytes = 0;
  };

  void look_at(const BoundChannel& channel);
  /// A copy: the hub's own grows no further for being estimated.
  void walk(RoundSchedule schedule);
  int64_t kept_rounds() const;
  int64_t chunks_of(int64_t bytes) const { return bytes / settings_.chunk_bytes + 2; }
  int64_t snapshot_bytes() const;
  int64_t log_bytes() const;
  int64_t member_bytes() const;

  const BoundPlan& plan_;
  const HubSettings& settings_;
  const int64_t threads_, members_;
  const bool mirrored_;
  std::vector<Sizes> channels_;
  int64_t replicated_bytes_ = 0, folder_bytes_ = 0;  // of states
  int64_t signal_bytes_ = 0, tile_bytes_ = 0;        // of the largest channel
  int64_t parcel_bytes_ = 0;                         // of the largest offer of a channel
  int64_t result_bytes_ = 0;                         // of the largest round
  int64_t schedule_bytes_ = 0, rounds_ = 0;
  Open open_;
};

void Estimate::look_at(const BoundChannel& channel) {
  const auto states = [&](const std::vector<StateSpec>& specs) {
    for (const StateSpec& spec : specs) {
      const int64_t bytes = 4 * spec.count + kEntry;
      if (spec.holder == Holder::kReplicated) replicated_bytes_ += bytes;
      if (spec.holder == Holder::kFolder) folder_bytes_ += bytes;
    }
  };
  states(channel.port->states(channel.region.count()));
  states(channel.down_feedback->states(channel.count, Holder::kFolder));
  const int64_t blocks = block_count(*channel.up, channel.count);
  const int64_t block = std::min(channel.up->block_values(), channel.count);
  Sizes sizes;
  const int64_t batch = std::min(channel.count, ChannelFold::kTilesAtOnce * threads_ * block);
  const int64_t encoded = signal_bytes_max(
      *channel.down, std::min(channel.count, batch + channel.down->block_values()));
  const bool feeds_back = !channel.down_feedback->states(channel.count, Holder::kFolder).empty();
  sizes.fold_bytes = 4 * (batch + block) + members_ * (kEntry + kGrowth * 8 * blocks) +
                     kGrowth * encoded + 4 * std::min(channel.count, channel.down->block_values()) +
                     (feeds_back ? 4 * channel.count : 0) + 2 * kEntry;
  sizes.up_bytes = signal_bytes_max(*channel.up, channel.count);
  sizes.down_bytes =
      signal_bytes_max(*channel.down, channel.count) + kGrowth * 16 * members_ + kEntry;
  sizes.tile_bytes = block * (4 * fold_rows(*channel.rule, members_) + 8) + 64 * members_;
  signal_bytes_ = std::max(signal_bytes_, 4 * channel.count);
  tile_bytes_ = std::max(tile_bytes_, sizes.tile_bytes);
  parcel_bytes_ = std::max(parcel_bytes_, sizes.up_bytes);
  channels_.push_back(sizes);
}

/// A round is opened when those are decided that it needs: from there to it all may be open.
void Estimate::walk(RoundSchedule schedule) {  // NOLINT(performance-unnecessary-value-param)
  std::vector<Open> rounds;
  Open now;
  int64_t oldest = 1;
  while (const PlannedRound* round = schedule.round(rounds_ + 1)) {
    Open one{1, std::ssize(round->channels), kEntry, 0, 0};
    int64_t result_bytes = kEntry;
    for (const int32_t channel : round->channels) {
      const Sizes& sizes = channels_[static_cast<size_t>(channel)];
      one.fold_bytes += sizes.fold_bytes;
      one.up_bytes += sizes.up_bytes;
      result_bytes += sizes.down_bytes;
    }
    result_bytes_ = std::max(result_bytes_, result_bytes);
    one.result_bytes = std::min(result_bytes, ResultStream::kSmallBytes);
    one.fold_bytes +=
        kGrowth * (std::min(result_bytes, 2 * ResultStream::kPieceBytes) + one.result_bytes);
    rounds.push_back(one);
    now.add(one, 1);
    for (; oldest <= round->needs; ++oldest) now.add(rounds[static_cast<size_t>(oldest - 1)], -1);
    open_.take_larger(now);
    ++rounds_;
  }
  schedule_bytes_ = schedule.memory_bytes();
}

/// Decisions, with their results. Those since the last snapshot, and as many as asked for; they are
/// let go when there is a new one.
int64_t Estimate::kept_rounds() const {
  const int64_t kept = settings_.retain_rounds + 2 * settings_.snapshot_rounds + open_.rounds + 8;
  return mirrored_ ? std::min(kept, rounds_) : rounds_;
}

int64_t Estimate::snapshot_bytes() const {
  if (!mirrored_) return 4 * plan_.count();
  const auto states = static_cast<int64_t>(mirrored_states(plan_).size());
  return states * (4 * plan_.count() + kEntry) + replicated_bytes_ + kSmall;
}

int64_t Estimate::log_bytes() const {
  constexpr int64_t kRecord = 128, kUsualReason = 64, kPerRound = 3;
  const int64_t parcels = std::ssize(channels_);
  const int64_t member = std::max<int64_t>(20 + 40 * parcels, 8 + kUsualReason);
  const int64_t entries = settings_.log_entries_max + members_;
  const int64_t rounds = std::min(rounds_, entries / kPerRound) + 1;
  return entries * (kRecord + 40 * parcels) + rounds * members_ * member;
}

int64_t Estimate::member_bytes() const {
  const int64_t parcels = std::ssize(channels_);
  // Bytes of a blob lie in chunks as they came, of which the first ones may be small.
  constexpr int64_t kSmallChunks = 1024;
  const int64_t chunk_list =
      kGrowth * 8 * (chunks_of(parcel_bytes_) + std::min<int64_t>(kSmallChunks, parcel_bytes_));
  const int64_t waiting = static_cast<int64_t>(HubMachine::kGatedPerMember) * (kEntry + kReason);
  const int64_t member = 4 * kEntry + kReason + 64 * parcels + waiting;
  const int64_t offer = 4 * kEntry + kReason;
  const int64_t parcel = 4 * kEntry + kReason + chunk_list;
  const int64_t decision =
      2 * kEntry + kReason + kGrowth * 4 * members_ + kGrowth * 8 * chunks_of(result_bytes_);
  return (members_ + 1) * member + members_ * (open_.rounds * offer + open_.channels * parcel) +
         kept_rounds() * decision + kGrowth * 8 * 4 * chunks_of(snapshot_bytes()) + kSmall;
}

HubMemory Estimate::memory() const {
  HubMemory out;
  if (mirrored_) {
    const auto states = static_cast<int64_t>(mirrored_states(plan_).size());
    out.mirror = states * (4 * plan_.count() + kEntry) + replicated_bytes_ + kSmall +
                 std::ssize(channels_) * kEntry;
  }
  out.folder = 3 * folder_bytes_;
  out.folds = open_.fold_bytes;
  const int64_t small = std::min(result_bytes_, ResultStream::kSmallBytes);
  out.results =
      open_.result_bytes + small + (open_.rounds + 1) * (kEntry + kGrowth * 16 * members_);
  // A small result as a blob besides; of channels that feed back what was encoded and what it
  // decodes to, and the folder's states as a blob.
  const int64_t fed_back =
      folder_bytes_ > 0 ? result_bytes_ + signal_bytes_ + 2 * folder_bytes_ : 0;
  const int64_t folding = threads_ * tile_bytes_ + kGrowth * small + fed_back;
  out.passing = std::max({folding, kPassing, 2 * log_bytes()});
  constexpr int64_t kAroundChunk = 512;
  const int64_t window = std::min(settings_.window_bytes, parcel_bytes_);
  out.windows = members_ * open_.channels * (window + chunks_of(window) * kAroundChunk);
  out.serving = std::min(kServedMax, std::max(snapshot_bytes(), result_bytes_));
  out.members = member_bytes();
  out.rounds = schedule_bytes_;
  return out;
}

HubDisk Estimate::disk() const {
  // Checksums: a head, and 8 bytes for each chunk.
  const auto blob = [this](int64_t bytes) { return bytes + 40 + 8 * chunks_of(bytes); };
  HubDisk out;
  out.offers = members_ * (open_.up_bytes + open_.channels * (blob(parcel_bytes_) - parcel_bytes_));
  out.results = kept_rounds() * blob(result_bytes_);
  out.snapshots = 3 * blob(snapshot_bytes());
  out.log = 2 * log_bytes();
  return out;
}

}  // namespace

HubMemory hub_memory(const RoundSchedule& schedule, const HubSettings& settings, int32_t threads) {
  return Estimate(schedule, settings, threads).memory();
}

HubDisk hub_disk(const RoundSchedule& schedule, const HubSettings& settings) {
  return Estimate(schedule, settings, 1).disk();
}

}  // namespace causeway
