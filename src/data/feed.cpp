// SPDX-License-Identifier: Apache-2.0
//
// Positions, not state, decide every row: row n of the feed asks the mix stream which source it
// comes from, and row r of a source is window r % windows of epoch r / windows. So a few counters
// are the whole cursor, and a resumed feed gives the same rows.
#include "data/feed.h"

#include <algorithm>
#include <cstring>
#include <limits>

#include "data/safetensors.h"

namespace causeway {
namespace {

constexpr size_t kSourcesMax = 65'536;
constexpr int32_t kWorkersMax = 65'536;
constexpr int64_t kRowsMax = int64_t{1} << 62;

/// How a source of `tokens` is cut into windows of context + 1 that overlap by one token. An epoch
/// leaves one window's worth unused, so that all epochs have as many windows wherever they start,
/// and over the epochs every token is reached.
struct Windows {
  int64_t context, count, shifts;

  Windows(int64_t tokens, int64_t row_tokens)
      : context(row_tokens - 1),
        count(std::max<int64_t>(1, tokens / context - 1)),
        shifts(tokens - count * context) {}
};

class MixedFeed final : public Feed {
 public:
  MixedFeed(std::vector<WeightedSource> sources, uint64_t seed, int32_t worker)
      : sources_(std::move(sources)),
        worker_(worker),
        mix_(seed, Stream::kDataMix, static_cast<uint32_t>(worker)),
        drawn_(sources_.size(), 0) {
    CW_CHECK(!sources_.empty() && sources_.size() <= kSourcesMax);
    CW_CHECK(worker >= 0 && worker < kWorkersMax, "worker {}", worker);
    double sum = 0;
    for (size_t i = 0; i < sources_.size(); ++i) {
      CW_CHECK(sources_[i].source != nullptr && sources_[i].weight > 0);
      sum += sources_[i].weight;
      sums_.push_back(sum);
      orders_.emplace_back(seed, Stream::kDataOrder,
                           static_cast<uint32_t>(worker) << 16 | static_cast<uint32_t>(i));
    }
    CW_CHECK(sum <= std::numeric_limits<double>::max(), "weights sum to {}", sum);
  }

  Result<void> next(std::span<int32_t> rows, int64_t row_tokens) override {
    CW_CHECK(row_tokens >= 2 && rows.size() % static_cast<size_t>(row_tokens) == 0,
             "{} tokens in rows of {}", rows.size(), row_tokens);
    CW_TRY(check_lengths(row_tokens));
    for (; !rows.empty(); rows = rows.subspan(static_cast<size_t>(row_tokens))) {
      const size_t source = pick(rows_++);
      CW_TRY(read_row(source, drawn_[source]++, rows.first(static_cast<size_t>(row_tokens))));
    }
    return {};
  }

  std::vector<int64_t> cursor() const override {
    std::vector<int64_t> cursor{rows_};
    cursor.insert(cursor.end(), drawn_.begin(), drawn_.end());
    return cursor;
  }

  Result<void> seek(std::span<const int64_t> cursor) override {
    if (cursor.size() != 1 + sources_.size())
      return failure(Fault::kBadInput,
                     "worker {}: a data position of {} numbers, wanted {} for {} sources; resume "
                     "with the sources of the checkpoint",
                     worker_, cursor.size(), 1 + sources_.size(), sources_.size());
    int64_t left = cursor[0];
    bool valid = left >= 0 && left <= kRowsMax;
    for (const int64_t drawn : cursor.subspan(1)) {
      valid = valid && drawn >= 0 && drawn <= left;
      if (valid) left -= drawn;
    }
    if (!valid || left != 0)
      return failure(Fault::kBadInput,
                     "worker {}: data position {} is none: the rows of the sources do not sum to "
                     "the first number; the checkpoint is damaged",
                     worker_, fmt::join(cursor, ", "));
    rows_ = cursor[0];
    drawn_.assign(cursor.begin() + 1, cursor.end());
    return {};
  }

 private:
  Result<void> check_lengths(int64_t row_tokens) const {
    for (size_t i = 0; i < sources_.size(); ++i) {
      const int64_t tokens = sources_[i].source->train_tokens();
      if (tokens >= row_tokens) continue;
      const std::string name = sources_[i].name.empty()
                                   ? fmt::format("source {} of worker {}", i, worker_)
                                   : sources_[i].name;
      return failure(Fault::kBadInput,
                     "{} has {} training tokens, wanted at least {}, the context + 1; give more "
                     "text or a shorter context",
                     name, tokens, row_tokens);
    }
    return {};
  }

  size_t pick(int64_t row) const {
    const double at = mix_.uniform(static_cast<uint64_t>(row)) * sums_.back();
    const auto found = std::upper_bound(sums_.begin(), sums_.end(), at);
    return std::min(static_cast<size_t>(found - sums_.begin()), sums_.size() - 1);
  }

