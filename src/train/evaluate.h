// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "core/threads.h"
#include "model/model.h"
#include "tokenizer/tokenizer.h"

namespace causeway {

/// Copies tokens [begin, begin + out.size()) of a text.
using ReadTokens = std::function<void(int64_t begin, std::span<int32_t> out)>;

/// What a model says to a text, in sums. A unit is a window of a long text, or a document: losses
/// within one go together, which the standard error allows for.
struct Evaluation {
  int64_t tokens = 0;   ///< predicted
  int64_t bytes = 0;    ///< of text that those tokens stand for
  double nats_sum = 0;  ///< of all of them
  int64_t units = 0;
  double nats_squares = 0, products = 0,
         token_squares = 0;  ///< over units: nats^2, nats x tokens, …

  void add_unit(int64_t unit_tokens, int64_t unit_bytes, double nats);
  void add(const Evaluation& other);

  double nats_per_token() const { return tokens > 0 ? nats_sum / static_cast<double>(tokens) : 0; }
  /// Comparable between tokenizers.
  double bits_per_byte() const;
  double perplexity() const;  ///< of a token
  /// Standard error of nats_per_token, a ratio of sums over units: Cochran, "Sampling Techniques",
  /// 3rd edition, equation 2.39 without the finite population. NaN below two units.
  double standard_error() const;
};

/// Bytes of text that each token stands for: 0 for special ones. What an Evaluation counts.
std::vector<int32_t> bytes_of_tokens(const Tokenizer& tokenizer);

struct EvaluateOptions {
  int64_t batch_rows = 16;               ///< most windows at a time in one thread
  int64_t tokens_max = 0;                ///< 0: all
  int64_t context = 0;                   ///< tokens seen by a prediction, at most; 0: the model's
  int64_t stride = 0;                    ///< tokens between windows; 0: the context, no overlap
  std::span<const int32_t> token_bytes;  ///< as bytes_of_tokens; empty: a token is a byte
};

/// Scores a text of `tokens` tokens in windows of context + 1 tokens that begin every `stride`
/// tokens: each token but the first is predicted exactly once, in the first window that has it. The
/// sum is in the order of the text, whatever the number of threads.
Evaluation evaluate(const Model& model, const Arena& x, int64_t tokens, const ReadTokens& read,
                    const EvaluateOptions& options, Threads& threads);

/// Scores each document by itself, as a text and a unit of its own; in the order given.
std::vector<Evaluation> evaluate_documents(const Model& model, const Arena& x,
                                           std::span<const std::vector<int32_t>> documents,
                                           const EvaluateOptions& options, Threads& threads);

}  // namespace causeway
