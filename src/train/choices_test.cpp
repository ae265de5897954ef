// SPDX-License-Identifier: Apache-2.0
#include "train/choices.h"

#include <ATen/ops/from_blob.h>
#include <gmock/gmock.h>

#include <cmath>

#include "data/test_files.h"
#include "train/team.h"
#include "train/test_model.h"

namespace causeway {
namespace {

using testing::HasSubstr;

class ChoicesTest : public testing::Test {
 protected:
  void SetUp() override {
    TestModel made = make_test_model(1, 4);
    model_ = std::move(made.model);
    x_ = std::move(made.x);
  }

  Result<ChoiceScores> score(const std::vector<Question>& questions) {
    Threads threads(2, prepare_compute_thread);
    return score_choices(*model_, *x_, *bytes_tokenizer(), questions, threads);
  }

  /// Sum of log-probabilities of the last `count` bytes of `text`.
  double by_hand(const std::string& text, int64_t count) const {
    std::vector<int64_t> tokens;
    for (const char byte : text) tokens.push_back(static_cast<unsigned char>(byte));
    const auto length = static_cast<int64_t>(tokens.size());
    const at::Tensor losses =
        model_->losses(*x_, at::from_blob(tokens.data(), {1, length}, at::kLong));
    double sum = 0;
    for (int64_t i = length - 1 - count; i < length - 1; ++i)
      sum -= losses.const_data_ptr<float>()[i];
    return sum;
  }

  std::unique_ptr<Model> model_;
  std::unique_ptr<Arena> x_;
};

TEST_F(ChoicesTest, AreScoredAsContinuations) {
  const auto got = score({{"one two", {"three", "4"}, 0}});
  ASSERT_TRUE(got) << got.error().message;
  EXPECT_NEAR(got->log_probabilities[0][0], by_hand("one two three", 6), 1e-4);
  EXPECT_NEAR(got->log_probabilities[0][1], by_hand("one two 4", 2), 1e-4);
}

TEST_F(ChoicesTest, BringTheirOwnSpaceOrTakeTheContexts) {
  const auto got = score({{"a ", {"bc", "d"}, 0}, {"a", {" bc", " d"}, 1}});
  ASSERT_TRUE(got) << got.error().message;
  EXPECT_NEAR(got->log_probabilities[0][0], by_hand("a bc", 3), 1e-4);
  EXPECT_NEAR(got->log_probabilities[1][0], by_hand("a bc", 3), 1e-4);
  EXPECT_NEAR(got->log_probabilities[1][1], by_hand("a d", 2), 1e-4);
}

TEST_F(ChoicesTest, LongContextsLoseTheirBeginning) {
  const std::string context(40, 'x');
  const auto got = score({{context, {"y", "zz"}, 0}});
  ASSERT_TRUE(got) << got.error().message;
  EXPECT_NEAR(got->log_probabilities[0][0], by_hand(std::string(15, 'x') + " y", 2), 1e-4);
  EXPECT_FALSE(score({{"a", {std::string(17, 'y'), "z"}, 0}})) << "longer than the context";
  EXPECT_FALSE(score({{"", {"y", "z"}, 0}})) << "nothing before the choice";
}

TEST_F(ChoicesTest, AccuracyCountsTheLikeliestAndByCharacters) {
  std::vector<Question> questions;
  for (int i = 0; i < 12; ++i)
    questions.push_back({"context " + std::to_string(i), {"p", "longer \xc3\xa9", "mid"}, i % 3});
  const auto got = score(questions);
  ASSERT_TRUE(got) << got.error().message;
  double right = 0, right_by_length = 0;
  for (size_t i = 0; i < questions.size(); ++i) {
    const std::vector<double>& log_p = got->log_probabilities[i];
    const double by_length[3] = {log_p[0] / 1, log_p[1] / 8, log_p[2] / 3};
    const auto best = std::max_element(log_p.begin(), log_p.end()) - log_p.begin();
    right += best == questions[i].answer ? 1 : 0;
    right_by_length +=
        std::max_element(by_length, by_length + 3) - by_length == questions[i].answer ? 1 : 0;
  }
  EXPECT_DOUBLE_EQ(got->accuracy, right / 12);
  EXPECT_DOUBLE_EQ(got->accuracy_by_length, right_by_length / 12);
  EXPECT_DOUBLE_EQ(got->error, std::sqrt(right / 12 * (1 - right / 12) / 11));
}

TEST(Questions, AreReadFromJsonLines) {
  const std::string path = test_folder() + "/q.jsonl";
  write_text(path,
             "{\"context\": \"c\", \"choices\": [\"a\", \"b\"], \"answer\": 1}\n\n"
             "{\"context\": \"\", \"choices\": [\"a\", \"b\"], \"answer\": \"a\", \"more\": 2}\n");
  const auto got = read_questions(path);
  ASSERT_TRUE(got) << got.error().message;
  ASSERT_EQ(got->size(), 2u);
  EXPECT_EQ((*got)[0].answer, 1);
  EXPECT_EQ((*got)[1].answer, 0);
}

TEST(Questions, ThatAreNoneAreNamed) {
  const std::string path = test_folder() + "/q.jsonl";
  for (const std::string bad :
       {"nothing", "[]", "{\"context\": \"c\", \"choices\": [\"a\"], \"answer\": 0}",
        "{\"context\": \"c\", \"choices\": [\"a\", \"b\"], \"answer\": 2}",
        "{\"context\": \"c\", \"choices\": [\"a\", 3], \"answer\": 0}",
        "{\"context\": 1, \"choices\": [\"a\", \"b\"], \"answer\": 0}"}) {
    write_text(path, "{\"context\": \"c\", \"choices\": [\"a\", \"b\"], \"answer\": 0}\n" + bad);
    const auto got = read_questions(path);
    ASSERT_FALSE(got) << bad;
    EXPECT_THAT(got.error().message, HasSubstr("q.jsonl:2: is no question"));
  }
}

}  // namespace
}  // namespace causeway
