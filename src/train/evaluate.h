// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <span>

#include "core/threads.h"
#include "model/model.h"

namespace causeway {

/// Copies tokens [begin, begin + out.size()) of a text.
using ReadTokens = std::function<void(int64_t begin, std::span<int32_t> out)>;

struct Evaluation {
  int64_t tokens = 0;   ///< predicted
  double nats_sum = 0;  ///< of all of them
  double nats_per_token() const { return tokens > 0 ? nats_sum / static_cast<double>(tokens) : 0; }
  double bits_per_token() const;
};

struct EvaluateOptions {
  int64_t batch_rows = 16;  ///< windows at a time in one thread
  int64_t tokens_max = 0;   ///< 0: all
};

/// Scores a text of `tokens` tokens in windows of the model's context that do not overlap: each
/// token but the first is predicted exactly once. The sum is in the order of the text, whatever the
/// number of threads.
Evaluation evaluate(const Model& model, const Arena& x, int64_t tokens, const ReadTokens& read,
                    const EvaluateOptions& options, Threads& threads);

}  // namespace causeway
