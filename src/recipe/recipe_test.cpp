// SPDX-License-Identifier: Apache-2.0
#include "recipe/recipe.h"

#include <gmock/gmock.h>

#include "recipe/test_recipe.h"

namespace causeway {
namespace {

namespace fs = std::filesystem;
using testing::AllOf;
using testing::HasSubstr;

Recipe read_text_of(const std::string& text, const std::string& folder, Mistakes& mistakes) {
  return read_recipe(parse_toml(text, "r.toml", mistakes), folder, mistakes);
}

std::string resolved_again(const std::string& text, const std::string& folder) {
  Mistakes mistakes;
  const Recipe recipe = read_text_of(text, folder, mistakes);
  EXPECT_TRUE(mistakes.empty()) << mistakes.text() << "in\n" << text;
  return to_toml(recipe.resolved());
}

TEST(RecipeTest, ReadsWhatItSays) {
  const std::string folder = test_folder();
  const Recipe recipe = tiny_recipe({}, folder);
  EXPECT_EQ(recipe.run.name, "tiny");
  EXPECT_EQ(recipe.run.steps, 24);
  EXPECT_EQ(recipe.workers(), 3);
  EXPECT_EQ(recipe.rows(), 2);
  EXPECT_EQ(recipe.folder(), "runs/tiny");
  EXPECT_EQ(recipe.shape->context(), 16);
  EXPECT_EQ(recipe.optimizer->rate(), 1e-2);
  EXPECT_EQ(recipe.schedule.steps, 24) << "the run's";
  ASSERT_EQ(recipe.sites.size(), 3u);
  EXPECT_EQ(recipe.sites[0].options.weight, 3);
  ASSERT_EQ(recipe.sites[2].sources.size(), 2u);
  EXPECT_EQ(recipe.sites[2].sources[0].weight, 2.0);
  EXPECT_EQ(recipe.sites[2].sources[1].weight, 1.0);
  ASSERT_EQ(recipe.plan.channels.size(), 1u);
  EXPECT_EQ(recipe.plan.channels[0].period, 3);
}

TEST(RecipeTest, DefaultsFollowTheRunsLength) {
  const std::string folder = test_folder();
  EXPECT_EQ(tiny_recipe({"run.steps=500"}, folder).checkpoint_every(), 50);
  EXPECT_EQ(tiny_recipe({"run.steps=500"}, folder).valid_every(), 50);
  EXPECT_EQ(tiny_recipe({"run.steps=5"}, folder).checkpoint_every(), 1);
  EXPECT_EQ(tiny_recipe({"run.valid_every=7"}, folder).valid_every(), 7);
  EXPECT_EQ(tiny_recipe({"run.folder=here"}, folder).folder(), "here");
  EXPECT_EQ(tiny_recipe({"sync.workers=8"}, folder).workers(), 8);
}

class RecipeOfEveryPreset : public testing::TestWithParam<std::string> {};

// Goal: the resolved recipe that a run keeps is the run: reading it gives the same text.
TEST_P(RecipeOfEveryPreset, ResolvedRecipeIsAFixedPoint) {
  const std::string folder = test_folder();
  auto assignments = method_assignments(GetParam());
  for (const std::string& more : compression_assignments(GetParam())) assignments.push_back(more);
  for (const char* more :
       {"sync.up={ name = \"int8\", block = 64 }", "data.site.2.source.0.weight=0.1",
        "model.tied=true", "data.site.0.speed=0.5"})
    assignments.emplace_back(more);
  const std::string once = to_toml(tiny_recipe(assignments, folder).resolved());
  EXPECT_EQ(resolved_again(once, "/"), once) << "all paths are absolute";
  EXPECT_THAT(once, HasSubstr(folder + "/west.txt"));
  EXPECT_THAT(once, HasSubstr("weight = 0.1"));
}

INSTANTIATE_TEST_SUITE_P(Presets, RecipeOfEveryPreset, testing::ValuesIn(preset_names()),
                         [](const auto& preset) { return preset.param; });

// `plain` is not written, so that the text by which older runs know their recipe stays.
TEST(RecipeTest, ResolvedObjectivesAreFixedPoints) {
  const std::string folder = test_folder();
  const std::string plain = to_toml(tiny_recipe({}, folder).resolved());
  EXPECT_THAT(plain, testing::Not(HasSubstr("objective")));
  EXPECT_EQ(to_toml(tiny_recipe({"train.objective=plain"}, folder).resolved()), plain);
  const Recipe recipe = tiny_recipe({"train.objective=prox"}, folder);
  EXPECT_THAT(replica_states(recipe), testing::ElementsAre("x", "g", "u", "v", "anchor"));
  const std::string prox = to_toml(recipe.resolved());
  EXPECT_THAT(prox, HasSubstr("name = \"prox\""));
  EXPECT_THAT(prox, HasSubstr("mu = 0.01"));
  EXPECT_EQ(resolved_again(prox, "/"), prox);
}

TEST(RecipeTest, ResolvedChannelsAndRecordedDataAreFixedPoints) {
  const std::string folder = test_folder();
  const std::string channel =
      "sync.channel=[{ name = \"norms\", region = \"role=norm\", port = { name = \"assign\", state "
      "= \"v\" }, period = 5 }]";
  const std::string once = to_toml(tiny_recipe({channel}, folder).resolved());
  EXPECT_THAT(once, HasSubstr("role=norm"));
  EXPECT_EQ(resolved_again(once, "/"), once);
  const std::string recorded = to_toml(
      tiny_recipe({"data={ recorded = \"b.safetensors\", site = [{ name = \"a\", weight = 4 }] }"},
                  folder)
          .resolved());
  EXPECT_THAT(recorded, HasSubstr(folder + "/b.safetensors"));
  EXPECT_EQ(resolved_again(recorded, "/"), recorded);
}

TEST(RecipeTest, PathsStartAtTheRecipesFolderThenWhereWeAre) {
  const std::string folder = test_folder();
  write_text(folder + "/both.txt", "x");
  fs::create_directory(folder + "/here");
  write_text(folder + "/here/both.txt", "x");
  write_text(folder + "/here/one.txt", "x");
  const fs::path before = fs::current_path();
  fs::current_path(folder + "/here");
  const Recipe recipe = tiny_recipe(
      {"data.site.0.train=[\"both.txt\", \"one.txt\", \"none.txt\", \"/at/root\"]"}, folder);
  fs::current_path(before);
  const Value* paths = recipe.sites[0].sources[0].plugin.options.find("train");
  ASSERT_NE(paths, nullptr);
  std::vector<std::string> got;
  for (const Value& path : paths->array()) got.push_back(path.string());
  EXPECT_EQ(got, (std::vector<std::string>{folder + "/both.txt", folder + "/here/one.txt",
                                           folder + "/none.txt", "/at/root"}));
}

TEST(RecipeTest, AFileIsReadWithAssignments) {
  const std::string folder = test_folder();
  write_tiny_texts(folder);
  write_text(folder + "/tiny.toml", kTinyRecipe);
  Mistakes mistakes;
  const Recipe recipe = load_recipe(folder + "/tiny.toml", {"sync.period=7"}, mistakes);
  EXPECT_TRUE(mistakes.empty()) << mistakes.text();
  EXPECT_EQ(recipe.plan.channels[0].period, 7);
  EXPECT_EQ(recipe.base, folder);
  load_recipe(folder + "/missing.toml", {}, mistakes);
  EXPECT_THAT(mistakes.text(), HasSubstr("missing.toml"));
}

struct Wrong {
  std::string name;
  std::vector<std::string> assignments;
  std::vector<std::string> wanted;
};
void PrintTo(const Wrong& wrong, std::ostream* out) { *out << wrong.name; }

class RecipeWithMistake : public testing::TestWithParam<Wrong> {};

TEST_P(RecipeWithMistake, IsToldByName) {
  Mistakes mistakes;
  Value root = parse_toml(kTinyRecipe, "tiny.toml", mistakes);
  for (const std::string& assignment : GetParam().assignments) set_path(root, assignment, mistakes);
  ASSERT_TRUE(mistakes.empty()) << mistakes.text();
  read_recipe(root, test_folder(), mistakes);
  for (const std::string& wanted : GetParam().wanted)
    EXPECT_THAT(mistakes.text(), HasSubstr(wanted));
}

INSTANTIATE_TEST_SUITE_P(
    Recipes, RecipeWithMistake,
    testing::Values(
        Wrong{"table", {"trian.clip=1"}, {"`trian`", "train"}},
        Wrong{"run_key", {"run.stesp=1"}, {"`stesp`", "steps"}},
        Wrong{"range", {"run.steps=0"}, {"`steps`", "0"}},
        Wrong{"kind", {"run.steps=\"many\""}, {"`steps`", "integer"}},
        Wrong{"model", {"model.preset=lama"}, {"`lama`", "llama"}},
        Wrong{"model_key", {"model.widht=32"}, {"`widht`", "width"}},
        Wrong{"heads", {"model.heads=3"}, {"width = 32", "heads = 3"}},
        Wrong{"batch", {"train.batch_tokens=33"}, {"`batch_tokens` is 33", "16"}},
        Wrong{"precision", {"train.precision=fp16"}, {"`precision` is \"fp16\"", "fp32", "bf16"}},
        Wrong{"tokenizer", {"data.tokenizer=bpe"}, {"`tokenizer` is \"bpe\"", "bytes"}},
        Wrong{"vocabulary", {"model.vocabulary=100"}, {"`vocabulary` is 100", "256"}},
        Wrong{"optimizer", {"train.optimizer=adamm"}, {"`adamm`", "adamw"}},
        Wrong{"optimizer_key", {"train.optimizer={ name = \"adamw\", lrr = 1 }"}, {"`lrr`", "lr"}},
        Wrong{"objective", {"train.objective=prx"}, {"`prx`", "prox"}},
        Wrong{"objective_key", {"train.objective={ name = \"prox\", nu = 1 }"}, {"`nu`", "mu"}},
        Wrong{"schedule", {"train.schedule={ name = \"cosin\" }"}, {"`name`", "cosine"}},
        Wrong{"preset", {"sync.preset=fedavgg"}, {"`fedavgg`", "fedavg"}},
        Wrong{"sync_key", {"sync.perod=1"}, {"`perod`", "period"}},
        Wrong{"codec", {"sync.up=int9"}, {"`int9`", "int8"}},
        Wrong{"moment", {"sync={ preset = \"des_loc\", periods = { w = 2 } }"}, {"no state `w`"}},
        Wrong{"exchange", {"exchange.kind=tcp"}, {"`kind` is \"tcp\"", "local"}},
        Wrong{"no_site", {"data={}"}, {"no site"}},
        Wrong{"twice", {"data.site.1.name=north"}, {"two sites are called `north`"}},
        Wrong{"no_text", {"data.site=[{ name = \"a\" }]"}, {"`train`"}},
        Wrong{"site_key", {"data.site.0.trian=[\"a\"]"}, {"`trian`", "train"}},
        Wrong{"site", {"data.site=[3]"}, {"a site is a table"}},
        Wrong{"site_weight", {"data.site.0.weight=0"}, {"`weight`", "0"}},
        Wrong{"source", {"data.site.2.source.0.kind=tex"}, {"`tex`", "text"}},
        Wrong{"source_kind", {"data.site.2.source.0.kind=3"}, {"`kind`"}},
        Wrong{"source_weight", {"data.site.2.source.0.weight=0"}, {"`weight` of a source"}},
        Wrong{"source_key", {"data.site.2.source.1.wieght=1"}, {"`wieght`", "weight"}},
        Wrong{"both", {"data.site.2.train=[\"a\"]"}, {"`train`"}}),
    [](const auto& wrong) { return wrong.param.name; });

// A method that is made for some optimizers takes the first of them, and says so.
TEST(RecipeTest, MethodsTakeTheOptimizersAndObjectivesThatTheyAreMadeFor) {
  const Recipe slow = tiny_recipe({"sync={ preset = \"mt_dao\" }"}, test_folder());
  EXPECT_EQ(slow.train.optimizer.name, "qh_adopt");
  ASSERT_EQ(slow.notes.size(), 1U);
  EXPECT_THAT(slow.notes[0], AllOf(HasSubstr("`qh_adopt`"), HasSubstr("`adamw` is left out")));
  const Recipe own = tiny_recipe(
      {"sync={ preset = \"mt_dao\" }", "train.optimizer={ name = \"qhm\" }"}, test_folder());
  EXPECT_EQ(own.train.optimizer.name, "qhm");
  EXPECT_TRUE(own.notes.empty());
  const Recipe pulled = tiny_recipe({"sync={ preset = \"fedprox\", mu = 0.5 }"}, test_folder());
  EXPECT_EQ(pulled.train.objective.name, "prox");
  EXPECT_EQ(pulled.train.objective.options.find("mu")->number(), 0.5);
  EXPECT_TRUE(pulled.notes.empty());
}

TEST(RecipeTest, AllMistakesAreToldAtOnceWithTheirLines) {
  Mistakes mistakes;
  read_text_of(
      "[run]\nsteps = 0\nseed = 1.5\n[model]\nwidht = 32\n[train]\noptimizer = \"adm\"\n"
      "[sync]\npreset = \"fedavg\"\nperiod = -1\n[[data.site]]\nweight = 2\n",
      test_folder(), mistakes);
  for (const char* wanted : {"r.toml:2: ", "r.toml:3: ", "r.toml:5: ", "r.toml:7: ", "r.toml:10: "})
    EXPECT_THAT(mistakes.text(), HasSubstr(wanted));
  EXPECT_THAT(mistakes.text(), HasSubstr("`name`")) << "a site needs one";
}

TEST(RecipeTest, TablesOfAnotherKindAreMistakesToo) {
  for (const char* text :
       {"run = 3", "model = [1]", "data = \"x\"", "train = true", "sync = 1.5", "exchange = []",
        "data = { site = 3 }", "model = { preset = 3 }", "data = { site = [[]] }",
        "data = { site = [{ source = 3 }] }", "data = { site = [{ source = [3] }] }",
        "train = { optimizer = [] }", "sync = { up = [] }", "sync = { channel = [3] }", ""}) {
    Mistakes mistakes;
    read_text_of(text, test_folder(), mistakes);
    EXPECT_FALSE(mistakes.empty()) << text;
  }
}

}  // namespace
}  // namespace causeway
