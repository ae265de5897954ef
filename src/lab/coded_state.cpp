// SPDX-License-Identifier: Apache-2.0
#include "lab/coded_state.h"

#include <algorithm>
#include <cmath>

#include "codec/chain.h"
#include "codec/signal.h"

namespace causeway {
namespace {

constexpr size_t kSpeedTries = 7;

Result<std::unique_ptr<Codec>> codec_for(const std::string& notation, const SampledState& state) {
  if (std::ranges::any_of(state.values, [](float value) { return !std::isfinite(value); }))
    return failure(Fault::kBadInput, "the state has values that are not finite");
  if (std::ranges::all_of(state.values, [](float value) { return value == 0; }))
    return failure(Fault::kBadInput, "the state is 0 everywhere");
  Mistakes mistakes;
  auto codec = make_codec({notation, {}}, mistakes);
  if (!mistakes.empty()) return failure(Fault::kBadInput, "{}", mistakes.text());
  codec->fit(state.cuts);
  return codec;
}

Result<std::vector<float>> decoded_by(const Codec& codec, const SampledState& state,
                                      uint64_t seed) {
  std::vector<float> out(state.values.size());
  CW_TRY(decode_signal(codec, encode_signal(codec, state.values, Coding(seed)), out));
  return out;
}

double zeroed_part(const std::vector<float>& decoded, const std::vector<float>& x) {
  int64_t all = 0, zeroed = 0;
  for (size_t i = 0; i < x.size(); ++i) {
    if (x[i] == 0) continue;
    ++all;
    if (decoded[i] == 0) ++zeroed;
  }
  return static_cast<double>(zeroed) / static_cast<double>(all);
}

SampledState repeated(const SampledState& state) {
  SampledState out{state.name, {}, {}};
  while (std::ssize(out.values) < kSpeedValues) {
    out.values.insert(out.values.end(), state.values.begin(), state.values.end());
    out.cuts.insert(out.cuts.end(), state.cuts.begin(), state.cuts.end());
  }
  return out;
}

}  // namespace

double relative_error(const std::vector<float>& decoded, const std::vector<float>& x) {
  CW_CHECK(decoded.size() == x.size(), "{} values beside {}", decoded.size(), x.size());
  double lost = 0, all = 0;
  for (size_t i = 0; i < x.size(); ++i) {
    lost += (double{decoded[i]} - x[i]) * (double{decoded[i]} - x[i]);
    all += double{x[i]} * x[i];
  }
  CW_CHECK(all > 0, "no error relative to nothing");
  return std::sqrt(lost / all);
}

CodedState code_state(const std::string& codec, const SampledState& state, uint64_t seed) {
  CodedState out{.codec = codec};
  const auto made = codec_for(codec, state);
  if (!made) {
    out.trouble = made.error().message;
    return out;
  }
  const Bytes bytes = encode_signal(**made, state.values, Coding(seed));
  std::vector<float> decoded(state.values.size());
  if (const auto went = decode_signal(**made, bytes, decoded); !went) {
    out.trouble = went.error().message;
    return out;
  }
  out.error = relative_error(decoded, state.values);
  out.bits = 8 * static_cast<double>(bytes.size()) / static_cast<double>(decoded.size());
  out.zeroed = zeroed_part(decoded, state.values);
  return out;
}

double coding_speed(const std::string& codec, const SampledState& state, const Clock& clock) {
  const SampledState large = repeated(state);
  const auto made = codec_for(codec, large);
  if (!made) return 0;
  Bytes bytes;
  std::vector<float> decoded(large.values.size());
  std::vector<int64_t> times_ns;
  while (times_ns.size() < kSpeedTries) {
    const int64_t began_ns = clock.now_ns();
    encode_signal(**made, large.values, Coding(times_ns.size()), bytes);
    if (!decode_signal(**made, bytes, decoded)) return 0;
    times_ns.push_back(clock.now_ns() - began_ns);
  }
  std::ranges::sort(times_ns);
  const int64_t median_ns = std::max<int64_t>(1, times_ns[kSpeedTries / 2]);
  return static_cast<double>(decoded.size() * sizeof(float)) / static_cast<double>(median_ns);
}

Result<double> gain_of_mean(const std::string& codec, const SampledState& state, int64_t draws) {
  CW_ASSIGN(const auto made, codec_for(codec, state));
  std::vector<double> sums(state.values.size());
  double squares = 0;
  for (int64_t draw = 1; draw <= draws; ++draw) {
    CW_ASSIGN(const auto one, decoded_by(*made, state, static_cast<uint64_t>(draw)));
    for (size_t i = 0; i < sums.size(); ++i) sums[i] += one[i];
    const double error = relative_error(one, state.values);
    squares += error * error;
  }
  std::vector<float> mean(sums.size());
  for (size_t i = 0; i < sums.size(); ++i)
    mean[i] = static_cast<float>(sums[i] / static_cast<double>(draws));
  return std::sqrt(squares / static_cast<double>(draws)) / relative_error(mean, state.values);
}

}  // namespace causeway
