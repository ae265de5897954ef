// SPDX-License-Identifier: Apache-2.0
#include "lab/loss_table.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace causeway {
namespace {

using testing::HasSubstr;

constexpr const char* kTable = R"({
 "measured": "a toy", "panels": ["iid", "sites"], "workers": 4, "period": 32,
 "doubling_nats": 0.25, "seconds": 12,
 "methods": [
  {"method": "ddp", "gap": {"mean": 0, "half": 0, "count": 3},
   "gaps": [{"mean": 0, "half": 0, "count": 3}, {"mean": 0, "half": 0, "count": 3}]},
  {"method": "fedavg", "gap": {"mean": 0.125, "half": 0.02, "count": 3},
   "gaps": [{"mean": 0.0625, "half": 0.01, "count": 3}, {"mean": 0.25, "half": null, "count": 1}]},
  {"method": "dgc", "gap": {"mean": null, "half": null, "count": 3},
   "gaps": [{"mean": null, "half": null, "count": 3}, {"mean": 0, "half": 0, "count": 0}]}
 ]})";

/// kTable with one text in place of another.
std::string altered(const std::string& from, const std::string& to) {
  std::string text = kTable;
  const size_t at = text.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  return text.replace(at, from.size(), to);
}

TEST(LossTable, IsRead) {
  const auto table = parse_loss_table(kTable, "t.json");
  ASSERT_TRUE(table.ok()) << table.error().message;
  EXPECT_EQ(table->measured, "a toy");
  EXPECT_EQ(table->panels, (std::vector<std::string>{"iid", "sites"}));
  EXPECT_EQ(table->workers, 4);
  EXPECT_EQ(table->period, 32);
  EXPECT_EQ(table->doubling_nats, 0.25);
  ASSERT_EQ(table->methods.size(), 3U);
  EXPECT_EQ(table->methods[1].method, "fedavg");
  EXPECT_EQ(table->methods[1].gap.high(), 0.145);
  EXPECT_EQ(table->methods[1].gaps[1].mean, 0.25);
  EXPECT_EQ(table->methods[1].gaps[1].half, std::numeric_limits<double>::infinity());
  EXPECT_TRUE(std::isnan(table->methods[2].gap.mean));
  EXPECT_EQ(table->methods[2].gaps[1].count, 0);
}

TEST(LossTable, IsWrittenAsItIsRead) {
  const auto table = parse_loss_table(kTable, "t.json");
  ASSERT_TRUE(table.ok());
  const std::string text = loss_table_json(*table);
  const auto again = parse_loss_table(text, "again");
  ASSERT_TRUE(again.ok()) << again.error().message;
  EXPECT_EQ(loss_table_json(*again), text);
  EXPECT_EQ(again->methods[1].gaps[0].half, 0.01);
  EXPECT_EQ(again->methods[1].gaps[1].half, std::numeric_limits<double>::infinity());
  EXPECT_TRUE(std::isnan(again->methods[2].gap.mean));
}

TEST(LossTable, IsFoundInTheResultsOfLabBytes) {
  const std::string results = std::string("{\"name\": \"bytes\", \"advice\": ") + kTable + "}";
  const auto table = parse_loss_table(results, "results.json");
  ASSERT_TRUE(table.ok()) << table.error().message;
  EXPECT_EQ(loss_table_json(*table), loss_table_json(*parse_loss_table(kTable, "t.json")));
}

TEST(LossTable, TheProgramsOwnIsOne) {
  const LossTable& known = known_losses();
  EXPECT_FALSE(known.measured.empty());
  EXPECT_EQ(&known, &known_losses());
}

TEST(LossTable, HostileOnesAreRefusedWithThePlace) {
  const std::pair<std::string, const char*> cases[] = {
      {"", "no JSON object"},
      {"[]", "no JSON object"},
      {std::string(kTable).substr(0, 300), "no JSON object"},
      {altered("0.125", "NaN"), "no JSON object"},
      {altered("0.125", "1e999"), "no JSON object"},
      {std::string(100'000, '['), "deep"},
      {"{}", "`measured` is missing"},
      {altered(R"("a toy")", "7"), "`measured` is 7; wanted: a text"},
      {altered(R"("workers": 4)", R"("workers": 0)"), "`workers` is 0"},
      {altered(R"("workers": 4)", R"("workers": 4.5)"), "`workers` is 4.5"},
      {altered(R"("period": 32)", R"("period": -32)"), "`period` is -32"},
      {altered(R"("period": 32)", R"("period": 18446744073709551615)"), "`period` is 1844674"},
      {altered(R"("period": 32,)", ""), "`period` is missing"},
      {altered("0.25", "0"), "`doubling_nats` is 0"},
      {altered("0.25", "-1"), "`doubling_nats` is -1"},
      {altered("0.25", "null"), "`doubling_nats` is no finite number"},
      {altered(R"(["iid", "sites"])", R"(["iid", "iid"])"), "names one twice"},
      {altered(R"(["iid", "sites"])", R"(["iid", 1])"), "`panels` wants names"},
      {altered(R"(["iid", "sites"])", R"(["iid"])"), "method 1: `gaps` has 2 entries"},
      {altered(R"("fedavg")", R"("ddp")"), "method 2: `ddp` is there twice"},
      {altered(R"("fedavg")", "[]"), "method 2: `method` is []"},
      {altered("0.125", R"("0.125")"), R"(method 2: `gap`: `mean` is "0.125")"},
      {altered("0.125", "1e300"), "method 2: `gap`: `mean` is 1e+300"},
      {altered("0.02", "-0.02"), "method 2: `gap`: `half` is -0.02"},
      {altered(R"({"mean": 0.125, "half": 0.02, "count": 3})", "0.125"), "method 2: `gap`: is no"},
      {altered(R"("half": 0.02, "count": 3)", R"("half": 0.02)"),
       "method 2: `gap`: `count` is missing"},
      {R"({"measured": "x", "panels": [], "workers": 1, "period": 1, "doubling_nats": 1,
           "methods": [7]})",
       "method 1: is no object"},
  };
  for (const auto& [text, wrong] : cases) {
    const auto table = parse_loss_table(text, "t.json");
    ASSERT_FALSE(table.ok()) << text.substr(0, 400) << "\nwanted: " << wrong;
    EXPECT_EQ(table.error().fault, Fault::kBadInput);
    EXPECT_THAT(table.error().message, HasSubstr("t.json"));
    EXPECT_THAT(table.error().message, HasSubstr(wrong));
  }
}

TEST(LossTable, HugeListsAreRefused) {
  std::string many = "[7";
  for (int i = 0; i < 1'000; ++i) many += ",7";
  const auto table = parse_loss_table(altered(R"(["iid", "sites"])", many + "]"), "t.json");
  ASSERT_FALSE(table.ok());
  EXPECT_THAT(table.error().message, HasSubstr("`panels` has 1001 entries"));
}

}  // namespace
}  // namespace causeway
