// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "exchange/toy_method.h"
#include "sync/mirror.h"

namespace causeway {
namespace {

const std::string kCo2 =
    "preset = 'co2'\nweight = 'equal'\nperiod = 3\nlr = 0.5\nmomentum = 0.5\ngap_penalty = 2.0\n";

TEST(Co2Preset, UsesAMeanOneRoundLate) {
  const Channel x = only_channel("preset = 'co2'\nperiod = 6");
  EXPECT_EQ(x.port.name, "co2");
  EXPECT_EQ(x.period, 6);
  EXPECT_EQ(x.delay, 6);
}

/// The loop written out, in double; `limit` 0: none.
std::vector<float> co2_by_hand(int64_t steps, double limit) {
  std::vector<ToyReplica> replicas;
  for (WorkerId id = 0; id < kToyWorkers; ++id) replicas.emplace_back(34, id, kOneMoment);
  std::vector<double> start(replicas[0].x().begin(), replicas[0].x().end()), m(34), flying;
  for (int64_t step = 1; step <= steps; ++step) {
    for (ToyReplica& replica : replicas) replica.backward(step), replica.update();
    if (step % 3 != 0) continue;
    std::vector<double> delta = start;
    for (size_t i = 0; i < 34; ++i) {
      for (const ToyReplica& replica : replicas) delta[i] -= replica.x()[i] / 4.0;
      if (!flying.empty()) m[i] = 0.5 * m[i] + flying[i] / 2;
      if (limit > 0) m[i] = std::clamp(m[i], -limit, limit);
      start[i] -= 0.5 * m[i];
      for (ToyReplica& replica : replicas) replica.state("x")[i] = static_cast<float>(start[i]);
    }
    flying = delta;
  }
  std::vector<float> out;
  for (const ToyReplica& replica : replicas)
    out.insert(out.end(), replica.x().begin(), replica.x().end());
  return out;
}

TEST(Co2Preset, IsTheLoopWrittenOut) {
  for (const int64_t steps : {3, 6, 9, 17}) {
    EXPECT_LT(largest_gap(x_after(kCo2, steps), co2_by_hand(steps, 0)), kToyRounding) << steps;
    EXPECT_LT(largest_gap(x_after(kCo2 + "limit = 0.03", steps), co2_by_hand(steps, 0.03)),
              kToyRounding)
        << steps;
  }
  EXPECT_GT(largest_gap(co2_by_hand(17, 0), co2_by_hand(17, 0.03)), 1e-2F);
}

TEST(Co2Preset, StartsItsSecondRoundWhereItStartedTheFirst) {
  EXPECT_TRUE(same_bits(x_after(kCo2, 3), x_after(kCo2, 0)));
  EXPECT_FALSE(same_bits(x_after(kCo2, 6), x_after(kCo2, 0)));
  EXPECT_TRUE(workers_agree(x_after(kCo2, 6)));
}

// Goal: what members share is kept where offers are folded, though they began a round since.
TEST(Co2Preset, CanBeMirrored) {
  const auto plan = toy_bind(kCo2, kOneMoment, {kToyWorkers, 5, {}, {}});
  ASSERT_TRUE(can_mirror(*plan));
  ToyTeam team(*plan, toy_layout(), {kOneMoment, 1, {}});
  Mirror mirror(*plan, 34, team.replica(0));
  for (int64_t round = 1; round <= 5; ++round) {
    team.run_to(3 * (round + 1));
    mirror.decide(round, team.decisions()[static_cast<size_t>(round - 1)]);
    ASSERT_EQ(mirror.steps(), 3 * (round + 1));
    EXPECT_EQ(mirror.replicated_digest(), team.engine(1).replicated_digest());
    EXPECT_EQ(mirror.digest_of_state("x"),
              digest_of(std::as_bytes(std::span(team.replica(1).x()))));
  }
}

}  // namespace
}  // namespace causeway
