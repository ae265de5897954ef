// SPDX-License-Identifier: Apache-2.0
//
// Error feedback loses nothing: what was sent and what is still owed are what was to be sent.
#include <gtest/gtest.h>

#include <cmath>

#include "codec/signal.h"
#include "exchange/toy_team.h"

namespace causeway {
namespace {

constexpr size_t kFeedbackCount = 34;

TEST(ErrorFeedback, KeepsWhatTheEncodingLost) {
  Mistakes mistakes;
  const auto feedback = make_plugin(feedbacks(), "feedback", {"ef", {}}, mistakes);
  States states;
  for (StateSpec& spec : feedback->states(3, Holder::kWorker)) states.declare(std::move(spec));
  std::vector<float> signal{1.25F, -2.5F, 0.5F};
  std::vector<float> kept(static_cast<size_t>(feedback->kept_values(3)));
  feedback->prepare({}, states, signal, kept);
  EXPECT_EQ(signal, (std::vector<float>{1.25F, -2.5F, 0.5F}));
  feedback->settle(kept, std::vector<float>{1.0F, -2.0F, 0.5F}, states);
  std::vector<float> next{1, 1, 1};
  feedback->prepare({}, states, next, kept);
  EXPECT_EQ(next, (std::vector<float>{1.25F, 0.5F, 1.0F}));
}

TEST(ErrorFeedback, WithoutItNothingIsKept) {
  Mistakes mistakes;
  const auto feedback = make_plugin(feedbacks(), "feedback", {"none", {}}, mistakes);
  EXPECT_TRUE(feedback->states(3, Holder::kWorker).empty());
}

/// An exchange with one member that keeps what it is sent and commits it, exactly.
class MirrorExchange final : public Exchange {
 public:
  explicit MirrorExchange(const BoundPlan& plan) : plan_(plan) {}
  void launch(Offer offer) override {
    const BoundChannel& channel = plan_.channels().front();
    sent_.assign(static_cast<size_t>(channel.count), 0);
    const auto signal = EncodedSignal::open(*channel.up, offer.parts.front().bytes, channel.count);
    CW_CHECK(signal.ok() && signal->decode(sent_).ok());
    commit_ = {offer.round, {{0, {}, encode_signal(*channel.down, sent_, 0)}}};
    if (folds_) commit_.results.front().members = {{offer.worker, 1}};
  }
  Poll poll(int64_t, WorkerId, const Commit*& commit) override {
    commit = &commit_;
    return Poll::kReady;
  }
  void settled(int64_t, WorkerId, const Digest&) override {}

  void fold(bool folds) { folds_ = folds; }
  const std::vector<float>& sent() const { return sent_; }

 private:
  const BoundPlan& plan_;
  bool folds_ = true;
  std::vector<float> sent_;
  Commit commit_;
};

TEST(ErrorFeedback, SentAndOwedAreTheSignalsInEveryRound) {
  const auto plan = toy_bind("preset = 'photon'\nperiod = 1\nup = 'int8'\nfeedback = 'ef'",
                             kOneMoment, {1, 1, {}});
  MirrorExchange mirror(*plan);
  ToyReplica replica(kFeedbackCount, 0, kOneMoment);
  Engine engine(*plan, 0, replica, mirror);
  std::vector<double> signals(kFeedbackCount), sent(kFeedbackCount);
  double largest = 0;
  for (int64_t step = 1; step <= 50; ++step) {
    replica.backward(step);
    replica.update();
    const std::vector<float> residual(engine.states()[0].get("residual").begin(),
                                      engine.states()[0].get("residual").end());
    std::vector<float> signal(kFeedbackCount);
    for (size_t i = 0; i < kFeedbackCount; ++i)
      signal[i] = engine.states()[0].get("anchor")[i] - replica.x()[i];
    mirror.fold(step % 5 != 0);
    ASSERT_EQ(engine.at(Hook::kAfterUpdate, step, step), Go::kUpdate);
    const auto owed = engine.states()[0].get("residual");
    if (step % 5 == 0) {  // not counted: nothing is sent, nothing forgiven
      EXPECT_TRUE(same_bits(owed, residual));
      continue;
    }
    for (size_t i = 0; i < kFeedbackCount; ++i) {
      EXPECT_EQ(owed[i], signal[i] + residual[i] - mirror.sent()[i]);
      signals[i] += signal[i];
      sent[i] += mirror.sent()[i];
      largest = std::max<double>(largest, std::abs(owed[i]));
      EXPECT_NEAR(sent[i] + owed[i], signals[i], 1e-6);
    }
  }
  EXPECT_GT(largest, 1e-4);  // int8 did lose something
}

TEST(ErrorFeedback, ParametersStayNearThoseOfTheExactRun) {
  const auto run = [](const std::string& codec) {
    const auto plan = toy_bind("preset = 'photon'\nperiod = 2\n" + codec, kOneMoment, {3, 1, {}});
    ToyTeam team(*plan, toy_layout(), {kOneMoment, 1, {}});
    team.run_to(40);
    return team.replica(0).x();
  };
  const auto gap = [&](const std::string& codec) {
    const auto exact = run(""), got = run(codec);
    double sum = 0;
    for (size_t i = 0; i < kFeedbackCount; ++i) sum += std::abs(double{exact[i]} - got[i]);
    return sum / kFeedbackCount;
  };
  const std::string both = "up = 'int8'\ndown = 'int8'\n";
  EXPECT_LT(gap(both + "feedback = 'ef'\ndown_feedback = 'ef'"), 5e-3);
  EXPECT_GT(gap(both), 0);
}

}  // namespace
}  // namespace causeway
