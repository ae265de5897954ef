// SPDX-License-Identifier: Apache-2.0
#include "recipe/shared_recipe.h"

#include <gtest/gtest.h>

#include "recipe/test_recipe.h"

namespace causeway {
namespace {

/// What a hub sends, with these lines in place of those of the site `north`, of the run and the
/// model.
std::string lie(const std::string& site, const std::string& run = "",
                const std::string& model = "") {
  return "[run]\nname = \"tiny\"\nsteps = 24\n" + run +
         "[model]\nlayers = 2\nwidth = 32\nheads = 2\ncontext = 16\n" + model +
         "[train]\nbatch_tokens = 32\noptimizer = { name = \"adamw\", lr = 1e-2 }\n" +
         "[sync]\npreset = \"fedavg\"\nperiod = 3\nworkers = 1\n[[data.site]]\n" + site;
}

OwnPart own_part() {
  OwnPart out;
  out.tokenizer = "bytes";
  Value site = Value::Table{};
  site.set("name", std::string("north"));
  site.set("train", Value::Array{Value(std::string("mine.txt"))});
  out.site.push_back(std::move(site));
  return out;
}

TEST(SharedRecipe, TakesNameAndWeightOfASiteFromTheHubAndItsTextFromHere) {
  Mistakes mistakes;
  const Recipe recipe =
      read_shared_recipe(lie("name = \"north\"\nweight = 5\n"), own_part(), mistakes);
  ASSERT_TRUE(mistakes.empty()) << mistakes.text();
  EXPECT_EQ(recipe.sites.at(0).options.weight, 5);
  const std::string resolved = to_toml(recipe.resolved());
  EXPECT_NE(resolved.find("mine.txt"), std::string::npos) << resolved;
}

// Goal: a hub that lies does not say which of a site's files are read. Method: paths wherever a
// recipe may have one, for a site that is here and for one that is not.
TEST(SharedRecipe, FollowsNoPathOfTheHubs) {
  for (const char* site : {"name = \"north\"\ntrain = [\"/etc/passwd\"]\n",
                           "name = \"south\"\ntrain = [\"/etc/passwd\"]\n",
                           "name = \"north\"\nsource = [{ train = [\"/etc/passwd\"] }]\n",
                           "name = \"south\"\nvalid = [\"/etc/passwd\"]\nkind = \"shards\"\n"}) {
    Mistakes mistakes;
    const Recipe recipe = read_shared_recipe(
        lie(site, "folder = \"/etc/passwd\"\npin = true\n", "init = \"/etc/passwd\"\n"), own_part(),
        mistakes);
    ASSERT_TRUE(mistakes.empty()) << mistakes.text();
    const std::string resolved = to_toml(recipe.resolved());
    EXPECT_EQ(resolved.find("passwd"), std::string::npos) << resolved;
    EXPECT_FALSE(recipe.run.pin);
    EXPECT_TRUE(recipe.model.init.empty());
  }
}

TEST(SharedRecipe, TablesOfAnotherKindAreMistakes) {
  for (const char* text :
       {"data = 3\n", "run = 3\nmodel = 4\n", "[data]\nsite = 3\n", "[[data.site]]\nname = 3\n",
        "data = { site = [3, {}] }\n", "x = [", ""}) {
    Mistakes mistakes;
    static_cast<void>(read_shared_recipe(text, own_part(), mistakes));
    EXPECT_FALSE(mistakes.empty()) << text;
  }
}

}  // namespace
}  // namespace causeway
