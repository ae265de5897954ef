// SPDX-License-Identifier: Apache-2.0
//
// Codecs of 1, 2 or 4 bits per value and a float32 scale for each run of values: a code stands for
// a level, and levels are multiples of the scale. The encoding of n values in r runs is
//   r float32 scales | ceil(n * bits / 8) bytes, the first code in the lowest bits, the rest 0.
// Runs tile the whole signal: a block of it is a multiple of a run. A scale below the scheme's
// kScaleMin is written as 0 and its run decodes to zeros, so that no level is subnormal.
#pragma once

#include <algorithm>
#include <array>
#include <limits>

#include "codec/finite.h"
#include "codec/run_codec.h"
#include "codec/runs.h"
#include "core/simd.h"

namespace causeway {

/// A scheme has kName, kBits, kScaleMin, kCodes (a bit for each code that an encoder writes), an
/// `Options` with `run()`, and the functions
///   float scale(std::span<const float> run, float largest)    largest: the largest |value|, normal
///   void code(std::span<const float> run, float scale, uint8_t* codes)
///   float level(uint32_t code, float scale)                   with + - * / only
template <class Scheme>
class LevelCodec final : public RunCodec {
 public:
  using Options = typename Scheme::Options;
  explicit LevelCodec(const Options& options) : runs_(options.run()) {}

  int64_t block_values() const override { return runs_.block_values(); }

  void encode(std::span<const float> block, const Coding&, Bytes& bytes) const override {
    check_block_size(block);
    std::array<uint16_t, kBlockValues> lengths;
    encode_runs(block, lengths_of(block.size(), lengths), bytes);
  }
  Result<void> decode(ByteSpan bytes, std::span<float> block) const override {
    CW_CHECK(std::ssize(block) <= kBlockValues, "a block of {} values", block.size());
    std::array<uint16_t, kBlockValues> lengths;
    return decode_runs(bytes, lengths_of(block.size(), lengths), block);
  }
  int64_t block_bytes_max(int64_t count) const override { return runs_bytes(count, runs(count)); }
  int64_t head_bytes(int64_t count) const override { return runs_head_bytes(runs(count)); }

  void encode_runs(std::span<const float> block, RunLengths runs, Bytes& bytes) const override {
    check_block_size(block);
    const size_t start = bytes.size();
    bytes.resize(start + static_cast<size_t>(runs_bytes(std::ssize(block), std::ssize(runs))));
    std::byte* out = bytes.data() + start;
    std::array<uint8_t, kBlockValues + kPerByte> codes;
    uint32_t most = 0;
    with_simd([&] {
      most = code_all(block, runs, out, codes.data());
      std::fill_n(codes.data() + block.size(), kPerByte, uint8_t{0});
      join_codes(codes.data(), code_bytes(block.size()), out + 4 * runs.size());
    });
    check_finite(most);
  }

  Result<void> decode_runs(ByteSpan bytes, RunLengths runs, std::span<float> block) const override {
    const auto wanted = static_cast<size_t>(runs_bytes(std::ssize(block), std::ssize(runs)));
    CW_TRY(want_bytes(Scheme::kName, bytes, wanted));
    std::array<uint8_t, kBlockValues + kPerByte> codes;
    uint32_t strange = 0;
    with_simd([&] {
      split_codes(bytes.data() + 4 * runs.size(), code_bytes(block.size()), codes.data());
      strange = strange_codes(codes.data(), block.size());
      for (size_t i = block.size(); i < kPerByte * code_bytes(block.size()); ++i)
        strange |= codes[i];
    });
    if (strange != 0)
      return failure(Fault::kCorrupt,
                     "{}: a code or the rest of the last byte is not one that is "
                     "written",
                     Scheme::kName);
    for (size_t i = 0; i < runs.size(); ++i) {
      // A comparison that NaN fails. Zero has one form only.
      const float scale = scale_at(bytes, i);
      const bool zero = std::bit_cast<uint32_t>(scale) == 0;
      if (!zero && !(scale >= Scheme::kScaleMin && scale <= std::numeric_limits<float>::max()))
        return failure(Fault::kCorrupt, "{}: run {} has scale {}; wanted: 0, or {} or more",
                       Scheme::kName, i, scale, Scheme::kScaleMin);
    }
    with_simd([&] {
      size_t at = 0;
      for (size_t i = 0; i < runs.size(); ++i) {
        decode_run(codes.data() + at, runs[i], scale_at(bytes, i), block.data() + at);
        at += runs[i];
      }
    });
    return {};
  }

