// SPDX-License-Identifier: Apache-2.0
#include "tokenizer/pair_merger.h"

#include <algorithm>

#include "core/check.h"

namespace causeway {

void PairMerger::add_word(const std::vector<int32_t>& symbols, int64_t count) {
  const auto word = static_cast<uint32_t>(words_.size());
  words_.push_back({symbols_.size(), static_cast<uint32_t>(symbols.size()), count});
  symbols_.insert(symbols_.end(), symbols.begin(), symbols.end());
  for (size_t i = 0; i + 1 < symbols.size(); ++i) {
    const uint64_t pair = key_of(symbols[i], symbols[i + 1]);
    change(pair, count);
    appeared_.emplace_back(pair, word);
  }
}

void PairMerger::start() { queue_new_pairs(); }

void PairMerger::push(Entry entry) {
  heap_.push_back(std::move(entry));
  std::push_heap(heap_.begin(), heap_.end());
}

void PairMerger::queue_new_pairs() {
  std::ranges::sort(appeared_);
  appeared_.erase(std::ranges::unique(appeared_).begin(), appeared_.end());
  for (size_t i = 0; i < appeared_.size();) {
    Entry entry{counts_[appeared_[i].first], appeared_[i].first, {}};
    for (; i < appeared_.size() && appeared_[i].first == entry.pair; ++i)
      entry.words.push_back(appeared_[i].second);
    if (entry.count > 0) push(std::move(entry));
  }
  appeared_.clear();
}

std::optional<PairMerger::Pair> PairMerger::take_best(int64_t min_count) {
  while (!heap_.empty()) {
    std::pop_heap(heap_.begin(), heap_.end());
    taken_ = std::move(heap_.back());
    heap_.pop_back();
    const int64_t now = counts_[taken_.pair];
    if (taken_.count == now) {
      if (now < min_count) break;
      return Pair(static_cast<int32_t>(taken_.pair >> 32), static_cast<int32_t>(taken_.pair));
    }
    taken_.count = now;
    if (now > 0) push(std::move(taken_));
  }
  return std::nullopt;
}

void PairMerger::merge(int32_t symbol) {
  const auto left = static_cast<int32_t>(taken_.pair >> 32);
  const auto right = static_cast<int32_t>(taken_.pair);
  for (const uint32_t word : taken_.words) merge_in(word, left, right, symbol);
  queue_new_pairs();
}

void PairMerger::merge_in(uint32_t index, int32_t left, int32_t right, int32_t symbol) {
  Word& word = words_[index];
  int32_t* const symbols = symbols_.data() + word.begin;
  uint32_t kept = 0;
  for (uint32_t i = 0; i < word.length;) {
    if (symbols[i] != left || i + 1 >= word.length || symbols[i + 1] != right) {
      symbols[kept++] = symbols[i++];
      continue;
    }
    // What is before has been merged already; what is after has not.
    if (kept > 0) {
      change(key_of(symbols[kept - 1], left), -word.count);
      change(key_of(symbols[kept - 1], symbol), word.count);
      appeared_.emplace_back(key_of(symbols[kept - 1], symbol), index);
    }
    if (i + 2 < word.length) {
      change(key_of(right, symbols[i + 2]), -word.count);
      change(key_of(symbol, symbols[i + 2]), word.count);
      appeared_.emplace_back(key_of(symbol, symbols[i + 2]), index);
    }
    symbols[kept++] = symbol;
    i += 2;
  }
  word.length = kept;
}

}  // namespace causeway
