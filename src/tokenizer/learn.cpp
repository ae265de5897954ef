// SPDX-License-Identifier: Apache-2.0
#include "tokenizer/learn.h"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>

#include "tokenizer/byte_symbols.h"
#include "tokenizer/pair_merger.h"
#include "tokenizer/token_texts.h"
#include "tokenizer/word_scanner.h"

namespace causeway {
namespace {

using OrderedJson = nlohmann::ordered_json;

constexpr size_t kSpecialBytesMax = 4096;

std::string quoted(std::string_view text) { return OrderedJson(text).dump(); }

Result<void> check_special(const std::vector<std::string>& special) {
  TokenTexts seen;
  for (const std::string& token : special) {
    if (token.empty() || token.size() > kSpecialBytesMax)
      return failure(Fault::kBadInput, "a special token has 1 to {} bytes, not {}",
                     kSpecialBytesMax, token.size());
    if (!seen.add(token, 0))
      return failure(Fault::kBadInput, "the special token \"{}\" is there twice", token);
  }
  return {};
}

/// The tokens in order, and the pairs that were merged.
struct Learnt {
  TokenTexts tokens;
  std::vector<PairMerger::Pair> merges;

  int32_t token_of(std::string_view text) {
    const auto next = static_cast<int32_t>(tokens.size());
    return tokens.add(text, next) ? next : tokens.find(text);
  }
};

/// Adds the 256 characters that stand for bytes, by code point; gives the token of each byte.
std::array<int32_t, 256> add_bytes(Learnt& learnt) {
  std::array<std::string, 256> symbols;
  std::array<size_t, 256> order{};
  for (size_t byte = 0; byte < 256; ++byte) {
    symbols[byte] = byte_symbol(static_cast<uint8_t>(byte));
    order[byte] = byte;
  }
  // The order of UTF-8 is that of code points, if bytes compare without a sign, as they do.
  std::ranges::sort(order, {}, [&](size_t byte) -> const std::string& { return symbols[byte]; });
  std::array<int32_t, 256> tokens{};
  for (const size_t byte : order) tokens[byte] = learnt.token_of(symbols[byte]);
  return tokens;
}

void learn_merges(const WordCounts& counts, const LearnOptions& options, Learnt& learnt) {
  const std::array<int32_t, 256> token_of_byte = add_bytes(learnt);
  PairMerger merger;
  std::vector<int32_t> symbols;
  for (const auto& [word, count] : counts.counts) {
    symbols.clear();
    for (const char byte : word) symbols.push_back(token_of_byte[static_cast<uint8_t>(byte)]);
    merger.add_word(symbols, count);
  }
  merger.start();
  while (std::cmp_less(learnt.tokens.size(), options.vocabulary)) {
    const auto pair = merger.take_best(std::max<int64_t>(options.min_count, 1));
    if (!pair) break;
    const auto [left, right] = *pair;
    const std::string whole = std::string(learnt.tokens.text(static_cast<size_t>(left))) +
                              std::string(learnt.tokens.text(static_cast<size_t>(right)));
    // Another pair may have made this token before.
    merger.merge(learnt.token_of(whole));
    learnt.merges.push_back(*pair);
  }
}

OrderedJson pre_tokenizer_json(Words words) {
  const bool gpt2 = words == Words::kGpt2;
  OrderedJson level = {{"type", "ByteLevel"},
                       {"add_prefix_space", false},
                       {"trim_offsets", true},
                       {"use_regex", gpt2}};
  if (gpt2) return level;
  OrderedJson split = {{"type", "Split"},
                       {"pattern", {{"Regex", std::string(pattern_of(words))}}},
                       {"behavior", "Isolated"},
                       {"invert", false}};
  return {{"type", "Sequence"}, {"pretokenizers", OrderedJson::array({split, level})}};
}

std::string json_of(const Learnt& learnt, Words words, const std::vector<std::string>& special) {
  OrderedJson added = OrderedJson::array();
  for (size_t i = 0; i < special.size(); ++i)
    added.push_back({{"id", i},
                     {"content", special[i]},
                     {"single_word", false},
                     {"lstrip", false},
                     {"rstrip", false},
                     {"normalized", false},
                     {"special", true}});
  const OrderedJson normalizer =
      words == Words::kQwen2 ? OrderedJson{{"type", "NFC"}} : OrderedJson();
  std::string out = fmt::format(
      "{{\n \"version\": \"1.0\",\n \"truncation\": null,\n \"padding\": null,\n"
      " \"added_tokens\": {},\n \"normalizer\": {},\n \"pre_tokenizer\": {},\n"
      " \"post_processor\": null,\n"
      " \"decoder\": {{\"type\": \"ByteLevel\", \"add_prefix_space\": false, \"trim_offsets\": "
      "true, "
      "\"use_regex\": false}},\n"
      " \"model\": {{\n  \"type\": \"BPE\",\n  \"dropout\": null,\n  \"unk_token\": null,\n"
      "  \"continuing_subword_prefix\": null,\n  \"end_of_word_suffix\": null,\n"
      "  \"fuse_unk\": false,\n  \"byte_fallback\": false,\n  \"ignore_merges\": false,\n"
      "  \"vocab\": {{",
      added.dump(), normalizer.dump(), pre_tokenizer_json(words).dump());
  const TokenTexts& tokens = learnt.tokens;
  for (size_t i = 0; i < tokens.size(); ++i)
    out += fmt::format("{}\n   {}: {}", i > 0 ? "," : "", quoted(tokens.text(i)), i);
  out += "\n  },\n  \"merges\": [";
  for (size_t i = 0; i < learnt.merges.size(); ++i) {
    const auto [left, right] = learnt.merges[i];
    out += fmt::format("{}\n   [{}, {}]", i > 0 ? "," : "",
                       quoted(tokens.text(static_cast<size_t>(left))),
                       quoted(tokens.text(static_cast<size_t>(right))));
  }
  return out + "\n  ]\n }\n}\n";
}

}  // namespace

Result<std::string> learn_tokenizer(const WordCounts& counts, const LearnOptions& options) {
  if (counts.counts.empty())
    return failure(Fault::kBadInput, "there is no word to learn a tokenizer from");
  CW_TRY(check_special(options.special));
  Learnt learnt;
  for (const std::string& token : options.special) learnt.token_of(token);
  if (std::cmp_less(options.vocabulary, options.special.size() + 256))
    return failure(Fault::kBadInput,
                   "a vocabulary of {} is too small for {} special tokens and 256 bytes",
                   options.vocabulary, options.special.size());
  learn_merges(counts, options, learnt);
  return json_of(learnt, counts.words, options.special);
}

}  // namespace causeway
