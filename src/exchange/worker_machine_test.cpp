// SPDX-License-Identifier: Apache-2.0
//
// The worker's machine alone, message by message. Whole worlds are in sim/.
#include "exchange/worker_machine.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "exchange/commit_blob.h"

namespace causeway {
namespace {

using testing::HasSubstr;
using State = WorkerMachine::State;

class Peer {
 public:
  explicit Peer(int64_t applied = 0) : machine(settings(), 500, applied) {}

  static WorkerSettings settings() {
    WorkerSettings out;
    out.worker = 3;
    out.token = "secret";
    out.retry_ms_min = out.bytes_retry_ms_min = 10;
    out.retry_ms_max = out.bytes_retry_ms_max = 40;
    return out;
  }
  void tick(int64_t ms = 0) {
    now += ms;
    machine.tick(now, said);
  }
  void hear(Body body) { machine.on(now, {7, epoch, 3, std::move(body)}, said); }
  void be_welcomed(Welcome welcome = {}) {
    epoch = 5;
    welcome.incarnation = incarnation;
    welcome.lease_ms = 1000;
    welcome.chunk_bytes = 16;
    welcome.window_bytes = 64;
    hear(welcome);
  }
  Offer offer(int64_t round, size_t bytes = 40) {
    Offer out{round, 2 * round, Hook::kAfterUpdate, 3, {}, {}};
    out.parts.push_back({0, 10, Bytes(bytes, static_cast<std::byte>(round))});
    return out;
  }
  Digest launch(int64_t round) {
    Offer out = offer(round);
    const Digest digest = digest_of(out.parts[0].bytes);
    machine.launch(std::move(out));
    tick();
    return digest;
  }
  /// Messages of a kind since the last call.
  template <class T>
  std::vector<T> take() {
    std::vector<T> out;
    std::erase_if(said, [&](const Message& message) {
      if (const T* body = std::get_if<T>(&message.body)) out.push_back(*body);
      return std::holds_alternative<T>(message.body);
    });
    return out;
  }
  /// A committed round whose result the worker gets.
  void decide(int64_t round) {
    const Bytes blob = encode_commit({round, {}});
    hear(Decision{round, true, digest_of(blob), std::ssize(blob), {}, round});
    for (int i = 0; i < 100 && !ready(round); ++i) {
      tick(10);
      for (const Get& get : take<Get>())
        hear(Chunk{get.blob, get.offset, SharedBytes(blob).slice(get.offset, 16)});
    }
  }
  bool ready(int64_t round) {
    const Commit* commit = nullptr;
    return machine.poll(round, 3, commit) == Poll::kReady && commit->round == round;
  }

