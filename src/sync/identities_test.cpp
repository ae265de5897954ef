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

TEST(Identities, StreamingOneFragmentAtOnceIsDiLoCo) {
  const std::string outer = "\nperiod = 4\nouter = {name = 'nesterov', lr = 0.7, momentum = 0.9}";
  const auto diloco = run("preset = 'diloco'" + outer, {"b"});
  const std::string streaming = "preset = 'streaming_diloco'" + outer + "\nfragments = ";
  EXPECT_TRUE(same_bits(run(streaming + "1\ndelay = 0\nmix = 0", {"b"}), diloco));
  EXPECT_TRUE(same_bits(run(streaming + "2\ndelay = 0\nmix = 0\nphases = [0, 0]", {"b"}), diloco));
  for (const char* other :
       {"1\ndelay = 1\nmix = 0", "1\ndelay = 0\nmix = 0.5", "2\ndelay = 0\nmix = 0"})
    EXPECT_GT(distance(run(streaming + other, {"b"}), diloco), 1e-3F) << other;
}

struct StreamingCase {
  int64_t period, delay;
  float mix;
  std::vector<int64_t> phases;
};

/// Streaming DiLoCo written out: two fragments, [0, 22) and [22, 34), each with its own Nesterov
/// momentum; at one step end arrivals come before launches, and again after them.
std::vector<float> streaming(const StreamingCase& one) {
  struct Ticket {
    int64_t due;
    size_t part;
    std::vector<double> delta;
  };
  const std::pair<size_t, size_t> parts[] = {{0, 22}, {22, 34}};
  std::vector<ToyReplica> replicas;
  for (WorkerId id = 0; id < kWorkers; ++id) replicas.emplace_back(34, id, Names{"b"});
  std::vector<double> anchor(replicas[0].x().begin(), replicas[0].x().end()), momentum(34);
  std::vector<Ticket> flying;
  const auto arrive = [&](int64_t step) {
    for (const Ticket& ticket : flying)
      for (size_t i = parts[ticket.part].first; ticket.due == step && i < parts[ticket.part].second;
           ++i) {
        momentum[i] = 0.9 * momentum[i] + ticket.delta[i];
        anchor[i] -= 0.4 * (ticket.delta[i] + 0.9 * momentum[i]);
        for (ToyReplica& replica : replicas) {
          float& x = replica.state("x")[i];
          x = static_cast<float>(one.mix * x + (1 - one.mix) * anchor[i]);
        }
      }
    std::erase_if(flying, [&](const Ticket& ticket) { return ticket.due == step; });
  };
  for (int64_t step = 1; step <= kSteps; ++step) {
    for (ToyReplica& replica : replicas) replica.backward(step), replica.update();
    arrive(step);
    for (size_t part = 0; part < 2; ++part) {
      if ((step - one.phases[part]) % one.period != 0) continue;
      Ticket& ticket = flying.emplace_back(Ticket{step + one.delay, part, anchor});
      for (size_t i = 0; i < 34; ++i)
        for (const ToyReplica& replica : replicas) ticket.delta[i] -= replica.x()[i] / kWorkers;
    }
    arrive(step);
  }
  std::vector<float> out;
  for (const ToyReplica& replica : replicas)
    out.insert(out.end(), replica.x().begin(), replica.x().end());
  return out;
}

TEST(Identities, StreamingIsTheLoopWrittenOut) {
  for (const StreamingCase& one : {StreamingCase{6, 1, 0.5F, {3, 0}},
                                   {6, 2, 0.25F, {3, 0}},
                                   {6, 5, 0.5F, {1, 0}},
                                   {6, 6, 0.5F, {3, 0}},
                                   {6, 0, 0, {3, 0}},
                                   {4, 4, 0.5F, {0, 0}},
                                   {1, 1, 0.5F, {0, 0}}}) {
    const std::string sync = fmt::format(
        "preset = 'streaming_diloco'\nweight = 'equal'\nperiod = {}\ndelay = {}\nmix = {:.2f}\n"
        "phases = [{}, {}]",
        one.period, one.delay, one.mix, one.phases[0], one.phases[1]);
    EXPECT_LT(distance(run(sync, {"b"}), streaming(one)), kRounding) << sync;
  }
}

TEST(Identities, ACodecThatLosesNothingIsNone) {
  const std::string sync = "preset = 'diloco'\nperiod = 4\n";
  const auto plain = run(sync, {"b"});
  for (const char* codec : {"fp32", "topk(1.0)|fp32", "fp32|huffman"})
    for (const char* feedback : {"none", "ef"})
      EXPECT_TRUE(same_bits(run(sync + fmt::format("up = '{0}'\ndown = '{0}'\nfeedback = '{1}'\n"
                                                   "down_feedback = '{1}'",
                                                   codec, feedback),
                                {"b"}),
                            plain))
          << codec;
  EXPECT_GT(distance(run(sync + "up = 'int8'", {"b"}), plain), 1e-4F);
}

TEST(Identities, ResetInnerForgetsMomentumAtEachRound) {
  const auto kept = run("preset = 'fedavg'\nperiod = 1", {"b"});
  const auto reset = run("preset = 'fedavg'\nperiod = 1\nreset_inner = true", {"b"});
  EXPECT_GT(distance(kept, reset), 1e-2F);
  // A momentum that starts anew in every step is the gradient.
  EXPECT_TRUE(same_bits(reset, run("preset = 'fedavg'\nperiod = 1", {})));
}

TEST(Identities, ThreadsChangeNoBit) {
  for (const char* sync : {"preset = 'des_loc'\nperiod = 2",
                           "preset = 'streaming_diloco'\nperiod = 4\ndelay = 3\ndown = 'int8'\n"
                           "down_feedback = 'ef'\nparticipation = 0.5"}) {
    const auto plan = toy_bind(sync, {"u", "v"}, {5, 5, {}});
    std::vector<std::vector<float>> results;
    for (const int32_t threads : {1, 2, 5}) {
      ToyTeam team(*plan, toy_layout(), {{"u", "v"}, threads, {}});
      team.run_to(kSteps);
      results.push_back(team.replica(3).x());
    }
    EXPECT_TRUE(same_bits(results[0], results[1])) << sync;
    EXPECT_TRUE(same_bits(results[0], results[2])) << sync;
  }
}

}  // namespace
}  // namespace causeway
