// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

#include "site/group.h"

namespace causeway {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using Variables = std::map<std::string, std::string>;

// place_from takes a plain function, as getenv is one.
Variables& variables() {
  static Variables now;
  return now;
}

Result<GroupPlace> place_of(const Variables& now) {
  variables() = now;
  return place_from([](const char* name) -> const char* {
    const auto found = variables().find(name);
    return found == variables().end() ? nullptr : found->second.c_str();
  });
}

Variables with(Variables base, const Variables& changes) {
  for (const auto& [name, value] : changes) base[name] = value;
  return base;
}

Variables without(Variables base, const std::string& name) {
  base.erase(name);
  return base;
}

const Variables kTorchrun = {{"RANK", "5"},
                             {"WORLD_SIZE", "8"},
                             {"LOCAL_RANK", "1"},
                             {"LOCAL_WORLD_SIZE", "4"},
                             {"MASTER_ADDR", "node-1"},
                             {"MASTER_PORT", "29400"},
                             {"TORCHELASTIC_RUN_ID", "tide"},
                             {"TORCHELASTIC_RESTART_COUNT", "0"}};
const Variables kSrun = {
    {"SLURM_PROCID", "3"},  {"SLURM_NTASKS", "4"},         {"SLURM_STEP_NUM_TASKS", "4"},
    {"SLURM_LOCALID", "1"}, {"SLURM_STEP_NUM_NODES", "2"}, {"SLURM_JOB_ID", "77"},
    {"SLURM_STEP_ID", "0"}, {"MASTER_ADDR", "10.0.0.1"},   {"MASTER_PORT", "31000"}};
const Variables kMpirun = {{"OMPI_COMM_WORLD_RANK", "1"},
                           {"OMPI_COMM_WORLD_SIZE", "2"},
                           {"OMPI_COMM_WORLD_LOCAL_RANK", "1"},
                           {"OMPI_COMM_WORLD_LOCAL_SIZE", "2"},
                           {"PMIX_NAMESPACE", "12345"}};

std::string mistake(const Variables& now) {
  const auto place = place_of(now);
  if (place) return "none";
  EXPECT_EQ(place.error().fault, Fault::kBadInput);
  return place.error().message;
}

TEST(Place, WithoutALauncherIsOneProcess) {
  for (const Variables& now :
       {Variables{},
        Variables{{"MASTER_ADDR", "far"}, {"MASTER_PORT", "x"}, {"LOCAL_RANK", "9"}}}) {
    const auto place = place_of(now);
    ASSERT_TRUE(place.ok());
    EXPECT_EQ(place->rank, 0);
    EXPECT_EQ(place->size, 1);
  }
}

TEST(Place, OfTorchrun) {
  const auto place = place_of(kTorchrun);
  ASSERT_TRUE(place.ok()) << place.error().message;
  EXPECT_EQ(place->rank, 5);
  EXPECT_EQ(place->size, 8);
  EXPECT_EQ(place->local_rank, 1);
  EXPECT_EQ(place->local_size, 4);
  EXPECT_EQ(place->master, "node-1");
  // 29400 itself is torchrun's own.
  EXPECT_EQ(place->port, 29401);
  EXPECT_EQ(place->port_count, 8);
}

TEST(Place, OfSrun) {
  const auto place = place_of(kSrun);
  ASSERT_TRUE(place.ok()) << place.error().message;
  EXPECT_EQ(place->rank, 3);
  EXPECT_EQ(place->size, 4);
  EXPECT_EQ(place->local_rank, 1);
  EXPECT_EQ(place->local_size, 2);
  EXPECT_EQ(place->master, "10.0.0.1");
  EXPECT_EQ(place->port, 31001);
}

TEST(Place, OfMpirunOnOneMachineNeedsNothingMore) {
  const auto place = place_of(kMpirun);
  ASSERT_TRUE(place.ok()) << place.error().message;
  EXPECT_EQ(place->rank, 1);
  EXPECT_EQ(place->size, 2);
  EXPECT_EQ(place->local_rank, 1);
  EXPECT_EQ(place->local_size, 2);
  EXPECT_EQ(place->master, "127.0.0.1");
  EXPECT_EQ(place->port, 29501);
}

TEST(Place, OnOneMachineIsTheLoopbackWhateverMasterAddrSays) {
  EXPECT_EQ(place_of(with(kTorchrun, {{"LOCAL_WORLD_SIZE", "8"}}))->master, "127.0.0.1");
  EXPECT_EQ(place_of(with(kSrun, {{"SLURM_STEP_NUM_NODES", "1"}}))->master, "127.0.0.1");
  EXPECT_EQ(
      place_of(with(kMpirun, {{"OMPI_COMM_WORLD_LOCAL_SIZE", "1"}, {"MASTER_ADDR", "a"}}))->master,
      "a");
  EXPECT_EQ(place_of(without(kTorchrun, "LOCAL_WORLD_SIZE"))->master, "node-1");
  for (const char* host : {"localhost", "127.0.0.1", "127.9.8.7", "::1"})
    EXPECT_EQ(place_of(with(kTorchrun, {{"MASTER_ADDR", host}}))->master, "127.0.0.1") << host;
}

// What shares a machine's cores: all, if nothing is said and the leader is here.
TEST(Place, KnowsHowManyShareItsMachine) {
  const auto local_size = [](const Variables& now) { return place_of(now)->local_size; };
  EXPECT_EQ(local_size({}), 1);
  EXPECT_EQ(local_size(with(kTorchrun, {{"LOCAL_WORLD_SIZE", "8"}})), 8);
  EXPECT_EQ(local_size(without(kTorchrun, "LOCAL_WORLD_SIZE")), 1);
  EXPECT_EQ(local_size(with(without(kTorchrun, "LOCAL_WORLD_SIZE"), {{"MASTER_ADDR", "::1"}})), 8);
  EXPECT_EQ(local_size(with(kSrun, {{"SLURM_STEP_NUM_NODES", "1"}})), 4);
  EXPECT_EQ(local_size(with(kSrun, {{"SLURM_STEP_NUM_NODES", "3"}})), 2);
}

TEST(Place, OfTheFirstLauncherCounts) {
  Variables all = kSrun;
  all.insert(kMpirun.begin(), kMpirun.end());
  EXPECT_EQ(place_of(all)->size, 2);
  all.insert(kTorchrun.begin(), kTorchrun.end());
  EXPECT_EQ(place_of(all)->size, 8);
}

// A batch script that srun did not start is one process, though it knows of the tasks to come.
TEST(Place, OfABatchScriptIsOneProcess) {
  const auto place =
      place_of({{"SLURM_PROCID", "0"}, {"SLURM_NTASKS", "4"}, {"SLURM_JOB_ID", "7"}});
  ASSERT_TRUE(place.ok());
  EXPECT_EQ(place->size, 1);
}

TEST(Place, OfOneProcessNeedsNoMaster) {
  const auto place = place_of({{"RANK", "0"}, {"WORLD_SIZE", "1"}});
  ASSERT_TRUE(place.ok()) << place.error().message;
  EXPECT_EQ(place->size, 1);
  EXPECT_EQ(place->local_rank, 0);
}

// What a group cannot do without, one by one.
TEST(Place, SaysWhichVariableIsMissing) {
  const std::vector<std::pair<Variables, std::vector<std::string>>> launchers = {
      {kTorchrun, {"RANK", "WORLD_SIZE", "LOCAL_RANK", "MASTER_ADDR", "MASTER_PORT"}},
      {kSrun, {"SLURM_PROCID", "SLURM_LOCALID", "MASTER_ADDR"}},
      {with(kMpirun, {{"OMPI_COMM_WORLD_LOCAL_SIZE", "1"}}), {"MASTER_ADDR"}},
      {kMpirun, {"OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE", "OMPI_COMM_WORLD_LOCAL_RANK"}}};
  for (const auto& [all, needed] : launchers)
    for (const std::string& name : needed)
      EXPECT_THAT(mistake(without(all, name)), HasSubstr(name + " is not set")) << name;
}

TEST(Place, SaysWhichNumberMakesNoSense) {
  const std::vector<std::pair<Variables, std::vector<std::string>>> launchers = {
      {kTorchrun, {"RANK", "WORLD_SIZE", "LOCAL_RANK", "LOCAL_WORLD_SIZE", "MASTER_PORT"}},
      {kSrun,
       {"SLURM_PROCID", "SLURM_STEP_NUM_TASKS", "SLURM_LOCALID", "SLURM_STEP_NUM_NODES",
        "MASTER_PORT"}},
      {kMpirun,
       {"OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE", "OMPI_COMM_WORLD_LOCAL_RANK",
        "OMPI_COMM_WORLD_LOCAL_SIZE"}}};
  for (const auto& [all, numbers] : launchers)
    for (const std::string& name : numbers)
      for (const char* text : {"", "-1", "x", "1x", " 1", "1.0", "0x1", "99999999999", "70000"})
        EXPECT_THAT(mistake(with(all, {{name, text}})),
                    AllOf(HasSubstr(name + " is '" + text + "'"), HasSubstr("wanted")))
            << name << " " << text;
}

TEST(Place, RefusesARankThatTheGroupDoesNotHave) {
  EXPECT_EQ(mistake(with(kTorchrun, {{"RANK", "8"}})),
            "RANK is '8'; wanted a whole number from 0 to 7");
  EXPECT_EQ(mistake(with(kTorchrun, {{"WORLD_SIZE", "0"}})),
            "WORLD_SIZE is '0'; wanted a whole number from 1 to 1024");
}

TEST(Place, RefusesAHostThatIsNone) {
  EXPECT_THAT(mistake(with(kTorchrun, {{"MASTER_ADDR", ""}})), HasSubstr("MASTER_ADDR is ''"));
  const std::string message = mistake(with(kTorchrun, {{"MASTER_ADDR", std::string(9999, 'a')}}));
  EXPECT_THAT(message, HasSubstr("MASTER_ADDR is 'aaa"));
  EXPECT_LT(message.size(), 200U);
}

TEST(Place, KeepsToPortsThatThereAre) {
  for (const char* base : {"1", "65527", "65528", "65535"}) {
    const auto place = place_of(with(kTorchrun, {{"MASTER_PORT", base}}));
    ASSERT_TRUE(place.ok());
    EXPECT_GE(place->port, 1);
    EXPECT_LE(place->port + place->port_count - 1, 65535);
    const int32_t taken = std::stoi(base);
    EXPECT_TRUE(taken < place->port || taken >= place->port + place->port_count) << base;
  }
}

TEST(Place, TakesTheGroupPortExactly) {
  const auto place = place_of(with(kTorchrun, {{"CAUSEWAY_GROUP_PORT", "4567"}}));
  ASSERT_TRUE(place.ok());
  EXPECT_EQ(place->port, 4567);
  EXPECT_EQ(place->port_count, 1);
  EXPECT_THAT(mistake(with(kTorchrun, {{"CAUSEWAY_GROUP_PORT", "0"}})),
              HasSubstr("CAUSEWAY_GROUP_PORT is '0'"));
}

TEST(Place, NamesTheRun) {
  const auto run = [](const Variables& now) { return place_of(now)->run; };
  EXPECT_EQ(run(kTorchrun), run(with(kTorchrun, {{"RANK", "0"}, {"LOCAL_RANK", "0"}})));
  for (const auto& [base, name] :
       std::vector<std::pair<Variables, std::string>>{{kTorchrun, "TORCHELASTIC_RUN_ID"},
                                                      {kTorchrun, "TORCHELASTIC_RESTART_COUNT"},
                                                      {kTorchrun, "MASTER_PORT"},
                                                      {kSrun, "SLURM_JOB_ID"},
                                                      {kSrun, "SLURM_STEP_ID"},
                                                      {kSrun, "SLURM_RESTART_COUNT"},
                                                      {kMpirun, "PMIX_NAMESPACE"}})
    EXPECT_NE(run(base), run(with(base, {{name, "4242"}}))) << name;
}

}  // namespace
}  // namespace causeway