  WorkerMachine machine;
  std::vector<Message> said;
  int64_t now = 0, epoch = 0;
  uint64_t incarnation = 500;
};

// Goal: who fetches a snapshot says nothing of the state that it is about to give up, which may be
// the wrong one that it was sent away for.
TEST(WorkerMachine, ForgetsItsStateWhenItIsToFetchAnother) {
  Peer peer(5);
  peer.be_welcomed();
  peer.machine.settled(6, 3, {1, 2});
  peer.hear(Fenced{"wrong", true});
  EXPECT_EQ(peer.take<Hello>().back().applied, 6);
  ++peer.incarnation;
  Welcome welcome;
  welcome.snapshot_bytes = 50;
  peer.be_welcomed(welcome);
  ASSERT_EQ(peer.machine.state(), State::kFetch);
  peer.tick(1000);
  const auto progress = peer.take<Progress>();
  ASSERT_FALSE(progress.empty());
  EXPECT_EQ(progress.back().applied, -1);
  EXPECT_EQ(progress.back().settled, 0);
  peer.hear(Fenced{"no word", true});
  EXPECT_EQ(peer.take<Hello>().back().applied, -1);
}

TEST(WorkerMachine, SaysHelloUntilItIsAnswered) {
  Peer peer;
  peer.tick();
  ASSERT_EQ(peer.take<Hello>().size(), 1U);
  peer.tick(9);
  EXPECT_TRUE(peer.take<Hello>().empty());
  peer.tick(1);
  const auto again = peer.take<Hello>();
  ASSERT_EQ(again.size(), 1U);
  EXPECT_EQ(again[0].incarnation, 500U);
  EXPECT_EQ(again[0].token, "secret");
  peer.be_welcomed();
  EXPECT_EQ(peer.machine.state(), State::kTrain);
  peer.tick(10'000);
  EXPECT_TRUE(peer.take<Hello>().empty());
}

TEST(WorkerMachine, TakesOnlyTheAnswerToItsOwnHello) {
  Peer peer;
  peer.incarnation = 499;
  peer.be_welcomed();
  EXPECT_EQ(peer.machine.state(), State::kConnect);
  peer.hear(Refused{499, Fault::kRefused, "old"});
  EXPECT_EQ(peer.machine.state(), State::kConnect);
  peer.hear(Refused{500, Fault::kRefused, "the token is wrong"});
  EXPECT_EQ(peer.machine.state(), State::kGone);
  EXPECT_EQ(peer.machine.gone_reason(), "the token is wrong");
}

TEST(WorkerMachine, HandsInAnOffer) {
  Peer peer;
  peer.be_welcomed();
  const Digest blob = peer.launch(1);
  ASSERT_EQ(peer.take<OfferReady>().size(), 1U);
  EXPECT_TRUE(peer.take<Chunk>().empty()) << "not before the hub says where to begin";
  peer.hear(ChunkHeld{blob, 0});
  const auto chunks = peer.take<Chunk>();
  ASSERT_EQ(chunks.size(), 3U);
  EXPECT_EQ(chunks[2].offset, 32);
  EXPECT_EQ(chunks[2].bytes.size(), 8);
  peer.hear(ChunkHeld{blob, 40});
  peer.hear(OfferHeld{1, 0});
  peer.tick(10'000);
  EXPECT_TRUE(peer.take<OfferReady>().empty());
  EXPECT_TRUE(peer.take<Chunk>().empty());
}

TEST(WorkerMachine, GoesOnFromTheLastByteThatIsHeld) {
  Peer peer;
  peer.be_welcomed();
  const Digest blob = peer.launch(1);
  peer.hear(ChunkHeld{blob, 0});
  peer.take<Chunk>();
  peer.hear(ChunkHeld{blob, 16});
  peer.tick(5'000);
  const auto again = peer.take<Chunk>();
  ASSERT_FALSE(again.empty());
  EXPECT_EQ(again[0].offset, 16);
}

TEST(WorkerMachine, GetsTheResultAndSettles) {
  Peer peer;
  peer.be_welcomed();
  peer.launch(1);
  const Commit* commit = nullptr;
  EXPECT_EQ(peer.machine.poll(1, 3, commit), Poll::kPending);
  peer.decide(1);
  EXPECT_TRUE(peer.ready(1));
  peer.machine.settled(1, 3, {4, 4});
  peer.take<Progress>();
  peer.tick(250);
  const auto progress = peer.take<Progress>();
  ASSERT_EQ(progress.size(), 1U);
  EXPECT_EQ(progress[0].applied, 1);
  EXPECT_EQ(progress[0].replicated, (Digest{4, 4}));
}

TEST(WorkerMachine, AsksWhenItWaits) {
  Peer peer;
  peer.be_welcomed();
  peer.launch(1);
  peer.take<Ask>();
  const Commit* commit = nullptr;
  peer.machine.poll(1, 3, commit);
  peer.tick(100);
  ASSERT_EQ(peer.take<Ask>().size(), 1U);
  peer.hear(Decision{1, false, {}, 0, "no quorum", 1});
  EXPECT_EQ(peer.machine.poll(1, 3, commit), Poll::kAborted);
}

// The first thing that it hears of a round counts: the log has no other.
TEST(WorkerMachine, ADecisionIsNotUndone) {
  Peer peer;
  peer.be_welcomed();
  peer.hear(Decision{1, false, {}, 0, "no quorum", 1});
  peer.hear(Decision{1, true, {1, 1}, 10, "", 1});
  const Commit* commit = nullptr;
  EXPECT_EQ(peer.machine.poll(1, 3, commit), Poll::kAborted);
}

// Goal: who slept through its lease does not wait for bytes that it asked for in the epoch before.
TEST(WorkerMachine, AsksForBytesAgainWhenItIsAMemberAnew) {
  Peer peer;
  peer.be_welcomed();
  peer.hear(Decision{1, true, {1, 1}, 10, "", 1});
  peer.tick();
  ASSERT_EQ(peer.take<Get>().size(), 1U);
  peer.tick(1);
  ASSERT_TRUE(peer.take<Get>().empty());
  peer.hear(Fenced{"no word", true});
  peer.incarnation = 501;
  peer.be_welcomed({.decided = 1, .offer_from = 2});
  peer.tick();
  EXPECT_EQ(peer.take<Get>().size(), 1U);
}

TEST(WorkerMachine, RepeatsRoundsThatCountItAlready) {
  Peer peer;
  peer.be_welcomed({.decided = 2, .offer_from = 1, .counted = 2});
  for (const int64_t round : {1, 2, 3}) EXPECT_TRUE(peer.machine.expects(round, 3)) << round;
  peer.hear(Decision{3, true, {1, 1}, 10, "", 3});
  EXPECT_TRUE(peer.machine.expects(2, 3));
  EXPECT_FALSE(peer.machine.expects(3, 3)) << "decided meanwhile, and without it";
}

TEST(WorkerMachine, FollowsWhenItIsBehind) {
  Peer peer;
  peer.be_welcomed({.decided = 4, .offer_from = 6});
  EXPECT_FALSE(peer.machine.expects(4, 3)) << "decided already";
  EXPECT_FALSE(peer.machine.expects(5, 3)) << "open already";
  EXPECT_TRUE(peer.machine.expects(6, 3));
  peer.hear(OfferRefused{6, 0, Fault::kTimeout, "closed", 8});
  EXPECT_FALSE(peer.machine.expects(7, 3));
  EXPECT_TRUE(peer.machine.expects(8, 3));
}

TEST(WorkerMachine, AFencedEpochSaysHelloAnewAndKeepsItsOffers) {
  Peer peer;
  peer.be_welcomed();
  peer.launch(1);
  peer.take<OfferReady>();
  peer.hear(Fenced{"no word for 3 s", true});
  EXPECT_EQ(peer.machine.state(), State::kConnect);
  peer.tick();
  const auto hello = peer.take<Hello>();
  ASSERT_EQ(hello.size(), 1U);
  EXPECT_EQ(hello[0].incarnation, 501U);
  EXPECT_EQ(hello[0].applied, 0);
  peer.incarnation = 501;
  peer.be_welcomed();
  peer.tick();
  EXPECT_EQ(peer.take<OfferReady>().size(), 1U);
}

TEST(WorkerMachine, WithoutTrustInItsStateItStartsFromASnapshot) {
  Peer peer;
  peer.be_welcomed();
  peer.launch(1);
  peer.hear(Fenced{"audit", false});
  peer.tick();
  EXPECT_EQ(peer.take<Hello>().at(0).applied, -1);
  const Bytes snapshot(50, std::byte{7});
  peer.incarnation = 501;
  peer.be_welcomed({.decided = 9,
                    .offer_from = 11,
                    .snapshot = digest_of(snapshot),
                    .snapshot_bytes = std::ssize(snapshot)});
  EXPECT_EQ(peer.machine.state(), State::kFetch);
  EXPECT_FALSE(peer.machine.snapshot().has_value());
  for (int i = 0; i < 100 && !peer.machine.snapshot(); ++i) {
    peer.tick(10);
    for (const Get& get : peer.take<Get>())
      peer.hear(Chunk{get.blob, get.offset, SharedBytes(snapshot).slice(get.offset, 16)});
  }
  ASSERT_TRUE(peer.machine.snapshot().has_value());
  EXPECT_EQ(Bytes(peer.machine.snapshot()->begin(), peer.machine.snapshot()->end()), snapshot);
  peer.machine.joined(9, {8});
  EXPECT_EQ(peer.machine.state(), State::kTrain);
  peer.tick(250);
  EXPECT_EQ(peer.take<Progress>().at(0).applied, 7) << "round 8 is still open there";
}

TEST(WorkerMachine, MessagesOfOtherEpochsAndWorkersChangeNothing) {
  Peer peer;
  peer.be_welcomed();
  peer.launch(1);
  peer.epoch = 4;
  peer.hear(Fenced{"old", true});
  peer.hear(Decision{1, false, {}, 0, "", 1});
  peer.epoch = 5;
  peer.machine.on(peer.now, {8, 5, 3, Fenced{"another run", true}}, peer.said);
  peer.machine.on(peer.now, {7, 5, 2, Fenced{"another worker", true}}, peer.said);
  EXPECT_EQ(peer.machine.state(), State::kTrain);
  const Commit* commit = nullptr;
  EXPECT_EQ(peer.machine.poll(1, 3, commit), Poll::kPending);
}

TEST(WorkerMachine, LeavesWhenItsOfferIsAnswered) {
  Peer peer;
  peer.be_welcomed();
  peer.launch(1);
  peer.machine.leave(peer.now, 1000, "SIGTERM");
  peer.tick(100);
  EXPECT_EQ(peer.machine.state(), State::kDrain);
  EXPECT_FALSE(peer.machine.expects(2, 3));
  peer.hear(OfferHeld{1, 0});
  ASSERT_EQ(peer.take<Leave>().size(), 1U);
  EXPECT_EQ(peer.machine.state(), State::kGone);

  Peer slow;
  slow.be_welcomed();
  slow.launch(1);
  slow.machine.leave(slow.now, 1000, "SIGTERM");
  slow.tick(1000);
  EXPECT_EQ(slow.machine.state(), State::kGone) << "its grace is over";
}

TEST(WorkerMachine, ARestartKeepsWhatIsNotSettled) {
  Peer peer;
  peer.be_welcomed();
  const Digest blob = peer.launch(2);
  peer.machine.settled(1, 3, {});
  const Bytes saved = peer.machine.save();

  Peer again(1);
  ASSERT_TRUE(again.machine.restore(saved).ok());
  again.be_welcomed();
  again.tick();
  const auto ready = again.take<OfferReady>();
  ASSERT_EQ(ready.size(), 1U);
  EXPECT_EQ(ready[0].parcels[0].digest, blob);
  for (size_t cut = 0; cut < saved.size(); ++cut)
    EXPECT_FALSE(Peer().machine.restore(ByteSpan(saved).first(cut)).ok()) << cut;
  Bytes changed = saved;
  changed.at(changed.size() / 2) ^= std::byte{1};
  EXPECT_FALSE(Peer().machine.restore(changed).ok());
}

TEST(WorkerMachine, AResultThatCannotBeReadEndsIt) {
  Peer peer;
  peer.be_welcomed();
  const Bytes blob(10, std::byte{3});
  peer.hear(Decision{1, true, digest_of(blob), 10, "", 1});
  peer.tick();
  peer.hear(Chunk{digest_of(blob), 0, SharedBytes(blob)});
  EXPECT_EQ(peer.machine.state(), State::kGone);
  EXPECT_THAT(peer.machine.gone_reason(), HasSubstr("cannot be read"));
}

}  // namespace
}  // namespace causeway
