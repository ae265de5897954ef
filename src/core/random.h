// SPDX-License-Identifier: Apache-2.0
//
// Counter-based random numbers: the n-th number of a stream is a pure function of (seed, stream,
// n), so that order, threads and resume change nothing. Philox4x32-10: Salmon and others, "Parallel
// Random Numbers: As Easy as 1, 2, 3", SC 2011.
#pragma once

#include <array>
#include <cstdint>

namespace causeway {

/// One Philox4x32-10 block.
std::array<uint32_t, 4> philox(std::array<uint32_t, 4> counter, std::array<uint32_t, 2> key);

/// What a stream of random numbers is for. Values are fixed: they decide the bits of every run.
enum class Stream : uint32_t {
  kWeights = 1,     ///< initial weights; index: tensor
  kDataOrder = 2,   ///< order of windows; index: worker and source
  kDataMix = 3,     ///< which source a row comes from; index: worker
  kGroup = 4,       ///< who takes part in a round
  kRounding = 5,    ///< stochastic rounding
  kSample = 6,      ///< generated text
  kRetry = 7,       ///< pauses between tries
  kDirection = 32,  ///< signs that a zeroth-order step tries; index: worker
  kCoin = 33,       ///< roles of a round; index: worker
};

/// A stream, addressed by position. Const methods are safe from many threads.
class Random {
 public:
  Random(uint64_t seed, Stream stream, uint32_t index = 0)
      : key_{static_cast<uint32_t>(seed), static_cast<uint32_t>(seed >> 32)},
        stream_(static_cast<uint32_t>(stream)),
        index_(index) {}

  uint64_t bits(uint64_t position) const;   ///< 64 uniform bits
  double uniform(uint64_t position) const;  ///< in [0, 1), 53 bits
  double normal(uint64_t position) const;   ///< N(0, 1), Box-Muller
  /// Uniform in [0, bound), bound > 0; bias below 2^-32.
  uint64_t below(uint64_t position, uint64_t bound) const;
  /// The image of `value` < count under a pseudo-random permutation of [0, count), chosen by
  /// `round`. About 7 blocks for a large count, up to 400 for a handful.
  uint64_t permute(uint64_t value, uint64_t count, uint64_t round) const;

 private:
  std::array<uint32_t, 2> key_;
  uint32_t stream_, index_;
};

}  // namespace causeway
