// SPDX-License-Identifier: Apache-2.0
//
// Text files as tokens: each byte is one token, 0 to 255. Nothing is held but the mapping.
#include <algorithm>
#include <array>
#include <filesystem>

#include "data/corpus.h"
#include "data/source.h"

namespace causeway {
namespace {

std::vector<std::string> from_base(const std::string& base, const std::vector<std::string>& paths) {
  std::vector<std::string> out;
  for (const std::string& path : paths)
    out.push_back((std::filesystem::path(base) / path).string());
  return out;
}

void copy_tokens(const Corpus& corpus, int64_t begin, std::span<int32_t> out) {
  std::array<uint8_t, 4096> bytes;
  while (!out.empty()) {
    const size_t count = std::min(out.size(), bytes.size());
    corpus.copy(begin, std::span(bytes).first(count));
    std::copy_n(bytes.begin(), count, out.begin());
    out = out.subspan(count);
    begin += static_cast<int64_t>(count);
  }
}

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

  Result<void> open(const std::string& base) override {
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
    train_ = std::move(train);
    valid_ = std::move(valid);
    return {};
  }

  int64_t train_tokens() const override { return train_ ? train_->size_bytes() : 0; }
  int64_t valid_tokens() const override { return valid_ ? valid_->size_bytes() : 0; }

  void train(int64_t begin, std::span<int32_t> out) const override {
    CW_CHECK(train_ != nullptr, "the source is not open");
    copy_tokens(*train_, begin, out);
  }
  void valid(int64_t begin, std::span<int32_t> out) const override {
    CW_CHECK(valid_ != nullptr, "the source has no validation part, or is not open");
    copy_tokens(*valid_, begin, out);
  }

 private:
  Options options_;
  std::shared_ptr<const Corpus> train_, valid_;
};

}  // namespace

extern const Entry<Source> sources_text;
const Entry<Source> sources_text = entry<Source, Text>("text", "text files, each byte one token");

}  // namespace causeway
