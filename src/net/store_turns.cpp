// SPDX-License-Identifier: Apache-2.0
#include "net/store_turns.h"

#include <utility>

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
  State(int64_t begun, int64_t held) : begun_max(begun), held_bytes_max(held) {}

  void ask(Line line, Job job);
  bool take(Line& line, Job& job);
  void pump();
  void finished(bool fetched = false);
  Result<Chunk> counted(Result<Chunk> got);
  void let_go(int64_t bytes);
  Began begin_put(const BulkRequest& what, const Read& read, const Put& done);

  const int64_t begun_max, held_bytes_max;
  std::unique_ptr<ChunkStore> chunks;
  std::mutex mutex;
  std::map<Line, std::deque<Job>> lines;            // none is empty
  Line last = 0;                                    // whose turn it was
  int64_t begun = 0, fetching = 0, held_bytes = 0;  // those that fetch are begun, too
  bool stopped = false;
};

void StoreTurns::State::ask(Line line, Job job) {
  {
    const std::lock_guard lock(mutex);
    if (stopped) return;
    lines[line].push_back(std::move(job));
  }
  pump();
}

/// The next job; false if none may begin now.
bool StoreTurns::State::take(Line& line, Job& job) {
  if (stopped || begun >= begun_max) return false;
  const bool may_fetch = held_bytes < held_bytes_max || fetching == 0;
  auto next = lines.upper_bound(last);
  for (size_t i = 0; i < lines.size(); ++i, ++next) {
    if (next == lines.end()) next = lines.begin();
    if (next->second.front().fetches && !may_fetch) continue;
    line = last = next->first;
    job = std::move(next->second.front());
    next->second.pop_front();
    if (next->second.empty()) lines.erase(next);
    ++begun;
    fetching += job.fetches;
    return true;
  }
  return false;
}

void StoreTurns::State::pump() {
  while (true) {
    Line line = 0;
    Job job;
    {
      const std::lock_guard lock(mutex);
      if (!take(line, job)) return;
    }
    const Began began = job.begin();
    if (began == Began::kYes) continue;
    const std::lock_guard lock(mutex);
    --begun;
    fetching -= job.fetches;
    if (began == Began::kDone || stopped) continue;
    lines[line].push_front(std::move(job));
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
  std::map<Line, std::deque<Job>> dropped;
  {
    const std::lock_guard lock(state_->mutex);
    state_->stopped = true;
    dropped.swap(state_->lines);
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
  const auto found = state_->lines.find(line);
  if (found == state_->lines.end()) return;
  dropped.swap(found->second);
  state_->lines.erase(found);
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
