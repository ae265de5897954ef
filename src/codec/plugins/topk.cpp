// SPDX-License-Identifier: Apache-2.0
//
// The k = ceil(keep * n) values of largest |value| of each block of n, exactly; the others decode
// to 0 (Aji and Heafield, "Sparse Communication for Distributed Gradient Descent",
// arXiv:1704.05021). Of equal magnitudes those of lower index are kept. "Top-k" is of a block of
// kBlockValues values, not of the whole signal: blocks are coded, folded and resumed one by one.
//
// The encoding is k indices in ascending order and then n, each a u16, and k float32 values: 6 k +
// 2 bytes. A zero among the kept, which stands for "nothing left to keep", is written as +0.
//
// How: the k-th largest of the maxima of groups of values is a lower bound of the k-th largest
// value, as k groups have a value of that size. The bound is close for k far below the number of
// groups, so that few values are looked at twice.
#include <algorithm>
#include <array>
#include <bit>
#include <cmath>

#include "codec/codec.h"
#include "codec/finite.h"
#include "core/simd.h"

namespace causeway {
namespace {

// A group is a column of a tile: so maxima are taken of whole rows.
constexpr size_t kRows = 16, kColumns = 16, kTile = kRows * kColumns;
constexpr size_t kGroupsMax = kBlockValues / kRows;

int32_t magnitude(float value) { return std::bit_cast<int32_t>(value) & 0x7fffffff; }

void tile_maxima(const float* __restrict tile, int32_t* __restrict maxima) {
  for (size_t j = 0; j < kColumns; ++j) {
    int32_t most = 0;
    for (size_t row = 0; row < kRows; ++row)
      most = std::max(most, magnitude(tile[row * kColumns + j]));
    maxima[j] = most;
  }
}

// Returns the number of groups.
size_t group_maxima(std::span<const float> block, int32_t* __restrict maxima) {
  const size_t tiles = block.size() / kTile;
  for (size_t i = 0; i < tiles; ++i) tile_maxima(block.data() + i * kTile, maxima + i * kColumns);
  if (tiles * kTile == block.size()) return tiles * kColumns;
  std::array<float, kTile> last{};
  std::copy(block.begin() + static_cast<int64_t>(tiles * kTile), block.end(), last.begin());
  tile_maxima(last.data(), maxima + tiles * kColumns);
  return (tiles + 1) * kColumns;
}

size_t count_from(const int32_t* magnitudes, size_t size, int32_t least) {
  int32_t count = 0;
  for (size_t i = 0; i < size; ++i) count += magnitudes[i] >= least ? 1 : 0;
  return static_cast<size_t>(count);
}

// The k-th largest, bit by bit from the top: the greatest number that k magnitudes reach.
int32_t kth_largest(const int32_t* magnitudes, size_t size, size_t k) {
  int32_t found = 0;
  for (int32_t bit = 1 << 30; bit > 0; bit >>= 1)
    if (count_from(magnitudes, size, found | bit) >= k) found |= bit;
  return found;
}

// Values that may be among the k largest.
struct Candidates {
  std::array<int32_t, kBlockValues> magnitudes;
  std::array<uint16_t, kBlockValues> indices;
  size_t count = 0;

  // Without a branch: whether a value is one cannot be foreseen.
  void offer(std::span<const float> block, size_t index, int32_t least) {
    magnitudes[count] = magnitude(block[index]);
    indices[count] = static_cast<uint16_t>(index);
    count += magnitudes[count] >= least ? 1 : 0;
  }
};

void find_candidates(std::span<const float> block, const int32_t* maxima, size_t groups,
                     int32_t least, Candidates& found) {
  for (size_t group = 0; group < groups; ++group) {
    if (maxima[group] < least) continue;
    const size_t first = group / kColumns * kTile + group % kColumns;
    for (size_t i = first; i < std::min(first + kTile, block.size()); i += kColumns)
      if (found.count < block.size()) found.offer(block, i, least);
  }
}

class TopK final : public Codec {
 public:
  struct Options {
    double keep = 0.01;
    template <class Visit>
    void each(Visit&& visit) {
      visit("keep", keep, Range<double>{1e-6, 1}, "",
            "Part of the values of a block that is sent: the largest, rounded up.");
    }
  };
  explicit TopK(const Options& options) : keep_(options.keep) {}

