// SPDX-License-Identifier: Apache-2.0
//
// Methods that must be one another (reference: exact identities), as runs of toy replicas: engine,
// ports, codecs and exchange together against each other, or against the loop written out here.
#include <gtest/gtest.h>

#include <cmath>

#include "exchange/toy_team.h"

namespace causeway {
namespace {

constexpr int32_t kWorkers = 4;
constexpr int64_t kSteps = 24;

/// All workers' parameters after kSteps steps, one after the other.
std::vector<float> run(const std::string& sync, const Names& moments, int32_t workers = kWorkers) {
  const auto plan = toy_bind(sync, moments, {workers, 5, {}});
  ToyTeam team(*plan, toy_layout(), {moments, 2, {}});
  team.run_to(kSteps);
  std::vector<float> out;
  for (WorkerId id = 0; id < workers; ++id)
    out.insert(out.end(), team.replica(id).x().begin(), team.replica(id).x().end());
  return out;
}

/// Data-parallel training written out: the weighted mean gradient, one model.
std::vector<float> data_parallel(const Names& moments) {
  const int64_t count = toy_layout().count();
  std::vector<ToyReplica> replicas;
  for (WorkerId id = 0; id < kWorkers; ++id) replicas.emplace_back(count, id, moments);
  for (int64_t step = 1; step <= kSteps; ++step) {
    for (ToyReplica& replica : replicas) replica.backward(step);
    for (size_t i = 0; i < static_cast<size_t>(count); ++i) {
      double sum = 0, weights = 0;
      for (WorkerId id = 0; id < kWorkers; ++id) {
        const auto weight = static_cast<double>(ToyTeam::step_tokens(id));
        sum += weight * replicas[static_cast<size_t>(id)].state("g")[i];
        weights += weight;
      }
      for (ToyReplica& replica : replicas)
        replica.state("g")[i] = static_cast<float>(sum / weights);
    }
    for (ToyReplica& replica : replicas) replica.update();
  }
  std::vector<float> out;
  for (const ToyReplica& replica : replicas)
    out.insert(out.end(), replica.x().begin(), replica.x().end());
  return out;
}

float distance(const std::vector<float>& a, const std::vector<float>& b) {
  EXPECT_EQ(a.size(), b.size());
  float largest = 0;
  for (size_t i = 0; i < a.size(); ++i) largest = std::max(largest, std::abs(a[i] - b[i]));
  return largest;
}

// Values are near 1, so that one rounding is at most 6e-8; a run has some hundred of them, and the
// toy's loss is a contraction.
constexpr float kRounding = 1e-6F;

TEST(Identities, AnAverageEveryStepMakesAllWorkersEqual) {
  const auto x = run("preset = 'fedavg'\nperiod = 1", {"b"});
  const size_t count = x.size() / kWorkers;
  for (size_t id = 1; id < kWorkers; ++id)
    EXPECT_TRUE(same_bits(std::span(x).first(count), std::span(x).subspan(id * count, count)));
}

TEST(Identities, DdpIsTheLoopWrittenOut) {
  for (const Names& moments : {Names{}, Names{"b"}})
    EXPECT_TRUE(same_bits(run("preset = 'ddp'", moments), data_parallel(moments)));
}

TEST(Identities, TheFullMeanDeltaIsTheMean) {
  for (const char* period : {"1", "4"}) {
    const std::string every = std::string("\nperiod = ") + period;
    const auto mean = run("preset = 'fedavg'" + every, {"b"});
    EXPECT_LT(distance(run("preset = 'photon'" + every, {"b"}), mean), kRounding);
    const auto diloco = "preset = 'diloco'\nouter = {name = 'nesterov', lr = 1, momentum = 0}";
    EXPECT_LT(distance(run(diloco + every, {"b"}), mean), kRounding);
  }
}

TEST(Identities, DiLoCoIsDesLocWithAServerAndWithoutMoments) {
  const auto diloco = run("preset = 'diloco'\nperiod = 4", {"b"});
  EXPECT_TRUE(same_bits(run("preset = 'des_loc'\nperiod = 4\nperiods = {b = 0}\n"
                            "server = 'nesterov'",
                            {"b"}),
                        diloco));
  EXPECT_GT(distance(run("preset = 'fedavg'\nperiod = 4", {"b"}), diloco), 1e-2F);
}

TEST(Identities, SgdAveragedEveryStepIsDataParallel) {
  EXPECT_LT(distance(run("preset = 'fedavg'\nperiod = 1", {}), data_parallel({})), kRounding);
}

TEST(Identities, SgdWithMomentumAveragedEveryStepIsDataParallelAtAnyMomentumPeriod) {
  const auto wanted = data_parallel({"b"});
  for (const char* period : {"0", "1", "3", "5", "100"}) {
    const std::string sync =
        std::string("preset = 'des_loc'\nperiod = 1\nperiods = {b = ") + period + "}";
    EXPECT_LT(distance(run(sync, {"b"}), wanted), kRounding) << "K_u = " << period;
  }
  // Not at another K_x: the test would else see nothing.
  EXPECT_GT(distance(run("preset = 'des_loc'\nperiod = 5", {"b"}), wanted), 1e-2F);
}

TEST(Identities, DesLocWithEqualPeriodsIsLocalAdam) {
  const auto des_loc = run("preset = 'des_loc'\nperiod = 4\nperiods = {u = 4, v = 4}", {"u", "v"});
  const auto local_adam = run("preset = 'local_adam'\nperiod = 4", {"u", "v"});
  EXPECT_TRUE(same_bits(des_loc, local_adam));
  EXPECT_GT(distance(run("preset = 'des_loc'\nperiod = 4", {"u", "v"}), local_adam), 1e-4F);
}

TEST(Identities, OneWorkerAloneTrainsPlainly) {
  for (const char* sync :
       {"preset = 'diloco'\nperiod = 4\nouter = {name = 'nesterov', lr = 1, momentum = 0}",
        "preset = 'photon'\nperiod = 3", "preset = 'fedavg'\nperiod = 2", "preset = 'ddp'",
        "preset = 'des_loc'\nperiod = 2"})
    EXPECT_LT(distance(run(sync, {"b"}, 1), run("preset = 'none'", {"b"}, 1)), kRounding) << sync;
}

TEST(Identities, AnAverageBeforeTheUpdateWaitsForTheNextStep) {
  const std::string sync = "preset = 'des_loc'\nperiod = 4\nperiods = {b = 4}\n";
  const auto after = run(sync, {"b"}), before = run(sync + "ordering = 'pre_step'", {"b"});
  const size_t count = after.size() / kWorkers;
  // After step 24 the one has averaged, the other will do so in step 25.
  EXPECT_TRUE(same_bits(std::span(after).first(count), std::span(after).subspan(count, count)));
  EXPECT_FALSE(same_bits(std::span(before).first(count), std::span(before).subspan(count, count)));
}

TEST(Identities, RegionsOfAPartitionAreTheWhole) {
  const std::string part =
      "[[channel]]\nport = {name = 'outer', optimizer = 'nesterov'}\n"
      "period = 4\n";
  const std::string parts = "preset = 'none'\n" + part + "name = 'a'\nregion = 'role=matrix'\n" +
                            part + "name = 'b'\nregion = '!role=matrix'\n";
  EXPECT_TRUE(same_bits(run(parts, {"b"}), run("preset = 'diloco'\nperiod = 4", {"b"})));
}

TEST(Identities, ResetInnerForgetsMomentumAtEachRound) {
  const auto kept = run("preset = 'fedavg'\nperiod = 1", {"b"});
  const auto reset = run("preset = 'fedavg'\nperiod = 1\nreset_inner = true", {"b"});
  EXPECT_GT(distance(kept, reset), 1e-2F);
  // A momentum that starts anew in every step is the gradient.
  EXPECT_TRUE(same_bits(reset, run("preset = 'fedavg'\nperiod = 1", {})));
}

TEST(Identities, ThreadsChangeNoBit) {
  const auto plan = toy_bind("preset = 'des_loc'\nperiod = 2", {"u", "v"}, {5, 5, {}});
  std::vector<std::vector<float>> results;
  for (const int32_t threads : {1, 2, 5}) {
    ToyTeam team(*plan, toy_layout(), {{"u", "v"}, threads, {}});
    team.run_to(kSteps);
    results.push_back(team.replica(3).x());
  }
  EXPECT_TRUE(same_bits(results[0], results[1]));
  EXPECT_TRUE(same_bits(results[0], results[2]));
}

}  // namespace
}  // namespace causeway
