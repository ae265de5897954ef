// SPDX-License-Identifier: Apache-2.0
//
// Optimizers that take matrices whole, in a replica.
#include "train/inner_update.h"

#include <gmock/gmock.h>

#include "core/dct.h"
#include "recipe/genesis.h"
#include "sync/mirror.h"
#include "train/checkpoint.h"
#include "train/test_recipe.h"

namespace causeway {
namespace {

std::vector<std::string> with(const std::string& name, const std::string& options = "") {
  return {"train.optimizer={ name = \"" + name + "\", lr = 1e-2" + options + " }",
          "sync={ preset = \"fedavg\", period = 3 }"};
}

class EveryWholeOptimizerInARun : public testing::TestWithParam<std::string> {};
INSTANTIATE_TEST_SUITE_P(All, EveryWholeOptimizerInARun,
                         testing::Values("muon", "lordo", "galore", "dct_adamw"),
                         [](const auto& one) { return one.param; });

TEST_P(EveryWholeOptimizerInARun, GivesTheSameBitsOnAnyThreadsAndFromACheckpoint) {
  const std::string folder = test_folder();
  const auto method = with(GetParam());
  TinyTeam whole(method, folder), resumed(method, folder);
  whole.run_to(5);
  Arena mean(whole->placement());
  whole->mean_parameters(mean);
  const auto written = write_checkpoint(folder, *whole, mean);
  ASSERT_TRUE(written.ok());
  const auto read = read_checkpoint(*written, *resumed);
  ASSERT_TRUE(read.ok()) << read.error().message;
  whole.run_to(10);
  resumed.run_to(10);
  EXPECT_EQ(resumed.bits(), whole.bits());

  auto threads = method;
  threads.insert(threads.end(), {"run.threads=6", "train.lanes=2"});
  auto lanes = method;
  lanes.insert(lanes.end(), {"run.threads=1", "train.lanes=2"});
  TinyTeam many(threads, folder), one(lanes, folder);
  many.run_to(6);
  one.run_to(6);
  EXPECT_EQ(many.bits(), one.bits());
}

TEST_P(EveryWholeOptimizerInARun, LearnsAndKeepsPaddingAtZero) {
  TinyTeam team(with(GetParam()));
  double early = 0, late = 0;
  Team::Events events;
  events.on_step = [&](const StepReport& report, const std::string&) {
    if (report.step <= 4) early += report.loss;
    if (report.step > 20) late += report.loss;
  };
  ASSERT_TRUE(team->run_to(24, events, std::atomic<bool>{false}).ok());
  EXPECT_LT(late, 0.9 * early);
  const TrainReplica& replica = team->workers()[0]->replica();
  const Placement& placement = *team->placement();
  const auto& tensors = placement.layout().tensors();
  for (const std::string& state : replica.states()) {
    std::vector<float> values(replica.arena(state).values().begin(),
                              replica.arena(state).values().end());
    for (size_t i = 0; i < tensors.size(); ++i)
      std::fill_n(values.begin() + placement.offset(i), tensors[i].count, 0.0f);
    for (const float value : values) ASSERT_EQ(value, 0) << state;
  }
}

/// The first value of a tensor's place in a state.
const float* first_of(const TrainReplica& replica, const std::string& state,
                      const std::string& tensor) {
  const Placement& placement = replica.arena("x").placement();
  const auto index = placement.layout().find(tensor) - placement.layout().tensors().data();
  return replica.arena(state).values().data() + placement.offset(static_cast<size_t>(index));
}

// LoRDO's basis is there before the first step, again after a reset, and in what the hub starts
// from; everything else starts at zero.
TEST(InnerUpdateTest, StatesThatDoNotStartAtZeroAreThereFromTheStart) {
  auto method = with("lordo", ", rank = 3");
  method.push_back(
      "sync.channel=[{ name = \"q\", period = 2, port = { name = \"assign\", state = \"q\" } }]");
  TinyTeam team(method);
  TrainReplica& replica = team->workers()[0]->replica();
  const std::string name = "model.layers.0.mlp.down_proj.weight";
  const Tensor* tensor = replica.model().layout().find(name);
  ASSERT_NE(tensor, nullptr);
  const Dct dct(tensor->shape[0]);
  const auto expect_basis = [&](const float* values) {
    for (int64_t i = 0; i < tensor->shape[0]; ++i)
      for (int64_t j = 0; j < 3; ++j) ASSERT_EQ(values[i * 3 + j], static_cast<float>(dct(j, i)));
    for (int64_t i = 3 * tensor->shape[0]; i < tensor->count; ++i) ASSERT_EQ(values[i], 0);
  };
  expect_basis(first_of(replica, "q", name));
  const float* const norm = first_of(replica, "q", "model.norm.weight");
  EXPECT_EQ(*norm, 0);
  replica.arena("q").flat().fill_(7);
  replica.arena("u").flat().fill_(7);
  replica.reset_optimizer();
  expect_basis(first_of(replica, "q", name));
  EXPECT_EQ(*first_of(replica, "u", name), 0);

  const auto genesis = genesis_of(team->recipe(), team->plan());
  ASSERT_TRUE(genesis.ok());
  const auto mirror =
      Mirror::open(team->plan(), team->plan().count(), ByteSource::borrow(*genesis));
  ASSERT_TRUE(mirror.ok()) << mirror.error().message;
  std::vector<float> q(static_cast<size_t>(team->plan().count()));
  replica.read("q", {{{0, team->plan().count()}}}, q);
  EXPECT_EQ((*mirror)->digest_of_state("q"), digest_of(std::as_bytes(std::span(q))));
}

// Muon's matrices move by about the rate in every direction, and the embedding as AdamW's.
TEST(InnerUpdateTest, TensorsGoWhereTheyBelong) {
  TinyTeam muon(with("muon", ", adamw_lr = 1, weight_decay = 0"));
  TinyTeam adamw(with("adamw", ", weight_decay = 0"));
  muon.run_to(1);
  adamw.run_to(1);
  const auto values = [](TinyTeam& team, const std::string& tensor) {
    const TrainReplica& replica = team->workers()[0]->replica();
    const float* const first = first_of(replica, "x", tensor);
    return std::vector<float>(first, first + replica.model().layout().find(tensor)->count);
  };
  for (const char* same : {"model.embed_tokens.weight", "model.norm.weight", "lm_head.weight"})
    EXPECT_EQ(values(muon, same), values(adamw, same)) << same;
  const char* const matrix = "model.layers.1.mlp.down_proj.weight";
  EXPECT_NE(values(muon, matrix), values(adamw, matrix));
}

}  // namespace
}  // namespace causeway
