// SPDX-License-Identifier: Apache-2.0
#include "sync/plan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "sync/toy_replica.h"

namespace causeway {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

Channel parameters(const std::string& name = "x") {
  Channel channel;
  channel.name = name;
  channel.port.name = "assign";
  return channel;
}

std::unique_ptr<BoundPlan> bind(const std::vector<Channel>& channels, Mistakes& mistakes,
                                int32_t workers = 4, uint64_t seed = 0) {
  return BoundPlan::bind({channels}, toy_layout(), {"x", "g", "u"}, {workers, seed, {}}, mistakes);
}

/// The mistakes of a plan with this one channel.
std::string channel_mistakes(const Channel& channel) {
  Mistakes mistakes;
  EXPECT_EQ(bind({channel}, mistakes), nullptr);
  return mistakes.text();
}

std::unique_ptr<BoundPlan> right(const std::vector<Channel>& channels, int32_t workers = 4,
                                 uint64_t seed = 0) {
  Mistakes mistakes;
  auto plan = bind(channels, mistakes, workers, seed);
  EXPECT_TRUE(mistakes.empty()) << mistakes.text();
  return plan;
}

TEST(BoundPlan, FindsRegionsAndMakesPlugins) {
  Channel channel = parameters();
  channel.region = "role=matrix";
  const auto plan = right({channel});
  ASSERT_EQ(plan->channels().size(), 1U);
  const BoundChannel& bound = plan->channels().front();
  EXPECT_EQ(bound.count, 16);
  EXPECT_EQ(bound.region.spans, (std::vector<Span>{{12, 8}, {22, 8}}));
  EXPECT_EQ(bound.port->reads(), "x");
  EXPECT_EQ(plan->options().fixed_weights, (std::vector<int64_t>{1, 1, 1, 1}));
}

struct Slip {
  const char* kind;
  Plugin Channel::* field;
  const char* written;
  const char* meant;
};

TEST(BoundPlan, NamesTheNearestOfAnUnknownPlugin) {
  for (const Slip& slip : {Slip{"port", &Channel::port, "asign", "assign"},
                           {"feedback", &Channel::feedback, "eff", "ef"},
                           {"feedback", &Channel::down_feedback, "nome", "none"},
                           {"stage", &Channel::up, "itn8", "int8"},
                           {"stage", &Channel::down, "bf61", "bf16"},
                           {"group", &Channel::group, "sampel", "sample"},
                           {"rule", &Channel::rule, "maen", "mean"}}) {
    Channel channel = parameters();
    (channel.*slip.field).name = slip.written;
    EXPECT_THAT(channel_mistakes(channel),
                HasSubstr(fmt::format("no {} is called `{}`; did you mean `{}`?", slip.kind,
                                      slip.written, slip.meant)));
  }
}

TEST(BoundPlan, TellsMistakesOfAPluginsOptions) {
  Channel channel = parameters();
  channel.port.options.set("sate", "x");
  EXPECT_THAT(channel_mistakes(channel), HasSubstr("did you mean `state`?"));
  channel = parameters();
  channel.port.name = "outer";
  channel.port.options.set("optimizer", "nesterof");
  EXPECT_THAT(channel_mistakes(channel), HasSubstr("did you mean `nesterov`?"));
}

TEST(BoundPlan, RefusesAnEmptyRegion) {
  Channel channel = parameters("odd");
  channel.region = "layers 5..6";
  EXPECT_THAT(channel_mistakes(channel), AllOf(HasSubstr("channel `odd`"), HasSubstr("region")));
}

TEST(BoundPlan, RefusesAStateThatTheReplicaHasNot) {
  Channel channel = parameters("second");
  channel.port.options.set("state", "v");
  EXPECT_THAT(channel_mistakes(channel),
              AllOf(HasSubstr("channel `second` sends the state `v`"), HasSubstr("x, g, u")));
}

TEST(BoundPlan, RefusesAHookThatDoesNotFitThePort) {
  for (const char* port : {"assign", "outer", "gradient"})
    for (const Hook hook : {Hook::kAfterBackward, Hook::kBeforeUpdate, Hook::kAfterUpdate}) {
      Channel channel = parameters();
      channel.port.name = port;
      channel.hook = hook;
      Mistakes mistakes;
      const bool bound = bind({channel}, mistakes) != nullptr;
      const bool fits = (hook == Hook::kAfterBackward) == (channel.port.name == "gradient");
      EXPECT_EQ(bound, fits) << port;
      EXPECT_EQ(mistakes.text().find("cannot fire at this hook") == std::string::npos, fits);
    }
}

TEST(BoundPlan, RefusesADelayThatIsLongerThanThePeriod) {
  Channel channel = parameters("late");
  channel.period = 8;
  for (const int64_t delay : {0, 1, 8}) {
    channel.delay = delay;
    EXPECT_EQ(right({channel})->channels().front().spec.delay, delay);
  }
  channel.delay = 9;
  EXPECT_THAT(channel_mistakes(channel), AllOf(HasSubstr("channel `late` has a delay of 9 steps"),
                                               HasSubstr("at most its period, 8")));
}

TEST(BoundPlan, RefusesADelayOfAGradient) {
  Channel channel = parameters("g");
  channel.port.name = "gradient";
  channel.hook = Hook::kAfterBackward;
  channel.delay = 1;
  EXPECT_THAT(channel_mistakes(channel), AllOf(HasSubstr("channel `g` has a delay of 1"),
                                               HasSubstr("a gradient is used in its own step")));
}

TEST(BoundPlan, RefusesTwoChannelsOfOneName) {
  Mistakes mistakes;
  EXPECT_EQ(bind({parameters("twin"), parameters("x"), parameters("twin")}, mistakes), nullptr);
  EXPECT_THAT(mistakes.text(), HasSubstr("two channels are called `twin`"));
}

TEST(BoundPlan, TellsAllMistakesAtOnce) {
  Channel channel = parameters();
  channel.port.options.set("state", "v");
  channel.port.options.where = {"recipe.toml", 12};
  channel.region = "role=gate";
  channel.up.name = "fp3";
  channel.hook = Hook::kAfterBackward;
  EXPECT_THAT(channel_mistakes(channel),
              AllOf(HasSubstr("recipe.toml:12: channel"), HasSubstr("`v`"), HasSubstr("gate"),
                    HasSubstr("did you mean `fp"), HasSubstr("hook")));
}

TEST(BoundPlan, SaysWhichChannelsAreDue) {
  Channel slow = parameters("slow"), before = parameters("before");
  slow.period = 3;
  before.hook = Hook::kBeforeUpdate;
  before.period = 2;
  const auto plan = right({slow, before, parameters("fast")});
  EXPECT_THAT(plan->due(Hook::kAfterUpdate, 1), ElementsAre(2));
  EXPECT_THAT(plan->due(Hook::kAfterUpdate, 3), ElementsAre(0, 2));
  EXPECT_THAT(plan->due(Hook::kBeforeUpdate, 3), ElementsAre(1));
  EXPECT_THAT(plan->due(Hook::kBeforeUpdate, 2), IsEmpty());
  EXPECT_THAT(plan->due(Hook::kAfterBackward, 3), IsEmpty());
}

TEST(BoundPlan, WithoutDrawAllWorkersTrainAndOffer) {
  const auto plan = right({parameters()});
  const auto alone = right({});
  for (int32_t worker = 0; worker < 4; ++worker) {
    EXPECT_TRUE(plan->trains(worker, 1));
    EXPECT_TRUE(alone->trains(worker, 1));
  }
  EXPECT_THAT(plan->members(0, Hook::kAfterUpdate, 1), ElementsAre(0, 1, 2, 3));
}

Channel drawn(double fraction, int64_t period, Hook hook = Hook::kAfterUpdate) {
  Channel channel = parameters();
  channel.hook = hook;
  channel.period = period;
  channel.group.name = "sample";
  channel.group.options.set("fraction", fraction);
  channel.group.options.set("period", period);
  return channel;
}

TEST(Sample, DrawsTheRoundedPartAndAtLeastOne) {
  struct Case {
    double fraction;
    int32_t workers;
    size_t members;
  };
  for (const Case& one : {Case{0.5, 8, 4},
                          {0.25, 8, 2},
                          {0.3, 10, 3},
                          {0.0, 5, 1},
                          {0.01, 5, 1},
                          {1.0, 5, 5},
                          {0.5, 1, 1}}) {
    const auto plan = right({drawn(one.fraction, 1)}, one.workers);
    for (int64_t step = 1; step <= 50; ++step) {
      const auto members = plan->members(0, Hook::kAfterUpdate, step);
      ASSERT_EQ(members.size(), one.members) << one.fraction << " of " << one.workers;
      ASSERT_TRUE(std::is_sorted(members.begin(), members.end()));
      ASSERT_EQ(std::set<int32_t>(members.begin(), members.end()).size(), one.members);
      ASSERT_GE(members.front(), 0);
      ASSERT_LT(members.back(), one.workers);
    }
  }
}

TEST(Sample, WhoTrainsInAPeriodIsWhoOffersAtItsEnd) {
  constexpr int64_t kPeriod = 6;
  for (const Hook hook : {Hook::kAfterUpdate, Hook::kBeforeUpdate}) {
    const auto plan = right({drawn(0.5, kPeriod, hook)}, 8);
    for (int64_t round = 1; round <= 20; ++round) {
      const int64_t end = round * kPeriod;
      const int64_t firing = hook == Hook::kBeforeUpdate ? end + 1 : end;
      ASSERT_THAT(plan->due(hook, firing), ElementsAre(0));
      const auto members = plan->members(0, hook, firing);
      for (int64_t step = end - kPeriod + 1; step <= end; ++step)
        for (int32_t worker = 0; worker < 8; ++worker)
          ASSERT_EQ(plan->trains(worker, step),
                    std::count(members.begin(), members.end(), worker) == 1)
              << "worker " << worker << " at step " << step;
    }
  }
}

TEST(Sample, DrawsAnewEachPeriodAndEverybodySoonerOrLater) {
  const auto plan = right({drawn(0.5, 4)}, 8);
  std::set<std::vector<int32_t>> draws;
  std::vector<int> times(8);
  for (int64_t round = 1; round <= 64; ++round) {
    const auto members = plan->members(0, Hook::kAfterUpdate, 4 * round);
    draws.insert(members);
    for (const int32_t member : members) ++times[static_cast<size_t>(member)];
  }
  EXPECT_GT(draws.size(), 30U);  // of 70 possible ones
  for (const int count : times) {
    EXPECT_GT(count, 16);  // 32 expected
    EXPECT_LT(count, 48);
  }
}

TEST(Sample, DependsOnTheSeedAndOnNothingElse) {
  const auto draws = [](uint64_t seed) {
    const auto plan = right({drawn(0.5, 1)}, 16, seed);
    std::vector<std::vector<int32_t>> out;
    for (int64_t step = 1; step <= 8; ++step)
      out.push_back(plan->members(0, Hook::kAfterUpdate, step));
    return out;
  };
  EXPECT_EQ(draws(3), draws(3));
  EXPECT_NE(draws(3), draws(4));
}

}  // namespace
}  // namespace causeway
