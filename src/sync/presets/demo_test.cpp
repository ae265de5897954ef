// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "exchange/toy_method.h"

namespace causeway {
namespace {

constexpr double kDemoRate = 0.03125;

TEST(DemoPreset, SendsTheLargestCoefficientsOfEachChunk) {
  const Channel m = only_channel("preset = 'demo'\nk = 7");
  EXPECT_EQ(m.port.name, "demo");
  EXPECT_EQ(m.up.name, "topk(k=7, scope=layer)|fp32");
  EXPECT_EQ(m.rule.name, "senders");
  EXPECT_EQ(m.hook, Hook::kAfterBackward);
  EXPECT_EQ(m.port.options.find("clip")->number(), 1);
}

TEST(DemoPreset, SendsAPartWholeIfTold) {
  const auto channels = method_channels("preset = 'demo'\ndense = 'role=embedding'");
  ASSERT_EQ(channels.size(), 2U);
  EXPECT_EQ(channels[0].region, "!role=embedding");
  EXPECT_EQ(channels[1].region, "role=embedding");
  EXPECT_EQ(channels[1].up.name, "fp32");
  EXPECT_FALSE(channels[1].port.options.find("transform")->boolean());
}

/// Workers that tell the engine their learning rate, which the momentum takes in.
struct DemoRun {
  explicit DemoRun(const std::string& more, int32_t count = 1)
      : plan(toy_bind("preset = 'demo'\n" + more, {}, {kToyWorkers, 5, {}, {}})),
        exchange(*plan),
        threads(count) {
    for (WorkerId id = 0; id < kToyWorkers; ++id) {
      replicas.push_back(std::make_unique<ToyReplica>(34, id, Names{}));
      engines.push_back(std::make_unique<Engine>(*plan, id, *replicas.back(), exchange));
    }
  }
  void run(int64_t first, int64_t last) {
    for (int64_t step = first; step <= last; ++step) {
      for (auto& replica : replicas) replica->backward(step);
      for (auto& engine : engines) engine->at(Hook::kAfterBackward, step, step, kDemoRate);
      exchange.pump(threads);
      for (size_t m = 0; m < kToyWorkers; ++m) {
        ASSERT_EQ(engines[m]->at(Hook::kAfterBackward, step, step, kDemoRate), Go::kUpdate);
        replicas[m]->update();
      }
    }
  }
  std::vector<float> momenta() const {
    std::vector<float> out;
    for (const auto& engine : engines) {
      const auto m = engine->states()[0].get("demo_m");
      out.insert(out.end(), m.begin(), m.end());
    }
    return out;
  }

  std::unique_ptr<BoundPlan> plan;
  LocalExchange exchange;
  Threads threads;
  std::vector<std::unique_ptr<ToyReplica>> replicas;
  std::vector<std::unique_ptr<Engine>> engines;
};

TEST(DemoPreset, MovesAllWorkersAlikeByASign) {
  DemoRun demo("chunk = 2\nk = 1");
  for (int64_t step = 1; step <= 8; ++step) {
    demo.run(step, step);
    for (const auto& replica : demo.replicas)
      EXPECT_TRUE(same_bits(replica->x(), demo.replicas[0]->x()));
    for (const float g : demo.replicas[1]->state("g"))
      EXPECT_TRUE(g == 1 || g == 0 || g == -1) << g;
  }
  EXPECT_FALSE(workers_agree(demo.momenta()));  // what is slow stays with each
}

TEST(DemoPreset, OfAllCoefficientsIsTheSignOfTheMeanGradient) {
  DemoRun demo("chunk = 8\nk = 64\ndecay = 0.9");
  std::vector<ToyReplica> alone;
  for (WorkerId id = 0; id < kToyWorkers; ++id) alone.emplace_back(34, id, Names{});
  for (int64_t step = 1; step <= 6; ++step) {
    demo.run(step, step);
    std::vector<double> mean(34);
    for (size_t m = 0; m < kToyWorkers; ++m) {
      double norm = 0;
      alone[m].backward(step);
      for (const float g : alone[m].state("g")) norm += double{g} * g;
      for (size_t i = 0; i < 34; ++i)
        mean[i] += alone[m].state("g")[i] / std::max(1.0, std::sqrt(norm));
    }
    for (ToyReplica& replica : alone) {
      for (size_t i = 0; i < 34; ++i) replica.state("g")[i] = mean[i] > 0 ? 1 : -1;
      replica.update();
    }
    EXPECT_TRUE(same_bits(demo.replicas[0]->x(), alone[0].x())) << step;
  }
}

TEST(DemoPreset, HasTheSameBitsWithAnyThreadsAndOverARestart) {
  DemoRun straight("chunk = 2\nk = 1"), threaded("chunk = 2\nk = 1", 5), first("chunk = 2\nk = 1"),
      second("chunk = 2\nk = 1");
  straight.run(1, 10), threaded.run(1, 10), first.run(1, 4);
  for (size_t m = 0; m < kToyWorkers; ++m) {
    *second.replicas[m] = *first.replicas[m];
    ASSERT_TRUE(second.engines[m]->restore(ByteSource::borrow(first.engines[m]->snapshot())));
  }
  second.exchange.resume_after(first.engines[0]->counters().round);
  second.run(5, 10);
  for (DemoRun* other : {&threaded, &second}) {
    EXPECT_TRUE(same_bits(other->replicas[2]->x(), straight.replicas[2]->x()));
    EXPECT_TRUE(same_bits(other->momenta(), straight.momenta()));
  }
}

}  // namespace
}  // namespace causeway
