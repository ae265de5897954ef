// SPDX-License-Identifier: Apache-2.0
//
// The hub's machine alone, message by message. Storage is obedient: it does at once what it is
// asked, unless a test holds it back. Whole worlds are in sim/.
#include "hub/hub_machine.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "sync/toy_replica.h"

namespace causeway {
namespace {

using testing::HasSubstr;

constexpr int64_t kBytes = 40;  // of an offer, as far as the machine knows

class Hub {
 public:
  explicit Hub(HubSettings settings = {}, int32_t workers = 3,
               const std::string& sync = "preset = 'diloco'\nperiod = 2")
      : plan_(toy_bind(sync, {}, {workers, 1, {}})),
        schedule_(*plan_, 20),
        settings_(std::move(settings)) {
    settings_.token = "secret";
    settings_.genesis = {{9, 9}, 10};
    settings_.start_members = workers;
    restart();
  }

  /// A crash: what was not durable is gone.
  void restart() {
    std::erase_if(log_, [this](const LogEntry& entry) { return entry.sequence > durable_; });
    auto made = HubMachine::recover(settings_, schedule_, log_, {}, now_);
    CW_CHECK(made.ok(), "{}", made.error().message);
    hub_ = *std::move(made);
    pending_.clear();
    tick();
  }
  void tick(int64_t ms = 0) {
    now_ += ms;
    std::vector<HubOutput> out;
    hub_->tick(now_, out);
    perform(out);
  }
  /// Time passes, and nobody calls the machine.
  void sleep(int64_t ms) { now_ += ms; }
  /// Time passes in small steps, as a driver would let it.
  void wait(int64_t ms) {
    for (const int64_t end = now_ + ms; now_ < end;) {
      now_ = std::min(end, std::max(now_ + 1, hub_->wake_ms()));
      for (const WorkerId worker : alive_) say(worker, Progress{0, 0, {}, 0, 0, 0});
      tick();
    }
  }
  void say(WorkerId worker, Body body, int64_t epoch = -1) {
    input(Message{settings_.run, epoch < 0 ? epochs_[worker] : epoch, worker, std::move(body)});
  }
  void input(const HubInput& one) {
    std::vector<HubOutput> out;
    hub_->on(now_, one, out);
    perform(out);
  }
  void join(WorkerId worker, uint64_t incarnation = 1, int64_t applied = 0) {
    say(worker, Hello{incarnation, {}, {}, settings_.genesis.digest, "", "secret", applied}, 0);
    epochs_[worker] = hub_->ledger().members.at(worker).epoch;
    alive_.insert(worker);
  }
  void join_all(int32_t workers = 3) {
    for (WorkerId worker = 0; worker < workers; ++worker) join(worker);
  }
  /// Of one channel. Other ones of a worker differ in `variant`.
  OfferReady offer(int64_t round, WorkerId worker, uint64_t variant = 0) const {
    const PlannedRound& planned = *schedule_.round(round);
    const uint64_t key = static_cast<uint64_t>(worker) + 1'000 * variant;
    return {round,
            0,
            planned.step,
            planned.hook,
            {{planned.channels.front(), 10, {static_cast<uint64_t>(round), key}, kBytes}},
            {}};
  }
  /// Announces an offer and sends all its bytes.
  void hand_in(int64_t round, WorkerId worker, uint64_t variant = 0) {
    const OfferReady ready = offer(round, worker, variant);
    say(worker, ready);
    say(worker, Chunk{ready.parcels[0].digest, 0, SharedBytes(Bytes(kBytes))});
  }

  /// Messages of a kind to a worker since the last call.
  template <class T>
  std::vector<T> heard(WorkerId worker) {
    std::vector<T> out;
    std::erase_if(said_, [&](const Message& message) {
      if (message.worker != worker) return false;
      if (const T* body = std::get_if<T>(&message.body)) out.push_back(*body);
      return std::holds_alternative<T>(message.body);
    });
    return out;
  }
  const Ledger& ledger() const { return hub_->ledger(); }
  HubMachine& machine() { return *hub_; }
  std::vector<Closed> closes() const { return records<Closed>(); }
  template <class T>
  std::vector<T> records() const {
    std::vector<T> out;
    for (const LogEntry& entry : log_)
      if (const auto record = decode_record(entry.bytes))
        if (const T* one = std::get_if<T>(&*record)) out.push_back(*one);
    return out;
  }

