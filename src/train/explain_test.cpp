// SPDX-License-Identifier: Apache-2.0
#include "train/explain.h"

#include <map>

#include "train/test_recipe.h"

namespace causeway {
namespace {

std::map<std::string, int64_t> parts_of(const std::vector<std::string>& assignments,
                                        int64_t program_bytes = 1'000) {
  const TinyTeam team(assignments);
  const MemoryPrediction prediction = predict_memory(team->recipe(), team->plan(), program_bytes);
  std::map<std::string, int64_t> out;
  int64_t sum = 0;
  for (const auto& [name, bytes] : prediction.parts) {
    EXPECT_GE(bytes, 0) << name;
    out[name] = bytes;
    sum += bytes;
  }
  EXPECT_EQ(prediction.sum(), sum);
  EXPECT_EQ(out["program and libraries"], program_bytes);
  return out;
}

TEST(ExplainTest, EachReplicaHasItsArenas) {
  auto three = parts_of({"sync={ preset = \"none\", workers = 3 }"});
  auto six = parts_of({"sync={ preset = \"none\", workers = 6 }"});

  const TinyTeam team({});
  const int64_t values = team->placement()->size();
  EXPECT_GE(values, team->recipe().shape->layout().count());
  EXPECT_EQ(three["parameters"], 3 * 4 * values);
  for (const char* part : {"parameters", "gradients", "optimizer"})
    EXPECT_EQ(six[part], 2 * three[part]) << part;
  EXPECT_EQ(three["gradients"], three["parameters"]);
  EXPECT_EQ(three["optimizer"], 2 * three["parameters"]) << "u and v";
  EXPECT_EQ(six["mean of the replicas"], 4 * values);
  EXPECT_EQ(three["synchronisation state"], 0);
}

TEST(ExplainTest, ObjectivesCostWhatTheyKeep) {
  const TinyTeam team({});
  const int64_t arena = 4 * team->placement()->size();
  EXPECT_EQ(parts_of({}).contains("objective"), false);
  EXPECT_EQ(parts_of({"train.objective=prox"})["objective"], 3 * arena);
  EXPECT_EQ(parts_of({"train.objective=fedamd"})["objective"], (3 * 3 + 2 * 2) * arena)
      << "three states of three workers, two copies on two threads";
}

TEST(ExplainTest, MethodsAndCodecsCostWhatTheyKeep) {
  auto fedavg = parts_of({"sync={ preset = \"fedavg\", period = 3 }"});
  auto diloco = parts_of({"sync={ preset = \"diloco\", period = 3 }"});
  auto feedback = parts_of({"sync={ preset = \"fedavg\", period = 3, feedback = \"ef\" }"});
  auto int8 = parts_of({"sync={ preset = \"fedavg\", period = 3, up = \"int8\" }"});
  const TinyTeam team({});
  const int64_t state = 3 * 4 * team->recipe().shape->layout().count();
  const char* sync = "synchronisation state";
  EXPECT_EQ(diloco[sync] - fedavg[sync], 2 * state) << "anchor and momentum";
  EXPECT_EQ(feedback[sync] - fedavg[sync], 3 * state) << "residual and what was sent, twice";
  EXPECT_LT(int8["offers and consensus"], fedavg["offers and consensus"]);
}

TEST(ExplainTest, ActivationsAreOneForEachThread) {
  auto one = parts_of({"run.threads=1"});
  auto two = parts_of({"run.threads=2"});
  auto many = parts_of({"run.threads=64"});
  EXPECT_GT(one["step"], 0);
  EXPECT_EQ(two["step"], 2 * one["step"]);
  EXPECT_EQ(many["step"], 3 * one["step"]) << "no more threads than workers";
}

// Pages are counted, not allocations, so only the order of things is sure.
TEST(ExplainTest, MeasuresTheProcess) {
  const int64_t program = program_memory_bytes();
  EXPECT_GT(program, 1 << 20);
  EXPECT_GE(peak_memory_bytes(), program / 2);
  std::vector<char> more(64 << 20, 1);
  EXPECT_GE(peak_memory_bytes(), 64 << 20);
  EXPECT_EQ(more[12'345], 1);
}

}  // namespace
}  // namespace causeway
