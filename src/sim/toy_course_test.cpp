// SPDX-License-Identifier: Apache-2.0
#include "sim/toy_course.h"

#include <gtest/gtest.h>

#include "core/toml.h"
#include "exchange/local.h"

namespace causeway {
namespace {

std::unique_ptr<ToyCourse> course(const std::string& sync, ToyOptions options = {}) {
  Mistakes mistakes;
  auto out = ToyCourse::make(options, parse_toml(sync, "test", mistakes), {1, 100, 4}, mistakes);
  CW_CHECK(out != nullptr, "{}", mistakes.text());
  return out;
}

void train_to(Trainer& trainer, LocalExchange& exchange, int64_t steps) {
  Threads threads(1);
  while (trainer.steps() < steps)
    if (trainer.advance().value() == Trainer::Status::kWaiting) exchange.pump(threads);
}

class EveryToy : public testing::TestWithParam<std::pair<ToyKind, ToyOptimizer>> {};

TEST_P(EveryToy, Learns) {
  ToyOptions options;
  options.kind = GetParam().first;
  options.optimizer = GetParam().second;
  options.lr = options.optimizer == ToyOptimizer::kAdam ? 0.01 : 0.05;
  const auto made = course("preset = \"fedavg\"\nperiod = 10", options);
  LocalExchange exchange(made->plan());
  const auto trainer = made->trainer(0, exchange);
  const double before = trainer->loss();
  train_to(*trainer, exchange, 100);
  EXPECT_LT(trainer->loss(), 0.7 * before);
}

// Goal: a restart goes on to the same bits. Method: saved at an edge in mid-round, restored into a
// fresh trainer; another one is never interrupted.
TEST_P(EveryToy, GoesOnFromWhatItSaved) {
  ToyOptions options;
  options.kind = GetParam().first;
  options.optimizer = GetParam().second;
  const auto made = course("preset = \"diloco\"\nperiod = 10", options);
  LocalExchange exchange(made->plan()), other(made->plan());
  const auto trainer = made->trainer(0, exchange), restored = made->trainer(0, exchange);
  const auto uninterrupted = made->trainer(0, other);
  train_to(*trainer, exchange, 25);
  const Bytes saved = trainer->save();
  ASSERT_TRUE(restored->restore(saved).ok());
  EXPECT_EQ(restored->steps(), 25);
  EXPECT_EQ(restored->save(), saved);
  train_to(*restored, exchange, 45);
  train_to(*uninterrupted, other, 45);
  EXPECT_EQ(restored->save(), uninterrupted->save());
}

TEST_P(EveryToy, RefusesWhatItDidNotSave) {
  ToyOptions options;
  options.kind = GetParam().first;
  options.optimizer = GetParam().second;
  const auto made = course("preset = \"diloco\"\nperiod = 10", options);
  LocalExchange exchange(made->plan());
  const auto trainer = made->trainer(0, exchange);
  const Bytes saved = trainer->save();
  train_to(*trainer, exchange, 12);
  const Bytes now = trainer->save();
  for (size_t size = 0; size < saved.size(); size += 1 + size / 8)
    EXPECT_FALSE(trainer->restore(ByteSpan(saved).first(size)).ok()) << size;
  EXPECT_EQ(trainer->save(), now);
}

INSTANTIATE_TEST_SUITE_P(Toys, EveryToy,
                         testing::Values(std::pair(ToyKind::kConvex, ToyOptimizer::kSgd),
                                         std::pair(ToyKind::kConvex, ToyOptimizer::kMomentum),
                                         std::pair(ToyKind::kTwoLayer, ToyOptimizer::kAdam)));

TEST(ToyTrainer, LiesInWhatItSendsAndNotToItself) {
  const auto made = course("preset = \"fedavg\"\nperiod = 4");
  /// Never decides.
  class Silent final : public Exchange {
   public:
    Offer offer;
    void launch(Offer launched) override { offer = std::move(launched); }
    Poll poll(int64_t, WorkerId, const Commit*&) override { return Poll::kPending; }
    void settled(int64_t, WorkerId, const Digest&) override {}
  } honest, lied_to;
  const auto plain = made->trainer(0, honest), liar = made->trainer(0, lied_to);
  liar->spoil(1e20F);
  for (auto* trainer : {plain.get(), liar.get()})
    while (trainer->advance().value() == Trainer::Status::kStepped) {
    }
  ASSERT_EQ(honest.offer.parts.size(), 1U);
  ASSERT_EQ(lied_to.offer.parts.size(), 1U);
  EXPECT_NE(honest.offer.parts[0].bytes, lied_to.offer.parts[0].bytes);
  EXPECT_EQ(plain->weights(), liar->weights());
  EXPECT_TRUE(liar->within_step());
}

}  // namespace
}  // namespace causeway
