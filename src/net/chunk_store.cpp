// SPDX-License-Identifier: Apache-2.0
#include "net/chunk_store.h"

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <map>
#include <mutex>
#include <thread>

namespace causeway {
namespace {

constexpr int64_t kListedMax = 1000;
// Objects of one blob: a store that always lists more would be cleaned for ever.
constexpr int64_t kRemovedMax = int64_t{1} << 24;

/// What an object's key says.
struct PutKey {
  uint64_t run = 0;
  Digest blob;
  int64_t offset = 0, bytes = 0;
  auto operator<=>(const PutKey&) const = default;
};

Error too_late(const std::string& key) {
  return failure(Fault::kTimeout, "{}: waited too long for other transfers", key);
}

/// What an object's bytes are.
struct Content {
  uint32_t crc = 0;
  Sha256 sha256 = {};
};

/// Objects that were put last.
class Remembered {
 public:
  explicit Remembered(int64_t count_max) : count_max_(count_max) {}

  const Content* find(const PutKey& key) const {
    const auto found = contents_.find(key);
    return found == contents_.end() ? nullptr : &found->second;
  }
  void add(const PutKey& key, const Content& content) {
    contents_[key] = content;
    order_.push_back(key);
    // A key that was forgotten and put again stands here twice; it goes a little too early then.
    while (std::ssize(order_) > count_max_) {
      contents_.erase(order_.front());
      order_.pop_front();
    }
  }
  /// Of one blob, or of the whole run.
  void forget(uint64_t run, const std::optional<Digest>& blob) {
    const Digest first = blob.value_or(Digest{}),
                 last = blob.value_or(Digest{UINT64_MAX, UINT64_MAX});
    contents_.erase(contents_.lower_bound({run, first, INT64_MIN, INT64_MIN}),
                    contents_.upper_bound({run, last, INT64_MAX, INT64_MAX}));
  }

 private:
  const int64_t count_max_;
  std::map<PutKey, Content> contents_;
  std::deque<PutKey> order_;
};

/// A put that waits or is in flight, with all who want it.
struct SharedPut {
  Content content;  // its SHA-256 is made with the transfer
  std::vector<ChunkStore::Put> waiters;
};

/// The removal of what a blob or a run has, between its steps.
struct Removal {
  uint64_t run = 0;
  std::optional<Digest> blob;
  std::string prefix;             // of their keys
  std::vector<std::string> keys;  // that are left of those listed
  bool listed_all = false;
  int64_t removed = 0;
};

}  // namespace

struct ChunkStore::State {
  /// `run` is told whether its time is not over yet.
  struct Task {
    int64_t begin_ns_max = 0;
    std::function<void(bool in_time)> run;
  };

  State(ObjectStore& object_store, const Clock& time, const ChunkStoreOptions& chosen)
      : store(object_store), clock(time), options(chosen), remembered(chosen.remembered) {
    for (int64_t i = 0; i < options.transfers; ++i) threads.emplace_back([this] { work(); });
  }
  ~State();

  // With the lock held.
  bool has_room(int64_t bytes) const {
    return !stopping && pending < options.calls_max && held_bytes + bytes <= options.bytes_max;
  }
  void queue_last(Task task) {
    queue.push_back(std::move(task));
    changed.notify_one();
  }
  void answer_first(const Put& done, const Result<ChunkReference>& result);

  int64_t begin_ns_max() const { return clock.now_ns() + options.timeout_ms * 1'000'000; }
  bool add_put(const PutKey& key, const Chunk& chunk, ChunkReference reference, const Put& done);
  void work();
  /// Counts `calls` as done; whether their callbacks are still wanted.
  bool finish(int64_t calls, int64_t bytes);
  template <class Callback, class T>
  void answer(const Callback& done, Result<T> result, int64_t bytes) {
    if (finish(1, bytes)) done(std::move(result));
  }
  void run_put(const PutKey& key, const Chunk& chunk, ChunkReference reference, bool in_time);
  Result<Chunk> run_get(uint64_t run, const ChunkReference& reference, bool in_time);
  bool add_removal(Removal removal, const Removed& done);
  void run_removal(const std::shared_ptr<Removal>& removal, const Removed& done);
  Result<void> remove_one(Removal& removal);

