// SPDX-License-Identifier: Apache-2.0
//
// Methods that are special cases of one another must agree on a real model.
#include <cmath>

#include "train/test_recipe.h"

namespace causeway {
namespace {

double largest_difference(TinyTeam& a, TinyTeam& b) {
  double most = 0;
  for (size_t i = 0; i < a->workers().size(); ++i) {
    const auto x = a->workers()[i]->replica().arena("x").values();
    const auto y = b->workers()[i]->replica().arena("x").values();
    for (size_t j = 0; j < x.size(); ++j) most = std::max<double>(most, std::abs(x[j] - y[j]));
  }
  return most;
}

TEST(IdentityTest, TheMeanOfOneWorkerIsThatWorker) {
  TinyTeam alone({"sync={ preset = \"none\", workers = 1 }"});
  TinyTeam fedavg({"sync={ preset = \"fedavg\", period = 3, workers = 1 }"});
  alone.run_to(12);
  fedavg.run_to(12);
  EXPECT_EQ(fedavg.weights(), alone.weights());
}

TEST(IdentityTest, DdpOfOneWorkerIsThatWorker) {
  TinyTeam alone({"sync={ preset = \"none\", workers = 1 }"});
  TinyTeam ddp({"sync={ preset = \"ddp\", workers = 1 }"});
  alone.run_to(12);
  ddp.run_to(12);
  EXPECT_EQ(ddp.weights(), alone.weights());
}

// anchor - mean(anchor - x) = mean(x), but for the rounding of a subtraction. The inner optimizer
// is SGD, which does not enlarge differences as a division by a second moment does.
TEST(IdentityTest, FedAvgIsTheOuterStepOfRateOne) {
  const std::string inner = "train.optimizer={ name = \"sgd\", lr = 0.1 }";
  TinyTeam fedavg({inner, "sync={ preset = \"fedavg\", period = 3 }"});
  TinyTeam outer(
      {inner, "sync={ preset = \"fedopt\", period = 3, outer = { name = \"sgd\", lr = 1.0 } }"});
  TinyTeam alone({inner, "sync={ preset = \"none\" }"});
  for (TinyTeam* team : {&fedavg, &outer, &alone}) team->run_to(12);
  EXPECT_LT(largest_difference(fedavg, outer), 1e-6);
  EXPECT_GT(largest_difference(fedavg, alone), 1e-4) << "the exchange changed nothing";
}

TEST(IdentityTest, PhotonIsFedOptWithItsDefaults) {
  TinyTeam photon({"sync={ preset = \"photon\", period = 3 }"});
  TinyTeam outer({"sync={ preset = \"fedopt\", period = 3, outer = \"sgd\" }"});
  photon.run_to(12);
  outer.run_to(12);
  EXPECT_EQ(photon.bits(), outer.bits());
}

TEST(IdentityTest, DesLocOfOnePeriodIsLocalAdam) {
  TinyTeam local({"sync={ preset = \"local_adam\", period = 3 }"});
  TinyTeam des_loc({"sync={ preset = \"des_loc\", period = 3, periods = { u = 3, v = 3 } }"});
  local.run_to(12);
  des_loc.run_to(12);
  EXPECT_EQ(des_loc.bits(), local.bits());
}

TEST(IdentityTest, DesLocThatAveragesNoMomentIsFedAvg) {
  TinyTeam fedavg({"sync={ preset = \"fedavg\", period = 3 }"});
  TinyTeam des_loc({"sync={ preset = \"des_loc\", period = 3, periods = { u = 0, v = 0 } }"});
  fedavg.run_to(12);
  des_loc.run_to(12);
  EXPECT_EQ(des_loc.bits(), fedavg.bits());
}

// With one moment that has all the weight, quasi-hyperbolic ADOPT is ADOPT.
TEST(IdentityTest, MtDaoWithoutTheGradientsOwnPartIsDesLocWithAdopt) {
  const std::string sync = "period = 3, periods = { u = 2, v = 4 } }";
  TinyTeam mt_dao({"sync={ preset = \"mt_dao\", " + sync,
                   "train.optimizer={ name = \"qh_adopt\", lr = 1e-2, betas = [0.9], omegas = "
                   "[1.0], beta2 = 0.999 }"});
  TinyTeam des_loc({"sync={ preset = \"des_loc\", " + sync,
                    "train.optimizer={ name = \"adopt\", lr = 1e-2, betas = [0.9, 0.999] }"});
  mt_dao.run_to(12);
  des_loc.run_to(12);
  EXPECT_LT(largest_difference(mt_dao, des_loc), 1e-6);
}

// The mean gradient of every step keeps replicas equal: to the bit, since each takes the same
// bytes.
TEST(IdentityTest, DdpKeepsReplicasEqual) {
  TinyTeam team({"sync={ preset = \"ddp\" }"});
  const std::string start = team.weights();
  team.run_to(6);
  EXPECT_NE(team.weights(), start);
  EXPECT_EQ(team.weights(0), team.weights(1));
  EXPECT_EQ(team.weights(0), team.weights(2));
}

}  // namespace
}  // namespace causeway
