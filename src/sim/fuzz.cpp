// SPDX-License-Identifier: Apache-2.0
#include "sim/fuzz.h"

#include <poll.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <cstring>

#include "core/fields.h"
#include "sim/auditor.h"
#include "sim/random_scenario.h"
#include "sim/run.h"

namespace causeway {

static void each_field(auto&& visit, Verdict& s) {
  visit(s.wrong), visit(s.timeline), visit(s.history), visit(s.events), visit(s.virtual_us);
}
static void each_field(auto&& visit, const Verdict& s) {
  visit(s.wrong), visit(s.timeline), visit(s.history), visit(s.events), visit(s.virtual_us);
}

namespace {

/// Text that a process leaves for the one that started it, whatever becomes of it.
class SharedText {
 public:
  static constexpr size_t kBytesMax = size_t{1} << 20;

  SharedText() {
    void* memory =
        mmap(nullptr, sizeof(Page), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    CW_CHECK(memory != MAP_FAILED, "no memory: {}", std::strerror(errno));
    page_ = static_cast<Page*>(memory);
  }
  ~SharedText() { munmap(page_, sizeof(Page)); }
  SharedText(const SharedText&) = delete;
  SharedText& operator=(const SharedText&) = delete;

  void set(ByteSpan bytes) {
    page_->size = 0;
    const size_t size = std::min(bytes.size(), kBytesMax);
    std::memcpy(page_->bytes, bytes.data(), size);
    page_->size = size;
  }
  ByteSpan get() const { return {page_->bytes, page_->size}; }

 private:
  struct Page {
    size_t size;
    std::byte bytes[kBytesMax];
  };
  Page* page_ = nullptr;
};

/// Leaves the time line behind after every event.
class Keeper final : public Observer {
 public:
  Keeper(SharedText& text, size_t lines) : text_(text), lines_(lines) {}
  void on_event(const World& world) override {
    if (lines_ == 0 || world.timeline().empty() || world.timeline().back() == last_) return;
    last_ = world.timeline().back();
    Verdict verdict;
    const auto count = std::min(lines_, world.timeline().size());
    verdict.timeline.assign(world.timeline().end() - static_cast<std::ptrdiff_t>(count),
                            world.timeline().end());
    text_.set(write_fields(verdict));
  }

 private:
  SharedText& text_;
  const size_t lines_;
  std::string last_;
};

/// Tells the coverage when a world begins.
class Beginning final : public Observer {
 public:
  explicit Beginning(Coverage& coverage) : coverage_(coverage) {}
  void on_life(const World& world, WorkerId node, Life life) override {
    if (node == kHubNode && life == Life::kBooted && world.hub().incarnation() == 1)
      coverage_.begin(world);
  }

