// SPDX-License-Identifier: Apache-2.0
//
// Which methods only an exchange inside one process can carry, and which a silent member follows.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "exchange/toy_method.h"
#include "sync/mirror.h"

namespace causeway {
namespace {

using testing::HasSubstr;

std::unique_ptr<BoundPlan> crossing_plan(const std::string& preset) {
  return toy_bind(short_method(preset), toy_moments(preset), {kToyWorkers, 5, {}, {}});
}

TEST(CrossProcesses, RefusesWhatNeedsAllOffersInOnePlace) {
  for (const auto& [preset, why] : {std::pair{"moshpit", "several exchanges in a round"},
                                    {"powersgd", "several exchanges in a round"},
                                    {"noloco", "a consensus for each part of a group"},
                                    {"l_dawa", "folds tensors whole"},
                                    {"variance_corrected", "folds tensors whole"},
                                    {"decoupled", "says itself when a round is"},
                                    {"fedbuff", "says itself when a round is"},
                                    {"fedfix", "says itself when a round is"},
                                    {"fedamd", "says itself when a round is"},
                                    {"hivemind", "says itself when a round is"},
                                    {"one_byte", "gathers offers"},
                                    {"masha", "must see the whole consensus"}}) {
    const auto crosses = can_cross_processes(*crossing_plan(preset));
    ASSERT_FALSE(crosses) << preset;
    EXPECT_EQ(crosses.error().fault, Fault::kBadInput);
    EXPECT_THAT(crosses.error().message, HasSubstr(why)) << preset;
    EXPECT_THAT(crosses.error().message, HasSubstr("exchange.kind = \"local\"")) << preset;
  }
}

TEST(CrossProcesses, LetsPassWhatFoldsBlockByBlock) {
  for (const char* preset :
       {"none", "ddp", "des_loc", "diloco", "co2", "eager", "streaming_diloco", "muloco", "dgc",
        "ef21", "sparseloco", "demo", "fedprox", "fedspeed", "lordo"})
    EXPECT_TRUE(can_cross_processes(*crossing_plan(preset))) << preset;
}

// Goal: no method is let through to the hub's mirror whose states a follower cannot know.
TEST(CrossProcesses, MirrorsWhatAllMembersShare) {
  for (const char* preset :
       {"fedavg", "diloco", "co2", "des_loc", "sparseloco", "l_dawa", "decoupled", "fedspeed"})
    EXPECT_TRUE(can_mirror(*crossing_plan(preset))) << preset;
  for (const char* preset : {"ddp", "eager", "fedbuff", "fedfix", "fedamd", "hivemind", "lordo",
                             "noloco", "moshpit", "powersgd", "one_byte"})
    EXPECT_FALSE(can_mirror(*crossing_plan(preset))) << preset;
}

TEST(CrossProcesses, EveryMethodThatCanBeMirroredIs) {
  for (const auto* preset : presets()) {
    const auto plan = crossing_plan(std::string(preset->name));
    if (!can_mirror(*plan) || plan->channels().empty()) continue;
    SCOPED_TRACE(preset->name);
    ToyTeam team(*plan, toy_layout(), {toy_moments(preset->name), 1, {}});
    Mirror mirror(*plan, 34, team.replica(0));
    std::vector<Digest> digests;
    for (int64_t step = 0; step <= 24; ++step) {
      team.run_to(step);
      digests.push_back(team.engine(0).replicated_digest());
    }
    for (size_t round = 1; round <= team.decisions().size(); ++round) {
      mirror.decide(static_cast<int64_t>(round), team.decisions()[round - 1]);
      if (mirror.steps() > 24) break;
      ASSERT_EQ(mirror.replicated_digest(), digests[static_cast<size_t>(mirror.steps())]) << round;
    }
    EXPECT_GT(mirror.steps(), 12);
  }
}

}  // namespace
}  // namespace causeway
