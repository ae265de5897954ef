// SPDX-License-Identifier: Apache-2.0
//
// out = sum of weight x row / sum of weights, in double: the products are exact, the sum runs in
// member order, and each value is divided and rounded once. So the bits depend on the members
// alone.
#include <algorithm>
#include <array>

#include "aggregate/rule.h"
#include "core/check.h"
#include "core/simd.h"

namespace causeway {
namespace {

// Rows read side by side: enough to hide memory, few enough for a processor's prefetchers.
constexpr size_t kRows = 8;
// Values whose sums stay in the first-level cache between two groups of rows.
constexpr size_t kPart = 1024;

using Row = std::span<const float>;

// Adds `Count` rows, in order, to sums[0 .. size), or starts the sums with them.
template <size_t Count, bool First>
void add_rows(const Row* rows, const int64_t* weights, size_t start, size_t size, double* sums) {
  std::array<const float*, Count> row;
  std::array<double, Count> weight;
  for (size_t m = 0; m < Count; ++m) {
    row[m] = rows[m].data() + start;
    weight[m] = static_cast<double>(weights[m]);
  }
  with_simd([row, weight, size, sums] {
    for (size_t i = 0; i < size; ++i) {
      // The first product itself, not zero plus it: -0 must stay -0.
      double sum = First ? weight[0] * row[0][i] : sums[i] + weight[0] * row[0][i];
      for (size_t m = 1; m < Count; ++m) sum += weight[m] * row[m][i];
      sums[i] = sum;
    }
  });
}

void divide(const double* sums, double total, std::span<float> out) {
  with_simd([=, to = out.data(), size = out.size()] {
    for (size_t i = 0; i < size; ++i) to[i] = static_cast<float>(sums[i] / total);
  });
}

using AddRows = void (*)(const Row*, const int64_t*, size_t, size_t, double*);

template <bool First>
constexpr std::array<AddRows, kRows> kAddRows = {
    add_rows<1, First>, add_rows<2, First>, add_rows<3, First>, add_rows<4, First>,
    add_rows<5, First>, add_rows<6, First>, add_rows<7, First>, add_rows<8, First>};

/// Adds all rows to sums[0 .. size) from value `start` on, kRows at a time.
void add_groups(std::span<const Row> rows, std::span<const int64_t> weights, size_t start,
                size_t size, bool first, double* sums) {
  for (size_t m = 0; m < rows.size(); m += kRows) {
    const size_t group = std::min(kRows, rows.size() - m);
    const auto& add = first && m == 0 ? kAddRows<true> : kAddRows<false>;
    add[group - 1](&rows[m], &weights[m], start, size, sums);
  }
}

class Mean final : public Rule {
 public:
  using Options = NoOptions;
  explicit Mean(const Options&) {}

  void fold(std::span<const Row> rows, std::span<const int64_t> weights,
            std::span<float> out) const override {
    const auto total = static_cast<double>(check_rows(rows, weights, out.size()));
    std::array<double, kPart> sums;
    for (size_t start = 0; start < out.size(); start += kPart) {
      const size_t size = std::min(kPart, out.size() - start);
      add_groups(rows, weights, start, size, true, sums.data());
      divide(sums.data(), total, out.subspan(start, size));
    }
  }

  bool adds() const override { return true; }
  void add(std::span<const Row> rows, std::span<const int64_t> weights, bool first,
           std::span<double> sums) const override {
    check_rows(rows, weights, sums.size());
    add_groups(rows, weights, 0, sums.size(), first, sums.data());
  }
  void finish(std::span<const double> sums, int64_t weight, std::span<float> out) const override {
    CW_CHECK(sums.size() == out.size() && weight >= 1, "{} sums for {} values, weight {}",
             sums.size(), out.size(), weight);
    divide(sums.data(), static_cast<double>(weight), out);
  }
};

}  // namespace

extern const Entry<Rule> rules_mean;
const Entry<Rule> rules_mean = entry<Rule, Mean>("mean", "weighted mean, in double");

}  // namespace causeway
