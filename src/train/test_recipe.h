// SPDX-License-Identifier: Apache-2.0
//
// The tiny recipe (recipe/test_recipe.h) with all that trains it.
#pragma once

#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <string>

#include "core/hash.h"
#include "recipe/test_recipe.h"
#include "train/team.h"
#include "train/weights.h"

namespace causeway {

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
