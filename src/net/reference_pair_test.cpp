// SPDX-License-Identifier: Apache-2.0
//
// Both ends of a connection, with the transfers of the protocol above them, while puts and gets end
// in any order and fail as they like. Time stands still: nothing may count on a repetition.
#include <gtest/gtest.h>

#include <random>
#include <variant>

#include "exchange/transfer.h"
#include "net/reference_receiver.h"
#include "net/reference_sender.h"
#include "net/test_transfers.h"

namespace causeway {
namespace {

constexpr int64_t kNever = int64_t{1} << 40;
constexpr TransferSizes kSizes{10, 60};
constexpr int kStepsMax = 100'000;
const Digest kPairBlob = {1, 2};

struct Chances {
  double put_fails = 0, get_fails = 0, vanishes = 0;
};

/// A sender and a receiver, joined by lines that keep their order.
class Pair {
 public:
  Pair(uint64_t seed, const Chances& chances) : random_(seed), chances_(chances) {
    for (size_t i = 0; i < 237; ++i) blob_.push_back(static_cast<std::byte>(random_()));
  }
  virtual ~Pair() = default;

  /// Until all has come. False if there is nothing to be done any more.
  bool run() {
    for (int step = 0; step < kStepsMax && !done(); ++step) {
      pump();
      std::vector<std::function<void()>> moves;
      if (!forward_.empty()) moves.emplace_back([this] { hear(pop(forward_)); });
      if (!backward_.empty()) moves.emplace_back([this] { hear_back(pop(backward_)); });
      if (!transfers_.puts.empty()) moves.emplace_back([this] { end_put(); });
      if (!transfers_.gets.empty()) moves.emplace_back([this] { end_get(); });
      if (moves.empty()) return done();
      moves[draw(moves.size())]();
    }
    return done();
  }
  int64_t plain_chunks() const { return plain_chunks_; }
  int64_t referred_bytes() const { return sender_.referred_bytes(); }
  const Bytes& blob() const { return blob_; }

 protected:
  using Line = std::deque<std::variant<Message, Referral>>;

  virtual bool done() const = 0;
  virtual void pump() = 0;                           // what the machines say by themselves
  virtual void deliver(const Message& message) = 0;  // a chunk has come
  virtual void again(const BulkRequest& what) = 0;   // its sender shall send it anew
  virtual void answer(const Message& message) = 0;   // something else was said back

  size_t draw(size_t count) { return std::uniform_int_distribution<size_t>(0, count - 1)(random_); }
  bool happens(double chance) { return std::bernoulli_distribution(chance)(random_); }
  static Message message(Body body) { return {5, 1, 3, std::move(body)}; }
  static Line::value_type pop(Line& line) {
    Line::value_type out = std::move(line.front());
    line.pop_front();
    return out;
  }
  void send(int64_t offset, int64_t bytes) {
    sender_.send(
        {5, 1, 3, kPairBlob, offset, bytes}, [this, offset, bytes]() -> Result<SharedBytes> {
          return SharedBytes(Bytes(blob_.begin() + offset, blob_.begin() + offset + bytes));
        });
  }
  void hear(std::variant<Message, Referral> said) {
    if (auto* chunk = std::get_if<Message>(&said)) return receiver_.take(std::move(*chunk));
    receiver_.take(std::get<Referral>(said));
  }
  void hear_back(const std::variant<Message, Referral>& said) {
    if (const auto* one = std::get_if<Message>(&said)) return answer(*one);
    if (const auto what = sender_.missing(std::get<Referral>(said))) again(*what);
  }
  void end_put() {
    const int64_t offset = transfers_.puts[draw(transfers_.puts.size())].what.offset;
    happens(chances_.put_fails) ? transfers_.fail_put(offset) : transfers_.end_put(offset);
  }
  void end_get() {
    const auto& chunk = transfers_.gets[draw(transfers_.gets.size())].what.chunk;
    const int64_t offset = chunk.offset;
    if (happens(chances_.get_fails)) return transfers_.fail_get(offset);
    if (happens(chances_.vanishes)) return transfers_.fail_get(offset, Fault::kBadInput);
    transfers_.end_get(offset, Bytes(blob_.begin() + offset, blob_.begin() + offset + chunk.bytes));
  }

