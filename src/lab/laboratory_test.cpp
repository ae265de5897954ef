// SPDX-License-Identifier: Apache-2.0
//
// What must hold of an experiment whatever it asks: trainings are what a run of the same recipe
// gives, number of jobs and interruptions change nothing, mistakes are told.
#include "lab/laboratory.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "lab/methods.h"
#include "lab/trial.h"
#include "recipe/test_recipe.h"
#include "train/weights.h"

namespace causeway {
namespace {

using testing::HasSubstr;

constexpr Scale kTiny{.layers = 1,
                      .width = 16,
                      .heads = 2,
                      .context = 16,
                      .batch_tokens = 32,
                      .steps = 12,
                      .period = 4,
                      .exam_tokens = 200};

class LaboratoryTest : public testing::Test {
 protected:
  LaboratoryTest() : folder_(test_folder()) {
    for (const char* site : {"a", "b", "c"}) {
      std::filesystem::create_directories(folder_ + "/data/" + site);
      for (const char* file : {"train", "valid"})
        write_text(folder_ + "/data/" + site + "/" + file + ".txt",
                   tiny_text(static_cast<uint64_t>(site[0] - 'a') + 1, 3000));
    }
    options_.data = folder_ + "/data";
    options_.workers = 2;
    options_.seeds = 2;
    options_.jobs = 1;
  }

  Result<std::vector<ArmResult>> train(const std::vector<Arm>& arms, const Scale& scale = kTiny) {
    auto laboratory = Laboratory::make(options_, scale, folder_ + "/out", clock_, stop_,
                                       [this](const LabNews& news) {
                                         news_.push_back(news);
                                         if (std::ssize(news_) == stop_after_) stop_ = true;
                                       });
    if (!laboratory) return laboratory.error();
    return laboratory->train(arms);
  }
  int64_t trained() const { return std::ranges::count(news_, false, &LabNews::found); }

