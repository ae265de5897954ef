// SPDX-License-Identifier: Apache-2.0
//
// Learns byte-pair merges from counted words, giving the same merges in the same order as Hugging
// Face's BpeTrainer. Each pair is queued with the words that have it. A merge changes the counts of
// its neighbours only; entries of the queue whose count has changed since are put back with the new
// count when they come up.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

namespace causeway {

class PairMerger {
 public:
  using Pair = std::pair<int32_t, int32_t>;

  /// The symbols of a word that was seen `count` times.
  void add_word(const std::vector<int32_t>& symbols, int64_t count);
  /// After the last word.
  void start();

  /// The most frequent pair, of equal ones the smallest; none if every pair was seen fewer than
  /// `min_count` times. It is taken off the queue: `merge` comes next.
  std::optional<Pair> take_best(int64_t min_count);
  /// Replaces the pair that was taken by `symbol`.
  void merge(int32_t symbol);

 private:
  struct Word {
    size_t begin;
    uint32_t length;
    int64_t count;
  };
  struct Entry {
    int64_t count;
    uint64_t pair;
    std::vector<uint32_t> words;

    /// The heap's front is the greatest.
    bool operator<(const Entry& other) const {
      return count != other.count ? count < other.count : pair > other.pair;
    }
  };

  static uint64_t key_of(int32_t left, int32_t right) {
    return static_cast<uint64_t>(static_cast<uint32_t>(left)) << 32 | static_cast<uint32_t>(right);
  }
  void merge_in(uint32_t index, int32_t left, int32_t right, int32_t symbol);
  void change(uint64_t pair, int64_t by) { counts_[pair] += by; }
  void queue_new_pairs();
  void push(Entry entry);

  std::vector<int32_t> symbols_;
  std::vector<Word> words_;
  std::unordered_map<uint64_t, int64_t> counts_;
  std::vector<Entry> heap_;
  std::vector<std::pair<uint64_t, uint32_t>> appeared_;  ///< a pair, and a word that has it now
  Entry taken_{};
};

}  // namespace causeway
