// SPDX-License-Identifier: Apache-2.0
//
// How the k-th largest is found. In a run that lies in the cache: the k-th largest of the maxima of
// groups of values is a lower bound, as k groups have a value of that size. The bound is close for
// k far below the number of groups, so that few values reach it; of these the k-th is found bit by
// bit from the top, as the greatest number that k of them reach. In more: by a histogram of the 11
// highest bits, then one of the next 11 bits of those in the bucket where the k-th lies, then one
// of the last 9. Of these three passes two pass over groups that have nothing in the bucket.
#include "codec/magnitudes.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <limits>
#include <vector>

#include "codec/finite.h"
#include "core/check.h"
#include "core/simd.h"

namespace causeway {
namespace {

/// The least and the greatest bits of a magnitude that is looked for.
struct BitRange {
  int32_t low = 0, high = std::numeric_limits<int32_t>::max();
};

// Calls `found(index)` for each value of a magnitude within the range, in order, until it returns
// false. Few are: a byte for each of 64 values says whether it is, without a branch, and bytes that
// are all 0 are passed over eight at a time.
template <class Found>
void for_each_within(std::span<const float> values, BitRange range, const Found& found) {
  constexpr size_t kGroup = 64, kWord = sizeof(uint64_t);
  size_t start = 0;
  for (; start + kGroup <= values.size(); start += kGroup) {
    const float* group = values.data() + start;
    alignas(kGroup) uint8_t within[kGroup];
    for (size_t i = 0; i < kGroup; ++i) {
      const int32_t bits = magnitude_bits(group[i]);
      within[i] = (bits >= range.low ? 1 : 0) & (bits <= range.high ? 1 : 0);
    }
    for (size_t i = 0; i < kGroup; i += kWord) {
      uint64_t word;
      std::memcpy(&word, within + i, kWord);
      for (; word != 0; word &= word - 1)
        if (!found(start + i + static_cast<size_t>(std::countr_zero(word)) / 8)) return;
    }
  }
  for (; start < values.size(); ++start) {
    const int32_t bits = magnitude_bits(values[start]);
    if (bits >= range.low && bits <= range.high && !found(start)) return;
  }
}

size_t count_reaching(const float* values, size_t size, int32_t least) {
  int32_t count = 0;
  for (size_t i = 0; i < size; ++i) count += magnitude_bits(values[i]) >= least ? 1 : 0;
  return static_cast<size_t>(count);
}

size_t count_at_least(const int32_t* magnitudes, size_t size, int32_t least) {
  int32_t count = 0;
  for (size_t i = 0; i < size; ++i) count += magnitudes[i] >= least ? 1 : 0;
  return static_cast<size_t>(count);
}

int32_t kth_bit_by_bit(const int32_t* magnitudes, size_t size, size_t k) {
  int32_t found = 0;
  for (int32_t bit = 1 << 30; bit > 0; bit >>= 1)
    if (count_at_least(magnitudes, size, found | bit) >= k) found |= bit;
  return found;
}

// Group j has every `groups`-th value from j on, so that whole rows are compared at once.
void group_maxima_of(std::span<const float> values, size_t groups, int32_t* __restrict maxima) {
  std::fill_n(maxima, groups, 0);
  for (size_t start = 0; start < values.size(); start += groups) {
    const float* row = values.data() + start;
    const size_t size = std::min(groups, values.size() - start);
    for (size_t j = 0; j < size; ++j) maxima[j] = std::max(maxima[j], magnitude_bits(row[j]));
  }
}

int32_t kth_in_cache(std::span<const float> values, size_t k) {
  constexpr size_t kRows = 16;
  std::array<int32_t, kBlockValues> found;
  const size_t groups = values.size() / kRows;
  int32_t least = 0;
  if (k <= groups) {
    group_maxima_of(values, groups, found.data());
    least = kth_bit_by_bit(found.data(), groups, k);
  }
  size_t count = 0;
  for_each_within(values, {least}, [&](size_t index) {
    found[count++] = magnitude_bits(values[index]);
    return true;
  });
  return kth_bit_by_bit(found.data(), count, k);
}

/// A run of bits of a magnitude.
struct Digit {
  int shift, width;

