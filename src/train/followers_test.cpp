// SPDX-License-Identifier: Apache-2.0
//
// The processes of a site as threads, over a group without a network (site/test_group.h). With real
// processes: tests/python/net/test_inside_site.py.
#include "train/followers.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/from_blob.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <optional>
#include <thread>

#include "exchange/local.h"
#include "recipe/genesis.h"
#include "site/test_group.h"
#include "train/recipe_course.h"
#include "train/recipe_workplace.h"
#include "train/test_recipe.h"

namespace causeway {
namespace {

using testing::HasSubstr;

/// Batches of four rows.
Recipe four_rows(std::vector<std::string> assignments) {
  assignments.push_back("train.batch_tokens=64");
  return tiny_recipe(assignments, test_folder());
}

struct Options {
  const Recipe* followers = nullptr;  ///< another recipe for them
  int32_t leaders_threads = 1;
};

/// Worker 0's site: this thread leads, others follow.
class Site {
 public:
  Site(const Recipe& recipe, int32_t size, Options options = {})
      : basis_(Basis::make(recipe, {0}).value()),
        followers_basis_(
            Basis::make(options.followers == nullptr ? recipe : *options.followers, {}).value()),
        threads_(size),
        group_(threads_.end(0)),
        orders_(*group_, clock_) {
    prepare_compute_threads(options.leaders_threads);
    for (int32_t rank = 1; rank < size; ++rank) {
      Follower& one = *followers_.emplace_back(std::make_unique<Follower>());
      one.replica = followers_basis_->replica(size);
      one.thread = std::thread([this, rank, &one] {
        prepare_compute_thread();
        const auto group = threads_.end(rank);
        Orders orders(*group, clock_);
        one.ended = follow(orders, *one.replica, one.leaves);
        if (!*one.ended) threads_.lose();  // as when its process ends
      });
    }
  }
  ~Site() { end(0); }

  void end(int32_t exit_code) {
    if (std::exchange(ended_, true)) return;
    static_cast<void>(orders_.end(exit_code));
    for (const auto& one : followers_)
      if (one->thread.joinable()) one->thread.join();
  }

  Worker::Parts parts() {
    Worker::Parts parts = basis_->parts(0, &orders_).value();
    EXPECT_TRUE(basis_->first_weights(*parts.replica).ok());
    return parts;
  }
  const Basis& basis() const { return *basis_; }
  const Clock& clock() const { return clock_; }
  Orders& orders() { return orders_; }
  ThreadGroup& threads() { return threads_; }

  struct Follower {
    std::unique_ptr<TrainReplica> replica;
    std::atomic<bool> leaves = false;
    std::optional<Result<int32_t>> ended;
    std::thread thread;
  };
  Follower& follower(int32_t rank) { return *followers_[static_cast<size_t>(rank - 1)]; }

 private:
  const ManualClock clock_;
  const std::unique_ptr<Basis> basis_, followers_basis_;
  ThreadGroup threads_;
  const std::unique_ptr<SiteGroup> group_;
  Orders orders_;
  std::vector<std::unique_ptr<Follower>> followers_;
  bool ended_ = false;
};

bool same_bits(const TrainReplica& a, const TrainReplica& b) {
  if (a.updates() != b.updates()) return false;
  return std::ranges::all_of(a.states(), [&](const std::string& state) {
    return state == "g" || a.arena(state).flat().equal(b.arena(state).flat());
  });
}

/// The run of a recipe with three workers, the first of which is a site of `size` processes.
struct ThreeWorkers {
  ThreeWorkers(const Recipe& recipe_, int32_t size, Options options = {})
      : recipe(recipe_),
        site(recipe, size, options),
        basis(Basis::make(recipe, {0, 1, 2}).value()),
        exchange(basis->plan()) {
    workers.push_back(
        std::make_unique<Worker>(recipe, basis->plan(), exchange, site.clock(), site.parts()));
    for (const WorkerId id : {1, 2}) {
      Worker::Parts parts = basis->parts(id).value();
      EXPECT_TRUE(basis->first_weights(*parts.replica).ok());
      workers.push_back(std::make_unique<Worker>(recipe, basis->plan(), exchange, site.clock(),
                                                 std::move(parts)));
    }
  }

