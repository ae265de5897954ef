// SPDX-License-Identifier: Apache-2.0
//
// What holds for every preset there is, whatever its method: the same bits in every run, with any
// number of threads and over any restart; no harm by hostile snapshots; life after a bad round.
#include <gtest/gtest.h>

#include <limits>

#include "core/random.h"
#include "exchange/toy_method.h"
#include "exchange/toy_team.h"
#include "sync/toy_exchange.h"

namespace causeway {
namespace {

constexpr int64_t kMethodSteps = 14;

const std::vector<double> kEven{1, 1, 1, 1}, kUneven{1, 0.5, 0.75, 0.3};

/// All that a run has become, as bytes.
Bytes everything(ToyTeam& team) {
  Bytes out;
  ByteWriter writer(out);
  for (const auto& worker : team.workers()) {
    for (const std::string& state : worker->replica.states())
      writer.put(std::as_bytes(std::span(worker->replica.state(state))));
    const Bytes engine = worker->engine.snapshot();
    writer.put(ByteSpan(engine));
  }
  for (const States& states : team.exchange().states())
    for (const auto& [name, entry] : states.entries())
      writer.put(std::as_bytes(std::span(entry.values)));
  const Bytes rounds = team.exchange().snapshot();
  writer.put(ByteSpan(rounds));
  return out;
}

class EveryMethod : public testing::TestWithParam<const Entry<Preset>*> {
 protected:
  std::unique_ptr<BoundPlan> bind(const std::vector<double>& speeds) const {
    return toy_bind(sync_, moments_, {static_cast<int32_t>(speeds.size()), 7, {}, speeds});
  }
  std::unique_ptr<ToyTeam> team(const BoundPlan& plan, int32_t threads = 1,
                                ToyTeam::Disturb disturb = {}) const {
    return std::make_unique<ToyTeam>(plan, toy_layout(),
                                     ToyTeam::Options{moments_, threads, std::move(disturb)});
  }
  std::string_view name() const { return GetParam()->name; }