 private:
  Coverage& coverage_;
};

Verdict judge(const Scenario& scenario, size_t lines, Coverage& coverage, Observer* watcher) {
  Verdict verdict;
  Mistakes mistakes;
  const auto course = make_course(scenario, mistakes);
  if (course == nullptr) {
    verdict.wrong = {mistakes.text()};
    return verdict;
  }
  Auditor auditor;
  Beginning beginning(coverage);
  World::Options options{{&beginning, &coverage, &auditor}, lines};
  if (watcher != nullptr) options.observers.push_back(watcher);
  Outcome outcome = run_scenario(scenario, *course, options);
  verdict.wrong = std::move(outcome.wrong);
  verdict.timeline = std::move(outcome.timeline);
  verdict.history = outcome.history;
  verdict.events = outcome.events;
  verdict.virtual_us = outcome.virtual_us;
  if (!verdict.wrong.empty()) return verdict;
  World again(scenario, *course, {{}, 0});
  again.run();
  if (again.digest() != outcome.history)
    verdict.wrong.push_back(fmt::format("run twice, it has two histories: {} and {}",
                                        outcome.history.hex(), again.digest().hex()));
  return verdict;
}

std::string text_of(std::FILE* file) {
  std::string out(1 << 12, '\0');
  CW_CHECK(std::fseek(file, 0, SEEK_SET) == 0, "a temporary file cannot be read from its start");
  out.resize(std::fread(out.data(), 1, out.size(), file));
  while (!out.empty() && out.back() == '\n') out.pop_back();
  return out;
}

}  // namespace

Verdict try_world(const Scenario& scenario, size_t timeline_lines, Coverage& coverage) {
  return judge(scenario, timeline_lines, coverage, nullptr);
}

Verdict try_apart(const Scenario& scenario, size_t timeline_lines, int seconds_max) {
  SharedText shared;
  std::FILE* said = std::tmpfile();
  CW_CHECK(said != nullptr, "no temporary file: {}", std::strerror(errno));
  const pid_t child = fork();
  CW_CHECK(child >= 0, "no process: {}", std::strerror(errno));
  if (child == 0) {
    dup2(fileno(said), STDERR_FILENO);
    alarm(static_cast<unsigned>(seconds_max));
    Coverage coverage;
    Keeper keeper(shared, timeline_lines);
    shared.set(write_fields(judge(scenario, timeline_lines, coverage, &keeper)));
    _exit(0);
  }
  int status = 0;
  waitpid(child, &status, 0);
  auto left = read_fields<Verdict>(shared.get());
  Verdict verdict = left ? *std::move(left) : Verdict{};
  if (WIFSIGNALED(status) && WTERMSIG(status) == SIGALRM)
    verdict.wrong = {fmt::format("hangs: it takes more than {} s", seconds_max)};
  else if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
    verdict.wrong = {fmt::format("crashes: {}", text_of(said))};
  std::fclose(said);
  return verdict;
}

// ---- Many.

namespace {

/// One process of several, with every so-many-th seed.
struct Runner {
  pid_t process = 0;
  int pipe = -1;
  uint64_t next = 0;  // seed that it is at
  Bytes received;     // of its coverage, once it has run all seeds
  bool all_run = false, failed = false;
};

enum class Word : uint8_t { kGood = 1, kBad = 2, kCoverage = 3 };

void say(int pipe, const void* data, size_t size) {
  const auto* bytes = static_cast<const std::byte*>(data);
  while (size > 0) {
    const ssize_t wrote = write(pipe, bytes, size);
    if (wrote <= 0) _exit(3);
    bytes += wrote;
    size -= static_cast<size_t>(wrote);
  }
}

[[noreturn]] void run_seeds(const FuzzOptions& options, uint64_t first, int pipe) {
  // What a crash says is asked for again, when its seed is tried apart.
  if (std::freopen("/dev/null", "w", stderr) == nullptr) _exit(3);
  Coverage coverage;
  const uint64_t end = options.from + static_cast<uint64_t>(options.count);
  for (uint64_t seed = first; seed < end; seed += static_cast<uint64_t>(options.processes)) {
    alarm(static_cast<unsigned>(options.seconds_max));
    const Verdict verdict = try_world(random_scenario(seed), 0, coverage);
    const Word word = verdict.wrong.empty() ? Word::kGood : Word::kBad;
    say(pipe, &word, sizeof(word));
    if (word == Word::kBad) _exit(1);
  }
  const Word word = Word::kCoverage;
  say(pipe, &word, sizeof(word));
  const Bytes bytes = coverage.encode();
  say(pipe, bytes.data(), bytes.size());
  _exit(0);
}

Runner start(const FuzzOptions& options, int index, const std::vector<Runner>& others) {
  int ends[2];
  CW_CHECK(pipe(ends) == 0, "no pipe: {}", std::strerror(errno));
  Runner out;
  out.next = options.from + static_cast<uint64_t>(index);
  out.process = fork();
  CW_CHECK(out.process >= 0, "no process: {}", std::strerror(errno));
  if (out.process == 0) {
    close(ends[0]);
    for (const Runner& other : others) close(other.pipe);
    run_seeds(options, out.next, ends[1]);
  }
  close(ends[1]);
  out.pipe = ends[0];
  return out;
}

/// Takes what a runner says. False if that was all.
bool listen(Runner& runner, const FuzzOptions& options, FuzzReport& report) {
  std::byte buffer[4096];
  const ssize_t got = read(runner.pipe, buffer, sizeof(buffer));
  if (got < 0 && errno == EINTR) return true;
  if (got <= 0) {
    // It died, perhaps within a world.
    runner.failed = runner.failed || !runner.all_run;
    return false;
  }
  for (ssize_t i = 0; i < got; ++i) {
    if (runner.all_run) {
      runner.received.push_back(buffer[i]);
    } else if (static_cast<Word>(buffer[i]) == Word::kGood) {
      ++report.worlds;
      runner.next += static_cast<uint64_t>(options.processes);
    } else if (static_cast<Word>(buffer[i]) == Word::kCoverage) {
      runner.all_run = true;
    } else {
      runner.failed = true;
    }
  }
  return true;
}

}  // namespace

FuzzReport fuzz(const FuzzOptions& options) {
  FuzzReport report;
  std::vector<Runner> runners;
  for (int i = 0; i < options.processes; ++i) runners.push_back(start(options, i, runners));
  std::vector<pollfd> ears;
  for (const Runner& runner : runners) ears.push_back({runner.pipe, POLLIN, 0});
  size_t open = runners.size();
  while (open > 0 && !report.seed) {
    constexpr int kProgressMs = 1'000;
    poll(ears.data(), ears.size(), kProgressMs);
    for (size_t i = 0; i < ears.size(); ++i) {
      if (ears[i].fd < 0 || ears[i].revents == 0) continue;
      if (!listen(runners[i], options, report)) {
        ears[i].fd = -1;
        --open;
      }
      if (runners[i].failed)
        report.seed = std::min(report.seed.value_or(UINT64_MAX), runners[i].next);
    }
    if (options.on_progress) options.on_progress(report.worlds);
  }
  for (Runner& runner : runners) {
    if (report.seed) kill(runner.process, SIGKILL);
    waitpid(runner.process, nullptr, 0);
    close(runner.pipe);
    if (auto coverage = Coverage::decode(runner.received); coverage)
      report.coverage.merge(*coverage);
  }
  if (report.seed) ++report.worlds;
  return report;
}

}  // namespace causeway
