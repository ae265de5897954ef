// SPDX-License-Identifier: Apache-2.0
//
// What a codec makes of a state of a training: its error, its bytes, its speed.
#pragma once

#include <string>
#include <vector>

#include "codec/codec.h"
#include "core/clock.h"

namespace causeway {

/// What a worker could send, with the tensors that it consists of.
struct SampledState {
  std::string name;
  std::vector<float> values;
  std::vector<TensorCut> cuts;
};

struct CodedState {
  std::string codec;                ///< as a recipe has it
  std::string trouble;              ///< why it could not be coded, and the rest is 0; else empty
  double error = 0;                 ///< ||decoded - x|| / ||x||
  double bits = 0;                  ///< per value, frames included
  double zeroed = 0;                ///< part of the values other than 0 that decode to 0
  double gigabytes_per_second = 0;  ///< of fp32 in, for encoding and decoding
};

/// ||decoded - x|| / ||x||, of x that is not 0 everywhere.
double relative_error(const std::vector<float>& decoded, const std::vector<float>& x);

/// Error and bytes, of the whole state as one signal. No speed.
CodedState code_state(const std::string& codec, const SampledState& state, uint64_t seed = 1);

/// The speed on one core: the median of several tries with the state repeated to kSpeedValues or
/// more. 0 if there is trouble.
double coding_speed(const std::string& codec, const SampledState& state, const Clock& clock);
inline constexpr int64_t kSpeedValues = int64_t{1} << 20;

/// How much nearer the mean of `draws` decodings, of as many seeds, is to the state than one is.
/// About sqrt(draws) if decoded values are right in the mean, about 1 if they are not.
/// Fault::kBadInput if there is trouble.
Result<double> gain_of_mean(const std::string& codec, const SampledState& state, int64_t draws);

}  // namespace causeway
