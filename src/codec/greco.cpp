// SPDX-License-Identifier: Apache-2.0
#include "codec/greco.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "codec/signal.h"
#include "core/squared_norm.h"

namespace causeway {
namespace {

/// The best choice for the layers so far among those whose error ends in one step.
struct State {
  int64_t bytes = std::numeric_limits<int64_t>::max();
  double squared_error = 0;
  bool reached() const { return bytes != std::numeric_limits<int64_t>::max(); }
};

/// How a state was reached: by which choice for its layer, from which state of those before.
struct Step {
  uint16_t choice = 0;
  int64_t from = 0;
};

class Table {
 public:
  Table(const LayerCosts& costs, const GrecoLimits& limits)
      : costs_(costs), limits_(limits), states_(static_cast<size_t>(limits.error_steps) + 1) {
    states_[0] = {0, 0};
  }

  std::optional<std::vector<size_t>> solve() {
    for (const auto& row : costs_) add_layer(row);
    size_t best = 0;
    for (size_t at = 1; at < states_.size(); ++at)
      if (states_[at].bytes < states_[best].bytes) best = at;
    if (!states_[best].reached()) return std::nullopt;
    std::vector<size_t> choices(costs_.size());
    for (size_t layer = costs_.size(); layer > 0; --layer) {
      const Step& step = steps_[layer - 1][best];
      choices[layer - 1] = step.choice;
      best = static_cast<size_t>(step.from);
    }
    return choices;
  }

 private:
  // The step in which an error ends: 0 for none, so that a budget of nothing has a choice.
  size_t step_of(double squared_error) const {
    if (squared_error == 0) return 0;
    const double part = squared_error / limits_.squared_error_max;
    const auto step =
        static_cast<int64_t>(std::ceil(part * static_cast<double>(limits_.error_steps)));
    return static_cast<size_t>(std::clamp<int64_t>(step, 1, limits_.error_steps));
  }

  void add_layer(const std::vector<LayerCost>& row) {
    CW_CHECK(!row.empty() && row.size() <= 0x10000, "{} codecs for a layer", row.size());
    std::vector<State> next(states_.size());
    auto& steps = steps_.emplace_back(states_.size());
    for (size_t choice = 0; choice < row.size(); ++choice) {
      const LayerCost& cost = row[choice];
      CW_CHECK(cost.bytes >= 0 && cost.squared_error >= 0 && std::isfinite(cost.squared_error),
               "{} bytes with an error of {}", cost.bytes, cost.squared_error);
      for (size_t at = 0; at < states_.size(); ++at) {
        if (!states_[at].reached()) continue;
        const State sum = {states_[at].bytes + cost.bytes,
                           states_[at].squared_error + cost.squared_error};
        if (sum.squared_error > limits_.squared_error_max) break;  // states ascend
        State& best = next[step_of(sum.squared_error)];
        const bool fewer = sum.bytes < best.bytes ||
                           (sum.bytes == best.bytes && sum.squared_error < best.squared_error);
        if (!fewer) continue;
        best = sum;
        steps[step_of(sum.squared_error)] = {static_cast<uint16_t>(choice),
                                             static_cast<int64_t>(at)};
      }
    }
    states_ = std::move(next);
  }

  const LayerCosts& costs_;
  const GrecoLimits& limits_;
  std::vector<State> states_;             // by step of error
  std::vector<std::vector<Step>> steps_;  // by layer, then by step of error
};

LayerCost cost_of(const Codec& codec, std::span<const float> values, const Coding& coding) {
  const Bytes bytes = encode_signal(codec, values, coding);
  std::vector<float> decoded(values.size());
  const auto result = decode_signal(codec, bytes, decoded);
  CW_CHECK(result.ok(), "what was encoded does not decode: {}", result.error().message);
  return {std::ssize(bytes), squared_distance(values, decoded)};
}

}  // namespace

std::optional<std::vector<size_t>> choose_codecs(const LayerCosts& costs,
                                                 const GrecoLimits& limits) {
  CW_CHECK(limits.squared_error_max >= 0 && limits.error_steps >= 1, "an error of {} in {} steps",
           limits.squared_error_max, limits.error_steps);
  return Table(costs, limits).solve();
}

LayerCosts measure_codecs(std::span<const Codec* const> codecs, std::span<const float> signal,
                          std::span<const TensorCut> tensors, const Coding& coding) {
  LayerCosts costs;
  size_t begin = 0;
  for (const TensorCut& tensor : tensors) {
    const auto count = static_cast<size_t>(tensor.count);
    CW_CHECK(begin + count <= signal.size(), "tensors of more than {} values", signal.size());
    Coding of_tensor = coding;
    of_tensor.begin += static_cast<int64_t>(begin);
    auto& row = costs.emplace_back();
    for (const Codec* codec : codecs)
      row.push_back(cost_of(*codec, signal.subspan(begin, count), of_tensor));
    begin += count;
  }
  CW_CHECK(begin == signal.size(), "tensors of {} values for a signal of {}", begin, signal.size());
  return costs;
}

}  // namespace causeway
