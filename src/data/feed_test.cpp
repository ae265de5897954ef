// SPDX-License-Identifier: Apache-2.0
#include "data/feed.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <set>

#include "data/safetensors.h"
#include "data/test_files.h"

namespace causeway {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

/// Token n is `first` + n, so that a row tells where it comes from.
class Numbers final : public Source {
 public:
  explicit Numbers(int64_t count, int32_t first = 0) : count_(count), first_(first) {}
  Result<void> open(const std::string&, std::shared_ptr<const Tokenizer>) override { return {}; }
  int64_t train_tokens() const override { return count_; }
  int64_t valid_tokens() const override { return 0; }
  void train(int64_t begin, std::span<int32_t> out) const override {
    ASSERT_GE(begin, 0);
    ASSERT_LE(begin + static_cast<int64_t>(out.size()), count_);
    std::iota(out.begin(), out.end(), first_ + static_cast<int32_t>(begin));
  }
  void valid(int64_t, std::span<int32_t>) const override {}

 private:
  int64_t count_;
  int32_t first_;
};

WeightedSource numbers(int64_t count, int32_t first = 0, double weight = 1, std::string name = "") {
  return {std::make_shared<Numbers>(count, first), weight, std::move(name)};
}

/// The first tokens of the next rows, each of which must go on without a break.
std::vector<int32_t> starts(Feed& feed, size_t row_count, size_t row_tokens) {
  std::vector<int32_t> rows(row_count * row_tokens), starts;
  const auto done = feed.next(rows, static_cast<int64_t>(row_tokens));
  EXPECT_TRUE(done) << done.error().message;
  for (size_t row = 0; row < row_count; ++row) {
    starts.push_back(rows[row * row_tokens]);
    for (size_t i = 1; i < row_tokens; ++i)
      EXPECT_EQ(rows[row * row_tokens + i], starts.back() + static_cast<int32_t>(i));
  }
  return starts;
}

TEST(MixedFeed, RefusesTokensBeyondTheVocabulary) {
  WeightedSource source = numbers(1000, 0, 1, "north");
  source.vocabulary = 990;
  const auto feed = mixed_feed({source}, 7, 0);
  std::vector<int32_t> rows(1000 / 8 * 9);
  const auto done = feed->next(rows, 9);
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().fault, Fault::kBadInput);
  EXPECT_THAT(done.error().message, HasSubstr("north: token 99"));
}

TEST(MixedFeed, VisitsEveryWindowOfAnEpochOnceInANewOrder) {
  constexpr size_t kContext = 8, kWindows = 1000 / kContext - 1;
  const auto feed = mixed_feed({numbers(1000)}, 7, 0);
  std::set<std::vector<int32_t>> orders;
  std::set<int32_t> shifts;
  for (int epoch = 0; epoch < 20; ++epoch) {
    std::vector<int32_t> order = starts(*feed, kWindows, kContext + 1);
    EXPECT_FALSE(std::is_sorted(order.begin(), order.end()));
    std::vector<int32_t> sorted = order;
    std::sort(sorted.begin(), sorted.end());
    shifts.insert(sorted.front());
    for (size_t i = 1; i < sorted.size(); ++i)
      ASSERT_EQ(sorted[i], sorted[i - 1] + static_cast<int32_t>(kContext)) << epoch;
    for (int32_t& start : order) start -= sorted.front();
    orders.insert(order);
  }
  EXPECT_EQ(orders.size(), 20u);
  EXPECT_GT(shifts.size(), 5u);
}

TEST(MixedFeed, ReachesEveryTokenOverTheEpochs) {
  constexpr size_t kRow = 9;
  for (const int64_t size : {9, 10, 15, 16, 17, 23, 24, 25, 100}) {
    const auto feed = mixed_feed({numbers(size)}, 3, 0);
    std::set<int32_t> seen;
    for (const int32_t start : starts(*feed, 3000, kRow))
      for (size_t i = 0; i < kRow; ++i) seen.insert(start + static_cast<int32_t>(i));
    EXPECT_EQ(seen.size(), static_cast<size_t>(size));
  }
}

