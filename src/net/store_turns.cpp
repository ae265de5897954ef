// SPDX-License-Identifier: Apache-2.0
#include "net/store_turns.h"

#include <deque>
#include <optional>
#include <utility>

#include "net/turns.h"

namespace causeway {
namespace {

enum class Began : uint8_t { kYes = 1, kDone = 2, kFull = 3 };

/// Something to be begun when its turn comes.
struct Job {
  bool fetches = false;
  std::function<Began()> begin;
};

}  // namespace

struct StoreTurns::State : std::enable_shared_from_this<State> {
  State(int64_t at_once, int64_t bytes) : begun_max(at_once), held_bytes_max(bytes) {}

  using Turn = Turns<Line, Job>::Turn;

  void ask(Line line, Job job);
  std::optional<Turn> take();
  void pump();
  void finished(bool fetched = false);
  Result<Chunk> counted(Result<Chunk> got);
  void let_go(int64_t bytes);
  Began begin_put(const BulkRequest& what, const Read& read, const Put& done);

  const int64_t begun_max, held_bytes_max;
  std::unique_ptr<ChunkStore> chunks;
  std::mutex mutex;
  Turns<Line, Job> turns;
  int64_t begun = 0, fetching = 0, held_bytes = 0;  // those that fetch are begun, too
  bool stopped = false;
};

void StoreTurns::State::ask(Line line, Job job) {
  {
    const std::lock_guard lock(mutex);
    if (stopped) return;
    turns.add(line, std::move(job));
  }
  pump();
}

/// The next job, if one may begin now.
std::optional<StoreTurns::State::Turn> StoreTurns::State::take() {
  if (stopped || begun >= begun_max) return {};
  const bool may_fetch = held_bytes < held_bytes_max || fetching == 0;
  auto turn = turns.next([&](const Job& job) { return may_fetch || !job.fetches; });
  if (!turn) return {};
  ++begun;
  fetching += turn->value.fetches;
  return turn;
}

void StoreTurns::State::pump() {
  while (true) {
    std::optional<Turn> turn;
    {
      const std::lock_guard lock(mutex);
      turn = take();
    }
    if (!turn) return;
    const Began began = turn->value.begin();
    if (began == Began::kYes) continue;
    const std::lock_guard lock(mutex);
    --begun;
    fetching -= turn->value.fetches;
    if (began == Began::kDone || stopped) continue;
    turns.put_back(*std::move(turn));
    if (begun > 0) return;  // whoever ends first goes on
  }
}

void StoreTurns::State::finished(bool fetched) {
  {
    const std::lock_guard lock(mutex);
    --begun;
    fetching -= fetched;
  }
  pump();
}

/// The same chunk, whose bytes count as held until nobody has them any more.
Result<Chunk> StoreTurns::State::counted(Result<Chunk> got) {
  if (!got) return got;
  const int64_t size = got->bytes.size();
  {
    const std::lock_guard lock(mutex);
    held_bytes += size;
  }
  const auto whole = std::make_shared<const SharedBytes>(std::move(got->bytes));
  const std::shared_ptr<const Bytes> owner(
      nullptr, [self = shared_from_this(), size, held = whole](const Bytes*) mutable {
        held.reset();
        self->let_go(size);
      });
  return Chunk{got->blob, got->offset, SharedBytes(owner, whole->view())};
}

void StoreTurns::State::let_go(int64_t bytes) {
  {
    const std::lock_guard lock(mutex);
    const bool was_full = held_bytes >= held_bytes_max;
    held_bytes -= bytes;
    if (!was_full || held_bytes >= held_bytes_max) return;
  }
  pump();
}

Began StoreTurns::State::begin_put(const BulkRequest& what, const Read& read, const Put& done) {
  if (const auto known = chunks->find(what.run, what.blob, what.offset, what.bytes)) {
    done(*known);
    return Began::kDone;
  }
  auto bytes = read();
  if (!bytes || bytes->size() == 0) {
    done(bytes ? failure(Fault::kBadInput, "there are no bytes at {} of blob {}", what.offset,
                         what.blob.hex())
               : bytes.error());
    return Began::kDone;
  }
  const bool taken = chunks->put(what.run, {what.blob, what.offset, *std::move(bytes)},
                                 [self = this, done](Result<ChunkReference> put) {
                                   done(std::move(put));
                                   self->finished();
                                 });
  return taken ? Began::kYes : Began::kFull;
}

StoreTurns::StoreTurns(ObjectStore& store, const Clock& clock, const ChunkStoreOptions& options,
                       int64_t held_bytes_max)
    : state_(std::make_shared<State>(2 * options.transfers, held_bytes_max)) {
  state_->chunks = std::make_unique<ChunkStore>(store, clock, options);
}

StoreTurns::~StoreTurns() {
  Turns<Line, Job> dropped;  // without the lock
  {
    const std::lock_guard lock(state_->mutex);
    state_->stopped = true;
    std::swap(dropped, state_->turns);
  }
  state_->chunks.reset();
}

void StoreTurns::put(Line line, const BulkRequest& what, Read read, Put done) {
  state_->ask(line,
              {false, [state = state_.get(), what, read = std::move(read), done = std::move(done)] {
                 return state->begin_put(what, read, done);
               }});
}

void StoreTurns::get(Line line, const Referral& what, Got done) {
  state_->ask(line, {true, [state = state_.get(), what, done = std::move(done)] {
                       const bool taken = state->chunks->get(what.run, what.chunk,
                                                             [state, done](Result<Chunk> got) {
                                                               done(state->counted(std::move(got)));
                                                               state->finished(true);
                                                             });
                       return taken ? Began::kYes : Began::kFull;
                     }});
}

void StoreTurns::forget(uint64_t run, const Digest& blob) { state_->chunks->forget(run, blob); }

void StoreTurns::drop(Line line) {
  std::deque<Job> dropped;  // let go of without the lock
  const std::lock_guard lock(state_->mutex);
  dropped = state_->turns.take(line);
}

void StoreTurns::remove_blob(Line line, uint64_t run, const Digest& blob,
                             ChunkStore::Removed done) {
  state_->ask(line, {false, [state = state_.get(), run, blob, done = std::move(done)] {
                       const bool taken =
                           state->chunks->remove_blob(run, blob, [state, done](auto removed) {
                             done(std::move(removed));
                             state->finished();
                           });
                       return taken ? Began::kYes : Began::kFull;
                     }});
}

void StoreTurns::remove_run(Line line, uint64_t run, ChunkStore::Removed done) {
  state_->ask(line, {false, [state = state_.get(), run, done = std::move(done)] {
                       const bool taken =
                           state->chunks->remove_run(run, [state, done](auto removed) {
                             done(std::move(removed));
                             state->finished();
                           });
                       return taken ? Began::kYes : Began::kFull;
                     }});
}

}  // namespace causeway