  const std::string sync_ = short_method(GetParam()->name);
  const Names moments_ = toy_moments(GetParam()->name);
};

TEST_P(EveryMethod, HasTheSameBitsInEveryRunWithAnyThreads) {
  for (std::vector<double> speeds : {kEven, kUneven}) {
    speeds.push_back(0.6);
    std::vector<Bytes> ends;
    for (const int32_t threads : {1, 1, 2, 5}) {
      // Groups keep what they have seen: each run has a plan of its own.
      const auto plan = bind(speeds);
      const auto run = team(*plan, threads);
      run->run_to(kMethodSteps);
      ends.push_back(everything(*run));
      EXPECT_EQ(run->outcomes().empty(), name() == "none");
    }
    EXPECT_EQ(ends[0], ends[1]) << "again";
    EXPECT_EQ(ends[0], ends[2]) << "2 threads";
    EXPECT_EQ(ends[0], ends[3]) << "5 threads";
  }
}

/// As a checkpoint does it, which keeps states and counters in another form.
void resume_by_parts(ToyTeam& to, ToyTeam& from) {
  for (size_t i = 0; i < to.workers().size(); ++i) {
    ToyTeam::Worker& worker = *to.workers()[i];
    ToyTeam::Worker& old = *from.workers()[i];
    worker.replica = old.replica;
    worker.steps = old.steps;
    worker.tokens = old.tokens;
    worker.engine.states() = old.engine.states();
    worker.engine.restore(old.engine.counters());
    ASSERT_TRUE(worker.engine.restore_open(old.steps, old.engine.open_snapshot()));
  }
  to.exchange().states() = from.exchange().states();
  if (from.exchange().has_rounds()) {
    ASSERT_TRUE(to.exchange().restore(from.exchange().snapshot()));
  } else {
    to.exchange().resume_after(from.engine(0).counters().round);
  }
}

TEST_P(EveryMethod, GoesOnFromAnyStepWithTheSameBits) {
  for (const std::vector<double>& speeds : {kEven, kUneven}) {
    const auto plan = bind(speeds);
    const auto straight = team(*plan);
    straight->run_to(kMethodSteps);
    const Bytes end = everything(*straight);
    size_t in_flight = 0;
    for (int64_t step = 0; step <= 12; ++step)
      for (const bool by_parts : {false, true}) {
        const auto first = team(*plan);
        first->run_to(step);
        in_flight += first->engine(0).open_rounds().size();
        const auto fresh = bind(speeds);
        const auto second = team(*fresh);
        if (by_parts)
          ASSERT_NO_FATAL_FAILURE(resume_by_parts(*second, *first));
        else
          second->resume(*first);
        ASSERT_EQ(everything(*second), everything(*first)) << "at step " << step;
        second->run_to(kMethodSteps);
        EXPECT_EQ(everything(*second), end) << "from step " << step;
      }
    const auto delayed = [](const BoundChannel& one) { return one.spec.delay > 0; };
    EXPECT_EQ(in_flight > 0, std::ranges::any_of(plan->channels(), delayed));
  }
}

/// One worker, its engine restored from bytes that may be anything, trains on until it waits.
void go_on(const BoundPlan& plan, const Names& moments, ByteSpan snapshot, bool aborts,
           int& taken) {
  AbortingExchange nothing;
  LocalExchange local(plan);
  Exchange& exchange = aborts ? static_cast<Exchange&>(nothing) : local;
  ToyReplica replica(plan.count(), 0, moments);
  Engine engine(plan, 0, replica, exchange);
  const Bytes before = engine.snapshot();
  if (const auto restored = engine.restore(ByteSource::borrow(snapshot)); !restored) {
    EXPECT_EQ(restored.error().fault, Fault::kCorrupt);
    EXPECT_EQ(engine.snapshot(), before);
    return;
  }
  ++taken;
  local.resume_after(engine.counters().round);
  Threads threads(1);
  for (int64_t step = 7; step <= 16; ++step) {
    replica.backward(step);
    for (const Hook hook : {Hook::kAfterBackward, Hook::kBeforeUpdate, Hook::kAfterUpdate}) {
      while (engine.at(hook, step, 10 * step) == Go::kWait)
        if (local.pump(threads).empty()) return;
      if (hook == Hook::kBeforeUpdate) replica.update();
    }
  }
}

// Goal: no bytes do harm, and what is refused changes nothing. Method: random bytes in random
// places of a snapshot with open rounds; what is taken over must carry on.
TEST_P(EveryMethod, StandsAnySnapshotOfAnEngine) {
  const auto plan = bind({0.75});
  const auto run = team(*plan);
  run->run_to(6);
  const Bytes bytes = run->engine(0).snapshot();
  int taken = 0;
  const Random random(3, Stream::kSample);
  for (uint64_t i = 0; i < 400; ++i) {
    Bytes wrong = bytes;
    // Most mistakes in the counters at the ends; values may be any.
    const uint64_t near = std::min<uint64_t>(bytes.size(), 80);
    const uint64_t at = i % 2 == 0   ? random.below(4 * i, bytes.size())
                        : i % 4 == 1 ? random.below(4 * i, near)
                                     : bytes.size() - 1 - random.below(4 * i, near);
    const std::byte values[] = {std::byte{0x00}, std::byte{0x01},
                                std::byte{0x07}, std::byte{0x7F},
                                std::byte{0xFF}, std::byte(random.below(4 * i + 1, 256))};
    wrong[at] = values[random.below(4 * i + 2, 6)];
    for (const bool aborts : {false, true}) go_on(*plan, moments_, wrong, aborts, taken);
  }
  EXPECT_GT(taken, 100);
  for (size_t size = 0; size < bytes.size(); size += 1 + size / 16) {
    int cut = 0;
    go_on(*plan, moments_, ByteSpan(bytes).first(size), true, cut);
    EXPECT_EQ(cut, 0) << size;
  }
}

TEST_P(EveryMethod, StandsAnySnapshotOfAnExchange) {
  const auto plan = bind(kEven);
  const auto run = team(*plan);
  run->run_to(6);
  const Bytes bytes = run->exchange().snapshot();
  const Random random(4, Stream::kSample);
  Threads threads(1);
  for (uint64_t i = 0; i < 200; ++i) {
    Bytes wrong = bytes;
    wrong[random.below(2 * i, bytes.size())] = std::byte(random.below(2 * i + 1, 256));
    LocalExchange to(*plan);
    const auto restored = to.restore(wrong);
    if (restored)
      to.pump(threads);
    else
      EXPECT_EQ(restored.error().fault, Fault::kCorrupt);
  }
}

// Disabled: the exchange takes a result of any part over, and the engine then aborts for want of
// its own. To be refused where the exchange reads results, by the parts that the plan has.
TEST(ExchangeSnapshot, RefusesResultsOfPartsThatThereAreNot) {
  const auto plan = toy_bind(short_method("streaming_diloco"), {}, {2, 7, {}, {}});
  ToyTeam run(*plan, toy_layout(), {{}, 1, {}});
  run.run_to(4);
  const auto open = run.engine(0).open_rounds();
  ASSERT_FALSE(open.empty());
  const Bytes bytes = run.exchange().snapshot();
  for (size_t at = 0; at < bytes.size(); ++at) {
    Bytes wrong = bytes;
    wrong[at] = std::byte{1};
    LocalExchange to(*plan);
    if (!to.restore(wrong)) continue;
    for (const int64_t round : open) {
      const Commit* commit = nullptr;
      if (to.poll(round, 0, commit) != Poll::kReady) continue;
      for (const ChannelResult& result : commit->results) EXPECT_EQ(result.part, 0) << at;
    }
  }
}

bool exchanges_gradients(const BoundPlan& plan) {
  return std::ranges::any_of(plan.channels(),
                             [](const BoundChannel& one) { return one.port->reads() == "g"; });
}

/// Makes what workers offer in two steps not finite: gradients, or parameters, which are put right
/// afterwards if the method has not.
class Spoil {
 public:
  static constexpr int64_t kFirst = 5, kLast = 6;
  /// `worker` < 0: all of them.
  Spoil(const BoundPlan& plan, WorkerId worker)
      : gradients_(exchanges_gradients(plan)), worker_(worker), kept_(kToyWorkers) {}