  /// The error of the first worker that failed.
  std::optional<Error> run_to(int64_t step) {
    const auto behind = [&](const auto& worker) { return worker->steps() < step; };
    while (std::ranges::any_of(workers, behind)) {
      for (const auto& worker : workers)
        while (behind(worker)) {
          const auto status = worker->advance();
          if (status == Worker::Status::kFailed) return worker->error();
          if (status == Worker::Status::kWaiting) break;
        }
      exchange.pump(folders);
    }
    return std::nullopt;
  }

  const Recipe& recipe;
  Site site;
  std::unique_ptr<Basis> basis;
  LocalExchange exchange;
  Threads folders{1};
  std::vector<std::unique_ptr<Worker>> workers;
};

// The sum of what each process computes of its rows: to the bit, in every process.
TEST(FollowersTest, TheGradientIsTheSumOfTheShares) {
  const Recipe recipe = four_rows({});
  const int64_t row_tokens = recipe.shape->context() + 1;
  for (const int32_t size : {2, 4}) {
    Site site(recipe, size);
    Worker::Parts parts = site.parts();
    std::vector<int32_t> rows(static_cast<size_t>(4 * row_tokens));
    ASSERT_TRUE(parts.feed->next(rows, row_tokens).ok());
    const at::Tensor tokens = at::from_blob(rows.data(), {4, row_tokens}, at::kInt).to(at::kLong);
    const auto one = site.basis().replica(size), all = site.basis().replica();
    at::Tensor sum;
    double loss = 0;
    for (int32_t rank = 0; rank < size; ++rank) {
      one->arena("x").flat().copy_(parts.replica->arena("x").flat());
      loss += one->loss_and_gradient(tokens.narrow(0, 4 / size * rank, 4 / size));
      const at::Tensor share = one->arena("g").flat().clone();
      sum = rank == 0 ? share : sum + share;
    }
    Followers followers(site.orders(), *parts.replica);
    const auto got = followers.loss_and_gradient(rows, row_tokens);
    ASSERT_TRUE(got.ok()) << got.error().message;
    EXPECT_TRUE(parts.replica->arena("g").flat().equal(sum));
    // Beside one process: another order of sums, as model/step_test.cpp has it for lanes.
    all->arena("x").flat().copy_(parts.replica->arena("x").flat());
    const double whole = all->loss_and_gradient(tokens);
    EXPECT_NEAR(*got, loss, 1e-6 * loss);
    EXPECT_NEAR(*got, whole, 1e-6 * whole);
    const at::Tensor wanted = all->arena("g").flat();
    EXPECT_LE(((sum - wanted).norm() / wanted.norm()).item<double>(), 2e-6);
    site.end(0);
    for (int32_t rank = 1; rank < size; ++rank)
      EXPECT_TRUE(std::as_const(*site.follower(rank).replica).arena("g").flat().equal(sum));
  }
}

class FollowersOfAMethod : public testing::TestWithParam<std::string> {};

// Whatever a consensus writes: parameters, moments, the gradient; or a reset of the optimizer.
TEST_P(FollowersOfAMethod, KeepTheLeadersBits) {
  const Recipe recipe = four_rows(method_assignments(GetParam()));
  std::set<std::string> weights;
  for (const int32_t size : {2, 2, 4}) {
    ThreeWorkers run(recipe, size);
    EXPECT_EQ(run.run_to(8), std::nullopt);
    // What the last steps' consensus wrote comes with the next use.
    const TrainReplica& leaders = run.workers[0]->replica();
    std::vector<int32_t> rows(static_cast<size_t>(4 * (recipe.shape->context() + 1)), 1);
    Followers followers(run.site.orders(), run.workers[0]->replica());
    ASSERT_TRUE(followers.loss_and_gradient(rows, recipe.shape->context() + 1).ok());
    run.site.end(75);
    for (int32_t rank = 1; rank < size; ++rank) {
      EXPECT_TRUE(same_bits(*run.site.follower(rank).replica, leaders)) << "rank " << rank;
      EXPECT_EQ(run.site.follower(rank).ended->value(), 75);
    }
    EXPECT_EQ(run.workers[0]->steps(), 8);
    weights.insert(fmt::format("{} {}", size, weights_digest(leaders.arena("x")).hex()));
  }
  EXPECT_EQ(weights.size(), 2u) << "two runs of one size have the same bits";
}

/// Those whose local step is the plain one, which is all that followers know.
std::vector<std::string> plain_presets() {
  std::vector<std::string> out;
  for (const Entry<Preset>* entry : presets()) {
    Mistakes none;
    if (entry->make(Value::Table{}, none)->training().objective.name.empty())
      out.emplace_back(entry->name);
  }
  return out;
}

INSTANTIATE_TEST_SUITE_P(Presets, FollowersOfAMethod, testing::ValuesIn(plain_presets()),
                         [](const auto& preset) { return preset.param; });

// Optimizers that take matrices whole have states that do not start at zero, there as here.
TEST(FollowersTest, KeepTheBitsOfMatricesThatAreTakenWhole) {
  for (const char* name : {"lordo", "dct_adamw"}) {
    const Recipe recipe = four_rows({"sync={ preset = \"fedavg\", period = 3 }",
                                     fmt::format("train.optimizer={{ name = \"{}\" }}", name)});
    ThreeWorkers run(recipe, 2);
    EXPECT_EQ(run.run_to(5), std::nullopt);
    const TrainReplica& leaders = run.workers[0]->replica();
    run.site.end(0);
    EXPECT_TRUE(same_bits(*run.site.follower(1).replica, leaders)) << name;
  }
}

// A follower computes shares of the plain gradient: another objective is refused, with the way out.
TEST(FollowersTest, KnowThePlainObjectiveAlone) {
  for (const char* name : {"prox", "plain"}) {
    const Recipe recipe = four_rows({fmt::format("train.objective={}", name)});
    const std::string text = shared_recipe(recipe);
    Charter charter;
    charter.recipe = SharedBytes(
        Bytes(std::as_bytes(std::span(text)).begin(), std::as_bytes(std::span(text)).end()));
    charter.layout = recipe.shape->layout().digest();
    OwnPart own;
    own.tokenizer = "bytes";
    own.base = recipe.base;
    Value site;
    site.set("name", "north");
    site.set("train", Value::Array{std::string("north.txt")});
    own.site.push_back(site);
    const ManualClock clock;
    ThreadGroup threads(2);
    const auto group = threads.end(0);
    Orders orders(*group, clock);
    RecipeWorkplace shared(0, own, clock, &orders), alone(0, own, clock);
    EXPECT_TRUE(alone.open(charter, recipe.base).ok());
    const auto opened = shared.open(charter, recipe.base);
    EXPECT_EQ(opened.ok(), name == std::string("plain"));
    if (opened.ok()) continue;
    EXPECT_EQ(opened.error().fault, Fault::kBadInput);
    EXPECT_THAT(opened.error().message, HasSubstr("train.objective is \"prox\""));
    EXPECT_THAT(opened.error().message, HasSubstr("has 2"));
  }
}

// The rank decides which rows a process takes; nothing else of a process decides about bits.
TEST(FollowersTest, HowManyThreadsTheLeaderHasChangesNoBit) {
  const Recipe recipe = four_rows({"train.lanes=2"});
  std::set<std::string> weights;
  for (const int32_t threads : {1, 2}) {
    ThreeWorkers run(recipe, 2, {nullptr, threads});
    EXPECT_EQ(run.run_to(5), std::nullopt);
    weights.insert(weights_digest(run.workers[0]->replica().arena("x")).hex());
  }
  EXPECT_EQ(weights.size(), 1u);
}

/// A trainer of worker 0 alone in the run, whose rounds nobody else takes part in.
struct Alone {
  explicit Alone(const std::vector<std::string>& assignments)
      : recipe(four_rows(assignments)), site(recipe, 2), exchange(site.basis().plan()) {}

