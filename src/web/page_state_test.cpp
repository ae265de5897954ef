// SPDX-License-Identifier: Apache-2.0
//
// Independent of our patches: nlohmann's own application of merge patches.
#include "web/page_state.h"

#include <gtest/gtest.h>

#include <random>

#include "web/test_view.h"

namespace causeway {
namespace {

using nlohmann::json;
using testing::example_view;

json random_object(std::mt19937& draw, int depth) {
  json object = json::object();
  for (int entries = static_cast<int>(draw() % 5); entries > 0; --entries) {
    const std::string key(1, static_cast<char>('a' + draw() % 4));
    switch (draw() % (depth > 0 ? 4 : 3)) {
      case 0:
        object[key] = draw() % 3;
        break;
      case 1:
        object[key] = "text " + std::to_string(draw() % 3);
        break;
      case 2:
        object[key] = json::array({draw() % 2, draw() % 2});
        break;
      default:
        object[key] = random_object(draw, depth - 1);
    }
  }
  return object;
}

TEST(MergePatch, TakesAnyObjectToAnyOther) {
  std::mt19937 draw(1);
  for (int i = 0; i < 2000; ++i) {
    const json from = random_object(draw, 3), to = random_object(draw, 3);
    json got = from;
    got.merge_patch(merge_patch(from, to));
    // An object that replaces another kind of value comes with all its entries.
    EXPECT_EQ(got, to) << from << " " << to;
    EXPECT_EQ(merge_patch(to, to), json::object());
  }
}

TEST(MergePatch, NamesOnlyWhatChanged) {
  const json from = {{"a", {{"x", 1}, {"y", 2}}}, {"b", 3}, {"c", 4}};
  const json to = {{"a", {{"x", 1}, {"y", 5}}}, {"c", 4}};
  EXPECT_EQ(merge_patch(from, to), json::parse(R"({"a": {"y": 5}, "b": null})"));
}

bool has_null(const json& value) {
  if (value.is_null()) return true;
  if (!value.is_structured()) return false;
  for (const auto& [key, inner] : value.items())
    if (has_null(inner)) return true;
  return false;
}

TEST(PageState, HasListsByNumberAndNoNull) {
  ViewHistory history(10);
  const HubView view = example_view();
  history.add(view);
  const json state = page_state(view, history);
  EXPECT_FALSE(has_null(state));
  EXPECT_EQ(state["view"]["run"], "four-coasts");
  EXPECT_EQ(state["view"]["seconds_left"], 1801);
  EXPECT_EQ(state["members"]["3"]["reason"], "no heartbeat for 30 s");
  EXPECT_FALSE(state["members"]["3"].contains("loss"));
  EXPECT_EQ(state["members"]["0"]["up_bytes_per_s"], 1230);
  EXPECT_EQ(state["rounds"]["1"]["arrivals"], json({{"0", 11.5}, {"3", 12.0}}));
  EXPECT_EQ(state["rounds"]["2"]["absent"]["3"], "no heartbeat for 30 s");
  EXPECT_FALSE(state["rounds"]["2"].contains("closed_s"));
  EXPECT_EQ(state["events"]["2"]["text"], "aborted");
}

TEST(PageState, HasCurvesWholeAndNew) {
  ViewHistory history(10);
  HubView view = example_view();
  history.add(view);
  EXPECT_EQ(whole_curves(history), json::parse(R"({
    "sites": ["bergen", "lisboa"],
    "loss": [[0, true, 1, [39, 3.5, 40, 3.25]], [1, true, 1, []]],
    "traffic": [true, [61.3, 1000000, 500000, 600000000, 0.0, 0.0]]})"));
  EXPECT_EQ(take_new_points(history), json::parse(R"({
    "sites": ["bergen", "lisboa"],
    "loss": [[0, false, 1, [39, 3.5, 40, 3.25]]],
    "traffic": [false, [61.3, 1000000, 500000, 600000000, 0.0, 0.0]]})"));
  EXPECT_EQ(take_new_points(history), json::object());
  view.now_s += 2;
  view.up_bytes += 100;
  view.losses = {{0, 41, 3.0}};
  history.add(view);
  EXPECT_EQ(take_new_points(history), json::parse(R"({
    "loss": [[0, false, 1, [41, 3.0]]],
    "traffic": [false, [63.3, 1000100, 500000, 600000000, 50.0, 0.0]]})"));
}

}  // namespace
}  // namespace causeway
