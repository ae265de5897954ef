// SPDX-License-Identifier: Apache-2.0
//
// A recipe small enough that a test trains it many times: 2 layers of 32 channels, three sites.
#pragma once

#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <string>
#include <vector>

#include "core/hash.h"
#include "core/random.h"
#include "core/toml.h"
#include "data/test_files.h"
#include "sync/preset.h"
#include "train/team.h"
#include "train/weights.h"

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
  if (preset == "none" || preset == "ddp") return out;
  out.push_back("sync.period=3");
  if (preset == "des_loc" || preset == "mt_dao") out.push_back("sync.periods={ u = 2, v = 4 }");
  if (preset == "mt_dao") out.push_back("train.optimizer={ name = \"qh_adopt\", lr = 1e-2 }");
  return out;
}

inline std::vector<std::string> preset_names() {
  std::vector<std::string> out;
  for (const Entry<Preset>* entry : presets()) out.emplace_back(entry->name);
  return out;
}

/// A team with the recipe and the clock that it borrows.
class TinyTeam {
 public:
  explicit TinyTeam(const std::vector<std::string>& assignments,
                    const std::string& folder = test_folder())
      : recipe_(tiny_recipe(assignments, folder)), team_(Team::make(recipe_, clock_).value()) {}

  Team& operator*() { return *team_; }
  Team* operator->() { return team_.get(); }
  const Team* operator->() const { return team_.get(); }

  /// Goes on to `step`, which must work.
  void run_to(int64_t step) {
    const auto went = team_->run_to(step, {}, never_);
    ASSERT_TRUE(went.ok()) << went.error().message;
  }

  /// Digest of everything that decides how the team goes on.
  std::string bits() const {
    Hasher hasher;
    const auto add = [&](const std::vector<States>& channels) {
      for (const States& states : channels)
        for (const auto& [name, entry] : states.entries())
          hasher.add(std::as_bytes(std::span(entry.values)));
    };
    for (const auto& worker : team_->workers()) {
      for (const std::string& state : worker->replica().states())
        if (state != "g")
          hasher.add(std::as_bytes(std::as_const(*worker).replica().arena(state).values()));
      add(std::as_const(*worker).engine().states());
      hasher.add(worker->engine().open_snapshot());
      const EngineCounters& counters = worker->engine().counters();
      std::vector<int64_t> numbers{
          worker->steps(),        worker->tokens(),          worker->replica().updates(),
          counters.round,         counters.traffic.up_bytes, counters.traffic.down_bytes,
          counters.traffic.rounds};
      for (const auto& list : {counters.versions, counters.tokens_at, worker->feed().cursor()})
        numbers.insert(numbers.end(), list.begin(), list.end());
      hasher.add(std::as_bytes(std::span(numbers)));
    }
    add(std::as_const(*team_).exchange().states());
    hasher.add(team_->exchange().snapshot());
    return hasher.digest().hex();
  }

  std::string weights(size_t worker = 0) const {
    return weights_digest(team_->workers()[worker]->replica().arena("x")).hex();
  }

 private:
  std::atomic<bool> never_{false};
  ManualClock clock_;
  Recipe recipe_;
  std::unique_ptr<Team> team_;
};

}  // namespace causeway
