// SPDX-License-Identifier: Apache-2.0
#include "net/store_turns.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <condition_variable>
#include <future>

namespace causeway {
namespace {

using testing::ElementsAre;

const Digest kTurnsBlob = {1, 2};

/// Memory behind a gate; remembers what came to it, and how many were inside at once.
class WatchedStore final : public ObjectStore {
 public:
  Result<void> put(const std::string& key, ByteSpan bytes) override {
    pass(key);
    return memory_->put(key, bytes);
  }
  Result<Bytes> get(const std::string& key, int64_t bytes_max) override {
    pass(key);
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
    inside_max_ = 0;
    changed_.notify_all();
  }
  void wait_until_inside(int64_t count) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return inside_ >= count; });
  }
  /// Offsets of the chunks, in the order in which they came.
  std::vector<std::string> came() const {
    const std::lock_guard lock(mutex_);
    return came_;
  }
  int64_t inside_max() const {
    const std::lock_guard lock(mutex_);
    return inside_max_;
  }

 private:
  void pass(const std::string& key) {
    std::unique_lock lock(mutex_);
    came_.push_back(key.substr(key.rfind('/') + 1, key.rfind('-') - key.rfind('/') - 1));
    inside_max_ = std::max(inside_max_, ++inside_);
    changed_.notify_all();
    changed_.wait(lock, [&] { return open_; });
    --inside_;
  }

  std::unique_ptr<ObjectStore> memory_ = memory_object_store();
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  bool open_ = true;
  int64_t inside_ = 0, inside_max_ = 0;
  std::vector<std::string> came_;
};

class StoreTurnsTest : public testing::Test {
 protected:
  void open(const ChunkStoreOptions& options, int64_t held_bytes_max = int64_t{1} << 30) {
    turns_ = std::make_unique<StoreTurns>(store_, clock_, options, held_bytes_max);
  }
  std::future<Result<ChunkReference>> put(ChunkTransfers::Line line, int64_t offset,
                                          int64_t bytes = 10) {
    const auto promise = std::make_shared<std::promise<Result<ChunkReference>>>();
    turns_->put(
        line, {1, 1, 0, kTurnsBlob, offset, bytes},
        [this, bytes]() -> Result<SharedBytes> {
          ++reads_;
          return SharedBytes(Bytes(static_cast<size_t>(bytes)));
        },
        [promise](Result<ChunkReference> put) { promise->set_value(std::move(put)); });
    return promise->get_future();
  }
  std::future<Result<Chunk>> get(ChunkTransfers::Line line, const ChunkReference& reference) {
    const auto promise = std::make_shared<std::promise<Result<Chunk>>>();
    turns_->get(line, {1, 1, 0, reference},
                [promise](Result<Chunk> got) { promise->set_value(std::move(got)); });
    return promise->get_future();
  }

  WatchedStore store_;
  ManualClock clock_;
  std::atomic<int64_t> reads_ = 0;
  std::unique_ptr<StoreTurns> turns_;
};

TEST_F(StoreTurnsTest, LinesTakeTurns) {
  open({.transfers = 1});
  store_.open_gate(false);
  std::vector<std::future<Result<ChunkReference>>> all;
  for (const int64_t offset : {10, 11, 12, 13, 14}) all.push_back(put(1, offset));
  for (const int64_t offset : {20, 21}) all.push_back(put(2, offset));
  all.push_back(put(3, 30));
  store_.open_gate(true);
  for (auto& one : all) EXPECT_TRUE(one.get().ok());
  EXPECT_THAT(store_.came(), ElementsAre("10", "11", "20", "30", "12", "21", "13", "14"));
}

TEST_F(StoreTurnsTest, WhoFindsItFullWaits) {
  open({.transfers = 4, .calls_max = 1});
  std::vector<std::future<Result<ChunkReference>>> all;
  for (int64_t offset = 0; offset < 50; ++offset) all.push_back(put(offset % 3, offset));
  for (auto& one : all) EXPECT_TRUE(one.get().ok());
}

