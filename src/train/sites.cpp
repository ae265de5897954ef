// SPDX-License-Identifier: Apache-2.0
#include "train/sites.h"

#include <algorithm>

#include "data/ngram.h"

namespace causeway {
namespace {

constexpr size_t kYardstickBytesMax = 8 << 20;

/// A part as the bytes that its tokens stand for, up to `bytes_max`.
std::vector<uint8_t> part_bytes(const Sources& sources, bool train, const Tokenizer& tokenizer,
                                size_t bytes_max) {
  constexpr int64_t kChunk = 65'536;
  std::vector<uint8_t> out;
  std::vector<int32_t> tokens;
  for (const auto& source : sources) {
    const int64_t count = train ? source->train_tokens() : source->valid_tokens();
    for (int64_t begin = 0; begin < count && out.size() < bytes_max; begin += kChunk) {
      tokens.resize(static_cast<size_t>(std::min(kChunk, count - begin)));
      train ? source->train(begin, tokens) : source->valid(begin, tokens);
      for (const int32_t token : tokens)
        if (const auto bytes = tokenizer.bytes_of(token); !tokenizer.is_special(token))
          out.insert(out.end(), bytes.begin(), bytes.end());
    }
  }
  out.resize(std::min(out.size(), bytes_max));
  return out;
}

}  // namespace

Result<std::vector<Sources>> open_sites(const Recipe& recipe, const std::set<int32_t>& sites) {
  std::vector<Sources> out(recipe.sites.size());
  for (const int32_t index : sites) {
    if (recipe.sites.empty()) break;
    const RecipeSite& site = recipe.sites[static_cast<size_t>(index)];
    Sources& opened = out[static_cast<size_t>(index)];
    for (const RecipeSource& one : site.sources) {
      Mistakes told_by_read;
      std::unique_ptr<Source> source = make_plugin(sources(), "source", one.plugin, told_by_read);
      if (auto result = source->open(recipe.base, recipe.tokenizer); !result)
        return failure(result.error().fault, "site {}: {}", site.options.name,
                       result.error().message);
      opened.push_back(std::move(source));
    }
  }
  return out;
}

Result<std::vector<Sources>> open_sites(const Recipe& recipe) {
  std::set<int32_t> all;
  for (size_t i = 0; i < recipe.sites.size(); ++i) all.insert(static_cast<int32_t>(i));
  return open_sites(recipe, all);
}

int64_t valid_tokens(const Sources& sources) {
  int64_t sum = 0;
  for (const auto& source : sources) sum += source->valid_tokens();
  return sum;
}

void read_valid(const Sources& sources, int64_t begin, std::span<int32_t> out) {
  for (const auto& source : sources) {
    const int64_t here = source->valid_tokens();
    const int64_t count = std::clamp<int64_t>(here - begin, 0, static_cast<int64_t>(out.size()));
    if (count > 0) source->valid(begin, out.first(static_cast<size_t>(count)));
    out = out.subspan(static_cast<size_t>(count));
    begin = std::max<int64_t>(0, begin - here);
  }
  CW_CHECK(out.empty());
}

double yardstick(const Sources& sources, const Tokenizer& tokenizer) {
  const auto train = part_bytes(sources, true, tokenizer, kYardstickBytesMax);
  const auto valid = part_bytes(sources, false, tokenizer, kYardstickBytesMax);
  double best = 8.0;
  for (int order = 1; order <= 5; ++order)
    best = std::min(best, ngram_bits_per_byte(train, valid, order));
  return best;
}

}  // namespace causeway
