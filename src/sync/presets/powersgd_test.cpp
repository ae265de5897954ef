// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <limits>

#include "exchange/toy_method.h"

namespace causeway {
namespace {

TEST(PowerSgdPreset, ExchangesTwoFactorsAStep) {
  const auto plan = toy_bind("preset = 'powersgd'\nrank = 1", kOneMoment, {kToyWorkers, 5, {}, {}});
  const BoundChannel& g = plan->channels().front();
  EXPECT_EQ(g.spec.hook, Hook::kAfterBackward);
  ASSERT_EQ(g.stages(), 2);
  EXPECT_EQ(g.wires[0].count, 20);
  EXPECT_EQ(g.wires[1].count, 6);
  ToyTeam team(*plan, toy_layout(), {kOneMoment, 1, {}});
  team.run_to(3);
  EXPECT_EQ(team.outcomes().size(), 6U);
}

TEST(PowerSgdPreset, OfFullRankIsDataParallel) {
  const auto ddp = x_after("preset = 'ddp'", 20);
  EXPECT_LT(largest_gap(x_after("preset = 'powersgd'\nrank = 2", 20), ddp), kToyRounding);
  const auto low = x_after("preset = 'powersgd'\nrank = 1", 20);
  EXPECT_GT(largest_gap(low, ddp), 1e-2F);
  EXPECT_TRUE(workers_agree(low));
}

// Goal: a step of which the second exchange fails leaves no trace but its own factor.
TEST(PowerSgdPreset, AbortedBetweenStagesUpdatesNothing) {
  const auto plan = toy_bind("preset = 'powersgd'\nrank = 1", kOneMoment, {kToyWorkers, 5, {}, {}});
  /// Lets the second stage of step 3 fail, by damage to everything that is sent in it.
  class Cut final : public Exchange {
   public:
    explicit Cut(LocalExchange& inner) : inner_(inner) {}
    void launch(Offer offer) override {
      if (offer.step == 3 && offer.stage == 1) offer.parts.clear(), offer.declined = "cut";
      inner_.launch(std::move(offer));
    }
    Poll poll(int64_t round, WorkerId worker, const Commit*& commit) override {
      return inner_.poll(round, worker, commit);
    }
    void settled(int64_t round, WorkerId worker, const Digest& digest) override {
      inner_.settled(round, worker, digest);
    }

   private:
    LocalExchange& inner_;
  };
  ToyTeam team(*plan, toy_layout(), {kOneMoment, 1, {}});
  Cut cut(team.exchange());
  for (WorkerId id = 0; id < kToyWorkers; ++id) team.renew(id, cut);
  team.run_to(2);
  const auto before = all_x(team);
  const auto kept = [&](const char* state) {
    const auto values = team.engine(1).states()[0].get(state);
    return std::vector<float>(values.begin(), values.end());
  };
  const auto q = kept("powersgd_q"), owed = kept("residual");
  team.run_to(3);
  EXPECT_TRUE(team.outcomes()[4].committed);
  EXPECT_FALSE(team.outcomes()[5].committed);
  EXPECT_EQ(all_x(team), before);
  EXPECT_EQ(kept("powersgd_q"), q);
  EXPECT_EQ(kept("residual"), owed);
  team.run_to(8);
  EXPECT_TRUE(workers_agree(all_x(team)));
  EXPECT_TRUE(team.outcomes().back().committed);
  EXPECT_NE(kept("powersgd_q"), q);
}

}  // namespace
}  // namespace causeway