  std::mt19937_64 random_;
  const Chances chances_;
  Bytes blob_;
  Line forward_, backward_;
  int64_t plain_chunks_ = 0;
  TestTransfers transfers_;
  ManualClock clock_;
  ReferenceSender sender_{
      transfers_,
      clock_,
      1,
      {[this](const Referral& referral) { forward_.emplace_back(referral); },
       [this](const BulkRequest& what, const ReferenceSender::Read& read) {
         ++plain_chunks_;
         forward_.emplace_back(message(Chunk{what.blob, what.offset, read().value()}));
       },
       nullptr}};
  ReferenceReceiver receiver_{
      transfers_,
      clock_,
      2,
      {[this](const Message& chunk) { deliver(chunk); },
       [this](const Referral& referral) { backward_.emplace_back(referral); }, nullptr}};
};

/// A worker's offer; the hub acknowledges what it has.
class OfferPair final : public Pair {
 public:
  using Pair::Pair;
  const Bytes& got() const { return got_; }

 private:
  bool done() const override { return got_.size() == blob_.size() && backward_.empty(); }
  void pump() override {
    if (!invited_) backward_.emplace_back(message(ChunkHeld{kPairBlob, 0}));
    invited_ = true;
    std::vector<Chunk> chunks;
    upload_.pump(0, kSizes, chunks);
    for (const Chunk& chunk : chunks) send(chunk.offset, chunk.bytes.size());
  }
  void deliver(const Message& message_of) override {
    const auto& chunk = std::get<Chunk>(message_of.body);
    if (chunk.offset == std::ssize(got_)) {
      const ByteSpan bytes = chunk.bytes.view();
      got_.insert(got_.end(), bytes.begin(), bytes.end());
    }
    backward_.emplace_back(message(ChunkHeld{kPairBlob, std::ssize(got_)}));
  }
  void again(const BulkRequest& what) override { upload_.wanted(what.offset); }
  void answer(const Message& said) override {
    upload_.acknowledged(0, std::get<ChunkHeld>(said.body).durable);
  }

  bool invited_ = false;
  Bytes got_;
  Upload upload_{kPairBlob, SharedBytes(blob_), Retry(kNever, kNever)};
};

/// A result; the worker asks for it.
class ResultPair final : public Pair {
 public:
  using Pair::Pair;
  const Bytes& got() const { return download_.bytes(); }

 private:
  bool done() const override { return download_.done(); }
  void pump() override {
    if (const auto get = download_.pump(0, kSizes)) backward_.emplace_back(message(*get));
  }
  void deliver(const Message& chunk) override { download_.take(0, std::get<Chunk>(chunk.body)); }
  void again(const BulkRequest& what) override { serve(what.offset, what.bytes); }
  void answer(const Message& said) override {
    const auto& get = std::get<Get>(said.body);
    serve(get.offset, get.bytes_max);
  }
  void serve(int64_t offset, int64_t bytes) {
    const int64_t end = std::min(offset + bytes, std::ssize(blob_));
    for (; offset < end; offset += kSizes.chunk_bytes)
      send(offset, std::min(kSizes.chunk_bytes, end - offset));
  }

  Download download_{digest_of(blob_), std::ssize(blob_), Retry(kNever, kNever)};
};

constexpr Chances kWorlds[] = {{0, 0, 0},     {1, 0, 0},     {0, 1, 0},       {0, 0, 1},
                               {0.1, 0, 0},   {0, 0.1, 0},   {0, 0, 0.1},     {0.1, 0.1, 0.1},
                               {0.5, 0.2, 0}, {0, 0.5, 0.5}, {0.02, 0, 0.02}, {0.05, 0.05, 0}};

template <class OnePair>
void expect_all_comes() {
  for (const Chances& chances : kWorlds)
    for (uint64_t seed = 0; seed < 300; ++seed) {
      OnePair pair(seed, chances);
      ASSERT_TRUE(pair.run()) << "seed " << seed << ", puts " << chances.put_fails << ", gets "
                              << chances.get_fails << ", vanish " << chances.vanishes
                              << ": stuck at " << pair.got().size();
      ASSERT_EQ(pair.got(), pair.blob());
      const int64_t total = std::ssize(pair.blob());
      if (chances.put_fails == 1) {
        ASSERT_EQ(pair.referred_bytes(), 0);
      }
      if (chances.put_fails == 0 && chances.get_fails == 0 && chances.vanishes == 0) {
        ASSERT_EQ(pair.plain_chunks(), 0);
      }
      // What fails costs something, but never many times the blob.
      ASSERT_LE(pair.plain_chunks() * kSizes.chunk_bytes, 4 * total);
    }
}

TEST(ReferencePair, AnOfferComesWhateverTheStoreDoes) { expect_all_comes<OfferPair>(); }
TEST(ReferencePair, AResultComesWhateverTheStoreDoes) { expect_all_comes<ResultPair>(); }

}  // namespace
}  // namespace causeway