  std::unique_ptr<Trainer> trainer() {
    return make_trainer(site.basis(), site.clock(), exchange, site.parts());
  }
  static void run_to(Trainer& trainer, int64_t step) {
    while (trainer.steps() < step) ASSERT_EQ(trainer.advance().value(), Trainer::Status::kStepped);
  }

  const Recipe recipe;
  Site site;
  LocalExchange exchange;
};

// A new trainer of the same site takes over: followers forget what they had of the one before.
TEST(FollowersTest, FollowARestoredLeader) {
  Alone run({"sync={ preset = \"none\" }"});
  auto trainer = run.trainer();
  Alone::run_to(*trainer, 3);
  const Bytes saved = trainer->save();
  Alone::run_to(*trainer, 7);
  const Digest wanted = trainer->weights();
  trainer = run.trainer();
  ASSERT_TRUE(trainer->restore(saved).ok());
  EXPECT_EQ(trainer->steps(), 3);
  Alone::run_to(*trainer, 7);
  EXPECT_EQ(trainer->weights(), wanted);
  run.site.end(0);
  EXPECT_EQ(weights_digest(run.site.follower(1).replica->arena("x")), wanted);
}

TEST(FollowersTest, FollowALeaderThatJoins) {
  Alone run({"sync={ preset = \"diloco\", period = 100 }"});
  auto trainer = run.trainer();
  Alone::run_to(*trainer, 4);
  const Digest wanted = trainer->weights();
  const auto genesis = genesis_of(run.recipe, run.site.basis().plan());
  ASSERT_TRUE(genesis.ok());
  trainer = run.trainer();
  trainer->spoil(100.0F);
  ASSERT_TRUE(trainer->join(*genesis).ok());
  Alone::run_to(*trainer, 4);
  EXPECT_EQ(trainer->weights(), wanted);
  run.site.end(0);
  EXPECT_EQ(weights_digest(run.site.follower(1).replica->arena("x")), wanted);
}

TEST(FollowersTest, AnUpdateThatTheLeaderLeavesOutIsLeftOut) {
  const Recipe recipe = four_rows({"sync={ preset = \"none\" }", "train.on_nonfinite=skip"});
  ThreeWorkers run(recipe, 2);
  EXPECT_EQ(run.run_to(2), std::nullopt);
  // At the leader alone, so that its share of the gradient is not finite.
  TrainReplica& leaders = run.workers[0]->replica();
  const std::vector<float> broken(
      static_cast<size_t>(leaders.arena("x").placement().layout().count()),
      std::numeric_limits<float>::quiet_NaN());
  const at::Tensor x = leaders.arena("x").flat().clone();
  leaders.write("x", recipe.shape->layout().select("all").value(), broken);
  static_cast<void>(leaders.take_changes());
  EXPECT_EQ(run.run_to(3), std::nullopt);
  EXPECT_NE(run.workers[0]->skipped(), "");
  leaders.arena("x").flat().copy_(x);
  EXPECT_EQ(run.run_to(5), std::nullopt);
  EXPECT_EQ(leaders.updates(), 4);
  run.site.end(0);
  EXPECT_TRUE(same_bits(*run.site.follower(1).replica, leaders));
}

TEST(FollowersTest, AFollowersSignalReachesTheLeaderWithTheNextBatch) {
  const Recipe recipe = four_rows({});
  ThreeWorkers run(recipe, 4);
  EXPECT_EQ(run.run_to(1), std::nullopt);
  EXPECT_FALSE(run.site.orders().asked_to_leave());
  run.site.follower(3).leaves = true;
  EXPECT_EQ(run.run_to(2), std::nullopt);
  EXPECT_TRUE(run.site.orders().asked_to_leave());
}

TEST(FollowersTest, ALostGroupEndsAllAndUpdatesNothing) {
  const Recipe recipe = four_rows({});
  ThreeWorkers run(recipe, 2);
  EXPECT_EQ(run.run_to(2), std::nullopt);
  run.site.threads().lose();
  const std::string before = weights_digest(run.workers[0]->replica().arena("x")).hex();
  const auto error = run.run_to(3);
  ASSERT_TRUE(error.has_value());
  EXPECT_EQ(error->fault, Fault::kPeerLost);
  EXPECT_EQ(weights_digest(run.workers[0]->replica().arena("x")).hex(), before);
  run.site.end(0);
  EXPECT_EQ(run.site.follower(1).ended->error().fault, Fault::kPeerLost);
}

// A follower whose optimizer does something else: as a broken machine's would.
TEST(FollowersTest, AReplicaThatHasPartedIsFound) {
  const std::vector<std::string> alone = {"sync={ preset = \"none\" }", "run.steps=100"};
  std::vector<std::string> changed = alone;
  changed.push_back("train.optimizer={ name = \"adamw\", lr = 1e-2, eps = 1e-7 }");
  const Recipe recipe = four_rows(alone), other = four_rows(changed);
  ThreeWorkers run(recipe, 2, {&other});
  const auto error = run.run_to(70);
  ASSERT_TRUE(error.has_value());
  EXPECT_EQ(error->fault, Fault::kPeerLost);
  EXPECT_EQ(run.workers[0]->steps(), 64);
  run.site.end(0);
  const auto& ended = *run.site.follower(1).ended;
  ASSERT_FALSE(ended.ok());
  EXPECT_EQ(ended.error().fault, Fault::kCorrupt);
  EXPECT_THAT(ended.error().message, HasSubstr("after 64 updates"));
}

/// A leader's broadcasts that are played to a follower; then the group is lost.
class Played final : public SiteGroup {
 public:
  explicit Played(std::vector<Bytes> broadcasts) : broadcasts_(std::move(broadcasts)) {}
  int32_t rank() const override { return 1; }
  int32_t size() const override { return 2; }
  Result<void> all_reduce(std::span<float>) override { return {}; }
  Result<void> broadcast(std::span<std::byte> bytes) override {
    if (next_ == broadcasts_.size() || broadcasts_[next_].size() != bytes.size())
      return failure(Fault::kPeerLost, "played to the end");
    std::ranges::copy(broadcasts_[next_++], bytes.begin());
    return {};
  }

