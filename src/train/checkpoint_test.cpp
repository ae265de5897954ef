// SPDX-License-Identifier: Apache-2.0
#include "train/checkpoint.h"

#include <gmock/gmock.h>

#include "train/test_recipe.h"

namespace causeway {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::HasSubstr;

std::string checkpoint_of(TinyTeam& team, const std::string& folder) {
  Arena mean(team->placement());
  team->mean_parameters(mean);
  const auto written = write_checkpoint(folder, *team, mean);
  EXPECT_TRUE(written.ok()) << (written.ok() ? "" : written.error().message);
  return written.ok() ? *written : "";
}

class CheckpointOfEveryMethod : public testing::TestWithParam<std::tuple<std::string, bool>> {};

// Goal: a resumed run has the bits of one that was never interrupted. Method: step 7 is within a
// period, so anchors, outer buffers, residuals of both directions and draws are all under way.
TEST_P(CheckpointOfEveryMethod, GoesOnFromACheckpointWithTheSameBits) {
  const auto& [preset, compressed] = GetParam();
  auto method = method_assignments(preset);
  if (compressed)
    for (const std::string& more : compression_assignments(preset)) method.push_back(more);
  const std::string folder = test_folder();
  TinyTeam whole(method, folder);
  whole.run_to(7);
  const std::string at_seven = whole.bits();
  const std::string path = checkpoint_of(whole, folder);
  EXPECT_EQ(whole.bits(), at_seven) << "writing must change nothing";
  TinyTeam resumed(method, folder);
  const auto read = read_checkpoint(path, *resumed);
  ASSERT_TRUE(read.ok()) << read.error().message;
  EXPECT_EQ(resumed.bits(), at_seven);
  whole.run_to(14);
  resumed.run_to(14);
  EXPECT_EQ(resumed.bits(), whole.bits());
}

INSTANTIATE_TEST_SUITE_P(Methods, CheckpointOfEveryMethod,
                         testing::Combine(testing::ValuesIn(preset_names()), testing::Bool()),
                         [](const auto& method) {
                           return std::get<0>(method.param) +
                                  (std::get<1>(method.param) ? "_compressed" : "");
                         });

// Goal: rounds in flight are not lost. Method: a consensus that takes a whole period, so that at
// every step's edge some rounds are launched and not applied, decided or not.
TEST(CheckpointTest, RoundsInFlightGoOnWithTheSameBits) {
  const std::vector<std::string> method{"sync={ preset = \"streaming_diloco\" }",
                                        "sync.period=4",
                                        "sync.delay=4",
                                        "sync.up=int8",
                                        "sync.feedback=ef",
                                        "sync.down=int8",
                                        "sync.down_feedback=ef",
                                        "sync.participation=0.7"};
  const std::string folder = test_folder();
  TinyTeam whole(method, folder);
  whole.run_to(14);
  for (const int64_t step : {1, 2, 4, 5, 6, 7, 9}) {
    TinyTeam first(method, folder), resumed(method, folder);
    first.run_to(step);
    const auto open = first->workers()[1]->engine().open_rounds();
    EXPECT_EQ(open.empty(), step == 1);
    const auto read = read_checkpoint(checkpoint_of(first, folder), *resumed);
    ASSERT_TRUE(read.ok()) << read.error().message;
    EXPECT_EQ(resumed->workers()[1]->engine().open_rounds(), open);
    EXPECT_EQ(resumed->exchange().snapshot(), first->exchange().snapshot());
    resumed.run_to(14);
    EXPECT_EQ(resumed.bits(), whole.bits()) << "from step " << step;
  }
}

// Goal: a checkpoint is a complete model: what the run keeps in its folder `model` is there, and
// its configuration with this run's context and type, unknown fields kept.
TEST(CheckpointTest, HoldsWhatTheRunKeepsOfItsModel) {
  const std::string folder = test_folder();
  TinyTeam team({}, folder);
  fs::create_directories(folder + "/model");
  write_text(folder + "/model/tokenizer.json", "tokens");
  write_text(folder + "/model/chat_template.jinja", "template");
  write_text(folder + "/model/config.json",
             R"({"mine": "kept", "max_position_embeddings": 4096, "dtype": "bfloat16"})");
  const std::string path = checkpoint_of(team, folder);
  EXPECT_EQ(read_text(path + "/tokenizer.json"), "tokens");
  EXPECT_EQ(read_text(path + "/chat_template.jinja"), "template");
  EXPECT_EQ(read_text(path + "/config.json"),
            "{\n  \"mine\": \"kept\",\n  \"max_position_embeddings\": 16,\n  \"dtype\": "
            "\"float32\"\n}\n");
  TinyTeam resumed({}, folder);
  EXPECT_TRUE(read_checkpoint(path, *resumed).ok());
}

TEST(CheckpointTest, HoldsTheMeanAsAModel) {
  const std::string folder = test_folder();
  TinyTeam team({}, folder);
  team.run_to(4);
  const std::string path = checkpoint_of(team, folder);
  Arena mean(team->placement()), read(team->placement());
  ASSERT_TRUE(read_weights(path + "/model.safetensors", read).ok());
  for (const auto& worker : team->workers())
    mean.flat().add_(std::as_const(*worker).replica().arena("x").flat(), 1.0 / 3);
  double most = 0;
  for (size_t i = 0; i < mean.values().size(); ++i)
    most = std::max<double>(most, std::abs(mean.values()[i] - read.values()[i]));
  EXPECT_LT(most, 1e-6);
  EXPECT_THAT(read_text(path + "/config.json"), HasSubstr("\"hidden_size\": 32"));
}

TEST(CheckpointTest, ListsNewestFirstAndPrunesAllButTheLast) {
  const std::string folder = test_folder();
  TinyTeam team({}, folder);
  EXPECT_TRUE(list_checkpoints(folder).empty());
  for (const int64_t step : {2, 9, 10, 11}) {
    team.run_to(step);
    checkpoint_of(team, folder);
  }
  const std::string parent = folder + "/checkpoints/";
  fs::create_directory(parent + "000000099");  // Without a manifest: none.
  fs::create_directory(parent + ".writing-000000012");
  EXPECT_THAT(list_checkpoints(folder), ElementsAre(parent + "000000011", parent + "000000010",
                                                    parent + "000000009", parent + "000000002"));
  prune_checkpoints(folder, 2);
  EXPECT_THAT(list_checkpoints(folder), ElementsAre(parent + "000000011", parent + "000000010"));
  EXPECT_FALSE(fs::exists(parent + "000000009"));
  EXPECT_FALSE(fs::exists(parent + ".writing-000000012"));
}

TEST(CheckpointTest, WritingOneStepTwiceReplacesIt) {
  const std::string folder = test_folder();
  TinyTeam team({}, folder);
  team.run_to(2);
  const std::string path = checkpoint_of(team, folder);
  const std::string manifest = read_text(path + "/manifest.json");
  EXPECT_EQ(checkpoint_of(team, folder), path);
  EXPECT_EQ(read_text(path + "/manifest.json"), manifest);
  EXPECT_EQ(list_checkpoints(folder).size(), 1u);
}

TEST(CheckpointTest, AFailedWriteLeavesTheOldOnes) {
  const std::string folder = test_folder();
  TinyTeam team({}, folder);
  team.run_to(2);
  const std::string old = checkpoint_of(team, folder);
  team.run_to(3);
  Arena mean(team->placement());
  const std::string in_the_way = folder + "/file";
  write_text(in_the_way, "no folder");
  const auto refused = write_checkpoint(in_the_way, *team, mean);
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().fault, Fault::kIo);
  EXPECT_EQ(read_text(in_the_way), "no folder");
  EXPECT_THAT(list_checkpoints(folder), ElementsAre(old));
  TinyTeam again({}, folder);
  EXPECT_TRUE(read_checkpoint(old, *again).ok());
}

