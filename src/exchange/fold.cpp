// SPDX-License-Identifier: Apache-2.0
#include "exchange/fold.h"

#include <algorithm>
#include <cstring>
#include <memory>
#include <mutex>
#include <set>

#include "codec/signal.h"
#include "core/heap_bytes.h"
#include "core/memory.h"
#include "core/random.h"
#include "core/squared_norm.h"
#include "exchange/fold_tile.h"

namespace causeway {
namespace {

constexpr size_t kFrameBytes = 8;  // before each block: codec/signal.h

}  // namespace

int64_t fold_rows(const Rule& rule, int64_t members) {
  // As many as `mean` reads side by side.
  constexpr int64_t kGroup = 8;
  return rule.adds() ? std::min(members, kGroup) : members;
}

ChannelFold::ChannelFold(const BoundChannel& channel, std::vector<WorkerId> expected,
                         ConsensusTaker& taker)
    : channel_(channel),
      taker_(taker),
      tiles_(static_cast<size_t>(block_count(*channel.up, channel.count))) {
  std::sort(expected.begin(), expected.end());
  CW_CHECK(!expected.empty(), "nobody is expected");
  CW_CHECK(std::adjacent_find(expected.begin(), expected.end()) == expected.end(),
           "a worker is expected twice");
  for (const WorkerId id : expected) {
    chosen_.push_back(rows_.size());
    rows_.emplace_back().id = id;
  }
}

const ChannelFold::Row& ChannelFold::row_of(WorkerId worker) const {
  const auto found = std::lower_bound(rows_.begin(), rows_.end(), worker,
                                      [](const Row& row, WorkerId id) { return row.id < id; });
  CW_CHECK(found != rows_.end() && found->id == worker, "worker {} is not expected", worker);
  return *found;
}

ChannelFold::Row& ChannelFold::row_of(WorkerId worker) {
  return const_cast<Row&>(std::as_const(*this).row_of(worker));
}

bool ChannelFold::complete(WorkerId worker) const { return complete(row_of(worker)); }

double ChannelFold::squared_norm(WorkerId worker) const { return row_of(worker).squared_norm; }

size_t ChannelFold::tile_size(size_t tile) const {
  const auto whole = static_cast<size_t>(channel_.up->block_values());
  return std::min(whole, static_cast<size_t>(channel_.count) - tile * whole);
}

ByteSpan ChannelFold::block(const Row& row, size_t index) {
  const size_t begin = index == 0 ? 0 : row.ends[index - 1];
  return row.bytes.subspan(begin, row.ends[index] - begin);
}

// The row's bytes are now these many. The lost blocks may come back as others.
void ChannelFold::forget_from(Row& row, size_t size) {
  const auto kept = std::upper_bound(row.ends.begin(), row.ends.end(), size) - row.ends.begin();
  if (kept == std::ssize(row.ends)) return;
  const auto chosen = static_cast<size_t>(&row - rows_.data());
  if (std::find(chosen_.begin(), chosen_.end(), chosen) != chosen_.end() &&
      static_cast<size_t>(kept) < given_)
    begin_anew();
  // All is decoded anew, for the norm's sake.
  row.ends.clear();
  row.squared_norm = 0;
}

Result<void> ChannelFold::extend(WorkerId worker, int64_t weight, ByteSpan bytes) {
  Row& row = row_of(worker);
  CW_CHECK(!row.dropped, "worker {} was dropped", worker);
  if (weight < 1 || weight > kWeightMax)
    return failure(Fault::kCorrupt, "worker {} has weight {}; wanted: 1 to {}", worker, weight,
                   kWeightMax);
  if (row.weight != 0 && row.weight != weight)
    return failure(Fault::kCorrupt, "worker {} had weight {}, and now has {}", worker, row.weight,
                   weight);
  row.weight = weight;
  forget_from(row, bytes.size());
  row.bytes = bytes;
  while (!complete(row)) {
    CW_ASSIGN(const bool taken, take_block(row));
    if (!taken) return {};
  }
  if (bytes.size() == row.ends.back()) return {};
  return failure(Fault::kCorrupt, "worker {}: {} bytes follow the last of {} blocks; wanted: none",
                 worker, bytes.size() - row.ends.back(), tiles_);
}

// The next block, if it is here whole.
Result<bool> ChannelFold::take_block(Row& row) {
  const size_t index = row.ends.size(), size = tile_size(index);
  const size_t begin = index == 0 ? 0 : row.ends.back();
  const ByteSpan rest = row.bytes.subspan(begin);
  if (rest.size() < kFrameBytes) return false;
  uint32_t length = 0;
  std::memcpy(&length, rest.data(), sizeof(length));
  // Before it is waited for.
  if (const int64_t most = channel_.up->block_bytes_max(static_cast<int64_t>(size)); length > most)
    return failure(Fault::kCorrupt, "worker {}: block {} of {} claims {} bytes; wanted: at most {}",
                   row.id, index, tiles_, length, most);
  if (rest.size() - kFrameBytes < length) return false;
  scratch_.resize(size);
  // A block with its frame is a signal of one block.
  if (const auto decoded = decode_signal(*channel_.up, rest.first(kFrameBytes + length), scratch_);
      !decoded)
    return failure(Fault::kCorrupt, "worker {}: block {} of {}: {}", row.id, index, tiles_,
                   decoded.error().message);
  row.squared_norm += causeway::squared_norm(scratch_);
  row.ends.push_back(begin + kFrameBytes + length);
  return true;
}

void ChannelFold::choose(std::vector<size_t> chosen) {
  if (chosen == chosen_) return;
  chosen_ = std::move(chosen);
  begin_anew();
}

void ChannelFold::restart() {
  given_before_ = std::max(given_before_, given_);
  given_ = 0;
}

void ChannelFold::begin_anew() {
  if (given_ > 0) taker_.begin_anew();
  restart();
}

void ChannelFold::drop(WorkerId worker) {
  Row& row = row_of(worker);
  const auto index = static_cast<size_t>(&row - rows_.data());
  row = {worker, row.weight, true, {}, {}, 0};
  std::vector<size_t> left = chosen_;
  std::erase(left, index);
  choose(std::move(left));
}

void ChannelFold::fold_ahead(Threads& threads) {
  if (chosen_.empty()) return;
  size_t here = tiles_;
  for (const size_t row : chosen_) here = std::min(here, rows_[row].ends.size());
  // What does not decode any more is reported by finish.
  give(here, threads);
}

std::vector<Member> ChannelFold::members() const {
  std::vector<Member> out;
  for (const size_t row : chosen_) out.push_back({rows_[row].id, rows_[row].weight});
  return out;
}

Result<void> ChannelFold::finish(std::span<const WorkerId> members, Threads& threads) {
  CW_CHECK(!members.empty(), "a round of nobody");
  std::vector<size_t> chosen;
  for (const WorkerId id : members) {
    const Row& row = row_of(id);
    CW_CHECK(complete(row) && !row.dropped, "worker {} is not complete", id);
    const auto index = static_cast<size_t>(&row - rows_.data());
    CW_CHECK(chosen.empty() || chosen.back() < index, "worker {} is out of order", id);
    chosen.push_back(index);
  }
  choose(std::move(chosen));
  damaged_.reset();
  const auto bad = give(tiles_, threads);
  if (!bad) return {};
  damaged_ = rows_[bad->first].id;
  return failure(Fault::kCorrupt, "worker {}: block {} of {} has changed since it was taken",
                 *damaged_, bad->second, tiles_);
}

std::optional<std::pair<size_t, size_t>> ChannelFold::give(size_t end, Threads& threads) {
  const size_t at_once = size_t{kTilesAtOnce} * static_cast<size_t>(threads.count());
  while (given_ < end) {
    const size_t count = std::min(at_once, end - given_);
    if (const auto bad = fold(given_, count, threads)) return bad;
    if (given_ < given_before_)
      refolded_ += static_cast<int64_t>(std::min(count, given_before_ - given_));
    given_ += count;
    taker_.take(batch_);
  }
  return std::nullopt;
}

/// These tiles into `batch_`, from the chosen rows.
std::optional<std::pair<size_t, size_t>> ChannelFold::fold(size_t first, size_t count,
                                                           Threads& threads) {
  const auto whole = static_cast<size_t>(channel_.up->block_values());
  batch_.resize((count - 1) * whole + tile_size(first + count - 1));
  std::vector<int64_t> weights;
  for (const size_t row : chosen_) weights.push_back(rows_[row].weight);
  std::mutex mutex;
  std::set<std::pair<size_t, size_t>> bad;
  threads.each(static_cast<int64_t>(count), [&](int64_t i) {
    const size_t tile = first + static_cast<size_t>(i);
    const auto out = std::span(batch_).subspan(static_cast<size_t>(i) * whole, tile_size(tile));
    const auto broken =
        fold_tile(*channel_.rule, weights, out, [&](size_t m, std::span<float> row) {
          return decode_signal(*channel_.up, block(rows_[chosen_[m]], tile), row).ok();
        });
    if (!broken) return;
    const std::lock_guard lock(mutex);
    bad.emplace(chosen_[*broken], tile);
  });
  return bad.empty() ? std::nullopt : std::optional(*bad.begin());
}

uint64_t consensus_seed(const BoundPlan& plan, int64_t round, int32_t channel) {
  const Random random(plan.options().seed, Stream::kRounding, UINT32_MAX);
  const uint64_t key = static_cast<uint64_t>(round) * plan.channels().size();
  return random.bits(key + static_cast<uint64_t>(channel));
}

int64_t ChannelFold::memory_bytes() const {
  int64_t bytes =
      heap_bytes(rows_) + heap_bytes(chosen_) + heap_bytes(batch_) + heap_bytes(scratch_);
  for (const Row& row : rows_) bytes += heap_bytes(row.ends);
  return bytes;
}

}  // namespace causeway