  ObjectStore& store;
  const Clock& clock;
  const ChunkStoreOptions options;

  mutable std::mutex mutex;
  std::condition_variable changed;
  bool stopping = false;
  std::deque<Task> queue;  // at most one for each call
  int64_t pending = 0, held_bytes = 0;
  std::map<PutKey, SharedPut> puts;
  Remembered remembered;
  std::vector<std::thread> threads;
};

ChunkStore::State::~State() {
  std::deque<Task> dropped;
  {
    const std::lock_guard lock(mutex);
    stopping = true;
    dropped.swap(queue);
  }
  changed.notify_all();
  dropped.clear();
  for (auto& thread : threads) thread.join();
}

void ChunkStore::State::work() {
  for (;;) {
    Task task;
    {
      std::unique_lock lock(mutex);
      changed.wait(lock, [&] { return stopping || !queue.empty(); });
      if (stopping) return;
      task = std::move(queue.front());
      queue.pop_front();
    }
    task.run(clock.now_ns() <= task.begin_ns_max);
  }
}

bool ChunkStore::State::finish(int64_t calls, int64_t bytes) {
  const std::lock_guard lock(mutex);
  pending -= calls;
  held_bytes -= bytes;
  return !stopping;
}

void ChunkStore::State::answer_first(const Put& done, const Result<ChunkReference>& result) {
  queue.push_front({INT64_MAX, [=, this](bool) { answer(done, result, 0); }});
  changed.notify_one();
}

bool ChunkStore::State::add_put(const PutKey& key, const Chunk& chunk, ChunkReference reference,
                                const Put& done) {
  const std::lock_guard lock(mutex);
  const auto open = puts.find(key);
  const Content* before = open == puts.end() ? remembered.find(key) : &open->second.content;
  if (!has_room(before == nullptr ? key.bytes : 0)) return false;
  ++pending;
  if (before == nullptr) {
    held_bytes += key.bytes;
    puts[key] = {{.crc = reference.crc32c}, {done}};
    queue_last(
        {begin_ns_max(), [=, this](bool in_time) { run_put(key, chunk, reference, in_time); }});
  } else if (before->crc != reference.crc32c) {
    answer_first(done, failure(Fault::kCorrupt, "{}: got other bytes than those that were put",
                               chunk_key(key.run, reference)));
  } else if (open != puts.end()) {
    open->second.waiters.push_back(done);
  } else {
    reference.sha256 = before->sha256;
    answer_first(done, reference);
  }
  return true;
}

void ChunkStore::State::run_put(const PutKey& key, const Chunk& chunk, ChunkReference reference,
                                bool in_time) {
  const std::string name = chunk_key(key.run, reference);
  reference.sha256 = sha256_of(chunk.bytes.view());
  const Result<void> put = in_time ? store.put(name, chunk.bytes.view()) : too_late(name);
  std::vector<Put> waiters;
  {
    const std::lock_guard lock(mutex);
    waiters = std::move(puts[key].waiters);
    puts.erase(key);
    if (put) remembered.add(key, {reference.crc32c, reference.sha256});
  }
  if (!finish(std::ssize(waiters), key.bytes)) return;
  for (const Put& done : waiters)
    done(put ? Result<ChunkReference>(reference) : Result<ChunkReference>(put.error()));
}

Result<Chunk> ChunkStore::State::run_get(uint64_t run, const ChunkReference& reference,
                                         bool in_time) {
  const std::string name = chunk_key(run, reference);
  if (!in_time) return too_late(name);
  CW_ASSIGN(Bytes bytes, store.get(name, reference.bytes));
  if (std::ssize(bytes) != reference.bytes)
    return failure(Fault::kCorrupt, "{}: got {} bytes", name, bytes.size());
  // The first tells what went wrong, the second whether somebody wanted it.
  if (crc32c(bytes) != reference.crc32c)
    return failure(Fault::kCorrupt, "{}: got other bytes than those that were put", name);
  if (sha256_of(bytes) != reference.sha256)
    return failure(Fault::kCorrupt, "{}: the bytes were exchanged: another SHA-256", name);
  return Chunk{reference.blob, reference.offset, std::move(bytes)};
}

Result<void> ChunkStore::State::remove_one(Removal& removal) {
  if (removal.keys.empty()) {
    CW_ASSIGN(removal.keys, store.list(removal.prefix, kListedMax));
    removal.listed_all = std::ssize(removal.keys) < kListedMax;
  }
  if (removal.keys.empty()) return {};
  CW_TRY(store.remove(removal.keys.back()));
  removal.keys.pop_back();
  if (++removal.removed > kRemovedMax)
    return failure(Fault::kCorrupt, "{} has more than {} objects", removal.prefix, kRemovedMax);
  return {};
}

bool ChunkStore::State::add_removal(Removal removal, const Removed& done) {
  const std::lock_guard lock(mutex);
  if (!has_room(0)) return false;
  ++pending;
  const auto shared = std::make_shared<Removal>(std::move(removal));
  queue_last({INT64_MAX, [=, this](bool) { run_removal(shared, done); }});
  return true;
}

// One object, then whatever else waits.
void ChunkStore::State::run_removal(const std::shared_ptr<Removal>& removal, const Removed& done) {
  const Result<void> removed = remove_one(*removal);
  const bool more = removed && !(removal->keys.empty() && removal->listed_all);
  {
    const std::lock_guard lock(mutex);
    if (stopping) return;
    if (more) return queue_last({INT64_MAX, [=, this](bool) { run_removal(removal, done); }});
    remembered.forget(removal->run, removal->blob);
  }
  answer(done, removed ? Result<int64_t>(removal->removed) : Result<int64_t>(removed.error()), 0);
}

ChunkStore::ChunkStore(ObjectStore& store, const Clock& clock, const ChunkStoreOptions& options) {
  CW_CHECK(options.transfers >= 1 && options.calls_max >= 1 && options.timeout_ms > 0);
  CW_CHECK(options.bytes_max >= int64_t{kChunkBytesMax} && options.remembered >= 0);
  state_ = std::make_unique<State>(store, clock, options);
}

ChunkStore::~ChunkStore() = default;

bool ChunkStore::put(uint64_t run, const Chunk& chunk, const Put& done) {
  const ChunkReference reference{chunk.blob, chunk.offset, chunk.bytes.size(),
                                 crc32c(chunk.bytes.view())};
  const Result<void> checked = check_reference(reference);
  CW_CHECK(checked, "{}", checked.error().message);
  const PutKey key{run, chunk.blob, chunk.offset, chunk.bytes.size()};
  return state_->add_put(key, chunk, reference, done);
}

bool ChunkStore::get(uint64_t run, const ChunkReference& reference, const Got& done) {
  const Result<void> checked = check_reference(reference);
  const int64_t bytes = checked ? reference.bytes : 0;
  const std::lock_guard lock(state_->mutex);
  if (!state_->has_room(bytes)) return false;
  ++state_->pending;
  state_->held_bytes += bytes;
  state_->queue_last({state_->begin_ns_max(), [=, state = state_.get()](bool in_time) {
                        auto got = checked ? state->run_get(run, reference, in_time)
                                           : Result<Chunk>(checked.error());
                        state->answer(done, std::move(got), bytes);
                      }});
  return true;
}

bool ChunkStore::remove_blob(uint64_t run, const Digest& blob, const Removed& done) {
  return state_->add_removal({.run = run, .blob = blob, .prefix = chunk_prefix(run, blob)}, done);
}

bool ChunkStore::remove_run(uint64_t run, const Removed& done) {
  return state_->add_removal({.run = run, .blob = {}, .prefix = chunk_prefix(run)}, done);
}

std::optional<ChunkReference> ChunkStore::find(uint64_t run, const Digest& blob, int64_t offset,
                                               int64_t bytes) const {
  const std::lock_guard lock(state_->mutex);
  const Content* found = state_->remembered.find({run, blob, offset, bytes});
  if (found == nullptr) return std::nullopt;
  return ChunkReference{blob, offset, bytes, found->crc, found->sha256};
}

void ChunkStore::forget(uint64_t run, const Digest& blob) {
  const std::lock_guard lock(state_->mutex);
  state_->remembered.forget(run, blob);
}

int64_t ChunkStore::pending() const {
  const std::lock_guard lock(state_->mutex);
  return state_->pending;
}

}  // namespace causeway
