// SPDX-License-Identifier: Apache-2.0
//
// Text files as tokens. With bytes as tokens nothing is held but the mapping; another tokenizer's
// tokens are made when the source is opened, and lie in memory: `causeway prepare` is the way for
// text that is larger than that.
#include <algorithm>
#include <array>
#include <filesystem>

#include "data/corpus.h"
#include "data/source.h"
#include "data/token_list.h"

namespace causeway {
namespace {

std::vector<std::string> from_base(const std::string& base, const std::vector<std::string>& paths) {
  std::vector<std::string> out;
  for (const std::string& path : paths)
    out.push_back((std::filesystem::path(base) / path).string());
  return out;
}

/// One part, training or validation: a corpus of bytes, or the tokens that were made of it.
class Part {
 public:
  Part(std::shared_ptr<const Corpus> corpus, const Tokenizer& tokenizer)
      : tokens_(tokenizer.vocabulary()) {
    if (tokenizer.digest() == bytes_tokenizer()->digest())
      corpus_ = std::move(corpus);
    else
      encode(*corpus, tokenizer);
  }

  int64_t size() const { return corpus_ ? corpus_->size_bytes() : tokens_.size(); }
  int64_t held_bytes() const { return tokens_.held_bytes(); }

  void copy(int64_t begin, std::span<int32_t> out) const {
    if (!corpus_) return tokens_.copy(begin, out);
    std::array<uint8_t, 4096> bytes;
    while (!out.empty()) {
      const size_t count = std::min(out.size(), bytes.size());
      corpus_->copy(begin, std::span(bytes).first(count));
      std::copy_n(bytes.begin(), count, out.begin());
      out = out.subspan(count);
      begin += static_cast<int64_t>(count);
    }
  }

 private:
  /// Each file is a document, with the tokenizer's mark at its end.
  void encode(const Corpus& corpus, const Tokenizer& tokenizer) {
    const auto encoder = tokenizer.encoder();
    std::vector<int32_t> tokens;
    for (int64_t i = 0; i < corpus.files(); ++i) {
      const auto bytes = corpus.file(i);
      tokens.clear();
      encoder->encode({reinterpret_cast<const char*>(bytes.data()), bytes.size()}, tokens);
      if (const auto end = tokenizer.end_of_text()) tokens.push_back(*end);
      tokens_.add(tokens);
    }
    tokens_.shrink();
  }

  std::shared_ptr<const Corpus> corpus_;
  TokenList tokens_;
};

class Text final : public Source {
 public:
  struct Options {
    std::vector<std::string> train;
    std::vector<std::string> valid;
    double valid_percent = 0;

    template <class Visit>
    void each(Visit&& visit) {
      visit("train", train, Required{}, "", "Files or folders to train on.");
      visit("valid", valid, Any{}, "", "Files or folders to validate on.");
      visit("valid_percent", valid_percent, Range<double>{0, 50}, "%",
            "Without `valid`: this last part of each training file is for validation only.");
    }
  };

  explicit Text(const Options& options) : options_(options) {}

  Result<void> open(const std::string& base, std::shared_ptr<const Tokenizer> tokenizer) override {
    const std::vector<std::string> paths = from_base(base, options_.train);
    const bool split = options_.valid.empty() && options_.valid_percent > 0;
    const double end = split ? 1 - options_.valid_percent / 100 : 1;
    CW_ASSIGN(std::shared_ptr<const Corpus> train, Corpus::open(paths, {0, end}));
    std::shared_ptr<const Corpus> valid;
    if (split) {
      CW_ASSIGN(valid, Corpus::open(paths, {end, 1}));
    } else if (!options_.valid.empty()) {
      CW_ASSIGN(valid, Corpus::open(from_base(base, options_.valid)));
    }
    train_ = std::make_unique<Part>(std::move(train), *tokenizer);
    valid_ = valid ? std::make_unique<Part>(std::move(valid), *tokenizer) : nullptr;
    return {};
  }

  int64_t train_tokens() const override { return train_ ? train_->size() : 0; }
  int64_t valid_tokens() const override { return valid_ ? valid_->size() : 0; }
  int64_t held_bytes() const override {
    return (train_ ? train_->held_bytes() : 0) + (valid_ ? valid_->held_bytes() : 0);
  }

  void train(int64_t begin, std::span<int32_t> out) const override {
    CW_CHECK(train_ != nullptr, "the source is not open");
    train_->copy(begin, out);
  }
  void valid(int64_t begin, std::span<int32_t> out) const override {
    CW_CHECK(valid_ != nullptr, "the source has no validation part, or is not open");
    valid_->copy(begin, out);
  }

 private:
  Options options_;
  std::unique_ptr<const Part> train_, valid_;
};

}  // namespace

extern const Entry<Source> sources_text;
const Entry<Source> sources_text = entry<Source, Text>("text", "text files as tokens");

}  // namespace causeway
