// SPDX-License-Identifier: Apache-2.0
//
// T time, N query heads, G key/value heads, H = N + 2G, D head width.
#include "kernel/attention_kernel.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <new>
#include <type_traits>
#include <vector>

#include "core/random.h"

namespace causeway {
namespace {

/// The plain definition in float64, for one text.
struct Reference {
  std::vector<double> out_TND, log_sum_NT, dheads_THD;

  Reference(const AttentionSizes& sizes, const std::vector<double>& heads_THD,
            const std::vector<double>& dout_TND)
      : out_TND(sizes.time * sizes.heads * sizes.head_width),
        log_sum_NT(sizes.heads * sizes.time),
        dheads_THD(heads_THD.size()) {
    for (int64_t n = 0; n < sizes.heads; ++n)
      for (int64_t t = 0; t < sizes.time; ++t) attend(sizes, heads_THD, dout_TND, n, t);
  }

  void attend(const AttentionSizes& sizes, const std::vector<double>& x,
              const std::vector<double>& dout, int64_t n, int64_t t) {
    const int64_t width = sizes.head_width, all = sizes.heads + 2 * sizes.kv_heads;
    const int64_t g = sizes.heads + n / (sizes.heads / sizes.kv_heads);
    const double scale = 1 / std::sqrt(static_cast<double>(width));
    const auto at = [&](int64_t s, int64_t head) { return (s * all + head) * width; };
    const int64_t q = at(t, n), o = (t * sizes.heads + n) * width;
    std::vector<double> p(t + 1);
    for (int64_t s = 0; s <= t; ++s)
      for (int64_t d = 0; d < width; ++d) p[s] += scale * x[q + d] * x[at(s, g) + d];
    const double top = *std::max_element(p.begin(), p.end());
    double sum = 0;
    for (double& score : p) sum += score = std::exp(score - top);
    log_sum_NT[n * sizes.time + t] = top + std::log(sum);
    for (int64_t s = 0; s <= t; ++s)
      for (int64_t d = 0; d < width; ++d)
        out_TND[o + d] += (p[s] /= d == 0 ? sum : 1) * x[at(s, g + sizes.kv_heads) + d];
    double delta = 0;
    for (int64_t d = 0; d < width; ++d) delta += dout[o + d] * out_TND[o + d];
    for (int64_t s = 0; s <= t; ++s) {
      const int64_t k = at(s, g), v = at(s, g + sizes.kv_heads);
      double dp = 0;
      for (int64_t d = 0; d < width; ++d) {
        dp += dout[o + d] * x[v + d];
        dheads_THD[v + d] += p[s] * dout[o + d];
      }
      for (int64_t d = 0; d < width; ++d) {
        dheads_THD[q + d] += scale * p[s] * (dp - delta) * x[k + d];
        dheads_THD[k + d] += scale * p[s] * (dp - delta) * x[q + d];
      }
    }
  }
};

template <class Value>
std::vector<Value> normals(int64_t count, uint64_t seed, double deviation = 1) {
  const Random random(seed, Stream::kSample, 0);
  std::vector<Value> x(count);
  for (int64_t i = 0; i < count; ++i)
    x[i] = Value(static_cast<float>(deviation * random.normal(static_cast<uint64_t>(i))));
  return x;
}

template <class Value>
std::vector<double> doubles(const std::vector<Value>& x) {
  std::vector<double> y(x.size());
  for (size_t i = 0; i < x.size(); ++i) y[i] = static_cast<float>(x[i]);
  return y;
}

struct Free {
  void operator()(std::byte* memory) const { ::operator delete(memory, std::align_val_t(64)); }
};

/// One text's inputs and what the kernel makes of them, with scratch full of `garbage`.
template <class Value>
struct Text {
  AttentionSizes sizes;
  std::vector<Value> heads_THD, dout_TND, out_TND, dheads_THD;
  std::vector<float> log_sum_NT;

  explicit Text(const AttentionSizes& sizes_in, double deviation = 1)
      : sizes(sizes_in),
        heads_THD(normals<Value>(sizes.time * (sizes.heads + 2 * sizes.kv_heads) * sizes.head_width,
                                 1, deviation)),
        dout_TND(normals<Value>(sizes.time * sizes.heads * sizes.head_width, 2)) {}