  bool log_is_slow = false;  // appends become durable when the test says so
  bool fold_is_slow = false, store_is_slow = false;
  int64_t chunks_sent = 0;
  std::optional<Error> check_trouble;
  void flush() {
    durable_ = log_.empty() ? 0 : log_.back().sequence;
    input(Logged{durable_});
  }
  std::vector<Fold> folds;
  size_t blobs() const { return blobs_.size(); }
  int64_t blob_bytes(const BlobId& blob) { return blobs_[blob]; }
  size_t worker_blobs() const {
    return static_cast<size_t>(std::ranges::count_if(
        blobs_, [](const auto& blob) { return blob.first.owner != kHubOwner; }));
  }

 private:
  void perform(const std::vector<HubOutput>& outputs) {
    for (const HubOutput& output : outputs) {
      if (const auto* send = std::get_if<Send>(&output)) {
        // What goes over the wire must be sayable.
        CW_CHECK(decode_message(encode_message(send->message)).ok());
        said_.push_back(send->message);
      } else if (std::holds_alternative<SendChunk>(output)) {
        ++chunks_sent;
      } else if (const auto* append = std::get_if<Append>(&output)) {
        if (append->restart) log_.clear();
        log_.push_back({append->sequence, append->record});
        if (!log_is_slow) durable_ = append->sequence;
        if (!log_is_slow) pending_.push_back(Logged{append->sequence});
      } else if (const auto* open = std::get_if<OpenBlob>(&output)) {
        pending_.push_back(Stored{open->blob, blobs_[open->blob]});
      } else if (const auto* store = std::get_if<Store>(&output)) {
        blobs_[store->blob] = store->offset + store->bytes.size();
        if (!store_is_slow) pending_.push_back(Stored{store->blob, blobs_[store->blob]});
      } else if (const auto* drop = std::get_if<DropBlob>(&output)) {
        blobs_.erase(drop->blob);
      } else if (const auto* check = std::get_if<Check>(&output)) {
        pending_.push_back(
            Checked{check->round, check->stage, check->worker, check->epoch, check_trouble});
      } else if (const auto* fold = std::get_if<Fold>(&output)) {
        folds.push_back(*fold);
        const auto round = static_cast<uint64_t>(fold->round);
        if (!fold_is_slow)
          pending_.push_back(Folded{fold->round, 0, {{100, round}, 7}, {}, {}, {}});
      }
    }
    while (!pending_.empty()) {
      const HubInput next = std::move(pending_.front());
      pending_.pop_front();
      input(next);
    }
  }