TEST_F(StoreTurnsTest, WhatWasPutLatelyIsNotReadAgain) {
  open({});
  const auto first = put(1, 0).get();
  EXPECT_EQ(put(2, 0).get().value(), first.value());
  EXPECT_EQ(reads_, 1);
  turns_->forget(1, kTurnsBlob);
  EXPECT_EQ(put(2, 0).get().value(), first.value());
  EXPECT_EQ(reads_, 2);
}

TEST_F(StoreTurnsTest, WhatCannotBeReadIsAnswered) {
  open({});
  for (const auto& said :
       {Result<SharedBytes>(Error{Fault::kIo, "rot"}), Result<SharedBytes>(SharedBytes())}) {
    std::promise<Result<ChunkReference>> promise;
    turns_->put(
        1, {1, 1, 0, kTurnsBlob, 0, 10}, [&] { return said; },
        [&](Result<ChunkReference> put) { promise.set_value(std::move(put)); });
    EXPECT_FALSE(promise.get_future().get().ok());
  }
  EXPECT_TRUE(put(1, 0).get().ok());
}

TEST_F(StoreTurnsTest, ALineThatIsDroppedIsNotAnswered) {
  open({.transfers = 1});
  store_.open_gate(false);
  auto first = put(1, 10), second = put(1, 11), third = put(1, 12), other = put(2, 20);
  store_.wait_until_inside(1);
  turns_->drop(1);
  turns_->drop(5);
  store_.open_gate(true);
  EXPECT_TRUE(other.get().ok());
  EXPECT_TRUE(first.get().ok());
  EXPECT_TRUE(second.get().ok());
  EXPECT_THROW(third.get(), std::future_error);  // its promise is gone
  EXPECT_THAT(store_.came(), ElementsAre("10", "11", "20"));
}

TEST_F(StoreTurnsTest, ChunksThatLiveAreBounded) {
  open({.transfers = 4}, 25);
  std::vector<ChunkReference> references;
  for (int64_t offset = 0; offset < 8; ++offset) references.push_back(put(1, offset).get().value());
  std::vector<Result<Chunk>> held;
  for (int i = 0; i < 3; ++i) held.push_back(get(1, references[0]).get());
  store_.open_gate(false);
  std::vector<std::future<Result<Chunk>>> more;
  for (const auto& reference : references) more.push_back(get(1, reference));
  auto put_goes_on = put(2, 100);
  store_.wait_until_inside(2);
  EXPECT_EQ(store_.inside_max(), 2);  // the put, and a single get
  held.clear();
  store_.wait_until_inside(4);
  store_.open_gate(true);
  EXPECT_TRUE(put_goes_on.get().ok());
  for (auto& one : more) EXPECT_TRUE(one.get().ok());
}

TEST_F(StoreTurnsTest, ChunksMayLiveOn) {
  open({}, 5);
  auto got = get(1, put(1, 0).get().value()).get();
  turns_.reset();
  EXPECT_EQ(got->bytes, SharedBytes(Bytes(10)));
  got = Error{Fault::kIo, "gone"};
}

TEST_F(StoreTurnsTest, RemovesWhatABlobOrARunHas) {
  open({});
  for (const int64_t offset : {0, 1, 2}) ASSERT_TRUE(put(1, offset).get().ok());
  const auto remove = [&](auto begin) {
    std::promise<Result<int64_t>> promise;
    begin([&](Result<int64_t> count) { promise.set_value(std::move(count)); });
    return promise.get_future().get().value();
  };
  EXPECT_EQ(remove([&](auto done) { turns_->remove_blob(9, 1, {7, 7}, done); }), 0);
  EXPECT_EQ(remove([&](auto done) { turns_->remove_blob(9, 1, kTurnsBlob, done); }), 3);
  ASSERT_TRUE(put(1, 0).get().ok());
  EXPECT_EQ(remove([&](auto done) { turns_->remove_run(9, 2, done); }), 0);
  EXPECT_EQ(remove([&](auto done) { turns_->remove_run(9, 1, done); }), 1);
  EXPECT_EQ(reads_, 4);
  ASSERT_TRUE(put(1, 0).get().ok());
  EXPECT_EQ(reads_, 5);  // it is no longer remembered
}

}  // namespace
}  // namespace causeway