  const std::string folder_;
  LabOptions options_;
  SystemClock clock_;
  std::atomic<bool> stop_ = false;
  int64_t stop_after_ = -1;
  std::vector<LabNews> news_;
};

std::vector<std::string> digests(const std::vector<ArmResult>& results) {
  std::vector<std::string> out;
  for (const ArmResult& one : results)
    for (const Outcome& outcome : one.outcomes) out.push_back(outcome.weights_digest);
  return out;
}

std::vector<Arm> three_arms() {
  return {method_arm("ddp", 4), method_arm("fedavg", 4), method_arm("fedavg", 4, Text::kOwn)};
}

TEST_F(LaboratoryTest, TrainsWhatARunOfTheSameRecipeTrains) {
  const auto results = train({method_arm("fedavg", 4, Text::kOwn)});
  ASSERT_TRUE(results.ok()) << results.error().message;
  const ArmResult& one = results->front();
  auto laboratory =
      Laboratory::make(options_, kTiny, folder_ + "/out", clock_, stop_, [](const LabNews&) {});
  ASSERT_TRUE(laboratory.ok());
  const auto recipe = laboratory->recipe(one.arm, 2);
  ASSERT_TRUE(recipe.ok());
  Value root = recipe->resolved();
  change(root, "train.optimizer.lr", one.rate);
  const auto summary = run_trial({root, ""}, folder_ + "/run", {clock_, stop_, {}});
  ASSERT_TRUE(summary.ok()) << summary.error().message;
  EXPECT_EQ(one.outcomes[1].weights_digest, summary->weights_digest);
  EXPECT_EQ(one.outcomes[1].up_bytes, summary->up_bytes);
  EXPECT_EQ(one.outcomes[1].down_bytes, summary->down_bytes);
  EXPECT_EQ(one.outcomes[1].ddp_bytes, summary->ddp_bytes);
  EXPECT_EQ(one.outcomes[1].curve.back().bytes, one.outcomes[1].bytes());
  EXPECT_EQ(one.outcomes[1].tokens, 12 * 2 * 32);
}

TEST_F(LaboratoryTest, GivesTheSameWithAnyNumberOfJobs) {
  const auto one = train(three_arms());
  ASSERT_TRUE(one.ok()) << one.error().message;
  std::filesystem::remove_all(folder_ + "/out");
  options_.jobs = 3;
  const auto three = train(three_arms());
  ASSERT_TRUE(three.ok()) << three.error().message;
  EXPECT_EQ(digests(*one), digests(*three));
  EXPECT_EQ((*one)[2].arm.text, Text::kOwn);
  EXPECT_EQ((*one)[1].rate, (*one)[2].rate) << "arms of a series share a rate";
  EXPECT_NE((*one)[1].outcomes[0].nats, (*one)[2].outcomes[0].nats);
}

TEST_F(LaboratoryTest, GoesOnWhereItWasStopped) {
  stop_after_ = 2;
  const auto stopped = train(three_arms());
  ASSERT_FALSE(stopped.ok());
  EXPECT_EQ(stopped.error().fault, Fault::kTimeout);
  stop_ = false;
  stop_after_ = -1;
  news_.clear();
  const auto results = train(three_arms());
  ASSERT_TRUE(results.ok()) << results.error().message;
  const int64_t rest = trained();
  EXPECT_EQ(news_.back().done, news_.back().all);
  news_.clear();
  const auto again = train(three_arms());
  ASSERT_TRUE(again.ok());
  EXPECT_EQ(trained(), 0);
  EXPECT_EQ(std::ssize(news_) - 4, rest) << "the two before the stop, and twice the sweep's best";
  EXPECT_EQ(digests(*results), digests(*again));
}

TEST_F(LaboratoryTest, TrainsAnewWhereTextOrSettingChanged) {
  ASSERT_TRUE(train({method_arm("ddp", 4)}).ok());
  news_.clear();
  write_text(options_.data + "/a/train.txt", tiny_text(9, 3000));
  ASSERT_TRUE(train({method_arm("ddp", 4)}).ok());
  EXPECT_GT(trained(), 0);
  news_.clear();
  Scale longer = kTiny;
  longer.steps = 16;
  ASSERT_TRUE(train({method_arm("ddp", 4)}, longer).ok());
  EXPECT_GT(trained(), 0);
}

TEST_F(LaboratoryTest, IgnoresAnOutcomeThatIsDamaged) {
  const auto first = train({method_arm("ddp", 4)});
  ASSERT_TRUE(first.ok());
  for (const auto& entry : std::filesystem::directory_iterator(folder_ + "/out/trainings"))
    write_text(entry.path().string(), "{\"nats\": 0}");
  news_.clear();
  const auto second = train({method_arm("ddp", 4)});
  ASSERT_TRUE(second.ok());
  EXPECT_GT(trained(), 0);
  EXPECT_EQ(digests(*first), digests(*second));
}

/// Decay by a negative factor of thousands a step, until nothing is finite.
TEST_F(LaboratoryTest, TellsDivergenceAsAResult) {
  const auto results = train({variant_arm(
      "wild", "ddp", 4,
      {R"(train.optimizer={name="sgd", lr=50.0, weight_decay=100.0})", "run.steps=40"})});
  ASSERT_TRUE(results.ok()) << results.error().message;
  EXPECT_TRUE(results->front().outcomes[1].diverged);
  EXPECT_TRUE(std::isinf(results->front().loss().mean));
  EXPECT_THAT(trainings_json(*results), HasSubstr("\"nats\": null"));
}

TEST_F(LaboratoryTest, RefusesDataThatAreNotThere) {
  options_.data = folder_ + "/none";
  EXPECT_THAT(train({method_arm("ddp", 4)}).error().message, HasSubstr("/none"));
  options_.data = folder_ + "/data";
  options_.workers = 4;
  const auto few = train({method_arm("ddp", 4)});
  EXPECT_EQ(few.error().fault, Fault::kBadInput);
  EXPECT_THAT(few.error().message, HasSubstr("3 folders"));
}

TEST_F(LaboratoryTest, NamesTheArmWhoseRecipeIsWrong) {
  const auto wrong = train({variant_arm("odd", "fedavg", 4, {"sync.perod=3"})});
  EXPECT_EQ(wrong.error().fault, Fault::kBadInput);
  EXPECT_THAT(wrong.error().message, HasSubstr("perod"));
  EXPECT_THAT(wrong.error().message, HasSubstr("odd"));
}

TEST(Outcome, IsReadAsItWasWritten) {
  Outcome out;
  out.nats = 1.25;
  out.up_bytes = 3;
  out.down_bytes = 4;
  out.ddp_bytes = 5;
  out.tokens = 6;
  out.round_bytes = 7;
  out.seconds = 0.5;
  out.weights_digest = "ab";
  out.curve = {{1, 2, 3.5}, {2, 7, 1.25}};
  const auto read = parse_outcome(outcome_json(out));
  ASSERT_TRUE(read.ok()) << read.error().message;
  EXPECT_EQ(outcome_json(*read), outcome_json(out));
  out.diverged = true;
  out.nats = std::numeric_limits<double>::infinity();
  const auto far = parse_outcome(outcome_json(out));
  ASSERT_TRUE(far.ok());
  EXPECT_TRUE(std::isinf(far->nats));
  for (const char* text : {"", "[]", "{}", "{\"diverged\": 3}", "null", "{\"diverged\": false"})
    EXPECT_EQ(parse_outcome(text).error().fault, Fault::kCorrupt) << text;
}

}  // namespace
}  // namespace causeway
