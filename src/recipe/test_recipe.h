// SPDX-License-Identifier: Apache-2.0
//
// A recipe small enough that a test trains it many times: 2 layers of 32 channels, three sites.
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "core/random.h"
#include "core/toml.h"
#include "data/test_files.h"
#include "recipe/recipe.h"
#include "sync/preset.h"

namespace causeway {

inline constexpr std::string_view kTinyRecipe = R"(
[run]
name = "tiny"
seed = 3
steps = 24
threads = 2
[model]
layers = 2
width = 32
heads = 2
context = 16
[train]
batch_tokens = 32
optimizer = { name = "adamw", lr = 1e-2 }
schedule = { name = "wsd", warmup = 4, decay = 0.25 }
[sync]
preset = "fedavg"
period = 3
[[data.site]]
name = "north"
weight = 3
train = ["north.txt"]
[[data.site]]
name = "south"
train = ["south.txt"]
[[data.site]]
name = "west"
source = [{ train = ["north.txt"], weight = 2.0 }, { train = ["west.txt"] }]
)";

/// Words drawn from a few letters: a text with something to learn.
inline std::string tiny_text(uint64_t seed, size_t bytes) {
  const Random random(seed, Stream::kSample);
  std::string out;
  for (uint64_t i = 0; out.size() < bytes; ++i)
    out += std::string(1, static_cast<char>('a' + random.bits(i) % (4 + seed))) + "e" +
           (i % 3 == 2 ? " " : "");
  out.resize(bytes);
  return out;
}

inline void write_tiny_texts(const std::string& folder) {
  write_text(folder + "/north.txt", tiny_text(1, 900));
  write_text(folder + "/south.txt", tiny_text(2, 700));
  write_text(folder + "/west.txt", tiny_text(3, 500));
}

/// The tiny recipe with `--set` assignments, its texts in `folder`.
inline Recipe tiny_recipe(const std::vector<std::string>& assignments, const std::string& folder) {
  write_tiny_texts(folder);
  Mistakes mistakes;
  Value root = parse_toml(kTinyRecipe, "tiny.toml", mistakes);
  for (const std::string& assignment : assignments) set_path(root, assignment, mistakes);
  Recipe recipe = read_recipe(root, folder, mistakes);
  EXPECT_TRUE(mistakes.empty()) << mistakes.text();
  return recipe;
}

/// Assignments that give the tiny recipe a method whose rounds fall into a few steps.
inline std::vector<std::string> method_assignments(const std::string& preset) {
  std::vector<std::string> out{"sync={ preset = \"" + preset + "\" }"};
  for (const Entry<Preset>* entry : presets())
    if (entry->name == preset)
      for (const OptionInfo& info : entry->describe())
        if (info.name == "period") out.push_back("sync.period=3");
  if (preset == "des_loc" || preset == "mt_dao") out.push_back("sync.periods={ u = 2, v = 4 }");
  if (preset == "mt_dao") out.push_back("train.optimizer={ name = \"qh_adopt\", lr = 1e-2 }");
  return out;
}

/// Codecs, feedback and participation that a preset's channels can do with.
inline std::vector<std::string> compression_assignments(const std::string& preset) {
  const auto fits = [&](const std::vector<std::string>& more) {
    auto assignments = method_assignments(preset);
    assignments.insert(assignments.end(), more.begin(), more.end());
    Mistakes mistakes;
    Value root = parse_toml(kTinyRecipe, "tiny.toml", mistakes);
    for (const std::string& assignment : assignments) set_path(root, assignment, mistakes);
    read_recipe(root, "", mistakes);
    return mistakes.empty();
  };
  // A second moment allows neither: int8 makes zeros of it, and a residual makes it negative.
  const bool moments = preset == "des_loc" || preset == "local_adam" || preset == "mt_dao";
  std::vector<std::string> out{"sync.up=bf16", "sync.down=bf16"};
  if (!moments) out = {"sync.up=int8", "sync.down=bf16"};
  if (!moments && fits({"sync.feedback=ef", "sync.down_feedback=ef"}))
    out.insert(out.end(), {"sync.feedback=ef", "sync.down_feedback=ef"});
  if (fits({"sync.participation=0.7"})) out.push_back("sync.participation=0.7");
  return out;
}

inline std::vector<std::string> preset_names() {
  std::vector<std::string> out;
  for (const Entry<Preset>* entry : presets()) out.emplace_back(entry->name);
  return out;
}

}  // namespace causeway