  size_t of(int32_t magnitude) const {
    return static_cast<size_t>(magnitude >> shift) & ((size_t{1} << width) - 1);
  }
};
constexpr std::array<Digit, 3> kDigits = {{{20, 11}, {9, 11}, {0, 9}}};

constexpr size_t kBuckets = 2048;
// Four, as neighbours often fall into one bucket and would wait for each other.
using Histograms = std::array<std::array<uint32_t, kBuckets>, 4>;

// Two values in one load: the loads are what there is most of.
void count_first(std::span<const float> values, Histograms& counts) {
  constexpr uint64_t kMask = kBuckets - 1;
  const auto* from = reinterpret_cast<const std::byte*>(values.data());
  size_t i = 0;
  for (; i + 4 <= values.size(); i += 4) {
    uint64_t first, second;
    std::memcpy(&first, from + 4 * i, sizeof(first));
    std::memcpy(&second, from + 4 * i + 8, sizeof(second));
    ++counts[0][(first >> 20) & kMask];
    ++counts[1][(first >> 52) & kMask];
    ++counts[2][(second >> 20) & kMask];
    ++counts[3][(second >> 52) & kMask];
  }
  for (; i < values.size(); ++i) ++counts[0][kDigits[0].of(magnitude_bits(values[i]))];
}

// Of the magnitudes whose bits above the digit are those of `known`.
void count_within(std::span<const float> values, Digit digit, int32_t known, Histograms& counts) {
  const int32_t rest = (1 << (digit.shift + digit.width)) - 1;
  for_each_within(values, {known, known | rest}, [&](size_t index) {
    ++counts[0][digit.of(magnitude_bits(values[index]))];
    return true;
  });
}

/// The bucket in which the k-th largest lies; `k` becomes its rank in there.
int32_t descend(const Histograms& counts, uint64_t& k) {
  size_t bucket = kBuckets;
  while (bucket > 0) {
    --bucket;
    uint64_t count = 0;
    for (const auto& one : counts) count += one[bucket];
    if (count >= k) break;
    k -= count;
  }
  return static_cast<int32_t>(bucket);
}

/// The k-th largest; `k` becomes its rank among those equal to it, `equal` their number.
int32_t kth_by_histograms(std::span<const float> values, uint64_t& k, uint64_t& equal) {
  int32_t known = 0;
  std::vector<Histograms> counts(1);  // 32 KiB, off the stack
  for (const Digit& digit : kDigits) {
    counts[0] = {};
    if (digit.shift == kDigits[0].shift)
      count_first(values, counts[0]);
    else
      count_within(values, digit, known, counts[0]);
    const int32_t bucket = descend(counts[0], k);
    known |= bucket << digit.shift;
    equal = counts[0][0][static_cast<size_t>(bucket)];
  }
  return known;
}

/// The index after the `ties`-th value of these bits.
int64_t end_of_ties(std::span<const float> values, int32_t bits, uint64_t ties) {
  size_t end = values.size();
  for_each_within(values, {bits, bits}, [&](size_t index) {
    end = index + 1;
    return --ties > 0;
  });
  return static_cast<int64_t>(end);
}

}  // namespace

TopCut top_cut(std::span<const float> values, int64_t k) {
  CW_CHECK(k >= 1 && k <= std::ssize(values) && values.size() <= UINT32_MAX, "{} of {}", k,
           values.size());
  TopCut cut;
  with_simd([&] {
    uint64_t rank = static_cast<uint64_t>(k), equal = 0;
    if (std::ssize(values) <= kBlockValues) {
      cut.least = kth_in_cache(values, static_cast<size_t>(k));
      const size_t reaching = count_reaching(values.data(), values.size(), cut.least);
      const size_t above = count_reaching(values.data(), values.size(), cut.least + 1);
      rank -= above;
      equal = reaching - above;
    } else {
      cut.least = kth_by_histograms(values, rank, equal);
    }
    cut.ties_end =
        rank == equal || cut.least == 0 ? std::ssize(values) : end_of_ties(values, cut.least, rank);
  });
  check_finite(static_cast<uint32_t>(cut.least));
  if (cut.least == 0) cut.ties_end = 0;
  return cut;
}

void select_from(std::span<const float> values, size_t first, int32_t least, Selection& selection) {
  CW_CHECK(selection.count + values.size() <= kBlockValues, "{} and {} values", selection.count,
           values.size());
  with_simd([&] {
    size_t count = selection.count;
    for_each_within(values, {least}, [&](size_t index) {
      selection.indices[count++] = static_cast<uint16_t>(first + index);
      return true;
    });
    selection.count = count;
  });
}

void select_cut(std::span<const float> values, size_t first, const TopCut& cut, int64_t begin,
                Selection& selection) {
  const auto with_ties =
      static_cast<size_t>(std::clamp<int64_t>(cut.ties_end - begin, 0, std::ssize(values)));
  select_from(values.first(with_ties), first, cut.least, selection);
  select_from(values.subspan(with_ties), first + with_ties, cut.least + 1, selection);
}

}  // namespace causeway
