// SPDX-License-Identifier: Apache-2.0
#include "tokenizer/bpe.h"

#include <algorithm>
#include <functional>

#include "core/check.h"

namespace causeway {
namespace {

// Up to this many symbols, looking for the smallest rank anew for each merge is faster than a heap.
constexpr size_t kFewSymbols = 48;
constexpr uint32_t kNobody = UINT32_MAX;

}  // namespace

void MergeTable::set(int32_t left, int32_t right, Merge merge) {
  if (2 * (count_ + 1) > slots_.size()) {
    std::vector<Slot> old(2 * slots_.size());
    old.swap(slots_);
    mask_ = slots_.size() - 1;
    count_ = 0;
    for (const Slot& slot : old)
      if (slot.key != kEmpty)
        set(static_cast<int32_t>(slot.key >> 32), static_cast<int32_t>(slot.key), slot.merge);
  }
  const uint64_t key = key_of(left, right);
  size_t slot = hash(key) & mask_;
  while (slots_[slot].key != kEmpty && slots_[slot].key != key) slot = (slot + 1) & mask_;
  if (slots_[slot].key == kEmpty) ++count_;
  slots_[slot] = {key, merge};
}

void BpeMerger::encode(std::string_view word, std::vector<int32_t>& tokens) {
  CW_CHECK(word.size() < UINT32_MAX, "a word of {} bytes", word.size());
  if (model_.whole_words) {
    const int32_t token = model_.words.find(word);
    if (token != TokenTexts::kNone) {
      tokens.push_back(token);
      return;
    }
  }
  to_symbols(word);
  if (symbols_.size() <= kFewSymbols)
    merge_few();
  else
    merge_many();
  tokens.insert(tokens.end(), symbols_.begin(), symbols_.end());
}

void BpeMerger::to_symbols(std::string_view word) {
  symbols_.clear();
  bool after_unknown = false;
  for (const char byte : word) {
    const int32_t token = model_.token_of_byte[static_cast<uint8_t>(byte)];
    if (token >= 0) {
      symbols_.push_back(token);
    } else if (model_.unknown >= 0 && !(model_.fuse_unknown && after_unknown)) {
      symbols_.push_back(model_.unknown);
    }
    after_unknown = token < 0;
  }
}

void BpeMerger::merge_few() {
  std::array<MergeTable::Merge, kFewSymbols> merges;
  size_t count = symbols_.size();
  for (size_t i = 0; i + 1 < count; ++i)
    merges[i] = model_.merges.find(symbols_[i], symbols_[i + 1]);
  while (count > 1) {
    size_t best = 0;
    for (size_t i = 1; i + 1 < count; ++i)
      if (merges[i].rank < merges[best].rank) best = i;
    if (merges[best].rank == MergeTable::kNever) break;
    symbols_[best] = merges[best].token;
    --count;
    for (size_t i = best + 1; i < count; ++i) {
      symbols_[i] = symbols_[i + 1];
      merges[i] = merges[i + 1];
    }
    merges[best] = {};
    if (best + 1 < count) merges[best] = model_.merges.find(symbols_[best], symbols_[best + 1]);
    if (best > 0) merges[best - 1] = model_.merges.find(symbols_[best - 1], symbols_[best]);
  }
  symbols_.resize(count);
}

void BpeMerger::merge_many() {
  const auto count = static_cast<uint32_t>(symbols_.size());
  next_.resize(count);
  previous_.resize(count);
  ranks_.assign(count, MergeTable::kNever);
  results_.resize(count);
  queue_.clear();
  // A pair that has changed since it was queued has another rank now.
  const auto look = [&](uint32_t at) {
    if (next_[at] == kNobody) {
      ranks_[at] = MergeTable::kNever;
      return false;
    }
    const auto merge = model_.merges.find(symbols_[at], symbols_[next_[at]]);
    ranks_[at] = merge.rank;
    results_[at] = merge.token;
    return merge.rank != MergeTable::kNever;
  };
  const auto entry = [&](uint32_t at) { return static_cast<uint64_t>(ranks_[at]) << 32 | at; };
  for (uint32_t i = 0; i < count; ++i) {
    next_[i] = i + 1 < count ? i + 1 : kNobody;
    previous_[i] = i > 0 ? i - 1 : kNobody;
    if (look(i)) queue_.push_back(entry(i));
  }
  const std::greater<> later;
  std::ranges::make_heap(queue_, later);
  while (!queue_.empty()) {
    std::ranges::pop_heap(queue_, later);
    const auto rank = static_cast<uint32_t>(queue_.back() >> 32);
    const auto at = static_cast<uint32_t>(queue_.back());
    queue_.pop_back();
    if (ranks_[at] != rank) continue;
    const uint32_t right = next_[at], after = next_[right];
    symbols_[at] = results_[at];
    next_[at] = after;
    ranks_[right] = MergeTable::kNever;
    if (after != kNobody) previous_[after] = at;
    for (const uint32_t changed : {at, previous_[at]}) {
      if (changed == kNobody || !look(changed)) continue;
      queue_.push_back(entry(changed));
      std::ranges::push_heap(queue_, later);
    }
  }
  size_t kept = 0;
  for (uint32_t i = 0; i != kNobody; i = next_[i]) symbols_[kept++] = symbols_[i];
  symbols_.resize(kept);
}

}  // namespace causeway
