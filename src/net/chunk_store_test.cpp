// SPDX-License-Identifier: Apache-2.0
#include "net/chunk_store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <condition_variable>
#include <future>
#include <mutex>
#include <optional>

namespace causeway {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::SizeIs;

constexpr uint64_t kRun = 0xAB;
const Digest kStoredBlob = {1, 2}, kOtherStoredBlob = {1, 3};

/// Memory behind a gate: puts wait at it, can be made to fail, and are counted.
class GatedStore final : public ObjectStore {
 public:
  Result<void> put(const std::string& key, ByteSpan bytes) override {
    std::unique_lock lock(mutex_);
    ++inside_;
    inside_max_ = std::max(inside_max_, inside_);
    changed_.notify_all();
    changed_.wait(lock, [&] { return open_; });
    --inside_;
    ++puts_;
    if (failures_left_-- > 0) return failure(Fault::kIo, "the store is away");
    return memory_->put(key, bytes);
  }
  Result<Bytes> get(const std::string& key, int64_t bytes_max) override {
    return memory_->get(key, bytes_max);
  }
  Result<void> remove(const std::string& key) override { return memory_->remove(key); }
  Result<std::vector<std::string>> list(const std::string& prefix, int64_t count) override {
    return memory_->list(prefix, count);
  }
  Result<std::string> presign(const std::string& method, const std::string& key, int64_t seconds,
                              int64_t now) const override {
    return memory_->presign(method, key, seconds, now);
  }
  void cancel() override { memory_->cancel(); }

