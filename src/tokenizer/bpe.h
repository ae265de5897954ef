// SPDX-License-Identifier: Apache-2.0
//
// Byte-pair encoding of words: Sennrich and others, "Neural Machine Translation of Rare Words with
// Subword Units", arXiv:1508.07909, on bytes. The pair whose merge was learnt first is merged
// first; of equal ones the leftmost.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "tokenizer/token_texts.h"

namespace causeway {

/// What two neighbouring tokens become. Built once; then const methods are thread-safe.
class MergeTable {
 public:
  static constexpr uint32_t kNever = UINT32_MAX;

  struct Merge {
    uint32_t rank = kNever;  ///< the smaller, the earlier
    int32_t token = -1;
  };

  /// A later merge of the same pair replaces an earlier one.
  void set(int32_t left, int32_t right, Merge merge);
  /// With rank kNever if the two do not merge.
  Merge find(int32_t left, int32_t right) const {
    const uint64_t key = key_of(left, right);
    for (size_t slot = hash(key) & mask_;; slot = (slot + 1) & mask_) {
      if (slots_[slot].key == key) return slots_[slot].merge;
      if (slots_[slot].key == kEmpty) return {};
    }
  }
  size_t size() const { return count_; }
  /// Calls `visit(left, right, merge)` for each, in no order that means anything.
  template <class Visit>
  void each(Visit&& visit) const {
    for (const Slot& slot : slots_)
      if (slot.key != kEmpty)
        visit(static_cast<int32_t>(slot.key >> 32), static_cast<int32_t>(slot.key), slot.merge);
  }

 private:
  static constexpr uint64_t kEmpty = UINT64_MAX;
  struct Slot {
    uint64_t key = kEmpty;
    Merge merge;
  };

  static uint64_t key_of(int32_t left, int32_t right) {
    return static_cast<uint64_t>(static_cast<uint32_t>(left)) << 32 | static_cast<uint32_t>(right);
  }
  static size_t hash(uint64_t key) {
    key *= 0x9E3779B97F4A7C15;
    return static_cast<size_t>(key ^ key >> 32);
  }

  std::vector<Slot> slots_ = std::vector<Slot>(64);
  size_t mask_ = 63;
  size_t count_ = 0;
};

/// A model as tokenizer.json states it. Immutable once made.
struct BpeModel {
  MergeTable merges;
  std::array<int32_t, 256> token_of_byte{};  ///< -1: none
  int32_t unknown = -1;                      ///< -1: bytes without a token are left out
  bool fuse_unknown = false;                 ///< one unknown token for a run of such bytes
  bool whole_words = false;  ///< a word that is a token is that token (ignore_merges)
  TokenTexts words;          ///< the bytes of tokens, for whole_words
};

/// Encodes words. Scratch memory of one thread.
class BpeMerger {
 public:
  explicit BpeMerger(const BpeModel& model) : model_(model) {}

  /// Appends the tokens of a word of any bytes, fewer than 2^32. Takes O(n log n) time.
  void encode(std::string_view word, std::vector<int32_t>& tokens);

 private:
  void to_symbols(std::string_view word);
  void merge_few();
  void merge_many();

  const BpeModel& model_;
  std::vector<int32_t> symbols_;
  // Of merge_many: `next_` and `previous_` chain the symbols that are left; `ranks_` and `results_`
  // are those of a symbol with its next. `queue_` is a heap of rank << 32 | position.
  std::vector<uint32_t> next_, previous_, ranks_;
  std::vector<int32_t> results_;
  std::vector<uint64_t> queue_;
};

}  // namespace causeway
