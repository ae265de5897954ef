// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/options.h"
#include "model/model.h"
#include "tokenizer/tokenizer.h"

namespace causeway {

struct GenerateOptions {
  int64_t tokens = 200;
  double temperature = 0.8;
  int64_t top_k = 0;
  double top_p = 0.95;
  int64_t seed = 1;

  template <class Visit>
  void each(Visit&& visit) {
    visit("tokens", tokens, Range<int64_t>{1, 1'000'000}, "tokens", "Tokens to add.");
    visit("temperature", temperature, Range<double>{0, 100}, "",
          "Divides the logits; 0: always the likeliest token.");
    visit("top_k", top_k, Range<int64_t>{0}, "tokens", "Draw from the k likeliest; 0: from all.");
    visit("top_p", top_p, Range<double>{0, 1}, "",
          "Draw from the likeliest tokens that together have this probability.");
    visit("seed", seed, Range<int64_t>{0}, "", "Decides the draws.");
  }
};

/// The token that `options` draw from logits [V] at place `position` of the text: a pure function.
int64_t draw_token(std::span<const float> logits, const GenerateOptions& options, int64_t position);

/// Continues `prompt` (at least one token, each below the vocabulary), telling each new token as it
/// comes; `next` returns false to end early. Past the context the text's last half is read again.
void generate(const Model& model, const Arena& x, std::vector<int64_t> prompt,
              const GenerateOptions& options, const std::function<bool(int64_t)>& next);

/// The tokens of a prompt, after what the tokenizer puts before a text.
std::vector<int64_t> prompt_tokens(const Tokenizer& tokenizer, std::string_view prompt);

/// Continues a text, which has at least one token: the new text, without the prompt.
std::string generate_text(const Model& model, const Arena& x, const Tokenizer& tokenizer,
                          const std::string& prompt, const GenerateOptions& options);

}  // namespace causeway