  void open_gate(bool open) {
    const std::lock_guard lock(mutex_);
    open_ = open;
    changed_.notify_all();
  }
  void fail_next(int64_t count) {
    const std::lock_guard lock(mutex_);
    failures_left_ = count;
  }
  void wait_until_inside(int64_t count) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return inside_ >= count; });
  }
  int64_t puts() const {
    const std::lock_guard lock(mutex_);
    return puts_;
  }
  int64_t inside_max() const {
    const std::lock_guard lock(mutex_);
    return inside_max_;
  }
  std::vector<std::string> keys() { return memory_->list("", 10'000).value(); }

 private:
  std::unique_ptr<ObjectStore> memory_ = memory_object_store();
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  bool open_ = true;
  int64_t inside_ = 0, inside_max_ = 0, puts_ = 0, failures_left_ = 0;
};

class ChunkStoreTest : public testing::Test {
 protected:
  using Answer = std::future<Result<ChunkReference>>;

  ChunkStoreTest() { open({}); }

  void open(const ChunkStoreOptions& options) {
    chunks_.reset();
    chunks_ = std::make_unique<ChunkStore>(store_, clock_, options);
  }
  static Chunk chunk_of(int64_t offset, size_t bytes = 1000, const Digest& blob = kStoredBlob) {
    return {blob, offset, Bytes(bytes, static_cast<std::byte>(offset + 1))};
  }
  /// nullopt: full.
  std::optional<Answer> try_put(const Chunk& chunk) {
    const auto promise = std::make_shared<std::promise<Result<ChunkReference>>>();
    if (!chunks_->put(kRun, chunk, [=](auto put) { promise->set_value(std::move(put)); }))
      return {};
    return promise->get_future();
  }
  Answer start_put(const Chunk& chunk) { return std::move(try_put(chunk).value()); }
  Result<ChunkReference> put(const Chunk& chunk) { return start_put(chunk).get(); }
  Result<Chunk> get(const ChunkReference& reference) {
    std::promise<Result<Chunk>> promise;
    CW_CHECK(chunks_->get(kRun, reference, [&](auto got) { promise.set_value(std::move(got)); }));
    return promise.get_future().get();
  }
  Result<int64_t> remove(const Digest& blob) {
    std::promise<Result<int64_t>> promise;
    CW_CHECK(chunks_->remove_blob(kRun, blob, [&](auto n) { promise.set_value(std::move(n)); }));
    return promise.get_future().get();
  }

  GatedStore store_;
  ManualClock clock_;
  std::unique_ptr<ChunkStore> chunks_;
};

TEST_F(ChunkStoreTest, AChunkComesOutAsItWentIn) {
  const auto digits = std::as_bytes(std::span("123456789", 9));
  const Chunk chunk{kStoredBlob, 5, Bytes(digits.begin(), digits.end())};
  const auto reference = put(chunk);
  ASSERT_TRUE(reference.ok());
  // The check value of CRC-32C.
  EXPECT_EQ(reference->bytes, 9);
  EXPECT_EQ(reference->crc32c, 0xE3069283);
  // As `printf 123456789 | sha256sum`.
  EXPECT_EQ(hex_of(reference->sha256),
            "15e2b0d3c33891ebb0f1ef609ec419420c20e320ce94c65fbc8c3312448eb225");
  EXPECT_THAT(store_.keys(),
              ElementsAre("chunks/00000000000000ab/00000000000000010000000000000002/5-9"));
  const auto got = get(*reference);
  ASSERT_TRUE(got.ok());
  EXPECT_EQ(got->blob, kStoredBlob);
  EXPECT_EQ(got->offset, 5);
  EXPECT_EQ(got->bytes, chunk.bytes);
  EXPECT_EQ(chunks_->pending(), 0);
}

TEST_F(ChunkStoreTest, ReceiversShareOnePut) {
  store_.open_gate(false);
  std::vector<Answer> answers;
  for (int i = 0; i < 5; ++i) answers.push_back(start_put(chunk_of(0)));
  EXPECT_EQ(chunks_->pending(), 5);
  store_.open_gate(true);
  std::vector<ChunkReference> references;
  for (auto& answer : answers) references.push_back(answer.get().value());
  references.push_back(put(chunk_of(0)).value());
  EXPECT_EQ(store_.puts(), 1);
  for (const auto& reference : references) EXPECT_EQ(get(reference)->bytes, chunk_of(0).bytes);
  EXPECT_TRUE(put(chunk_of(1)).ok());
  EXPECT_TRUE(put(chunk_of(0, 999)).ok());
  EXPECT_TRUE(put(chunk_of(0, 1000, kOtherStoredBlob)).ok());
  EXPECT_EQ(store_.puts(), 4);
  EXPECT_THAT(store_.keys(), SizeIs(4));
}

TEST_F(ChunkStoreTest, RemembersTheLastPuts) {
  open({.remembered = 2});
  for (const int64_t offset : {0, 1, 2, 1, 2}) EXPECT_TRUE(put(chunk_of(offset)).ok());
  EXPECT_EQ(store_.puts(), 3);
  EXPECT_TRUE(put(chunk_of(0)).ok());
  EXPECT_EQ(store_.puts(), 4);
  chunks_->forget(kRun, kOtherStoredBlob);
  chunks_->forget(kRun + 1, kStoredBlob);
  EXPECT_TRUE(put(chunk_of(0)).ok());
  EXPECT_EQ(store_.puts(), 4);
  chunks_->forget(kRun, kStoredBlob);
  EXPECT_TRUE(put(chunk_of(0)).ok());
  EXPECT_EQ(store_.puts(), 5);
}

TEST_F(ChunkStoreTest, OtherBytesUnderTheSameKeyAreRefused) {
  store_.open_gate(false);
  Answer first = start_put(chunk_of(0));
  Chunk other = chunk_of(0);
  other.bytes = Bytes(1000, std::byte{9});
  Answer second = start_put(other);
  EXPECT_EQ(second.get().error().fault, Fault::kCorrupt);
  store_.open_gate(true);
  EXPECT_TRUE(first.get().ok());
  EXPECT_EQ(put(other).error().fault, Fault::kCorrupt);
  EXPECT_EQ(store_.puts(), 1);
}

TEST_F(ChunkStoreTest, AFailedPutIsToldToAllAndNotRemembered) {
  store_.open_gate(false);
  store_.fail_next(1);
  Answer first = start_put(chunk_of(0)), second = start_put(chunk_of(0));
  store_.open_gate(true);
  EXPECT_EQ(first.get().error().fault, Fault::kIo);
  EXPECT_EQ(second.get().error().fault, Fault::kIo);
  EXPECT_TRUE(put(chunk_of(0)).ok());
  EXPECT_EQ(store_.puts(), 2);
}

TEST_F(ChunkStoreTest, AnObjectThatIsNotWhatWasPutIsCorrupt) {
  const ChunkReference reference = put(chunk_of(0)).value();
  const std::string key = chunk_key(kRun, reference);
  for (Bytes bytes : {Bytes(1000), Bytes(999, std::byte{1}), Bytes(1001, std::byte{1}), Bytes()}) {
    ASSERT_TRUE(store_.put(key, bytes).ok());
    EXPECT_EQ(get(reference).error().fault, Fault::kCorrupt);
  }
  ASSERT_TRUE(store_.remove(key).ok());
  EXPECT_EQ(get(reference).error().fault, Fault::kBadInput);
}

// Bytes with the same CRC-32C are easily made; here the reference is changed to that end.
TEST_F(ChunkStoreTest, AForgedObjectIsCorrupt) {
  ChunkReference reference = put(chunk_of(0)).value();
  const Bytes forged(1000, std::byte{7});
  ASSERT_TRUE(store_.put(chunk_key(kRun, reference), forged).ok());
  reference.crc32c = crc32c(forged);
  const auto got = get(reference);
  EXPECT_EQ(got.error().fault, Fault::kCorrupt);
  EXPECT_THAT(got.error().message, HasSubstr("SHA-256"));
}

TEST_F(ChunkStoreTest, AStrangersReferenceIsSafe) {
  for (const auto& [offset, bytes] : {std::pair<int64_t, int64_t>{0, 0},
                                      {0, -1},
                                      {-1, 1},
                                      {0, int64_t{kChunkBytesMax} + 1},
                                      {INT64_MAX, 1}}) {
    const ChunkReference reference{kStoredBlob, offset, bytes, 0};
    EXPECT_EQ(get(reference).error().fault, Fault::kCorrupt);
    EXPECT_EQ(decode_reference(encode_reference(reference)).error().fault, Fault::kCorrupt);
  }
  const ChunkReference good{kStoredBlob, INT64_MAX - 1, 1, 7, sha256_of({})};
  const Bytes bytes = encode_reference(good);
  EXPECT_EQ(decode_reference(bytes).value(), good);
  EXPECT_THAT(bytes, SizeIs(68));
  EXPECT_FALSE(decode_reference(ByteSpan(bytes).first(67)).ok());
  Bytes longer = bytes;
  longer.push_back({});
  EXPECT_FALSE(decode_reference(longer).ok());
}

TEST_F(ChunkStoreTest, TransfersGoOnAtOnce) {
  open({.transfers = 3});
  store_.open_gate(false);
  std::vector<Answer> answers;
  for (int64_t i = 0; i < 10; ++i) answers.push_back(start_put(chunk_of(i)));
  store_.wait_until_inside(3);
  store_.open_gate(true);
  for (auto& answer : answers) EXPECT_TRUE(answer.get().ok());
  EXPECT_EQ(store_.inside_max(), 3);
}

TEST_F(ChunkStoreTest, MoreThanItsBoundsIsRefused) {
  open({.transfers = 1, .calls_max = 6, .bytes_max = 1 << 20});
  store_.open_gate(false);
  std::vector<Answer> answers;
  answers.push_back(start_put(chunk_of(0, 500'000)));
  answers.push_back(start_put(chunk_of(1, 500'000)));
  EXPECT_FALSE(try_put(chunk_of(2, 100'000)).has_value());
  const auto ignore = [](const auto&) {};
  EXPECT_FALSE(chunks_->get(kRun, {kStoredBlob, 0, 100'000, 0}, ignore));
  answers.push_back(start_put(chunk_of(2, 1'000)));
  // Joined, and so without bytes of its own.
  for (int i = 0; i < 3; ++i) answers.push_back(start_put(chunk_of(0, 500'000)));
  EXPECT_EQ(chunks_->pending(), 6);
  EXPECT_FALSE(try_put(chunk_of(0, 500'000)).has_value());
  EXPECT_FALSE(chunks_->remove_blob(kRun, kOtherStoredBlob, ignore));
  store_.open_gate(true);
  for (auto& answer : answers) EXPECT_TRUE(answer.get().ok());
  EXPECT_EQ(chunks_->pending(), 0);
  EXPECT_TRUE(put(chunk_of(3, 1 << 20)).ok());
}

TEST_F(ChunkStoreTest, WhatWaitsTooLongIsNotBegun) {
  open({.transfers = 1, .timeout_ms = 1000});
  store_.open_gate(false);
  Answer first = start_put(chunk_of(0));
  store_.wait_until_inside(1);
  Answer second = start_put(chunk_of(1));
  clock_.advance_ns(1'000'000'001);
  store_.open_gate(true);
  EXPECT_TRUE(first.get().ok());
  const auto late = second.get();
  EXPECT_EQ(late.error().fault, Fault::kTimeout);
  EXPECT_THAT(late.error().message, HasSubstr("/1-1000: waited too long"));
  EXPECT_EQ(store_.puts(), 1);
  EXPECT_TRUE(put(chunk_of(1)).ok());
}

// The bytes of the chunk that waits tell when they are dropped: then the other may come back.
TEST_F(ChunkStoreTest, DestructionDropsWhatWaits) {
  open({.transfers = 1});
  store_.open_gate(false);
  std::atomic<int> called = 0;
  const auto count = [&](const auto&) { ++called; };
  ASSERT_TRUE(chunks_->put(kRun, chunk_of(0), count));
  store_.wait_until_inside(1);
  std::shared_ptr<const Bytes> watched(new Bytes(10), [&](const Bytes* bytes) {
    delete bytes;
    store_.open_gate(true);
  });
  ASSERT_TRUE(chunks_->put(kRun, {kStoredBlob, 1, SharedBytes(watched)}, count));
  ASSERT_TRUE(chunks_->get(kRun, {kStoredBlob, 0, 1, 0}, count));
  ASSERT_TRUE(chunks_->remove_blob(kRun, kStoredBlob, count));
  watched.reset();
  chunks_.reset();
  EXPECT_EQ(called, 0);
  EXPECT_EQ(store_.puts(), 1);
}

TEST_F(ChunkStoreTest, ACallbackMayCall) {
  std::promise<Result<Chunk>> promise;
  const Chunk chunk = chunk_of(0);
  ASSERT_TRUE(chunks_->put(kRun, chunk, [&](const auto& reference) {
    CW_CHECK(chunks_->get(kRun, *reference, [&](auto got) { promise.set_value(std::move(got)); }));
  }));
  EXPECT_EQ(promise.get_future().get()->bytes, chunk.bytes);
}

TEST_F(ChunkStoreTest, RemovesABlobAndNothingElse) {
  for (const int64_t offset : {0, 1, 2}) {
    ASSERT_TRUE(put(chunk_of(offset)).ok());
    ASSERT_TRUE(put(chunk_of(offset, 10, kOtherStoredBlob)).ok());
  }
  EXPECT_EQ(remove(kStoredBlob).value(), 3);
  EXPECT_THAT(store_.keys(), SizeIs(3));
  for (const auto& key : store_.keys()) EXPECT_THAT(key, HasSubstr(kOtherStoredBlob.hex()));
  EXPECT_EQ(remove(kStoredBlob).value(), 0);
  // And what was removed is put again.
  EXPECT_TRUE(put(chunk_of(0)).ok());
  EXPECT_EQ(store_.puts(), 7);
}

TEST_F(ChunkStoreTest, RemovesMoreThanAListHolds) {
  for (int64_t i = 0; i < 2000; ++i)
    ASSERT_TRUE(store_.put(chunk_key(kRun, {kStoredBlob, i, 1, 0}), {}).ok());
  EXPECT_EQ(remove(kStoredBlob).value(), 2000);
  EXPECT_THAT(store_.keys(), SizeIs(0));
}

TEST_F(ChunkStoreTest, ARemovalLetsOthersPass) {
  open({.transfers = 1});
  for (int64_t i = 0; i < 3; ++i) ASSERT_TRUE(put(chunk_of(i)).ok());
  store_.open_gate(false);
  Answer first = start_put(chunk_of(0, 10, kOtherStoredBlob));
  store_.wait_until_inside(1);
  std::promise<Result<int64_t>> removed;
  ASSERT_TRUE(
      chunks_->remove_blob(kRun, kStoredBlob, [&](auto n) { removed.set_value(std::move(n)); }));
  // It waits behind one step of the removal, and is put while objects are left.
  std::promise<size_t> left;
  ASSERT_TRUE(chunks_->put(kRun, chunk_of(1, 10, kOtherStoredBlob),
                           [&](const auto&) { left.set_value(store_.keys().size()); }));
  store_.open_gate(true);
  EXPECT_EQ(left.get_future().get(), 2 + 2);
  EXPECT_EQ(removed.get_future().get().value(), 3);
  EXPECT_TRUE(first.get().ok());
}

TEST_F(ChunkStoreTest, ARemovalThatFailsSaysSo) {
  ASSERT_TRUE(put(chunk_of(0)).ok());
  store_.cancel();
  EXPECT_EQ(remove(kStoredBlob).error().fault, Fault::kIo);
  EXPECT_EQ(chunks_->pending(), 0);
}

}  // namespace
}  // namespace causeway
