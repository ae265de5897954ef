// SPDX-License-Identifier: Apache-2.0
//
// Token shards, mapped from the folders that `causeway prepare` wrote, or from single files,
// llm.c's among them. One after the other they are one sequence of tokens.
#include <algorithm>
#include <filesystem>

#include "data/shard.h"
#include "data/source.h"

namespace causeway {
namespace {

namespace fs = std::filesystem;

class ShardList {
 public:
  /// The tokens must be those of `tokenizer`.
  Result<void> add(const std::string& path, const Tokenizer& tokenizer) {
    CW_ASSIGN(Shard shard, Shard::open(path));
    if (shard.tokenizer() && *shard.tokenizer() != tokenizer.digest())
      return failure(Fault::kBadInput,
                     "{}: its tokens are of tokenizer {}; data.tokenizer is {}; name the "
                     "tokenizer.json that the shards were prepared with",
                     path, shard.tokenizer()->hex(), tokenizer.digest().hex());
    if (shard.tokens() == 0) return {};
    begins_.push_back(tokens_);
    tokens_ += shard.tokens();
    shards_.push_back(std::move(shard));
    return {};
  }

  /// Reads every token once: Fault::kBadInput if one is not below the vocabulary.
  Result<void> check_tokens(const Tokenizer& tokenizer) const {
    for (const Shard& shard : shards_)
      if (const int64_t most = shard.largest_token(); most >= tokenizer.vocabulary())
        return failure(Fault::kBadInput,
                       "{}: has token {}; wanted: below the tokenizer's {}; it is of another "
                       "tokenizer, or damaged",
                       shard.name(), most, tokenizer.vocabulary());
    return {};
  }

  int64_t tokens() const { return tokens_; }

  void copy(int64_t begin, std::span<int32_t> out) const {
    CW_CHECK(begin >= 0 && begin + static_cast<int64_t>(out.size()) <= tokens_,
             "{} tokens from {} of {}", out.size(), begin, tokens_);
    auto index = static_cast<size_t>(std::upper_bound(begins_.begin(), begins_.end(), begin) -
                                     begins_.begin() - 1);
    for (; !out.empty(); ++index) {
      const int64_t skip = begin - begins_[index];
      const auto count = std::min(out.size(), static_cast<size_t>(shards_[index].tokens() - skip));
      shards_[index].copy(skip, out.first(count));
      out = out.subspan(count);
      begin += static_cast<int64_t>(count);
    }
  }

 private:
  std::vector<Shard> shards_;
  std::vector<int64_t> begins_;
  int64_t tokens_ = 0;
};

class Shards final : public Source {
 public:
  struct Options {
    std::vector<std::string> train;
    std::vector<std::string> valid;

    template <class Visit>
    void each(Visit&& visit) {
      visit("train", train, Required{}, "", "Prepared folders, or shard files, to train on.");
      visit("valid", valid, Any{}, "",
            "The same to validate on; without it the validation parts of the training folders.");
    }
  };

  explicit Shards(const Options& options) : options_(options) {}

  Result<void> open(const std::string& base, std::shared_ptr<const Tokenizer> tokenizer) override {
    for (const std::string& path : options_.train)
      CW_TRY(add(fs::path(base) / path, *tokenizer, train_,
                 options_.valid.empty() ? &valid_ : nullptr));
    // A folder named for validation is all validation, unless it has a validation part.
    for (const std::string& path : options_.valid) {
      const int64_t before = valid_.tokens();
      ShardList rest;
      CW_TRY(add(fs::path(base) / path, *tokenizer, rest, &valid_));
      if (valid_.tokens() == before)
        CW_TRY(add(fs::path(base) / path, *tokenizer, valid_, nullptr));
    }
    if (train_.tokens() == 0)
      return failure(Fault::kBadInput, "{}: no token to train on",
                     fmt::format("{}", fmt::join(options_.train, ", ")));
    return valid_.check_tokens(*tokenizer);
  }

  int64_t train_tokens() const override { return train_.tokens(); }
  int64_t valid_tokens() const override { return valid_.tokens(); }
  void train(int64_t begin, std::span<int32_t> out) const override { train_.copy(begin, out); }
  void valid(int64_t begin, std::span<int32_t> out) const override { valid_.copy(begin, out); }

 private:
  /// A folder's splits go to `train` and, if wanted, `valid`; a file goes to `train`.
  static Result<void> add(const fs::path& path, const Tokenizer& tokenizer, ShardList& train,
                          ShardList* valid) {
    std::error_code error;
    if (!fs::is_directory(path, error)) return train.add(path.string(), tokenizer);
    CW_ASSIGN(const Prepared prepared, read_prepared(path.string()));
    for (const std::string& file : prepared.train.files) CW_TRY(train.add(file, tokenizer));
    if (valid != nullptr)
      for (const std::string& file : prepared.valid.files) CW_TRY(valid->add(file, tokenizer));
    return {};
  }

  Options options_;
  ShardList train_, valid_;
};

}  // namespace

extern const Entry<Source> sources_shards;
const Entry<Source> sources_shards =
    entry<Source, Shards>("shards", "token shards of `causeway prepare` or llm.c");

}  // namespace causeway
