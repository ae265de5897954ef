// SPDX-License-Identifier: Apache-2.0
#include "train/evaluate.h"

#include <ATen/ops/from_blob.h>

#include <algorithm>
#include <numbers>
#include <vector>

namespace causeway {
namespace {

/// Sum of the losses of `rows` windows of `length` predictions each, the first window at `begin`.
double score(const Model& model, const Arena& x, const ReadTokens& read, int64_t begin,
             int64_t rows, int64_t length) {
  std::vector<int32_t> tokens(static_cast<size_t>(rows * (length + 1)));
  for (int64_t row = 0; row < rows; ++row)
    read(begin + row * length, std::span(tokens).subspan(static_cast<size_t>(row * (length + 1)),
                                                         static_cast<size_t>(length + 1)));
  const at::Tensor batch = at::from_blob(tokens.data(), {rows, length + 1}, at::kInt).to(at::kLong);
  const at::Tensor losses = model.losses(x, batch).to(at::kDouble).contiguous();
  double sum = 0;
  for (const double loss :
       std::span(losses.const_data_ptr<double>(), static_cast<size_t>(losses.numel())))
    sum += loss;
  return sum;
}

}  // namespace

double Evaluation::bits_per_token() const { return nats_per_token() / std::numbers::ln2; }

Evaluation evaluate(const Model& model, const Arena& x, int64_t tokens, const ReadTokens& read,
                    const EvaluateOptions& options, Threads& threads) {
  if (options.tokens_max > 0) tokens = std::min(tokens, options.tokens_max + 1);
  Evaluation out;
  if (tokens < 2) return out;
  out.tokens = tokens - 1;
  const int64_t context = model.context();
  const int64_t windows = out.tokens / context;
  const int64_t rest = out.tokens % context;
  const int64_t batches = (windows + options.batch_rows - 1) / options.batch_rows;
  std::vector<double> sums(static_cast<size_t>(batches) + 1);
  threads.each(batches + (rest > 0 ? 1 : 0), [&](int64_t batch) {
    const int64_t first = batch * options.batch_rows;
    double& sum = sums[static_cast<size_t>(batch)];
    if (batch == batches)
      sum = score(model, x, read, windows * context, 1, rest);
    else
      sum = score(model, x, read, first * context, std::min(options.batch_rows, windows - first),
                  context);
  });
  for (const double sum : sums) out.nats_sum += sum;
  return out;
}

}  // namespace causeway
