// SPDX-License-Identifier: Apache-2.0
//
// world_bench WORKERS [ROUNDS [WIDTH]]: a world in which one worker in twenty dies in every round,
// on one core. Prints a line of JSON: how long it took, what the process held at most, and what the
// hub's own code held: every allocation is counted for whose code ran (sim/memory_owner.h), and
// compared with the hub's own account and with what hub_memory.h says before the run.
#include <sys/resource.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <new>

#include "hub/hub_memory.h"
#include "sim/auditor.h"
#include "sim/memory_owner.h"
#include "sim/run.h"
#include "sim/toy_course.h"

// ---- Every allocation of this program.

namespace {

/// Before each block; as large as the strictest alignment that operator new keeps.
struct alignas(alignof(std::max_align_t)) Head {
  size_t bytes;
  causeway::MemoryOwner owner;
};

// What operator new cannot be handed. One thread allocates.
int64_t g_hub_bytes = 0, g_hub_bytes_max = 0;

void* allocate(size_t bytes) {
  auto* head = static_cast<Head*>(std::malloc(sizeof(Head) + bytes));
  if (head == nullptr) throw std::bad_alloc();
  *head = {bytes, causeway::OwnedBy::current()};
  if (head->owner == causeway::MemoryOwner::kHub) {
    g_hub_bytes += static_cast<int64_t>(bytes);
    g_hub_bytes_max = std::max(g_hub_bytes_max, g_hub_bytes);
  }
  return head + 1;
}

void release(void* block) {
  if (block == nullptr) return;
  Head* head = static_cast<Head*>(block) - 1;
  if (head->owner == causeway::MemoryOwner::kHub) g_hub_bytes -= static_cast<int64_t>(head->bytes);
  std::free(head);
}

}  // namespace

void* operator new(size_t bytes) { return allocate(bytes); }
void* operator new[](size_t bytes) { return allocate(bytes); }
void operator delete(void* block) noexcept { release(block); }
void operator delete[](void* block) noexcept { release(block); }
void operator delete(void* block, size_t) noexcept { release(block); }
void operator delete[](void* block, size_t) noexcept { release(block); }

namespace causeway {
namespace {

constexpr int64_t kPeriod = 10, kStepMs = 100, kRoundMs = kPeriod * kStepMs;
constexpr int64_t kPerDeath = 20;  // workers, in a round

FaultSpec deaths(int64_t workers, int64_t rounds) {
  FaultSpec out;
  out.kind = "kill";
  out.at_ms = kRoundMs / 2;
  out.every_ms = std::max<int64_t>(1, kRoundMs * kPerDeath / workers);
  out.times = std::max<int64_t>(1, rounds * workers / kPerDeath);
  out.for_ms = kRoundMs;
  return out;
}

Scenario churn(int64_t workers, int64_t rounds, int64_t width) {
  Scenario out;
  out.name = fmt::format("churn-{}", workers);
  out.seed = 5;
  out.steps = rounds * kPeriod;
  out.workers = workers;
  out.model.set("kind", "convex");
  out.model.set("width", width);
  out.sync.set("preset", "diloco");
  out.sync.set("period", kPeriod);
  out.sync.set("weight", "equal");
  out.worker.step_ms = static_cast<double>(kStepMs);
  out.faults = {deaths(workers, rounds)};
  Value wanted = Value::Table{};
  wanted.set("rounds", rounds * 9 / 10);
  out.checks = {{"finished", Value::Table{}},
                {"replicas_identical", Value::Table{}},
                {"committed_at_least", wanted}};
  return out;
}

/// Compares the hub's account of its memory with what it holds.
class Scale final : public Observer {
 public:
  void on_event(const World& world) override {
    const bool killed = world.event().kind == EventKind::kFaultBegin;
    kills += killed ? 1 : 0;
    // The account goes through all members.
    if (world.events() % (1 + world.workers()) != 0 || !world.hub().up()) return;
    const int64_t held = g_hub_bytes, account = world.hub().memory_bytes();
    held_max = std::max(held_max, held);
    account_max = std::max(account_max, account);
    const double off = static_cast<double>(account - held) / static_cast<double>(held);
    if (samples++ == 0) account_off_min = account_off_max = off;
    account_off_min = std::min(account_off_min, off);
    account_off_max = std::max(account_off_max, off);
    if (memory.total() == 0) memory = hub_memory(world.hub().schedule(), world.hub().settings(), 1);
  }

  int64_t kills = 0, samples = 0, held_max = 0, account_max = 0;
  double account_off_min = 0, account_off_max = 0;
  HubMemory memory;
};

int run(int64_t workers, int64_t rounds, int64_t width) {
  const Scenario scenario = churn(workers, rounds, width);
  Mistakes mistakes;
  const auto course = make_course(scenario, mistakes);
  if (course == nullptr) {
    fmt::print(stderr, "{}\n", mistakes.text());
    return 2;
  }
  Auditor auditor;
  Scale scale;
  const auto begin = std::chrono::steady_clock::now();
  const Outcome outcome = run_scenario(scenario, *course, {{&auditor, &scale}, 0});
  const double seconds =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  for (const std::string& wrong : outcome.wrong) fmt::print(stderr, "{}\n", wrong);
  fmt::print(R"({{"workers": {}, "rounds": {}, "committed": {}, "aborted": {}, "kills": {}, )"
             R"("values": {}, "seconds": {:.3f}, "virtual_seconds": {:.3f}, "events": {}, )"
             R"("world_bytes_max": {}, "hub_bytes_max": {}, "hub_between_events_max": {}, )"
             R"("account_max": {}, "account_off_min": {:.4f}, "account_off_max": {:.4f}, )"
             R"("bound": {{"mirror": {}, "folder": {}, "folds": {}, "results": {}, "passing": {}, )"
             R"("windows": {}, "serving": {}, "members": {}, "rounds": {}, "total": {}}}, )"
             R"("passed": {}}})"
             "\n",
             workers, rounds, outcome.committed, outcome.aborted, scale.kills,
             course->layout().count(), seconds, static_cast<double>(outcome.virtual_us) * 1e-6,
             outcome.events, int64_t{usage.ru_maxrss} * 1024, g_hub_bytes_max, scale.held_max,
             scale.account_max, scale.account_off_min, scale.account_off_max, scale.memory.mirror,
             scale.memory.folder, scale.memory.folds, scale.memory.results, scale.memory.passing,
             scale.memory.windows, scale.memory.serving, scale.memory.members, scale.memory.rounds,
             scale.memory.total(), outcome.passed());
  return outcome.passed() ? 0 : 1;
}

}  // namespace
}  // namespace causeway

int main(int argc, char** argv) {
  const auto number = [&](int index, int64_t usual) {
    return argc > index ? std::max<int64_t>(1, std::atoll(argv[index])) : usual;
  };
  if (argc < 2 || argc > 4) {
    std::fputs("usage: world_bench WORKERS [ROUNDS [WIDTH]]\n", stderr);
    return 2;
  }
  return causeway::run(number(1, 10), number(2, 100), number(3, 1));
}