TEST(CheckpointTest, OnlySettingsOutsideTheContinuationMayChange) {
  const std::string folder = test_folder();
  const std::string key = continuation_key(tiny_recipe({}, folder));
  for (const char* free : {"run.folder=elsewhere", "run.threads=1", "run.checkpoint_every=5",
                           "run.keep=7", "run.valid_every=3", "run.valid_tokens=99"})
    EXPECT_EQ(continuation_key(tiny_recipe({free}, folder)), key) << free;
  for (const char* bound : {"run.seed=4", "run.steps=25", "model.width=64", "sync.period=4",
                            "train.optimizer=sgd", "train.clip=2.0", "data.site.0.weight=4"})
    EXPECT_NE(continuation_key(tiny_recipe({bound}, folder)), key) << bound;
}

TEST(CheckpointTest, FilesAreReplacedAtOnce) {
  const std::string path = test_folder() + "/note";
  ASSERT_TRUE(write_file_atomically(path, "old").ok());
  ASSERT_TRUE(write_file_atomically(path, "new").ok());
  EXPECT_EQ(read_text(path), "new");
  EXPECT_FALSE(fs::exists(path + ".writing"));
  EXPECT_EQ(write_file_atomically(path + "/below", "x").error().fault, Fault::kIo);
}

}  // namespace
}  // namespace causeway
