// SPDX-License-Identifier: Apache-2.0
#include "lab/advise.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "core/clock.h"
#include "core/toml.h"
#include "data/test_files.h"
#include "lab/advised_recipe.h"
#include "train/explain.h"

namespace causeway {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::Field;
using testing::HasSubstr;

// Everything is far from data-parallel training by as much as it is asked to be.
LossTable table_of(std::vector<MethodLoss> methods) {
  LossTable out;
  out.measured = "a toy";
  out.panels = {"iid", "sites"};
  out.workers = 4;
  out.period = 32;
  out.doubling_nats = 0.2;
  out.methods = std::move(methods);
  return out;
}

MethodLoss loss(const std::string& method, double gap, double half = 0.01) {
  return {method, {gap, half, 3}, {{gap / 2, half, 3}, {gap, half, 3}}};
}

AdviseOptions small_question(const std::string& size = "125m", int64_t sites = 8) {
  AdviseOptions out;
  RecipeSizes sizes;
  sizes.sites = sites;
  out.recipe = recipe_of_size(*model_size(size), sizes);
  out.link = {200e6, 0.08};
  out.step_seconds = 2;
  out.steps = 1'000;
  return out;
}

Advice advice_of(const AdviseOptions& options, const LossTable& table) {
  auto advice = advise(options, table);
  EXPECT_TRUE(advice.ok()) << advice.error().message;
  return advice.ok() ? *advice : Advice{};
}

std::vector<std::string> names_of(const std::vector<AdviceRow>& rows) {
  std::vector<std::string> out;
  for (const AdviceRow& row : rows) out.push_back(row.preset);
  return out;
}

// 125m has 134,105,856 parameters; frames of 8 bytes stand before each block of 16,384 values.
constexpr double kParameters = 134'105'856;
constexpr double kOfferBytes = 4 * kParameters + 8 * 8'186;
constexpr double kRoundSeconds = 6 * 0.08 + 2 * 8 * kOfferBytes / 200e6;

TEST(Advise, TimesAreThoseOfTheHand) {
  const Advice advice =
      advice_of(small_question(), table_of({loss("ddp", 0, 0), loss("fedavg", 0.1)}));
  EXPECT_EQ(advice.parameters, static_cast<int64_t>(kParameters));
  EXPECT_EQ(advice.panel, "sites");
  ASSERT_THAT(names_of(advice.rows), ElementsAre("fedavg", "ddp"));
  const AdviceRow &fedavg = advice.rows[0], &ddp = advice.rows[1];
  EXPECT_NEAR(ddp.step.seconds(), 2 + kRoundSeconds, 1e-6);
  EXPECT_NEAR(ddp.seconds, 1'000 * (2 + kRoundSeconds), 1e-3);
  EXPECT_NEAR(ddp.step.bytes(), 2 * kOfferBytes, 1);
  EXPECT_NEAR(fedavg.step.seconds(), 2 + kRoundSeconds / 32, 1e-6);
  EXPECT_NEAR(fedavg.step.bytes(), 2 * kOfferBytes / 32, 1);
  // Half a doubling of tokens; the interval is 0.01 of 0.2 nats on either side.
  EXPECT_NEAR(fedavg.tokens, std::sqrt(2.0), 1e-12);
  EXPECT_NEAR(fedavg.seconds, 1'000 * std::sqrt(2.0) * (2 + kRoundSeconds / 32), 1e-3);
  EXPECT_NEAR(fedavg.seconds_low / fedavg.seconds, std::pow(2.0, -0.05), 1e-12);
  EXPECT_NEAR(fedavg.seconds_high / fedavg.seconds, std::pow(2.0, 0.05), 1e-12);
}

TEST(Advise, PanelDecidesWhichLossCounts) {
  AdviseOptions options = small_question();
  const LossTable table = table_of({loss("fedavg", 0.2)});
  EXPECT_NEAR(advice_of(options, table).find("fedavg")->tokens, 2, 1e-12);
  options.panel = "iid";
  EXPECT_NEAR(advice_of(options, table).find("fedavg")->tokens, std::sqrt(2.0), 1e-12);
  options.panel = "lang";
  const auto unknown = advise(options, table);
  ASSERT_FALSE(unknown.ok());
  EXPECT_THAT(unknown.error().message, HasSubstr("no data `lang`; it has: iid, sites"));
}

TEST(Advise, TableWithoutPanelsHasOneGap) {
  LossTable table = table_of({loss("fedavg", 0.2)});
  table.panels.clear();
  table.methods[0].gaps.clear();
  const Advice advice = advice_of(small_question(), table);
  EXPECT_EQ(advice.panel, "");
  EXPECT_NEAR(advice.find("fedavg")->tokens, 2, 1e-12);
}

TEST(Advise, BetterLossTakesFewerTokens) {
  const Advice advice = advice_of(small_question(), table_of({loss("fedavg", -0.2)}));
  EXPECT_NEAR(advice.find("fedavg")->tokens, 0.5, 1e-12);
}

// The larger the gap, the later; the faster the link, the less it matters how often one sends.
TEST(Advise, RankingFollowsGapAndLink) {
  const LossTable table = table_of({loss("fedavg", 0.05), loss("diloco", 0.1)});
  AdviseOptions options = small_question();
  EXPECT_THAT(names_of(advice_of(options, table).rows), ElementsAre("fedavg", "diloco", "ddp"));
  options.link = {100e12, 0};
  EXPECT_THAT(names_of(advice_of(options, table).rows), ElementsAre("ddp", "fedavg", "diloco"));
}

TEST(Advise, DelayHidesTheExchangeOfTheSameBytes) {
  AdviseOptions options = small_question();
  options.step_seconds = 50;  // a step of delay is longer than the transfer
  const Advice advice =
      advice_of(options, table_of({loss("diloco", 0.1), loss("streaming_diloco", 0.1)}));
  EXPECT_THAT(names_of(advice.rows), ElementsAre("streaming_diloco", "diloco", "ddp"));
  EXPECT_EQ(advice.rows[0].step.stalled_seconds, 0);
  EXPECT_GT(advice.rows[1].step.stalled_seconds, 1);
  EXPECT_NEAR(advice.rows[0].step.bytes(), advice.rows[1].step.bytes(), 10);
}

TEST(Advise, HubsLinkIsShared) {
  AdviseOptions options = small_question();
  const LossTable table = table_of({loss("fedavg", 0.05)});
  const double alone = advice_of(options, table).find("ddp")->step.stalled_seconds;
  options.hub_bits_per_second = 8 * 200e6;
  EXPECT_EQ(advice_of(options, table).find("ddp")->step.stalled_seconds, alone);
  options.hub_bits_per_second = 4 * 200e6;
  const Advice shared = advice_of(options, table);
  EXPECT_EQ(shared.bits_per_second, 100e6);
  EXPECT_NEAR(shared.find("ddp")->step.stalled_seconds - 0.48, 2 * (alone - 0.48), 1e-6);
}

TEST(Advise, PeriodIsTheTablesUnlessGiven) {
  AdviseOptions options = small_question();
  const LossTable table = table_of({loss("fedavg", 0.05)});
  EXPECT_EQ(advice_of(options, table).period, 32);
  options.period = 64;
  const Advice advice = advice_of(options, table);
  EXPECT_EQ(advice.period, 64);
  EXPECT_NEAR(advice.find("fedavg")->step.stalled_seconds, kRoundSeconds / 64, 1e-6);
}

TEST(Advise, SaysWhatIsWithinTheUncertaintyOfTheFirst) {
  AdviseOptions options = small_question();
  options.link = {100e12, 0};
  const Advice advice = advice_of(
      options, table_of({loss("fedavg", -0.1), loss("fedopt", -0.085), loss("diloco", -0.05)}));
  ASSERT_THAT(names_of(advice.rows), ElementsAre("fedavg", "fedopt", "diloco", "ddp"));
  EXPECT_TRUE(advice.rows[0].as_good_as_best);
  EXPECT_TRUE(advice.rows[1].as_good_as_best);
  EXPECT_FALSE(advice.rows[2].as_good_as_best);
  EXPECT_FALSE(advice.rows[3].as_good_as_best);
}

TEST(Advise, OneSeedHasNoInterval) {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  MethodLoss one = loss("fedavg", 0.1);
  one.gaps[1] = {0.1, kInfinity, 1};
  const Advice advice = advice_of(small_question(), table_of({one}));
  EXPECT_EQ(advice.rows[0].seconds_low, 0);
  EXPECT_EQ(advice.rows[0].seconds_high, kInfinity);
  EXPECT_TRUE(advice.rows[1].as_good_as_best);
}

TEST(Advise, TellsApartWhatItCannotRank) {
  MethodLoss diverged = loss("fedopt", 0), elsewhere = loss("diloco", 0.1);
  diverged.gaps[1].mean = std::numeric_limits<double>::quiet_NaN();
  elsewhere.gaps[1] = {};
  const Advice advice = advice_of(
      small_question(), table_of({loss("fedavg", 0.1), diverged, elsewhere, loss("noloco", 0.1)}));
  EXPECT_THAT(names_of(advice.rows), ElementsAre("fedavg", "ddp"));
  const auto named = [](const char* preset, const char* why) {
    return testing::AllOf(Field(&LeftOut::preset, preset), Field(&LeftOut::why, HasSubstr(why)));
  };
  EXPECT_THAT(advice.not_measured, Contains(named("fedopt", "diverged")));
  EXPECT_THAT(advice.not_measured, Contains(named("diloco", "for this data")));
  EXPECT_THAT(advice.not_measured, Contains(named("des_loc", "no loss in the table")));
  for (const char* preset : {"noloco", "moshpit", "powersgd", "fedbuff", "l_dawa"})
    EXPECT_THAT(advice.one_process_only, Contains(named(preset, "channel `"))) << preset;
}

TEST(Advise, TellsWhatDoesNotFit) {
  AdviseOptions options = small_question();
  options.period = 1;  // decoupled's consensus comes two steps late
  const Advice advice = advice_of(options, table_of({loss("fedavg", 0.1)}));
  EXPECT_THAT(advice.do_not_fit, Contains(Field(&LeftOut::preset, "decoupled")));
}

TEST(Advise, EmptyTableOrBrokenRecipeIsBadInput) {
  const auto empty = advise(small_question(), table_of({}));
  ASSERT_FALSE(empty.ok());
  EXPECT_EQ(empty.error().fault, Fault::kBadInput);
  EXPECT_THAT(empty.error().message, HasSubstr("the table of losses is empty (a toy)"));
  AdviseOptions options = small_question();
  Mistakes ignored;
  set_path(options.recipe, "model.heads=7", ignored);
  const auto broken = advise(options, table_of({loss("fedavg", 0.1)}));
  ASSERT_FALSE(broken.ok());
  EXPECT_THAT(broken.error().message, HasSubstr("does not divide by heads = 7"));
  const auto alone = advise(small_question("125m", 1), table_of({loss("fedavg", 0.1)}));
  ASSERT_FALSE(alone.ok());
  EXPECT_THAT(alone.error().message, HasSubstr("one site exchanges with nobody"));
}

// Extremes of what a table may hold end in no NaN, which would break the order.
TEST(Advise, HugeGapsAreRankedLast) {
  LossTable table = table_of({loss("fedavg", 1'000, 1'000), loss("diloco", -1'000, 1'000)});
  table.doubling_nats = 1e-6;
  const Advice advice = advice_of(small_question(), table);
  EXPECT_THAT(names_of(advice.rows), ElementsAre("diloco", "ddp", "fedavg"));
  for (const AdviceRow& row : advice.rows) {
    EXPECT_FALSE(std::isnan(row.seconds)) << row.preset;
    EXPECT_FALSE(std::isnan(row.seconds_low)) << row.preset;
    EXPECT_FALSE(std::isnan(row.seconds_high)) << row.preset;
  }
}

// Plans are of a model's shape alone: its values would be 260 GB.
TEST(Advise, HoldsNothingOfTheModelsSize) {
  std::vector<MethodLoss> all;
  for (const Entry<Preset>* entry : presets()) all.push_back(loss(std::string(entry->name), 0.1));
  const int64_t before = peak_memory_bytes();
  const SystemClock clock;
  const int64_t began_ns = clock.now_ns();
  const Advice advice = advice_of(small_question("65b"), table_of(all));
  EXPECT_GT(advice.rows.size(), 15U);
  EXPECT_LT(peak_memory_bytes() - before, 1'000'000'000);
  EXPECT_LT(clock.now_ns() - began_ns, 60'000'000'000);
}

TEST(AdvisedRecipe, IsReadAndHasItsMethod) {
  const AdviseOptions options = small_question("1.3b", 3);
  for (const Entry<Preset>* entry : presets()) {
    const std::string preset(entry->name);
    const std::string text =
        advised_recipe(options.recipe, sync_table(preset, 40), 1'234, {"One line.", ""});
    EXPECT_THAT(text, testing::StartsWith("# One line.\n#"));
    Mistakes mistakes;
    const Value root = parse_toml(text, "advice.toml", mistakes);
    const Recipe recipe = read_recipe(root, "", mistakes);  // with a text for each site
    ASSERT_TRUE(mistakes.empty()) << preset << mistakes.text();
    EXPECT_EQ(recipe.sync.options.preset, preset);
    EXPECT_EQ(recipe.run.steps, 1'234);
    EXPECT_EQ(recipe.workers(), 3);
    EXPECT_EQ(recipe.shape->layout().count(), 1'345'423'360);
    EXPECT_EQ(recipe.exchange.kind, ExchangeKind::kHub);
    const Value* period = recipe.sync.preset_options.find("period");
    EXPECT_EQ(period == nullptr ? 40 : period->integer(), 40) << preset;
  }
  EXPECT_TRUE(has_placeholders(options.recipe));
}

TEST(AdvisedRecipe, HasTheOptimizerThatItsMethodIsMadeFor) {
  const AdviseOptions options = small_question();
  for (const auto& [preset, optimizer] :
       {std::pair{"muloco", "muon"}, {"mt_dao", "qh_adopt"}, {"diloco", "adamw"}}) {
    Mistakes mistakes;
    const Recipe recipe = read_recipe(
        parse_toml(advised_recipe(options.recipe, sync_table(preset, 40), 9, {}), "", mistakes), "",
        mistakes);
    EXPECT_TRUE(mistakes.empty()) << mistakes.text();
    EXPECT_EQ(recipe.train.optimizer.name, optimizer);
    EXPECT_THAT(recipe.notes, testing::IsEmpty()) << preset;
  }
}

TEST(AdvisedRecipe, TakesTheModelOfAnother) {
  const std::string folder = test_folder();
  write_text(folder + "/own.toml", R"(
[run]
steps = 7
[model]
layers = 3
width = 64
heads = 2
context = 32
[train]
batch_tokens = 64
optimizer = { name = "adamw", lr = 0.5 }
[sync]
preset = "muloco"
[[data.site]]
name = "north"
train = ["north.txt"]
[[data.site]]
name = "south"
train = ["south.txt"]
)");
  RecipeSizes sizes;
  const auto same = recipe_like(folder + "/own.toml", sizes);
  ASSERT_TRUE(same.ok()) << same.error().message;
  EXPECT_FALSE(has_placeholders(*same));
  Mistakes mistakes;
  const Recipe recipe = read_recipe(
      parse_toml(advised_recipe(*same, sync_table("fedavg", 8), 99, {}), "a.toml", mistakes), "/",
      mistakes);
  ASSERT_TRUE(mistakes.empty()) << mistakes.text();
  EXPECT_EQ(recipe.shape->layout().tensors().size(), 3U + 3 * 9);
  EXPECT_EQ(recipe.train.optimizer.name, "adamw");  // not that of the old method
  EXPECT_EQ(recipe.train.batch_tokens, 64);
  ASSERT_EQ(recipe.sites.size(), 2U);
  EXPECT_EQ(recipe.sites[0].options.name, "north");
  EXPECT_EQ(recipe.sites[0].sources[0].plugin.options.find("train")->array()[0].string(),
            folder + "/north.txt");
  sizes.sites = 5;
  const auto more = recipe_like(folder + "/own.toml", sizes);
  ASSERT_TRUE(more.ok());
  EXPECT_EQ(more->find("data")->find("site")->array().size(), 5U);
  EXPECT_TRUE(has_placeholders(*more));
  EXPECT_FALSE(recipe_like(folder + "/missing.toml", sizes).ok());
}

}  // namespace
}  // namespace causeway