  Result<void> read_row(size_t source, int64_t drawn, std::span<int32_t> out) const {
    const Source& from = *sources_[source].source;
    const Windows windows(from.train_tokens(), static_cast<int64_t>(out.size()));
    const auto epoch = static_cast<uint64_t>(drawn / windows.count);
    const auto shift = orders_[source].below(epoch, static_cast<uint64_t>(windows.shifts));
    const auto window = orders_[source].permute(static_cast<uint64_t>(drawn % windows.count),
                                                static_cast<uint64_t>(windows.count), epoch);
    from.train(static_cast<int64_t>(shift) + static_cast<int64_t>(window) * windows.context, out);
    const int64_t vocabulary = sources_[source].vocabulary;
    for (const int32_t token : out)
      if (token < 0 || token >= vocabulary)
        return failure(Fault::kBadInput,
                       "{}: token {} in the training part; wanted: below the tokenizer's {}; the "
                       "shards are of another tokenizer, or damaged",
                       sources_[source].name, token, vocabulary);
    return {};
  }

  const std::vector<WeightedSource> sources_;
  const int32_t worker_;
  const Random mix_;
  std::vector<Random> orders_;
  std::vector<double> sums_;  ///< of the weights up to and with each source
  int64_t rows_ = 0;
  std::vector<int64_t> drawn_;
};

class RecordedFeed final : public Feed {
 public:
  RecordedFeed(Safetensors file, TensorView tokens, std::string path, int32_t worker)
      : file_(std::move(file)),
        tokens_(std::move(tokens)),
        path_(std::move(path)),
        worker_(worker) {}

  Result<void> next(std::span<int32_t> rows, int64_t row_tokens) override {
    CW_CHECK(row_tokens >= 1 && rows.size() % static_cast<size_t>(row_tokens) == 0,
             "{} tokens in rows of {}", rows.size(), row_tokens);
    const int64_t row_count = static_cast<int64_t>(rows.size()) / row_tokens;
    const auto& shape = tokens_.shape;
    if (shape[2] != row_count || shape[3] != row_tokens)
      return failure(Fault::kBadInput,
                     "{}: has {} rows of {} tokens a step, wanted {} of {}; set the batch and the "
                     "context (tokens - 1) to match",
                     path_, shape[2], shape[3], row_count, row_tokens);
    if (step_ == shape[0])
      return failure(Fault::kBadInput,
                     "{}: the recording ends after {} steps; run no more, or record more", path_,
                     shape[0]);
    const size_t begin = static_cast<size_t>(step_ * shape[1] + worker_) * rows.size_bytes();
    std::memcpy(rows.data(), tokens_.bytes.subspan(begin, rows.size_bytes()).data(),
                rows.size_bytes());
    const auto negative = std::find_if(rows.begin(), rows.end(), [](int32_t t) { return t < 0; });
    if (negative != rows.end())
      return failure(Fault::kBadInput,
                     "{}: token {} at step {}, worker {}, place {}; wanted 0 or more", path_,
                     *negative, step_, worker_, negative - rows.begin());
    ++step_;
    return {};
  }

  std::vector<int64_t> cursor() const override { return {step_}; }

  Result<void> seek(std::span<const int64_t> cursor) override {
    if (cursor.size() != 1 || cursor[0] < 0 || cursor[0] > tokens_.shape[0])
      return failure(Fault::kBadInput,
                     "{}: data position {} is none of this recording; wanted one number from 0 to "
                     "{}",
                     path_, fmt::join(cursor, ", "), tokens_.shape[0]);
    step_ = cursor[0];
    return {};
  }

 private:
  const Safetensors file_;  ///< holds the mapping
  const TensorView tokens_;
  const std::string path_;
  const int32_t worker_;
  int64_t step_ = 0;
};

}  // namespace

std::unique_ptr<Feed> mixed_feed(std::vector<WeightedSource> sources, uint64_t seed,
                                 int32_t worker) {
  return std::make_unique<MixedFeed>(std::move(sources), seed, worker);
}

Result<std::unique_ptr<Feed>> recorded_feed(const std::string& path, int32_t worker) {
  CW_CHECK(worker >= 0, "worker {}", worker);
  CW_ASSIGN(Safetensors file, Safetensors::open(path));
  CW_ASSIGN(TensorView tokens, file.find("tokens"));
  const auto& shape = tokens.shape;
  if (tokens.dtype != DType::kI32 || shape.size() != 4 || tokens.bytes.empty())
    return failure(Fault::kBadInput,
                   "{}: `tokens` is {} [{}], wanted I32 [steps, workers, rows, row tokens], none "
                   "of them 0",
                   path, dtype_name(tokens.dtype), fmt::join(shape, ", "));
  if (worker >= shape[1])
    return failure(Fault::kBadInput,
                   "{}: has {} workers, wanted worker {} (counted from 0); use fewer workers", path,
                   shape[1], worker);
  return std::unique_ptr<Feed>(
      std::make_unique<RecordedFeed>(std::move(file), std::move(tokens), path, worker));
}

}  // namespace causeway