  std::unique_ptr<BoundPlan> plan_;
  RoundSchedule schedule_;
  HubSettings settings_;
  std::unique_ptr<HubMachine> hub_;
  int64_t now_ = 1000, durable_ = 0;
  std::vector<LogEntry> log_;
  std::map<BlobId, int64_t> blobs_;
  std::deque<HubInput> pending_;
  std::vector<Message> said_;
  std::map<WorkerId, int64_t> epochs_;
  std::set<WorkerId> alive_;
};

TEST(HubMachine, ARoundOfThree) {
  Hub hub;
  hub.join_all();
  EXPECT_EQ(hub.heard<Welcome>(1).size(), 1U);
  EXPECT_EQ(hub.ledger().opened, 1);
  hub.hand_in(1, 2);
  hub.hand_in(1, 0);
  EXPECT_TRUE(hub.closes().empty());
  hub.hand_in(1, 1);
  ASSERT_EQ(hub.closes().size(), 1U);
  EXPECT_EQ(hub.closes()[0].members.size(), 3U);
  EXPECT_EQ(hub.closes()[0].members[0].worker, 0) << "ascending, whatever came first";
  for (WorkerId worker = 0; worker < 3; ++worker) {
    const auto decisions = hub.heard<Decision>(worker);
    ASSERT_EQ(decisions.size(), 1U);
    EXPECT_TRUE(decisions[0].committed);
  }
  EXPECT_EQ(hub.ledger().opened, 2);
}

// Goal: nobody is told what a crash could take back. Method: a log that is slow.
TEST(HubMachine, TellsNothingBeforeItIsDurable) {
  Hub hub;
  hub.join_all();
  hub.heard<OfferHeld>(0);
  hub.hand_in(1, 0);
  hub.hand_in(1, 1);
  hub.heard<OfferHeld>(2);
  hub.log_is_slow = true;
  hub.hand_in(1, 2);
  EXPECT_EQ(hub.closes().size(), 1U) << "decided";
  EXPECT_TRUE(hub.heard<OfferHeld>(2).empty());
  EXPECT_TRUE(hub.folds.empty());
  EXPECT_TRUE(hub.heard<Decision>(0).empty());
  hub.flush();
  EXPECT_EQ(hub.heard<OfferHeld>(2).size(), 1U);
  EXPECT_EQ(hub.folds.size(), 1U);
  EXPECT_TRUE(hub.heard<Decision>(0).empty()) << "committed, but that is not durable yet";
  hub.flush();
  EXPECT_EQ(hub.heard<Decision>(0).size(), 1U);
}

TEST(HubMachine, ARestartFinishesTheRoundWithoutAskingAgain) {
  Hub hub;
  hub.join_all();
  hub.hand_in(1, 0);
  hub.hand_in(1, 1);
  hub.restart();
  hub.hand_in(1, 2);
  ASSERT_EQ(hub.closes().size(), 1U);
  EXPECT_EQ(hub.closes()[0].members.size(), 3U);

  Hub closed;
  closed.fold_is_slow = true;
  closed.join_all();
  for (WorkerId worker = 0; worker < 3; ++worker) closed.hand_in(1, worker);
  closed.folds.clear();
  closed.fold_is_slow = false;
  closed.restart();
  ASSERT_EQ(closed.folds.size(), 1U);
  EXPECT_EQ(closed.folds[0].members.size(), 3U);
  EXPECT_EQ(closed.ledger().decided, 1);
}

TEST(HubMachine, ADeadlineLeavesTheSlowOneOutWithAReason) {
  Hub hub({.deadline_ms_max = 500});
  hub.join_all();
  hub.hand_in(1, 0);
  hub.hand_in(1, 1);
  hub.say(2, hub.offer(1, 2));
  hub.wait(499);
  EXPECT_TRUE(hub.closes().empty());
  hub.wait(2);
  ASSERT_EQ(hub.closes().size(), 1U);
  ASSERT_EQ(hub.closes()[0].absent.size(), 1U);
  EXPECT_EQ(hub.closes()[0].absent[0].worker, 2);
  EXPECT_THAT(hub.closes()[0].absent[0].reason, HasSubstr("0 of 40 bytes"));
  const auto refused = hub.heard<OfferRefused>(2);
  ASSERT_EQ(refused.size(), 1U);
  EXPECT_EQ(refused[0].fault, Fault::kTimeout);
  EXPECT_EQ(refused[0].offer_from, 2);
}

TEST(HubMachine, ALateOfferSitsOutTheRoundThatIsUnderWay) {
  Hub hub({.deadline_ms_max = 500});
  hub.join_all();
  hub.hand_in(1, 0);
  hub.hand_in(1, 1);
  hub.wait(501);
  ASSERT_EQ(hub.ledger().opened, 2);
  hub.say(2, hub.offer(1, 2));
  EXPECT_EQ(hub.heard<OfferRefused>(2).at(0).offer_from, 3);
  hub.hand_in(2, 0);
  hub.hand_in(2, 1);
  EXPECT_EQ(hub.ledger().decided, 2) << "nobody waits for it";
  hub.hand_in(3, 0);
  hub.hand_in(3, 1);
  EXPECT_EQ(hub.ledger().decided, 2) << "now it is expected again";
  hub.hand_in(3, 2);
  EXPECT_EQ(hub.ledger().decided, 3);
}

TEST(HubMachine, WithoutAQuorumARoundIsAborted) {
  Hub hub({.quorum_count = 2, .deadline_ms_max = 500});
  hub.join_all();
  hub.hand_in(1, 0);
  hub.wait(501);
  ASSERT_EQ(hub.records<Aborted>().size(), 1U);
  EXPECT_THAT(hub.records<Aborted>()[0].reason, HasSubstr("no quorum: 1 of 3"));
  EXPECT_FALSE(hub.heard<Decision>(1).at(0).committed);
  EXPECT_EQ(hub.ledger().opened, 2);
}

// Goal: what was on its way when a round ends is let go, all of it. (The sanitizers see more.)
TEST(HubMachine, AnAbortLetsGoOfWhatIsOnItsWay) {
  Hub hub({.quorum_count = 2, .deadline_ms_max = 500});
  hub.join_all();
  hub.hand_in(1, 0);
  for (const WorkerId worker : {1, 2}) {
    const OfferReady ready = hub.offer(1, worker);
    hub.say(worker, ready);
    hub.say(worker, Chunk{ready.parcels[0].digest, 0, SharedBytes(Bytes(kBytes / 2))});
  }
  EXPECT_EQ(hub.machine().transfers(), 2U);
  EXPECT_EQ(hub.blobs(), 3U);
  hub.wait(501);
  ASSERT_EQ(hub.records<Aborted>().size(), 1U);
  EXPECT_EQ(hub.machine().transfers(), 0U);
  EXPECT_EQ(hub.blobs(), 0U);
}

TEST(HubMachine, TooFewMembersWaitForMore) {
  Hub hub({.quorum_count = 2, .deadline_ms_max = 500, .lease_ms = 300});
  hub.join_all();
  hub.hand_in(1, 0);
  hub.tick(301);  // all are silent
  EXPECT_EQ(hub.ledger().members.at(0).present, false);
  hub.join(0, 2);
  hub.hand_in(1, 0);
  hub.tick(200);
  hub.say(0, Progress{0, 0, {}, 0, 0, 0});
  hub.tick(290);
  EXPECT_EQ(hub.ledger().decided, 0);
  hub.join(1, 2);
  hub.hand_in(1, 1);
  EXPECT_EQ(hub.ledger().decided, 1);
}

// All have come back too late for the round that is open: it must not wait for ever for nobody.
TEST(HubMachine, ARoundThatNobodyMayEnterIsAborted) {
  Hub hub({.deadline_ms_max = 500, .lease_ms = 300});
  hub.join_all();
  for (WorkerId worker = 0; worker < 3; ++worker) hub.hand_in(1, worker);
  hub.tick(301);
  for (WorkerId worker = 0; worker < 3; ++worker) hub.join(worker, 2, -1);
  EXPECT_EQ(hub.ledger().members.at(0).offer_from, 3);
  hub.wait(10);
  EXPECT_EQ(hub.ledger().opened, 3);
  for (WorkerId worker = 0; worker < 3; ++worker) hub.hand_in(3, worker);
  EXPECT_EQ(hub.ledger().decided, 3);
}

// Goal: a kill between a decision and the worker's next checkpoint costs no offer. It goes back to
// a state before a round that counts it, and must train there what it has trained before.
TEST(HubMachine, WhoIsSetBackBeforeRoundsThatCountItRepeatsThemAndEntersTheNext) {
  Hub hub;
  hub.join_all();
  for (const int64_t round : {1, 2})
    for (WorkerId worker = 0; worker < 3; ++worker) hub.hand_in(round, worker);
  hub.heard<Welcome>(0);
  hub.join(0, 2, 0);
  EXPECT_EQ(hub.ledger().members.at(0).offer_from, 1);
  const Welcome welcome = hub.heard<Welcome>(0).back();
  EXPECT_EQ(welcome.offer_from, 1);
  EXPECT_EQ(welcome.counted, 2);
  hub.heard<OfferHeld>(0);
  for (const int64_t round : {1, 2}) hub.hand_in(round, 0);
  EXPECT_EQ(hub.heard<OfferHeld>(0).size(), 2U);
  for (const WorkerId worker : {1, 2}) hub.hand_in(3, worker);
  EXPECT_EQ(hub.ledger().decided, 2) << "it is waited for";
  hub.hand_in(3, 0);
  EXPECT_EQ(hub.ledger().decided, 3);
  EXPECT_EQ(hub.closes().back().members.size(), 3U);
}

TEST(HubMachine, ARoundThatIsClosedAndNotFoldedCountsToo) {
  Hub hub;
  hub.join_all();
  hub.fold_is_slow = true;
  for (WorkerId worker = 0; worker < 3; ++worker) hub.hand_in(1, worker);
  ASSERT_EQ(hub.ledger().decided, 0);
  hub.join(0, 2, 0);
  const Welcome welcome = hub.heard<Welcome>(0).back();
  EXPECT_EQ(welcome.counted, 1);
  EXPECT_EQ(welcome.offer_from, 1);
}

TEST(HubMachine, WhoMissedOneOfTheRoundsSinceItsStateFollows) {
  Hub hub({.deadline_ms_max = 500});
  hub.join_all();
  for (WorkerId worker = 0; worker < 3; ++worker) hub.hand_in(1, worker);
  for (const WorkerId worker : {1, 2}) hub.hand_in(2, worker);
  hub.wait(501);
  ASSERT_EQ(hub.ledger().decided, 2);
  hub.join(0, 2, 0);
  const Welcome welcome = hub.heard<Welcome>(0).back();
  EXPECT_EQ(welcome.offer_from, 4);
  EXPECT_LT(welcome.counted, welcome.offer_from);
}

// A network that says old things again must not put anybody out of step.
TEST(HubMachine, EchoesOfOldOffersAreNotLateOffers) {
  Hub hub({.quorum_count = 2, .deadline_ms_max = 500});
  hub.join_all();
  hub.hand_in(1, 0);
  hub.wait(501);
  ASSERT_EQ(hub.records<Aborted>().size(), 1U);
  hub.say(0, hub.offer(1, 0));
  for (WorkerId worker = 0; worker < 3; ++worker) hub.hand_in(2, worker);
  EXPECT_EQ(hub.ledger().decided, 2);
  EXPECT_TRUE(hub.records<SatOut>().empty());
}

// Goal: a round does not wait for members who are here and cannot be in it.
TEST(HubMachine, ARoundWithoutMembersEndsIfTheyAreThereForTheNext) {
  Hub hub({.deadline_ms_max = 500, .lease_ms = 300});
  hub.join_all();
  hub.tick(301);  // all are silent
  for (WorkerId worker = 0; worker < 3; ++worker) hub.join(worker, 2, -1);
  EXPECT_EQ(hub.ledger().members.at(0).offer_from, 2);
  hub.wait(250);
  ASSERT_EQ(hub.records<Aborted>().size(), 1U);
  EXPECT_EQ(hub.ledger().opened, 2);
}

TEST(HubMachine, SilenceEndsAMembershipWithAReason) {
  Hub hub({.lease_ms = 1000});
  hub.join_all();
  for (int i = 0; i < 3; ++i) {
    hub.tick(400);
    hub.say(0, Progress{0, 0, {}, 0, 0, 0});
    hub.say(1, Progress{0, 0, {}, 0, 0, 0});
  }
  const auto removed = hub.records<Removed>();
  ASSERT_EQ(removed.size(), 1U);
  EXPECT_EQ(removed[0].worker, 2);
  EXPECT_THAT(removed[0].reason, HasSubstr("no word"));
  hub.say(2, hub.offer(1, 2));
  EXPECT_FALSE(hub.heard<Fenced>(2).empty());
}

// The hub was stopped, not its members: their leases must not end with its sleep.
TEST(HubMachine, ItsOwnSleepIsNobodysSilence) {
  Hub hub({.lease_ms = 1000});
  hub.join_all();
  hub.tick(100'000);
  EXPECT_TRUE(hub.records<Removed>().empty());
  hub.sleep(100'000);
  hub.say(0, Progress{0, 0, {}, 0, 0, 0});  // the first thing that it sees may be a message
  EXPECT_TRUE(hub.records<Removed>().empty());
  hub.tick(900);
  hub.tick(200);
  EXPECT_EQ(hub.records<Removed>().size(), 3U);
}

TEST(HubMachine, ItsOwnSleepIsNobodysSilenceWhateverWakesIt) {
  Hub hub({.lease_ms = 1000});
  hub.join_all();
  hub.sleep(100'000);
  hub.say(1, Progress{0, 0, {}, 0, 0, 0});  // one of many messages that have waited
  for (WorkerId worker = 0; worker < 3; ++worker)
    EXPECT_TRUE(hub.ledger().members.at(worker).present) << worker;
}

// Goal: what members said while the hub slept counts: no deadline passes over it.
TEST(HubMachine, ARoundGoesOnWhereTheHubFellAsleep) {
  Hub hub({.deadline_ms_max = 500, .lease_ms = 1000});
  hub.join_all();
  hub.hand_in(1, 0);
  hub.sleep(100'000);
  hub.say(1, Progress{0, 0, {}, 0, 0, 0});
  hub.hand_in(1, 1);
  hub.hand_in(1, 2);
  ASSERT_EQ(hub.closes().size(), 1U);
  EXPECT_EQ(hub.closes()[0].members.size(), 3U);
}

// Goal: members that ask again and again while the log is slow take no memory for it.
TEST(HubMachine, FewMessagesWaitForASlowLog) {
  Hub hub;
  hub.join_all();
  hub.log_is_slow = true;
  hub.hand_in(1, 0);
  for (int i = 0; i < 10'000; ++i) hub.say(0, hub.offer(1, 0));
  EXPECT_LE(hub.machine().waiting(), 1'000U);
  hub.heard<OfferHeld>(0);
  hub.flush();
  EXPECT_FALSE(hub.heard<OfferHeld>(0).empty());
}

// Goal: what members left in the spool who came anew is dropped also when rounds overlap, so that
// some round is always open. Method: a member comes anew in every round, each time with another
// offer.
TEST(HubMachine, LeavesNothingInTheSpoolThoughRoundsOverlap) {
  Hub hub({}, 3, "preset = 'streaming_diloco'\nperiod = 4\nfragments = 2\ndelay = 3");
  hub.join_all();
  size_t most = 0;
  for (int64_t round = 1; round <= 8; ++round) {
    ASSERT_GT(hub.ledger().opened, round - 1);
    EXPECT_TRUE(round > 7 || hub.ledger().opened > round) << "another one is open";
    hub.hand_in(round, 2);
    hub.join(2, static_cast<uint64_t>(round) + 1, hub.ledger().decided);
    hub.hand_in(round, 2, 1);
    hub.hand_in(round, 0);
    hub.hand_in(round, 1);
    ASSERT_EQ(hub.ledger().decided, round);
    most = std::max(most, hub.worker_blobs());
  }
  EXPECT_LE(most, 3U * 2U);
}

// Goal: who sends without waiting for an acknowledgement does not fill the hub's memory.
TEST(HubMachine, TakesNoMoreThanAWindowBeforeItIsDurable) {
  Hub hub({.chunk_bytes = 8, .window_bytes = 20});
  hub.join_all();
  const OfferReady ready = hub.offer(1, 0);
  const BlobId blob{0, ready.parcels[0].digest};
  hub.say(0, ready);
  hub.store_is_slow = true;
  for (int64_t offset = 0; offset < kBytes; offset += 8)
    hub.say(0, Chunk{blob.digest, offset, SharedBytes(Bytes(8))});
  EXPECT_EQ(hub.blob_bytes(blob), 16);
  hub.input(Stored{blob, 16});
  hub.store_is_slow = false;
  for (int64_t offset = 16; offset < kBytes; offset += 8)
    hub.say(0, Chunk{blob.digest, offset, SharedBytes(Bytes(8))});
  EXPECT_EQ(hub.heard<OfferHeld>(0).size(), 1U);
}

TEST(HubMachine, AnOldEpochIsFenced) {
  Hub hub;
  hub.join_all();
  hub.hand_in(1, 0);
  EXPECT_TRUE(hub.ledger().rounds.at(1).held.contains(0));
  hub.join(0, 2);  // the process started again, from its own checkpoint
  EXPECT_FALSE(hub.ledger().rounds.at(1).held.contains(0));
  hub.heard<Fenced>(0);
  hub.say(0, hub.offer(1, 0), 1);
  EXPECT_EQ(hub.heard<Fenced>(0).size(), 1U);
  EXPECT_FALSE(hub.ledger().rounds.at(1).held.contains(0));
  hub.say(0, hub.offer(1, 0));  // the same bytes need not be sent again
  EXPECT_TRUE(hub.ledger().rounds.at(1).held.contains(0));
}

TEST(HubMachine, ARepeatedHelloIsOneAdmission) {
  Hub hub;
  hub.join(0, 5);
  hub.join(0, 5);
  EXPECT_EQ(hub.records<Admitted>().size(), 1U);
  EXPECT_EQ(hub.heard<Welcome>(0).size(), 2U);
}

TEST(HubMachine, RefusesStrangersAndSaysNothingElse) {
  Hub hub;
  const std::vector<std::pair<Hello, const char*>> strangers = {
      {Hello{1, {}, {}, {9, 9}, "", "wrong", 0}, "token"},
      {Hello{1, {1, 1}, {}, {9, 9}, "", "secret", 0}, "plan"},
      {Hello{1, {}, {1, 1}, {9, 9}, "", "secret", 0}, "model"},
      {Hello{1, {}, {}, {8, 8}, "", "secret", 0}, "first state"},
      {Hello{1, {}, {}, {9, 9}, "other", "secret", 0}, "program"},
  };
  for (const auto& [hello, reason] : strangers) {
    hub.say(1, hello, 0);
    const auto refused = hub.heard<Refused>(1);
    ASSERT_EQ(refused.size(), 1U) << reason;
    EXPECT_THAT(refused[0].reason, HasSubstr(reason));
    EXPECT_TRUE(hub.heard<Welcome>(1).empty());
  }
  hub.say(70, Hello{1, {}, {}, {9, 9}, "", "secret", 0}, 0);
  EXPECT_EQ(hub.heard<Refused>(70).size(), 1U);
  EXPECT_TRUE(hub.ledger().members.empty());
}

TEST(HubMachine, DoubledAndLateMessagesChangeNothing) {
  Hub hub;
  hub.join_all();
  for (int i = 0; i < 3; ++i) {
    hub.hand_in(1, 0);
    hub.hand_in(1, 1);
  }
  EXPECT_EQ(hub.records<Held>().size(), 2U);
  hub.hand_in(1, 2);
  hub.hand_in(1, 2);
  hub.hand_in(1, 0);
  EXPECT_EQ(hub.records<Held>().size(), 3U);
  EXPECT_EQ(hub.closes().size(), 1U);
  EXPECT_TRUE(hub.records<SatOut>().empty()) << "it counted: it is not late";
}

TEST(HubMachine, BadOffersAreStruckAndTooManyEndTheMembership) {
  Hub hub({.strikes_max = 3});
  hub.join_all();
  hub.check_trouble = failure(Fault::kNumeric, "channel `x` has values that are not finite");
  hub.hand_in(1, 2);
  EXPECT_THAT(hub.heard<OfferRefused>(2).at(0).reason, HasSubstr("not finite"));
  hub.check_trouble.reset();
  hub.hand_in(1, 0);
  hub.hand_in(1, 1);
  ASSERT_EQ(hub.closes().size(), 1U) << "nobody waits for a liar";
  EXPECT_THAT(hub.closes()[0].absent.at(0).reason, HasSubstr("not finite"));
  for (const int64_t round : {2, 3}) {
    OfferReady bad = hub.offer(round, 2);
    bad.parcels[0].weight = 0;
    hub.say(2, bad);
    hub.hand_in(round, 0);
    hub.hand_in(round, 1);
  }
  ASSERT_EQ(hub.records<Removed>().size(), 1U);
  EXPECT_THAT(hub.records<Removed>()[0].reason, HasSubstr("3 bad offers"));
}

// It would hand in the same again, and a round that needs it would never end.
TEST(HubMachine, WhoIsSentAwayForABadOfferMayNotTryItAgainInThatRound) {
  Hub hub({.quorum_count = 3, .strikes_max = 1});
  hub.join_all();
  hub.check_trouble = failure(Fault::kBadInput, "garbage");
  hub.hand_in(1, 2);
  ASSERT_FALSE(hub.ledger().members.at(2).present);
  hub.check_trouble.reset();
  hub.hand_in(1, 0);
  hub.hand_in(1, 1);
  hub.join(2, 2, 0);
  EXPECT_EQ(hub.ledger().members.at(2).offer_from, 2);
  hub.hand_in(1, 2);
  EXPECT_EQ(hub.records<Aborted>().size(), 1U);
  for (WorkerId worker = 0; worker < 3; ++worker) hub.hand_in(2, worker);
  EXPECT_EQ(hub.ledger().decided, 2);
}

TEST(HubMachine, WhatDoesNotFitThePlanIsStruck) {
  Hub hub({.strikes_max = 100});
  hub.join_all();
  std::vector<OfferReady> bad(6, hub.offer(1, 0));
  bad[0].round = 99;
  bad[1].step = 3;
  bad[2].parcels[0].bytes = 1 << 20;
  bad[3].parcels[0].channel = 4;
  bad[4].parcels.push_back({0, 1, {3, 3}, 8});
  bad[5].parcels.clear();
  for (const OfferReady& offer : bad) hub.say(0, offer);
  EXPECT_EQ(hub.records<Struck>().size(), 2U)
      << "one for no round; after one in round 1 the rest of that round is refused";
  EXPECT_EQ(hub.heard<OfferRefused>(0).size(), 6U);
}

TEST(HubMachine, AFullDiskStopsDecisionsNotTheTruth) {
  Hub hub;
  hub.join_all();
  hub.input(LogFailed{failure(Fault::kIo, "hub.log: no space left")});
  EXPECT_THAT(hub.machine().halted(), HasSubstr("no space"));
  hub.hand_in(1, 0);
  EXPECT_TRUE(hub.records<Held>().empty());
}

TEST(HubMachine, TheLogIsReplacedByItsState) {
  Hub hub({.log_entries_max = 20});
  hub.join_all();
  for (int64_t round = 1; round <= 8; ++round)
    for (WorkerId worker = 0; worker < 3; ++worker) hub.hand_in(round, worker);
  EXPECT_LT(hub.records<Opened>().size(), 8U);
  const Bytes before = hub.ledger().encode();
  hub.restart();
  EXPECT_EQ(hub.ledger().encode(), before);
  EXPECT_EQ(hub.ledger().decided, 8);
}

// Goal: who fetches a snapshot is not taken for one who has missed what is no longer kept.
TEST(HubMachine, AJoinerMayTakeItsTime) {
  Hub hub({.retain_rounds = 0});
  hub.join_all();
  for (int64_t round = 1; round <= 4; ++round)
    for (WorkerId worker = 0; worker < 3; ++worker) hub.hand_in(round, worker);
  hub.input(Snapshotted{4, {{8, 8}, 80}});
  ASSERT_EQ(hub.ledger().kept_from(), 5);
  hub.join(2, 2, -1);
  EXPECT_EQ(hub.heard<Welcome>(2).back().snapshot_bytes, 80);
  hub.say(2, Progress{-1, 0, {}, 0, 0, 0});
  EXPECT_TRUE(hub.ledger().members.at(2).present);
  hub.join(1, 2, 3);  // with a state of its own that is too old
  EXPECT_EQ(hub.heard<Welcome>(1).back().snapshot_bytes, 80);
  hub.say(1, Progress{-1, 0, {}, 0, 0, 0});
  EXPECT_TRUE(hub.ledger().members.at(1).present);
}

// Goal: a snapshot stays while somebody fetches it, and whoever lost it to a restart gets another.
TEST(HubMachine, ASnapshotIsKeptForWhoFetchesIt) {
  Hub hub;
  hub.join_all();
  for (WorkerId worker = 0; worker < 3; ++worker) hub.hand_in(1, worker);
  hub.join(2, 2, -1);
  ASSERT_EQ(hub.heard<Welcome>(2).back().snapshot_bytes, 10);
  hub.input(Snapshotted{1, {{8, 8}, 80}});
  hub.chunks_sent = 0;
  hub.say(2, Get{{9, 9}, 0, 10});
  EXPECT_EQ(hub.chunks_sent, 1) << "the older one";
  hub.join(2, 2, -1);
  EXPECT_EQ(hub.heard<Welcome>(2).back().snapshot_bytes, 10) << "the same Hello";
  hub.say(2, Progress{0, 0, {}, 0, 0, 0});
  hub.say(2, Get{{9, 9}, 0, 10});
  EXPECT_EQ(hub.chunks_sent, 1) << "nobody needs it any more";

  hub.join(2, 3, -1);
  hub.restart();
  hub.say(2, Progress{-1, 0, {}, 0, 0, 0});
  EXPECT_THAT(hub.records<Removed>().back().reason, HasSubstr("no longer kept"));
  EXPECT_TRUE(hub.heard<Fenced>(2).back().keep_state);
}

// Goal: a Hello that is repeated gets an answer that the first one did not; the worker goes by the
// first, and is told what it asks for.
TEST(HubMachine, ARepeatedHelloDoesNotMakeAJoinerOfAMember) {
  Hub hub({.deadline_ms_max = 500, .retain_rounds = 1});
  hub.join_all();
  for (WorkerId worker = 0; worker < 2; ++worker) hub.hand_in(1, worker);
  hub.wait(501);
  hub.join(2, 2, 0);
  for (WorkerId worker = 0; worker < 2; ++worker) hub.hand_in(2, worker);
  hub.input(Snapshotted{2, {{8, 8}, 80}});
  hub.join(2, 2, 0);
  EXPECT_EQ(hub.heard<Welcome>(2).back().snapshot_bytes, 80);
  hub.heard<Decision>(2);
  hub.say(2, Ask{1});
  ASSERT_EQ(hub.heard<Decision>(2).size(), 1U);
}

// Goal: a state that the audit found wrong is not taken back. Method: the worker has missed the
// message that says so, and comes with the same state; twice, as the answer is lost.
TEST(HubMachine, AStateThatTheAuditFoundWrongIsGivenUp) {
  Hub hub;
  hub.join_all();
  for (WorkerId worker = 0; worker < 3; ++worker) hub.hand_in(1, worker);
  hub.input(Mirrored{{{1, Digest{1, 1}}}});
  hub.say(1, Progress{1, 1, {6, 6}, 2, 0, 0});
  ASSERT_FALSE(hub.ledger().members.at(1).present);
  hub.heard<Welcome>(1);
  for (int i = 0; i < 2; ++i) {
    hub.join(1, 2, 1);
    const auto welcomes = hub.heard<Welcome>(1);
    ASSERT_EQ(welcomes.size(), 1U);
    EXPECT_EQ(welcomes[0].snapshot_bytes, 10);
    EXPECT_EQ(hub.ledger().epoch, 4);
  }
  hub.join(1, 3, 1);
  EXPECT_EQ(hub.heard<Welcome>(1).back().snapshot_bytes, 10);
  hub.hand_in(2, 1);
  EXPECT_TRUE(hub.ledger().members.at(1).present);
}

TEST(HubMachine, TellsWhoMissedTheDecision) {
  Hub hub;
  hub.join_all();
  for (WorkerId worker = 0; worker < 3; ++worker) hub.hand_in(1, worker);
  hub.heard<Decision>(1);
  hub.say(1, Ask{0});
  EXPECT_EQ(hub.heard<Decision>(1).size(), 1U);
  hub.say(1, Ask{1});
  EXPECT_TRUE(hub.heard<Decision>(1).empty());
}

}  // namespace
}  // namespace causeway
