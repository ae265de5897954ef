// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "exchange/toy_method.h"

namespace causeway {
namespace {

TEST(EagerPreset, GivesAMeanAWholePeriodToArrive) {
  const Channel x = only_channel("preset = 'eager'\nperiod = 6");
  EXPECT_EQ(x.port.name, "eager");
  EXPECT_EQ(x.period, 6);
  EXPECT_EQ(x.delay, 6);
  EXPECT_EQ(x.weight, Weight::kEqual);
}

TEST(EagerPreset, OfOneWorkerIsDiLoCo) {
  const std::string outer = "\nperiod = 4\nouter = {name = 'nesterov', lr = 0.4, momentum = 0.9}";
  const BindOptions alone{1, 5, {}, {}};
  const auto eager = x_after("preset = 'eager'" + outer, 24, kOneMoment, alone);
  EXPECT_LT(largest_gap(eager, x_after("preset = 'diloco'" + outer, 24, kOneMoment, alone)),
            kToyRounding);
  EXPECT_GT(largest_gap(eager, x_after("preset = 'none'", 24, kOneMoment, alone)), 1e-2F);
}

/// The loop written out, in double.
TEST(EagerPreset, IsTheLoopWrittenOut) {
  constexpr int64_t kPeriod = 3, kSteps = 15;
  std::vector<ToyReplica> replicas;
  for (WorkerId id = 0; id < kToyWorkers; ++id) replicas.emplace_back(34, id, kOneMoment);
  const std::vector<double> start(replicas[0].x().begin(), replicas[0].x().end());
  std::vector<std::vector<double>> anchor(kToyWorkers, start), b(4, std::vector<double>(34)),
      last(b);
  for (int64_t step = 1; step <= kSteps; ++step) {
    for (ToyReplica& replica : replicas) replica.backward(step), replica.update();
    if (step % kPeriod != 0) continue;
    for (size_t i = 0; i < 34; ++i) {
      double stale = 0;
      for (const auto& one : last) stale += one[i] / kToyWorkers;
      for (size_t m = 0; m < kToyWorkers; ++m) {
        float& x = replicas[m].state("x")[i];
        const double delta = anchor[m][i] - x;
        const double step_delta = stale + (delta - last[m][i]) / kToyWorkers;
        b[m][i] = 0.9 * b[m][i] + step_delta;
        anchor[m][i] -= 0.4 * (step_delta + 0.9 * b[m][i]);
        last[m][i] = delta;
        x = static_cast<float>(anchor[m][i]);
      }
    }
  }
  std::vector<float> wanted;
  for (const ToyReplica& replica : replicas)
    wanted.insert(wanted.end(), replica.x().begin(), replica.x().end());
  EXPECT_LT(largest_gap(x_after("preset = 'eager'\nperiod = 3", kSteps), wanted), kToyRounding);
  EXPECT_FALSE(workers_agree(wanted));
}

}  // namespace
}  // namespace causeway