TEST(MixedFeed, GoesOnWhereItsCursorSays) {
  const auto make = [] {
    return mixed_feed({numbers(300), numbers(170, 1000, 2.5), numbers(40, 5000, 0.5)}, 11, 3);
  };
  const auto whole = make(), first = make(), second = make();
  const std::vector<int32_t> all = starts(*whole, 200, 17);
  std::vector<int32_t> parts;
  for (const size_t count : {1, 7, 60}) {
    const auto part = starts(*first, count, 17);
    parts.insert(parts.end(), part.begin(), part.end());
  }
  EXPECT_EQ(first->cursor()[0], 68);
  ASSERT_TRUE(second->seek(first->cursor()));
  EXPECT_EQ(second->cursor(), first->cursor());
  const auto rest = starts(*second, 132, 17);
  parts.insert(parts.end(), rest.begin(), rest.end());
  EXPECT_EQ(parts, all);
  EXPECT_EQ(second->cursor(), whole->cursor());
}

TEST(MixedFeed, DrawsSourcesByWeight) {
  const auto feed = mixed_feed({numbers(500), numbers(500, 1000, 3), numbers(500, 2000, 6)}, 5, 1);
  constexpr int64_t kRows = 20'000;
  std::vector<int64_t> counts(3, 0);
  for (const int32_t start : starts(*feed, kRows, 5)) ++counts[static_cast<size_t>(start) / 1000];
  EXPECT_THAT(feed->cursor(), ElementsAre(kRows, counts[0], counts[1], counts[2]));
  const double shares[] = {0.1, 0.3, 0.6};
  for (size_t i = 0; i < 3; ++i) {
    // Five standard deviations of a binomial draw.
    const double bound = 5 * std::sqrt(kRows * shares[i] * (1 - shares[i]));
    EXPECT_NEAR(static_cast<double>(counts[i]), kRows * shares[i], bound);
  }
}