  int64_t runs_bytes(int64_t count, int64_t runs) const override {
    return runs_head_bytes(runs) + static_cast<int64_t>(code_bytes(static_cast<size_t>(count)));
  }
  int64_t runs_head_bytes(int64_t runs) const override { return 4 * runs; }

 private:
  static constexpr size_t kPerByte = 8 / Scheme::kBits;
  static constexpr size_t kLevels = size_t{1} << Scheme::kBits;

  static size_t code_bytes(size_t count) { return (count + kPerByte - 1) / kPerByte; }
  int64_t runs(int64_t count) const {
    return static_cast<int64_t>(runs_.count(static_cast<size_t>(count)));
  }
  RunLengths lengths_of(size_t count, std::span<uint16_t> lengths) const {
    const size_t found = runs_.count(count);
    for (size_t i = 0; i < found; ++i)
      lengths[i] = static_cast<uint16_t>(std::min(runs_.length(), count - i * runs_.length()));
    return lengths.first(found);
  }

  // Not 0 if a code is none that an encoder writes.
  static uint32_t strange_codes(const uint8_t* __restrict codes, size_t size) {
    if constexpr (Scheme::kCodes == (uint64_t{1} << kLevels) - 1) return 0;
    uint32_t strange = 0;
    for (size_t i = 0; i < size; ++i) strange |= ~(Scheme::kCodes >> codes[i]) & 1;
    return strange;
  }

  static float scale_at(ByteSpan bytes, size_t run) {
    float scale;
    std::memcpy(&scale, bytes.data() + 4 * run, sizeof(scale));
    return scale;
  }

  static void decode_run(const uint8_t* __restrict codes, size_t size, float scale,
                         float* __restrict run) {
    std::array<float, kLevels> levels{};
    for (uint32_t code = 0; code < kLevels && scale > 0; ++code)
      levels[code] = Scheme::level(code, scale);
    const float* __restrict level = levels.data();
    for (size_t i = 0; i < size; ++i) run[i] = level[codes[i]];
  }

  // Returns the largest magnitude of all, as bits.
  static uint32_t code_all(std::span<const float> block, RunLengths runs, std::byte* scales,
                           uint8_t* codes) {
    int32_t most = 0;
    size_t at = 0;
    for (size_t i = 0; i < runs.size(); ++i) {
      const auto run = block.subspan(at, runs[i]);
      int32_t bits = 0;
      for (const float value : run)
        bits = std::max(bits, std::bit_cast<int32_t>(value) & 0x7fffffff);
      most = std::max(most, bits);
      float scale = 0;
      if (bits >= std::bit_cast<int32_t>(Scheme::kScaleMin) &&
          bits < static_cast<int32_t>(kInfinityBits))
        scale = Scheme::scale(run, std::bit_cast<float>(bits));
      if (scale < Scheme::kScaleMin) scale = 0;
      std::memcpy(scales + 4 * i, &scale, sizeof(scale));
      if (scale > 0)
        Scheme::code(run, scale, codes + at);
      else
        std::fill_n(codes + at, run.size(), uint8_t{0});
      at += run.size();
    }
    return static_cast<uint32_t>(most);
  }

  static void join_codes(const uint8_t* __restrict codes, size_t size, std::byte* __restrict out) {
    for (size_t i = 0; i < size; ++i) {
      uint32_t joined = 0;
      for (size_t j = 0; j < kPerByte; ++j)
        joined |= uint32_t{codes[kPerByte * i + j]} << (Scheme::kBits * j);
      out[i] = static_cast<std::byte>(joined);
    }
  }
  static void split_codes(const std::byte* __restrict bytes, size_t size,
                          uint8_t* __restrict codes) {
    for (size_t i = 0; i < size; ++i)
      for (size_t j = 0; j < kPerByte; ++j)
        codes[kPerByte * i + j] =
            (static_cast<uint32_t>(bytes[i]) >> (Scheme::kBits * j)) & (kLevels - 1);
  }

  Runs runs_;
};

}  // namespace causeway
