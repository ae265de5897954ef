// SPDX-License-Identifier: Apache-2.0
#include "data/ngram.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "core/check.h"

namespace causeway {
namespace {

/// A gram is up to 8 bytes, the last one lowest, so that all grams of a context lie together.
struct Counted {
  uint64_t gram;
  int64_t count;
};

/// The `order` bytes that end with text[last]; last >= order - 1.
uint64_t gram_at(std::span<const uint8_t> text, size_t last, int order) {
  uint64_t gram = 0;
  for (size_t at = last + 1 - static_cast<size_t>(order); at <= last; ++at)
    gram = (gram << 8) | text[at];
  return gram;
}

std::vector<Counted> count_grams(std::span<const uint8_t> text, int order) {
  std::vector<uint64_t> grams;
  grams.reserve(text.size());
  for (size_t last = static_cast<size_t>(order) - 1; last < text.size(); ++last)
    grams.push_back(gram_at(text, last, order));
  std::sort(grams.begin(), grams.end());
  size_t kinds = grams.empty() ? 0 : 1;
  for (size_t i = 1; i < grams.size(); ++i) kinds += grams[i] != grams[i - 1] ? 1 : 0;
  std::vector<Counted> counted;
  counted.reserve(kinds);
  for (const uint64_t gram : grams) {
    if (counted.empty() || counted.back().gram != gram) counted.push_back({gram, 0});
    ++counted.back().count;
  }
  return counted;
}

/// One step of the interpolation, from `shorter`, the probability by the shorter context.
double interpolate(const std::vector<Counted>& grams, uint64_t gram, double shorter) {
  const uint64_t context = gram >> 8;
  auto one = std::lower_bound(grams.begin(), grams.end(), context << 8,
                              [](const Counted& a, uint64_t b) { return a.gram < b; });
  int64_t hits = 0, count = 0, kinds = 0;
  for (; one != grams.end() && one->gram >> 8 == context; ++one) {
    if (one->gram == gram) hits = one->count;
    count += one->count;
    ++kinds;
  }
  if (kinds == 0) return shorter;
  return (static_cast<double>(hits) + static_cast<double>(kinds) * shorter) /
         static_cast<double>(count + kinds);
}

}  // namespace

double ngram_bits_per_byte(std::span<const uint8_t> train, std::span<const uint8_t> valid,
                           int order) {
  CW_CHECK(order >= 1 && order <= 8, "order is {}", order);
  CW_CHECK(!valid.empty());
  std::vector<double> probability(valid.size(), 1.0 / 256);
  for (int n = 1; n <= order; ++n) {
    const std::vector<Counted> grams = count_grams(train, n);
    for (size_t at = static_cast<size_t>(n) - 1; at < valid.size(); ++at)
      probability[at] = interpolate(grams, gram_at(valid, at, n), probability[at]);
  }
  double bits = 0;
  for (const double p : probability) bits -= std::log2(p);
  return bits / static_cast<double>(valid.size());
}

}  // namespace causeway