TEST(MixedFeed, DiffersByWorkerSeedAndSource) {
  const auto order = [](uint64_t seed, int32_t worker) {
    return starts(*mixed_feed({numbers(4000)}, seed, worker), 100, 9);
  };
  EXPECT_EQ(order(1, 0), order(1, 0));
  EXPECT_NE(order(1, 0), order(1, 1));
  EXPECT_NE(order(1, 0), order(2, 0));

  const auto both = mixed_feed({numbers(4000), numbers(4000, 10'000)}, 1, 0);
  std::vector<int32_t> first, second;
  for (const int32_t start : starts(*both, 400, 9)) {
    if (start < 10'000)
      first.push_back(start);
    else
      second.push_back(start - 10'000);
  }
  first.resize(100), second.resize(100);
  EXPECT_NE(first, second);
}

TEST(MixedFeed, RefusesASourceShorterThanARow) {
  std::vector<int32_t> rows(33);
  const auto feed = mixed_feed({numbers(100), numbers(32, 0, 1, "dickens")}, 1, 4);
  const auto done = feed->next(rows, 33);
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().fault, Fault::kBadInput);
  EXPECT_THAT(done.error().message, HasSubstr("dickens has 32 training tokens"));
  EXPECT_THAT(done.error().message, HasSubstr("at least 33"));
  EXPECT_THAT(feed->cursor(), ElementsAre(0, 0, 0));

  const auto unnamed = mixed_feed({numbers(5)}, 1, 4)->next(rows, 33);
  ASSERT_FALSE(unnamed);
  EXPECT_THAT(unnamed.error().message, HasSubstr("source 0 of worker 4"));
}

TEST(MixedFeed, RefusesACursorThatIsNone) {
  const auto feed = mixed_feed({numbers(100), numbers(100)}, 1, 0);
  starts(*feed, 5, 9);
  const std::vector<int64_t> before = feed->cursor();
  constexpr int64_t kMost = std::numeric_limits<int64_t>::max();
  const std::vector<std::vector<int64_t>> cursors{
      {},        {3, 3},    {3, 1, 1, 1},      {-1, 0, -1},       {3, 4, -1},
      {3, 1, 1}, {3, 2, 2}, {kMost, kMost, 0}, {0, kMost, kMost}, {-2, kMost, kMost}};
  for (const auto& cursor : cursors) {
    const auto done = feed->seek(cursor);
    ASSERT_FALSE(done) << testing::PrintToString(cursor);
    EXPECT_EQ(done.error().fault, Fault::kBadInput);
    EXPECT_EQ(feed->cursor(), before);
  }
}

std::string record(const std::vector<int64_t>& shape, std::vector<int32_t> values,
                   const std::string& name = "tokens") {
  const std::string path = test_folder() + "/batches.safetensors";
  const TensorToWrite tensor{name, DType::kI32, shape, std::as_bytes(std::span(values))};
  EXPECT_TRUE(write_safetensors(path, {&tensor, 1}));
  return path;
}

std::vector<int32_t> counted(int32_t count) {
  std::vector<int32_t> values(static_cast<size_t>(count));
  std::iota(values.begin(), values.end(), 0);
  return values;
}

TEST(RecordedFeed, GivesEachStepOfItsWorker) {
  const auto feed = recorded_feed(record({3, 2, 2, 2}, counted(24)), 1);
  ASSERT_TRUE(feed) << feed.error().message;
  std::vector<int32_t> rows(4);
  ASSERT_TRUE((*feed)->next(rows, 2));
  EXPECT_THAT(rows, ElementsAre(4, 5, 6, 7));
  ASSERT_TRUE((*feed)->next(rows, 2));
  EXPECT_THAT(rows, ElementsAre(12, 13, 14, 15));
  EXPECT_THAT((*feed)->cursor(), ElementsAre(2));
  ASSERT_TRUE((*feed)->next(rows, 2));
  EXPECT_THAT(rows, ElementsAre(20, 21, 22, 23));
  const auto end = (*feed)->next(rows, 2);
  ASSERT_FALSE(end);
  EXPECT_EQ(end.error().fault, Fault::kBadInput);
  EXPECT_THAT(end.error().message, HasSubstr("ends after 3 steps"));

  const int64_t first[] = {0}, end_position[] = {3}, beyond[] = {4}, negative[] = {-1};
  ASSERT_TRUE((*feed)->seek(first));
  ASSERT_TRUE((*feed)->next(rows, 2));
  EXPECT_THAT(rows, ElementsAre(4, 5, 6, 7));
  EXPECT_TRUE((*feed)->seek(end_position));
  EXPECT_FALSE((*feed)->seek(beyond));
  EXPECT_FALSE((*feed)->seek(negative));
  EXPECT_FALSE((*feed)->seek({}));
}

TEST(RecordedFeed, RefusesABatchOfAnotherShape) {
  const auto feed = recorded_feed(record({3, 2, 2, 2}, counted(24)), 0);
  ASSERT_TRUE(feed);
  std::vector<int32_t> rows(4);
  for (const int64_t row_tokens : {1, 4}) {
    const auto done = (*feed)->next(rows, row_tokens);
    ASSERT_FALSE(done);
    EXPECT_THAT(done.error().message, HasSubstr("2 rows of 2 tokens"));
  }
  EXPECT_THAT((*feed)->cursor(), ElementsAre(0));
}

TEST(RecordedFeed, RefusesAWorkerThatWasNotRecorded) {
  const auto feed = recorded_feed(record({3, 2, 2, 2}, counted(24)), 2);
  ASSERT_FALSE(feed);
  EXPECT_EQ(feed.error().fault, Fault::kBadInput);
  EXPECT_THAT(feed.error().message, HasSubstr("has 2 workers, wanted worker 2"));
}

TEST(RecordedFeed, RefusesNegativeTokens) {
  std::vector<int32_t> values = counted(24);
  values[14] = -5;
  const auto feed = recorded_feed(record({3, 2, 2, 2}, values), 1);
  ASSERT_TRUE(feed);
  std::vector<int32_t> rows(4);
  ASSERT_TRUE((*feed)->next(rows, 2));
  const auto done = (*feed)->next(rows, 2);
  ASSERT_FALSE(done);
  EXPECT_THAT(done.error().message, HasSubstr("token -5 at step 1, worker 1, place 2"));
}

TEST(RecordedFeed, RefusesAFileThatIsNoRecording) {
  const auto flat = recorded_feed(record({12, 2}, counted(24)), 0);
  ASSERT_FALSE(flat);
  EXPECT_THAT(flat.error().message, HasSubstr("I32 [12, 2]"));
  const auto empty = recorded_feed(record({0, 1, 2, 2}, {}), 0);
  ASSERT_FALSE(empty);
  EXPECT_THAT(empty.error().message, HasSubstr("none of them 0"));
  const auto other = recorded_feed(record({3, 2, 2, 2}, counted(24), "token"), 0);
  ASSERT_FALSE(other);
  EXPECT_THAT(other.error().message, HasSubstr("did you mean `token`?"));
  EXPECT_FALSE(recorded_feed(testing::TempDir() + "/missing.safetensors", 0));
}

}  // namespace
}  // namespace causeway