  void run(int garbage = 0xff) {
    const Value nan(std::nanf(""));
    out_TND.assign(dout_TND.size(), nan);
    dheads_THD.assign(heads_THD.size(), nan);
    log_sum_NT.assign(sizes.heads * sizes.time, std::nanf(""));
    const size_t bytes = attention_scratch_bytes(sizes);
    const std::unique_ptr<std::byte, Free> memory(
        static_cast<std::byte*>(::operator new(bytes, std::align_val_t(64))));
    const std::span<std::byte> scratch(memory.get(), bytes);
    std::memset(scratch.data(), garbage, bytes);
    attention_forward(sizes, heads_THD.data(), out_TND.data(), log_sum_NT.data(), scratch);
    std::memset(scratch.data(), garbage, bytes);
    attention_backward<Value>(sizes, heads_THD.data(), out_TND.data(), dout_TND.data(),
                              log_sum_NT.data(), dheads_THD.data(), scratch);
  }
};

template <class T>
bool same_bits(const std::vector<T>& a, const std::vector<T>& b, size_t from = 0,
               size_t to = SIZE_MAX) {
  to = std::min(to, a.size());
  return a.size() == b.size() && std::memcmp(&a[from], &b[from], (to - from) * sizeof(T)) == 0;
}

/// The largest difference, as a part of the largest magnitude. NaN counts as infinite.
double error(const std::vector<double>& got, const std::vector<double>& wanted) {
  double difference = 0, magnitude = 1e-30;
  for (size_t i = 0; i < wanted.size(); ++i) {
    difference = std::isnan(got[i]) ? INFINITY : std::max(difference, std::abs(got[i] - wanted[i]));
    magnitude = std::max(magnitude, std::abs(wanted[i]));
  }
  return difference / magnitude;
}

/// Query, key and value gradients have sizes of their own, so each is held against its own.
std::vector<double> part(const AttentionSizes& sizes, const std::vector<double>& x_THD,
                         int64_t head, int64_t heads) {
  const int64_t all = sizes.heads + 2 * sizes.kv_heads;
  std::vector<double> y;
  for (int64_t t = 0; t < sizes.time; ++t) {
    const auto from = x_THD.begin() + (t * all + head) * sizes.head_width;
    y.insert(y.end(), from, from + heads * sizes.head_width);
  }
  return y;
}

template <class Value>
void expect_near_reference(const AttentionSizes& sizes, double forward_limit,
                           double backward_limit) {
  SCOPED_TRACE(testing::Message() << "T " << sizes.time << " N " << sizes.heads << " G "
                                  << sizes.kv_heads << " D " << sizes.head_width);
  Text<Value> text(sizes);
  text.run();
  const Reference wanted(sizes, doubles(text.heads_THD), doubles(text.dout_TND));
  EXPECT_LT(error(doubles(text.out_TND), wanted.out_TND), forward_limit);
  EXPECT_LT(error(doubles(text.log_sum_NT), wanted.log_sum_NT), forward_limit);
  const std::vector<double> got = doubles(text.dheads_THD);
  EXPECT_LT(error(got, wanted.dheads_THD), backward_limit);
  // Of one or two positions the gradients of queries and keys are mere differences of rounding.
  if (sizes.time <= 2) return;
  for (const auto& [head, heads] :
       {std::pair{int64_t{0}, sizes.heads}, std::pair{sizes.heads, sizes.kv_heads},
        std::pair{sizes.heads + sizes.kv_heads, sizes.kv_heads}})
    EXPECT_LT(error(part(sizes, got, head, heads), part(sizes, wanted.dheads_THD, head, heads)),
              backward_limit)
        << "head " << head;
}

const std::vector<AttentionSizes> kSizes = {
    {1, 1, 1, 2},   {2, 1, 1, 6},    {7, 2, 1, 32},   {16, 1, 1, 256}, {33, 3, 1, 2},
    {64, 4, 4, 32}, {65, 4, 2, 32},  {128, 2, 2, 48}, {128, 2, 1, 80}, {300, 2, 2, 64},
    {300, 3, 1, 6}, {65, 1, 1, 128}, {96, 1, 1, 10},  {40, 2, 2, 112}, {1100, 1, 1, 16},
};

// Goal: output, sums and gradients are those of the definition. Method: float64, with the same
// inputs; float32 is right within its rounding.
TEST(AttentionKernel, MatchesTheDefinitionInFloat32) {
  for (const AttentionSizes& sizes : kSizes) expect_near_reference<float>(sizes, 2e-6, 5e-6);
}

// Bfloat16 keeps 8 bits, so one rounding is off by 2^-9 = 0.2 % at most. Outputs have that one and
// those of the weights, which partly cancel; gradients also that of the output, through delta.
TEST(AttentionKernel, MatchesTheDefinitionInBfloat16) {
  for (const AttentionSizes& sizes : kSizes) expect_near_reference<Bf16>(sizes, 4e-3, 1e-2);
}

// The reference's gradient is the slope of its own output.
TEST(AttentionKernel, ReferenceGradientIsTheSlopeOfItsOutput) {
  const AttentionSizes sizes{5, 4, 2, 6};
  const Text<float> text(sizes);
  const std::vector<double> dout = doubles(text.dout_TND);
  std::vector<double> heads = doubles(text.heads_THD);
  const Reference reference(sizes, heads, dout);
  const auto loss = [&] {
    const Reference moved(sizes, heads, dout);
    double sum = 0;
    for (size_t i = 0; i < dout.size(); ++i) sum += dout[i] * moved.out_TND[i];
    return sum;
  };
  for (size_t i = 0; i < heads.size(); ++i) {
    const double here = heads[i], step = 1e-5;
    heads[i] = here + step;
    const double above = loss();
    heads[i] = here - step;
    const double below = loss();
    heads[i] = here;
    ASSERT_NEAR((above - below) / (2 * step), reference.dheads_THD[i], 1e-8) << i;
  }
}

// What comes later changes nothing, not by a bit.
template <class Value>
void expect_causal() {
  const AttentionSizes sizes{150, 4, 2, 48};
  Text<Value> before(sizes);
  before.run();
  for (const int64_t changed : {1, 31, 100, 149}) {
    Text<Value> after(sizes);
    const int64_t all = sizes.heads + 2 * sizes.kv_heads;
    for (size_t i = changed * all * sizes.head_width; i < after.heads_THD.size(); ++i)
      after.heads_THD[i] = Value(3 * static_cast<float>(after.heads_THD[i]));
    after.run();
    const int64_t kept = changed * sizes.heads * sizes.head_width;
    EXPECT_TRUE(same_bits(before.out_TND, after.out_TND, 0, kept)) << changed;
    EXPECT_FALSE(same_bits(before.out_TND, after.out_TND)) << changed;
    for (int64_t n = 0; n < sizes.heads; ++n)
      EXPECT_TRUE(
          same_bits(before.log_sum_NT, after.log_sum_NT, n * sizes.time, n * sizes.time + changed));
  }
}
TEST(AttentionKernel, SeesNothingLater) {
  expect_causal<float>();
  expect_causal<Bf16>();
}

// What the last call left in scratch changes nothing.
template <class Value>
void expect_pure() {
  for (const AttentionSizes& sizes : kSizes) {
    Text<Value> first(sizes), second(sizes);
    first.run(0xff);
    second.run(0x42);
    EXPECT_TRUE(same_bits(first.out_TND, second.out_TND));
    EXPECT_TRUE(same_bits(first.log_sum_NT, second.log_sum_NT));
    EXPECT_TRUE(same_bits(first.dheads_THD, second.dheads_THD));
  }
}
TEST(AttentionKernel, GivesTheSameBitsWhateverScratchHolds) {
  expect_pure<float>();
  expect_pure<Bf16>();
}

// Scores of 1e4 and more are far beyond what exp() can hold.
TEST(AttentionKernel, LargeScoresDoNotOverflow) {
  const AttentionSizes sizes{600, 2, 1, 32};
  Text<float> text(sizes, 60);
  text.run();
  const Reference wanted(sizes, doubles(text.heads_THD), doubles(text.dout_TND));
  EXPECT_GT(*std::max_element(wanted.log_sum_NT.begin(), wanted.log_sum_NT.end()), 1e4);
  EXPECT_LT(error(doubles(text.log_sum_NT), wanted.log_sum_NT), 1e-6);
  EXPECT_LT(error(doubles(text.out_TND), wanted.out_TND), 5e-3);
  for (const float x : text.dheads_THD) ASSERT_TRUE(std::isfinite(x));
}

TEST(AttentionKernel, TakesEvenWidthsToTwoHundredFiftySix) {
  EXPECT_TRUE(attention_kernel_fits({1, 1, 1, 2}));
  EXPECT_TRUE(attention_kernel_fits({4096, 8, 2, 256}));
  EXPECT_FALSE(attention_kernel_fits({1, 1, 1, 7}));
  EXPECT_FALSE(attention_kernel_fits({1, 1, 1, 258}));
}

}  // namespace
}  // namespace causeway
