// SPDX-License-Identifier: Apache-2.0
//
// A ChunkStore that several share: whoever finds it full waits, and lines take turns.
#pragma once

#include <functional>
#include <memory>
#include <mutex>

#include "net/chunk_transfers.h"

namespace causeway {

class StoreTurns final : public ChunkTransfers {
 public:
  /// Store and clock outlive this. While chunks that were got and still live have `held_bytes_max`
  /// together, no more are got than one at a time.
  StoreTurns(ObjectStore& store, const Clock& clock, const ChunkStoreOptions& options,
             int64_t held_bytes_max);
  /// As that of ChunkStore. Chunks may live on.
  ~StoreTurns() override;
  StoreTurns(const StoreTurns&) = delete;
  StoreTurns& operator=(const StoreTurns&) = delete;

  void put(Line line, const BulkRequest& what, Read read, Put done) override;
  void get(Line line, const Referral& what, Got done) override;
  void forget(uint64_t run, const Digest& blob) override;
  void drop(Line line) override;

  void remove_blob(Line line, uint64_t run, const Digest& blob, ChunkStore::Removed done);
  void remove_run(Line line, uint64_t run, ChunkStore::Removed done);

 private:
  struct State;
  const std::shared_ptr<State> state_;  // with the chunks that live on
};

}  // namespace causeway
