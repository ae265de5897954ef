// SPDX-License-Identifier: Apache-2.0
//
// One byte per value and a codebook for each block: its levels are the means of clusters of near
// values (Malekijoo and others, "FEDZIP: A Compression Framework for Communication-Efficient
// Federated Learning", arXiv:2102.01593: topk | kmeans | huffman; there a codebook per layer).
//
// Clusters are found by Lloyd's steps (Lloyd, "Least Squares Quantization in PCM", 1982) on sorted
// values, where a cluster is a run and its mean a difference of prefix sums. They start as runs of
// equally many values, so that nothing is drawn, and end when no value changes its cluster, or
// after `steps`. Half way between two levels the lower one is taken.
//
// The encoding of n values is min(levels, n) float32 levels, ascending, and n bytes, indices of
// levels. A level below the smallest normal float is written as 0. A byte for each code is more
// than it needs: a packer should follow.
#include <algorithm>
#include <array>
#include <vector>

#include "codec/codec.h"
#include "codec/finite.h"

namespace causeway {
namespace {

constexpr float kNormalMin = std::numeric_limits<float>::min();

float without_subnormal(double value) {
  const auto level = static_cast<float>(value);
  return level < kNormalMin && level > -kNormalMin ? 0.0f : level;
}

/// Clusters of sorted values: cluster i has those from begins[i] to begins[i + 1].
class Clusters {
 public:
  Clusters(std::span<const float> sorted, size_t count)
      : sorted_(sorted), sums_(sorted.size() + 1), begins_(count + 1), levels_(count) {
    for (size_t i = 0; i < sorted.size(); ++i) sums_[i + 1] = sums_[i] + double{sorted[i]};
    for (size_t i = 0; i <= count; ++i) begins_[i] = i * sorted.size() / count;
    set_levels();
  }

  /// One step; false if nothing changed.
  bool step() {
    bool changed = false;
    for (size_t i = 1; i < levels_.size(); ++i) {
      const double middle = (levels_[i - 1] + levels_[i]) / 2;
      const auto at =
          std::upper_bound(sorted_.begin(), sorted_.end(), middle,
                           [](double edge, float value) { return edge < double{value}; });
      const auto begin = static_cast<size_t>(at - sorted_.begin());
      changed |= begin != begins_[i];
      begins_[i] = begin;
    }
    set_levels();
    return changed;
  }

  std::span<const double> levels() const { return levels_; }

 private:
  // A cluster without values keeps its level.
  void set_levels() {
    for (size_t i = 0; i < levels_.size(); ++i) {
      const size_t begin = begins_[i], end = begins_[i + 1];
      if (end <= begin) continue;
      // The mean lies among its values, which rounding of large sums must not change.
      levels_[i] = std::clamp((sums_[end] - sums_[begin]) / static_cast<double>(end - begin),
                              double{sorted_[begin]}, double{sorted_[end - 1]});
    }
  }

  std::span<const float> sorted_;
  std::vector<double> sums_;  // of all values before
  std::vector<size_t> begins_;
  std::vector<double> levels_;
};

class KMeans final : public Codec {
 public:
  struct Options {
    int64_t levels = 15;
    int64_t steps = 20;
    template <class Visit>
    void each(Visit&& visit) {
      visit("levels", levels, Range<int64_t>{1, 256}, "", "Distinct values that a block may have.");
      visit("steps", steps, Range<int64_t>{0, 1000}, "",
            "Steps of Lloyd's that are taken at most.");
    }
  };
  explicit KMeans(const Options& options) : options_(options) {}

  void encode(std::span<const float> block, const Coding&, Bytes& bytes) const override {
    check_block(block);
    const std::vector<float> levels = levels_of(block);
    ByteWriter(bytes).put(std::as_bytes(std::span(levels)));
    const size_t start = bytes.size();
    bytes.resize(start + block.size());
    std::vector<double> middles;
    for (size_t i = 1; i < levels.size(); ++i)
      middles.push_back((double{levels[i - 1]} + double{levels[i]}) / 2);
    for (size_t i = 0; i < block.size(); ++i) {
      const auto at = std::lower_bound(middles.begin(), middles.end(), double{block[i]});
      bytes[start + i] = static_cast<std::byte>(at - middles.begin());
    }
  }

  Result<void> decode(ByteSpan bytes, std::span<float> block) const override {
    const size_t count = level_count(block.size());
    CW_TRY(want_bytes("kmeans", bytes, 4 * count + block.size()));
    std::array<float, 256> levels{};
    std::memcpy(levels.data(), bytes.data(), 4 * count);
    for (size_t i = 0; i < count; ++i) {
      const auto bits = std::bit_cast<uint32_t>(levels[i]) & 0x7fffffff;
      const bool normal = bits >= std::bit_cast<uint32_t>(kNormalMin) && bits < kInfinityBits;
      if ((!normal && bits != 0) || (i > 0 && levels[i] < levels[i - 1]))
        return failure(Fault::kCorrupt, "kmeans: level {} is {}; wanted: normal or 0, ascending", i,
                       levels[i]);
    }
    for (size_t i = 0; i < block.size(); ++i) {
      const auto code = static_cast<size_t>(bytes[4 * count + i]);
      if (code >= count)
        return failure(Fault::kCorrupt, "kmeans: value {} has code {}; wanted: below {}", i, code,
                       count);
      block[i] = levels[code];
    }
    return {};
  }

  int64_t block_bytes_max(int64_t count) const override { return head_bytes(count) + count; }
  int64_t head_bytes(int64_t count) const override {
    return 4 * static_cast<int64_t>(level_count(static_cast<size_t>(count)));
  }

 private:
  size_t level_count(size_t values) const {
    return std::min(static_cast<size_t>(options_.levels), values);
  }

  std::vector<float> levels_of(std::span<const float> block) const {
    std::vector<float> sorted;
    for (const float value : block) sorted.push_back(value + 0.0f);  // -0 becomes +0
    std::sort(sorted.begin(), sorted.end());
    Clusters clusters(sorted, level_count(block.size()));
    for (int64_t step = 0; step < options_.steps && clusters.step(); ++step) {
    }
    std::vector<float> levels;
    for (const double level : clusters.levels()) levels.push_back(without_subnormal(level));
    std::sort(levels.begin(), levels.end());
    return levels;
  }

  Options options_;
};

}  // namespace

extern const Entry<Codec> codecs_kmeans;
const Entry<Codec> codecs_kmeans =
    entry<Codec, KMeans>("kmeans", "1 byte per value and a codebook of each block; pack it");

}  // namespace causeway
