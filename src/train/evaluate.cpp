// SPDX-License-Identifier: Apache-2.0
#include "train/evaluate.h"

#include <ATen/ops/from_blob.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>

namespace causeway {
namespace {

constexpr int64_t kBatchTokensMax = 65'536;

/// The windows of a text: window w has tokens [begin(w), end(w)) and predicts those from first(w).
struct Windows {
  int64_t tokens, context, stride, count;

  Windows(const Model& model, int64_t text_tokens, const EvaluateOptions& options)
      : tokens(text_tokens),
        context(options.context > 0 ? std::min(options.context, model.context()) : model.context()),
        stride(options.stride > 0 ? std::min(options.stride, context) : context),
        count(tokens < 2 ? 0
                         : 1 + (std::max<int64_t>(0, tokens - context - 1) + stride - 1) / stride) {
  }
  int64_t begin(int64_t window) const { return window * stride; }
  int64_t end(int64_t window) const { return std::min(begin(window) + context + 1, tokens); }
  int64_t first(int64_t window) const { return window == 0 ? 1 : end(window - 1); }
};

struct Scorer {
  const Model& model;
  const Arena& x;
  const ReadTokens& read;
  const EvaluateOptions& options;
  const Windows& windows;

  int64_t bytes_of(int32_t token) const {
    return options.token_bytes.empty() ? 1 : options.token_bytes[static_cast<size_t>(token)];
  }

  /// The units of windows [first, first + rows), which are equally long.
  Evaluation operator()(int64_t first, int64_t rows) const {
    const int64_t length = windows.end(first) - windows.begin(first) - 1;
    std::vector<int32_t> tokens(static_cast<size_t>(rows * (length + 1)));
    const auto row_of = [&](int64_t row) {
      return std::span(tokens).subspan(static_cast<size_t>(row * (length + 1)),
                                       static_cast<size_t>(length + 1));
    };
    for (int64_t row = 0; row < rows; ++row) read(windows.begin(first + row), row_of(row));
    const at::Tensor batch =
        at::from_blob(tokens.data(), {rows, length + 1}, at::kInt).to(at::kLong);
    const at::Tensor losses = model.losses(x, batch).to(at::kDouble).contiguous();
    Evaluation out;
    for (int64_t row = 0; row < rows; ++row) {
      const double* loss = losses.const_data_ptr<double>() + row * length;
      const int64_t skip = windows.first(first + row) - windows.begin(first + row) - 1;
      double nats = 0;
      int64_t bytes = 0;
      for (int64_t i = skip; i < length; ++i) {
        nats += loss[i];
        bytes += bytes_of(row_of(row)[static_cast<size_t>(i) + 1]);
      }
      out.add_unit(length - skip, bytes, nats);
    }
    return out;
  }
};

/// Batches of windows of one length: the last window may be shorter.
struct Batches {
  int64_t rows, whole, count;

  Batches(const Windows& windows, int64_t rows_max)
      : rows(std::clamp<int64_t>(kBatchTokensMax / windows.context, 1, rows_max)),
        whole(windows.count > 0 &&
                      windows.end(windows.count - 1) - windows.begin(windows.count - 1) <=
                          windows.context
                  ? windows.count - 1
                  : windows.count),
        count((whole + rows - 1) / rows + (windows.count - whole)) {}

  Evaluation score(int64_t batch, const Scorer& scorer) const {
    const int64_t first = batch * rows;
    if (first >= whole) return scorer(whole, 1);
    return scorer(first, std::min(rows, whole - first));
  }
};

}  // namespace

void Evaluation::add_unit(int64_t unit_tokens, int64_t unit_bytes, double nats) {
  const auto count = static_cast<double>(unit_tokens);
  tokens += unit_tokens;
  bytes += unit_bytes;
  nats_sum += nats;
  ++units;
  nats_squares += nats * nats;
  products += nats * count;
  token_squares += count * count;
}

void Evaluation::add(const Evaluation& other) {
  tokens += other.tokens;
  bytes += other.bytes;
  nats_sum += other.nats_sum;
  units += other.units;
  nats_squares += other.nats_squares;
  products += other.products;
  token_squares += other.token_squares;
}

double Evaluation::bits_per_byte() const {
  return bytes > 0 ? nats_sum / std::numbers::ln2 / static_cast<double>(bytes) : 0;
}

double Evaluation::perplexity() const { return std::exp(nats_per_token()); }

double Evaluation::standard_error() const {
  if (units < 2) return std::numeric_limits<double>::quiet_NaN();
  const double mean = nats_per_token();
  const double spread = nats_squares - 2 * mean * products + mean * mean * token_squares;
  const auto n = static_cast<double>(units);
  return std::sqrt(std::max(0.0, spread) * n / (n - 1)) / static_cast<double>(tokens);
}

std::vector<int32_t> bytes_of_tokens(const Tokenizer& tokenizer) {
  std::vector<int32_t> out(static_cast<size_t>(tokenizer.vocabulary()));
  for (size_t i = 0; i < out.size(); ++i) {
    const auto token = static_cast<int32_t>(i);
    if (!tokenizer.is_special(token))
      out[i] = static_cast<int32_t>(tokenizer.bytes_of(token).size());
  }
  return out;
}

Evaluation evaluate(const Model& model, const Arena& x, int64_t tokens, const ReadTokens& read,
                    const EvaluateOptions& options, Threads& threads) {
  if (options.tokens_max > 0) tokens = std::min(tokens, options.tokens_max + 1);
  const Windows windows(model, tokens, options);
  const Batches batches(windows, options.batch_rows);
  const Scorer scorer{model, x, read, options, windows};
  std::vector<Evaluation> parts(static_cast<size_t>(batches.count));
  threads.each(batches.count, [&](int64_t batch) {
    parts[static_cast<size_t>(batch)] = batches.score(batch, scorer);
  });
  Evaluation out;
  for (const Evaluation& part : parts) out.add(part);
  return out;
}

std::vector<Evaluation> evaluate_documents(const Model& model, const Arena& x,
                                           std::span<const std::vector<int32_t>> documents,
                                           const EvaluateOptions& options, Threads& threads) {
  std::vector<Evaluation> out(documents.size());
  threads.each(static_cast<int64_t>(documents.size()), [&](int64_t index) {
    const std::vector<int32_t>& tokens = documents[static_cast<size_t>(index)];
    const ReadTokens read = [&](int64_t begin, std::span<int32_t> part) {
      std::copy_n(tokens.begin() + begin, part.size(), part.begin());
    };
    const Windows windows(model, static_cast<int64_t>(tokens.size()), options);
    const Batches batches(windows, options.batch_rows);
    const Scorer scorer{model, x, read, options, windows};
    Evaluation sum;
    for (int64_t batch = 0; batch < batches.count; ++batch) sum.add(batches.score(batch, scorer));
    if (sum.tokens > 0)
      out[static_cast<size_t>(index)].add_unit(sum.tokens, sum.bytes, sum.nats_sum);
  });
  return out;
}

}  // namespace causeway