  void encode(std::span<const float> block, const Coding&, Bytes& bytes) const override {
    check_block_size(block);
    const size_t k = kept(block.size());
    std::array<int32_t, kGroupsMax> maxima;
    size_t groups = 0;
    int32_t most = 0, least = 0;
    with_simd([&] {
      groups = group_maxima(block, maxima.data());
      for (size_t i = 0; i < groups; ++i) most = std::max(most, maxima[i]);
      if (k <= groups) least = kth_largest(maxima.data(), groups, k);
    });
    check_finite(static_cast<uint32_t>(most));
    Candidates found;
    find_candidates(block, maxima.data(), groups, least, found);
    with_simd([&] { least = kth_largest(found.magnitudes.data(), found.count, k); });
    const size_t start = bytes.size();
    bytes.resize(start + 6 * k + 2);
    write(block, found, least, k, bytes.data() + start);
  }

  Result<void> decode(ByteSpan bytes, std::span<float> block) const override {
    const size_t k = kept(block.size());
    CW_TRY(want_bytes("topk", bytes, 6 * k + 2));
    std::fill(block.begin(), block.end(), 0.0f);
    // Ascending up to the number of values: so none is out of range.
    int32_t before = -1;
    for (size_t i = 0; i <= k; ++i) {
      uint16_t index;
      std::memcpy(&index, bytes.data() + 2 * i, sizeof(index));
      const bool end = i == k;
      if (index <= before || index > block.size() || (index == block.size()) != end)
        return failure(Fault::kCorrupt, "topk: index {} is {} after {}; wanted: ascending below {}",
                       i, index, before, block.size());
      before = index;
      if (end) break;
      float value;
      std::memcpy(&value, bytes.data() + 2 * (k + 1) + 4 * i, sizeof(value));
      if (!std::isfinite(value))
        return failure(Fault::kCorrupt, "topk: a value is NaN or infinite");
      block[index] = value;
    }
    return {};
  }

  int64_t block_bytes_max(int64_t count) const override {
    return 6 * static_cast<int64_t>(kept(static_cast<size_t>(count))) + 2;
  }

 private:
  size_t kept(size_t count) const {
    return static_cast<size_t>(std::ceil(keep_ * static_cast<double>(count)));
  }

  // Writes those above `least`, and of those equal to it the first, until there are k.
  static void write(std::span<const float> block, const Candidates& found, int32_t least, size_t k,
                    std::byte* out) {
    // Candidates come group by group; a bit for each puts them in order.
    std::array<uint64_t, kBlockValues / 64> marks{};
    size_t above = 0;
    for (size_t i = 0; i < found.count; ++i) {
      const uint16_t index = found.indices[i];
      marks[index / 64] |= uint64_t{found.magnitudes[i] >= least} << (index % 64);
      above += found.magnitudes[i] > least ? 1 : 0;
    }
    size_t equal = k - above, written = 0;
    for (size_t word = 0; written < k; ++word)
      for (uint64_t mark = marks[word]; mark != 0 && written < k; mark &= mark - 1) {
        const auto index =
            static_cast<uint16_t>(64 * word + static_cast<size_t>(std::countr_zero(mark)));
        const float value = block[index] + 0.0f;  // -0 becomes +0
        const bool tie = magnitude(block[index]) == least;
        if (tie && equal == 0) continue;
        equal -= tie ? 1 : 0;
        std::memcpy(out + 2 * written, &index, sizeof(index));
        std::memcpy(out + 2 * (k + 1) + 4 * written, &value, sizeof(value));
        ++written;
      }
    const auto count = static_cast<uint16_t>(block.size());
    std::memcpy(out + 2 * k, &count, sizeof(count));
  }

  double keep_;
};

}  // namespace

extern const Entry<Codec> codecs_topk;
const Entry<Codec> codecs_topk = entry<Codec, TopK>(
    "topk", "the largest part of each block, 6 bytes per value sent; the others become 0");

}  // namespace causeway
