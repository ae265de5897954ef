// SPDX-License-Identifier: Apache-2.0
#include "cli/bench_sync.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <nlohmann/json.hpp>
#include <numeric>
#include <optional>
#include <utility>

#include "aggregate/rule.h"
#include "cli/bench_row.h"
#include "codec/signal.h"
#include "core/memory.h"
#include "core/random.h"
#include "core/simd.h"
#include "sync/outer.h"

namespace causeway {
namespace {

using nlohmann::json;

using Floats = std::vector<float>;

/// 4 blocks: 256 KiB, within a second-level cache beside what they become.
constexpr int64_t kCachedCount = 4 * kBlockValues;

Floats normal_values(int64_t count, uint32_t index) {
  const Random random(1, Stream::kSample, index);
  Floats out = large_zeros<float>(static_cast<size_t>(count));
  // The draw is slow and the figures do not depend on it: a period that no block divides.
  constexpr size_t kPeriod = 1'000'003;
  for (size_t i = 0; i < out.size(); ++i)
    out[i] = i < kPeriod ? static_cast<float>(random.normal(i)) : out[i - kPeriod];
  return out;
}

/// What memory allows, in GB/s.
struct Memory {
  double triad = 0;  ///< a = b + s c; the line of `a` that is read before it is written counts
  double copy = 0;   ///< fp32 in
};

double copy_gbps(const Floats& source, Floats& target, int repeats, int runs) {
  const double seconds = median_seconds(runs, [&] {
    for (int i = 0; i < repeats; ++i)
      std::memcpy(target.data(), source.data(), source.size() * sizeof(float));
  });
  CW_CHECK(target == source);
  return 4e-9 * static_cast<double>(source.size()) * repeats / seconds;
}

Memory memory(int64_t count, int runs) {
  const Floats b = normal_values(count, 0), c = normal_values(count, 1);
  Floats a = large_zeros<float>(static_cast<size_t>(count));
  const double seconds = median_seconds(runs, [&] {
    with_simd([to = a.data(), from = b.data(), other = c.data(), size = a.size()] {
      for (size_t i = 0; i < size; ++i) to[i] = from[i] + 3.0f * other[i];
    });
  });
  for (size_t i = 0; i < a.size(); ++i) CW_CHECK(a[i] == b[i] + 3.0f * c[i]);
  return {16e-9 * static_cast<double>(count) / seconds, copy_gbps(b, a, 1, runs)};
}

json fold(int64_t count, int runs, const Memory& memory) {
  constexpr uint32_t kMembers = 8;
  Mistakes mistakes;
  const auto rule = make_plugin(rules(), "rule", Plugin{"mean", {}}, mistakes);
  std::vector<Floats> rows;
  for (uint32_t m = 0; m < kMembers; ++m) rows.push_back(normal_values(count, m));
  const std::vector<std::span<const float>> views(rows.begin(), rows.end());
  const std::vector<int64_t> weights(kMembers, 1);
  Floats out = large_zeros<float>(static_cast<size_t>(count));
  const double seconds = median_seconds(runs, [&] { rule->fold(views, weights, out); });
  for (size_t i = 0; i < out.size(); ++i) {
    double wanted = 0;
    for (const auto& row : rows) wanted += row[i];
    CW_CHECK(out[i] == static_cast<float>(wanted / kMembers), "value {} of the fold", i);
  }
  return bench_row("fold of 8 replicas", 4e-9 * kMembers * static_cast<double>(count) / seconds,
                   "GB/s of fp32", memory.triad, "triad");
}

json nesterov(int64_t count, int runs, const Memory& memory) {
  Mistakes mistakes;
  const auto outer =
      make_plugin(outer_optimizers(), "outer optimizer", Plugin{"nesterov", {}}, mistakes);
  const Floats delta = normal_values(count, 0);
  Floats anchor = normal_values(count, 1), buffer = normal_values(count, 2);
  Floats wanted_anchor = anchor, wanted_buffer = buffer;
  const std::vector<std::span<float>> buffers = {buffer};
  outer->step(1, delta, anchor, buffers);
  for (size_t i = 0; i < delta.size(); ++i) {
    wanted_buffer[i] = 0.9f * wanted_buffer[i] + delta[i];
    wanted_anchor[i] -= 0.7f * (delta[i] + 0.9f * wanted_buffer[i]);
  }
  CW_CHECK(anchor == wanted_anchor && buffer == wanted_buffer);
  const double seconds = median_seconds(runs, [&] { outer->step(2, delta, anchor, buffers); });
  // Three arrays are read, two of them written.
  return bench_row("Nesterov outer step", 20e-9 * static_cast<double>(count) / seconds,
                   "GB/s moved", memory.triad, "triad");
}

/// What a codec should give back for one block, by a plain loop.
Floats plain_bf16(std::span<const float> block) {
  Floats out(block.begin(), block.end());
  for (float& value : out) {
    const auto bits = std::bit_cast<uint32_t>(value);
    value = std::bit_cast<float>((bits + 0x7fff + ((bits >> 16) & 1)) & 0xffff0000u);
  }
  return out;
}

Floats plain_int8(std::span<const float> block) {
  constexpr size_t kRun = 4096;
  Floats out(block.size());
  for (size_t start = 0; start < block.size(); start += kRun) {
    const size_t end = std::min(block.size(), start + kRun);
    float most = 0;
    for (size_t i = start; i < end; ++i) most = std::max(most, std::abs(block[i]));
    const float scale = most / 127;
    for (size_t i = start; i < end; ++i)
      out[i] = static_cast<float>(std::nearbyint(double{block[i]} / double{scale})) * scale;
  }
  return out;
}

Floats plain_topk(std::span<const float> block) {
  std::vector<size_t> order(block.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::ranges::sort(order, {}, [&](size_t i) { return std::pair(-std::abs(block[i]), i); });
  Floats out(block.size());
  const auto kept = static_cast<size_t>(std::ceil(0.01 * static_cast<double>(block.size())));
  for (size_t i = 0; i < kept; ++i) out[order[i]] = block[order[i]];
  return out;
}

/// A codec of 16 levels: each value becomes the nearest, in double, of the levels times its scale.
Floats plain_nf4(const Codec& codec, std::span<const float> block) {
  constexpr size_t kRun = 64;
  Bytes codes(12);
  const float one = 1;
  std::memcpy(codes.data(), &one, sizeof(one));
  for (size_t i = 0; i < 8; ++i) codes[4 + i] = static_cast<std::byte>(0x10 + 0x22 * i);
  Floats levels(16), out(block.size());
  CW_CHECK(codec.decode(codes, levels).ok());
  for (size_t i = 0; i < block.size(); ++i) {
    const size_t start = i / kRun * kRun;
    float scale = 0;
    for (size_t j = start; j < std::min(start + kRun, block.size()); ++j)
      scale = std::max(scale, std::abs(block[j]));
    const auto distance = [&](float level) {
      return std::abs(double{level} * double{scale} - double{block[i]});
    };
    out[i] = scale * *std::ranges::min_element(levels, {}, distance);
  }
  return out;
}

std::optional<Floats> plain_round_trip(std::string_view name, const Codec& codec,
                                       std::span<const float> block) {
  if (name == "fp32") return Floats(block.begin(), block.end());
  if (name == "bf16") return plain_bf16(block);
  if (name == "int8") return plain_int8(block);
  if (name == "nf4") return plain_nf4(codec, block);
  if (name == "topk") return plain_topk(block);
  return std::nullopt;
}

void check_codec(const Entry<Codec>& entry, const Codec& codec, std::span<const float> values,
                 const Bytes& bytes) {
  const auto signal = EncodedSignal::open(codec, bytes, std::ssize(values));
  CW_CHECK(signal.ok());
  // The last and some others: all would take longer than what is measured.
  for (int64_t i = signal->blocks() - 1; i >= 0; i -= 97) {
    const auto block = values.subspan(static_cast<size_t>(signal->block_begin(i)),
                                      static_cast<size_t>(signal->block_size(i)));
    Floats got(block.size());
    CW_CHECK(signal->decode_block(i, got).ok());
    const auto wanted = plain_round_trip(entry.name, codec, block);
    CW_CHECK(!wanted || got == *wanted, "{}: block {}", entry.name, i);
  }
}

/// Encode and decode of `count` values, `repeats` times for each timing.
void codec_rows(const Entry<Codec>& entry, int64_t count, int repeats, int runs,
                const std::string& where, double limit_gbps, json& rows) {
  Mistakes mistakes;
  const auto codec = entry.make({}, mistakes);
  const Floats values = normal_values(count, 0);
  Floats decoded = large_zeros<float>(static_cast<size_t>(count));
  Bytes bytes = encode_signal(*codec, values, 1);
  check_codec(entry, *codec, values, bytes);
  const auto add = [&](std::string_view what, double seconds) {
    rows.push_back(bench_row(fmt::format("{} {}{}", what, entry.name, where),
                             4e-9 * static_cast<double>(count) * repeats / seconds, "GB/s of fp32",
                             limit_gbps, "copy"));
  };
  add("encode", median_seconds(runs, [&] {
        for (int i = 0; i < repeats; ++i) encode_signal(*codec, values, 1, bytes);
      }));
  add("decode", median_seconds(runs, [&] {
        for (int i = 0; i < repeats; ++i) {
          CW_CHECK(decode_signal(*codec, bytes, decoded).ok());
        }
      }));
}

}  // namespace

json bench_sync(bool quick) {
  const int runs = quick ? 3 : 11;
  const int64_t count = quick ? 4'000'000 : 25'000'000;
  const Memory limits = memory(count, runs);
  const Floats cached = normal_values(kCachedCount, 0);
  Floats copied(cached.size());
  constexpr int kRepeats = 20;
  const double cached_gbps = copy_gbps(cached, copied, kRepeats, runs);
  json rows = json::array();
  rows.push_back(bench_row("triad: a = b + s c, 16 bytes moved per value", limits.triad,
                           "GB/s moved", limits.triad, "triad"));
  rows.push_back(bench_row("copy", limits.copy, "GB/s of fp32", limits.triad / 12 * 4, "triad"));
  rows.push_back(fold(count / 4, runs, limits));
  rows.push_back(nesterov(count, runs, limits));
  for (const Entry<Codec>* entry : codecs())
    codec_rows(*entry, count, 1, runs, "", limits.copy, rows);
  for (const Entry<Codec>* entry : codecs())
    codec_rows(*entry, kCachedCount, kRepeats, runs, ", in cache", cached_gbps, rows);
  return rows;
}

}  // namespace causeway