  void operator()(ToyReplica& replica, WorkerId id, Hook hook, int64_t step) {
    if (worker_ >= 0 && id != worker_) return;
    std::vector<float>& kept = kept_[static_cast<size_t>(id)];
    if (hook == Hook::kAfterBackward && !std::isfinite(replica.x().front())) {
      replica.state("x") = kept;
      replica.backward(step);
    }
    if (step < kFirst || step > kLast) return;
    if (hook != (gradients_ ? Hook::kAfterBackward : Hook::kAfterUpdate)) return;
    kept = replica.x();
    std::ranges::fill(replica.state(gradients_ ? "g" : "x"),
                      std::numeric_limits<float>::quiet_NaN());
  }

 private:
  const bool gradients_;
  const WorkerId worker_;
  std::vector<std::vector<float>> kept_;
};

// Goal: a few bad steps of one worker, or of all, end with them. What fired then was declined;
// later rounds have every member again.
TEST_P(EveryMethod, OutlivesOffersThatAreNotFinite) {
  if (name() == "none") GTEST_SKIP() << "exchanges nothing";
  for (const WorkerId who : {-1, 1}) {
    SCOPED_TRACE(who);
    const auto plan = bind(kEven);
    const auto run = team(*plan, 1, Spoil(*plan, who)), calm = team(*plan);
    run->run_to(16), calm->run_to(16);
    EXPECT_EQ(workers_agree(all_x(*run)), workers_agree(all_x(*calm)));
    size_t declined = 0, late = 0;
    for (const RoundOutcome& outcome : run->outcomes()) {
      declined += outcome.dropped.size();
      if (outcome.step < 11) continue;
      ++late;
      EXPECT_TRUE(outcome.committed && outcome.dropped.empty()) << "step " << outcome.step;
    }
    // DeMo leaves such a gradient out and sends what waits.
    EXPECT_EQ(declined > 0, name() != "demo");
    EXPECT_GT(late, 1U);
    for (const float value : all_x(*run)) ASSERT_TRUE(std::isfinite(value));
  }
}

std::string method_name(const testing::TestParamInfo<const Entry<Preset>*>& info) {
  return std::string(info.param->name);
}
INSTANTIATE_TEST_SUITE_P(Presets, EveryMethod, testing::ValuesIn(presets()), method_name);

}  // namespace
}  // namespace causeway