 private:
  const std::vector<Bytes> broadcasts_;
  size_t next_ = 0;
};

/// What a leader broadcasts.
class Recorded final : public SiteGroup {
 public:
  int32_t rank() const override { return 0; }
  int32_t size() const override { return 2; }
  Result<void> all_reduce(std::span<float>) override { return {}; }
  Result<void> broadcast(std::span<std::byte> bytes) override {
    broadcasts.emplace_back(bytes.begin(), bytes.end());
    return {};
  }
  std::vector<Bytes> broadcasts;
};

// Goal: no order does harm. Method: a leader's true words with some bytes of the order changed; an
// error or a step is right, a crash is wrong.
TEST(FollowersTest, AnyOrderIsSafe) {
  const Recipe recipe = four_rows({"sync={ preset = \"none\" }"});
  const auto basis = Basis::make(recipe, {0}).value();
  prepare_compute_thread();
  const ManualClock clock;
  Recorded recorded;
  Orders orders(recorded, clock);
  auto parts = basis->parts(0, &orders).value();
  Followers followers(orders, *parts.replica);
  std::vector<int32_t> rows(static_cast<size_t>(4 * (recipe.shape->context() + 1)), 7);
  ASSERT_TRUE(followers.loss_and_gradient(rows, recipe.shape->context() + 1).ok());
  ASSERT_TRUE(followers.update(0.5, 1).ok());
  ASSERT_EQ(recorded.broadcasts.size(), 5u);  // head, order, x; head, order

  const Random random(4, Stream::kSample);
  uint64_t draw = 0;
  int taken = 0;
  for (int turn = 0; turn < 1000; ++turn) {
    std::vector<Bytes> broadcasts = recorded.broadcasts;
    Bytes& order = broadcasts[turn % 2 == 0 ? 1 : 4];
    for (uint64_t changes = random.bits(draw++) % 3; changes > 0; --changes) {
      const size_t at = random.bits(draw++) % std::min<size_t>(order.size(), 64);
      order[at] = static_cast<std::byte>(random.bits(draw++));
    }
    Played played(std::move(broadcasts));
    Orders heard(played, clock);
    const auto replica = basis->replica(2);
    const auto ended = follow(heard, *replica, std::atomic<bool>{false});
    ASSERT_FALSE(ended.ok());
    taken += replica->updates() > 0 && ended.error().fault == Fault::kPeerLost;
  }
  EXPECT_GT(taken, 300);
  EXPECT_LT(taken, 1000);
}

}  // namespace
}  // namespace causeway
