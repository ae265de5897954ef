// SPDX-License-Identifier: Apache-2.0
#include "tokenizer/bpe_tokenizer.h"

#include <algorithm>

#include "core/utf8.h"
#include "tokenizer/normalizer.h"
#include "tokenizer/unicode.h"
#include "tokenizer/word_cache.h"

namespace causeway {
namespace {

class BpeEncoder final : public Encoder {
 public:
  explicit BpeEncoder(const BpeParts& parts) : parts_(parts), merger_(parts.model) {}

  void encode(std::string_view text, std::vector<int32_t>& tokens) override {
    while (!text.empty()) {
      const size_t good = well_formed_prefix(text);
      encode_text(text.substr(0, good), tokens);
      text.remove_prefix(good);
      const size_t bad = ill_formed_prefix(text);
      encode_word(text.substr(0, bad), tokens);
      text.remove_prefix(bad);
    }
  }

 private:
  void encode_text(std::string_view text, std::vector<int32_t>& tokens) {
    const auto add = [&](int32_t token) { tokens.push_back(token); };
    const auto encode_piece = [&](std::string_view piece) {
      parts_.pre_tokenizer.each_word(piece, scratch_,
                                     [&](std::string_view word) { encode_word(word, tokens); });
    };
    const auto normalize_piece = [&](std::string_view piece) {
      if (parts_.nfc) piece = normalize_nfc(piece, normalized_);
      parts_.normalized.split(piece, encode_piece, add);
    };
    parts_.raw.split(text, normalize_piece, add);
  }

  void encode_word(std::string_view word, std::vector<int32_t>& tokens) {
    if (word.empty()) return;
    if (word.size() > WordCache::kWordBytesMax) return merger_.encode(word, tokens);
    const auto key = WordCache::key_of(word);
    const size_t hash = WordCache::hash(key, word.size());
    if (const WordCache::Place* place = cache_.find(key, hash, word.size())) {
      const std::span<const int32_t> known = place->view();
      tokens.insert(tokens.end(), known.begin(), known.end());
      return;
    }
    const size_t first = tokens.size();
    merger_.encode(word, tokens);
    const std::span<const int32_t> made(tokens.begin() + static_cast<std::ptrdiff_t>(first),
                                        tokens.end());
    if (made.size() <= WordCache::kTokensMax) cache_.put(key, hash, word.size(), made);
  }

  const BpeParts& parts_;
  BpeMerger merger_;
  WordCache cache_;
  PreTokenizer::Scratch scratch_;
  std::string normalized_;
};

constexpr std::array<std::string_view, 5> kEndsOfText = {
    "<|endoftext|>", "<|end_of_text|>", "</s>", "<\uFF5Cend\u2581of\u2581sentence\uFF5C>", "<eos>"};

class BpeTokenizer final : public Tokenizer {
 public:
  explicit BpeTokenizer(BpeParts parts) : parts_(std::move(parts)) {
    for (const AddedToken& token : parts_.added) added_.add(token.content, token.id);
    for (const std::string_view content : kEndsOfText)
      if (!end_of_text_) end_of_text_ = find_added(content);
  }

  int64_t vocabulary() const override { return parts_.bytes.end(); }
  std::unique_ptr<Encoder> encoder() const override { return std::make_unique<BpeEncoder>(parts_); }
  std::string_view bytes_of(int32_t token) const override { return parts_.bytes.of(token); }
  bool is_special(int32_t token) const override {
    const auto found = std::ranges::lower_bound(parts_.added, token, {}, &AddedToken::id);
    return found != parts_.added.end() && found->id == token && found->special;
  }
  std::optional<int32_t> find_added(std::string_view content) const override {
    const int32_t token = added_.find(content);
    if (token == TokenTexts::kNone) return std::nullopt;
    return token;
  }
  std::optional<int32_t> end_of_text() const override { return end_of_text_; }
  std::span<const int32_t> before() const override { return parts_.before; }
  std::span<const int32_t> after() const override { return parts_.after; }
  bool is_complete() const override {
    return std::ranges::find(parts_.model.token_of_byte, -1) == parts_.model.token_of_byte.end();
  }
  Digest digest() const override { return parts_.digest; }
  const std::string& json() const override { return parts_.json; }

 private:
  const BpeParts parts_;
  TokenTexts added_;
  std::optional<int32_t> end_of_text_;
};

}  // namespace

void TokenBytes::add(int32_t token, std::string_view bytes) {
  begins_.resize(static_cast<size_t>(token) + 1, bytes_.size());
  bytes_ += bytes;
  begins_.push_back(bytes_.size());
}

std::string_view TokenBytes::of(int32_t token) const {
  if (token < 0 || token >= end()) return {};
  const auto at = static_cast<size_t>(token);
  return std::string_view(bytes_).substr(begins_[at], begins_[at + 1] - begins_[at]);
}

std::shared_ptr<const Tokenizer> bpe_tokenizer(BpeParts parts) {
  return std::make_shared<BpeTokenizer>(std::move(parts));
}

}  // namespace causeway
