// SPDX-License-Identifier: Apache-2.0
#include "train/generate.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "core/random.h"

namespace causeway {

int64_t draw_token(std::span<const float> logits, const GenerateOptions& options,
                   int64_t position) {
  if (options.temperature == 0)
    return std::max_element(logits.begin(), logits.end()) - logits.begin();
  std::vector<int64_t> order(logits.size());
  std::iota(order.begin(), order.end(), int64_t{0});
  std::stable_sort(order.begin(), order.end(), [&](int64_t a, int64_t b) {
    return logits[static_cast<size_t>(a)] > logits[static_cast<size_t>(b)];
  });
  if (options.top_k > 0 && options.top_k < static_cast<int64_t>(order.size()))
    order.resize(static_cast<size_t>(options.top_k));

  const double top = logits[static_cast<size_t>(order.front())];
  std::vector<double> weights;
  double sum = 0;
  for (const int64_t token : order) {
    weights.push_back(std::exp((logits[static_cast<size_t>(token)] - top) / options.temperature));
    sum += weights.back();
  }
  // The shortest run of likeliest tokens that reaches top_p, at least one.
  double kept = 0;
  size_t count = 0;
  while (count < weights.size() && (count == 0 || kept < options.top_p * sum))
    kept += weights[count++];
  double left = Random(static_cast<uint64_t>(options.seed), Stream::kSample)
                    .uniform(static_cast<uint64_t>(position)) *
                kept;
  for (size_t i = 0; i + 1 < count; ++i) {
    left -= weights[i];
    if (left < 0) return order[i];
  }
  return order[count - 1];
}

void generate(const Model& model, const Arena& x, std::vector<int64_t> text,
              const GenerateOptions& options, const std::function<bool(int64_t)>& next) {
  CW_CHECK(!text.empty());
  const auto context = static_cast<size_t>(model.context());
  const auto last = [&](size_t most) {
    const size_t count = std::min(most, text.size());
    return std::vector<int64_t>(text.end() - static_cast<std::ptrdiff_t>(count), text.end());
  };
  auto cache = model.make_cache();
  std::vector<int64_t> unread = last(context);
  for (int64_t i = 0; i < options.tokens; ++i) {
    if (static_cast<size_t>(cache->length()) + unread.size() > context) {
      cache = model.make_cache();
      unread = last(std::max<size_t>(1, context / 2));
    }
    const at::Tensor logits = model.next_logits(x, unread, *cache).to(at::kFloat).contiguous();
    const int64_t token = draw_token(
        {logits.const_data_ptr<float>(), static_cast<size_t>(logits.numel())}, options, i);
    text.push_back(token);
    unread.assign(1, token);
    if (!next(token)) return;
  }
}

std::vector<int64_t> prompt_tokens(const Tokenizer& tokenizer, std::string_view prompt) {
  std::vector<int32_t> tokens(tokenizer.before().begin(), tokenizer.before().end());
  tokenizer.encoder()->encode(prompt, tokens);
  return {tokens.begin(), tokens.end()};
}

std::string generate_text(const Model& model, const Arena& x, const Tokenizer& tokenizer,
                          const std::string& prompt, const GenerateOptions& options) {
  std::string out;
  generate(model, x, prompt_tokens(tokenizer, prompt), options, [&](int64_t token) {
    out += tokenizer.bytes_of(static_cast<int32_t>(token));
    return true;
  });
  return out;
}

}  // namespace causeway
