// SPDX-License-Identifier: Apache-2.0
#include <sched.h>

#include <algorithm>
#include <cstdlib>
#include <thread>

#include "cli/worker_command.h"
#include "train/recipe_workplace.h"

namespace causeway {
namespace {

/// The cores that a launcher has bound this process to; else its share of the machine's.
int64_t share_of_cores(int32_t processes) {
  const auto all = static_cast<int64_t>(std::thread::hardware_concurrency());
  cpu_set_t bound;
  const int64_t own = sched_getaffinity(0, sizeof(bound), &bound) == 0 ? CPU_COUNT(&bound) : all;
  return own < all ? own : std::max<int64_t>(1, all / processes);
}

/// As their launcher tells each of them.
Result<SiteProcesses> join_processes(int64_t limit_ms) {
  CW_ASSIGN(const GroupPlace place, place_from([](const char* name) {
              return static_cast<const char*>(std::getenv(name));
            }));
  CW_ASSIGN(auto group, join_group(place, limit_ms));
  return SiteProcesses{std::move(group), place.size == 1 ? 0 : share_of_cores(place.local_size)};
}

}  // namespace

void add_worker(CLI::App& app, int& exit_code) {
  add_worker_command(
      app,
      {"worker", "Train one replica here for a hub at another place.",
       "causeway worker --config worker.toml\n"
       "         causeway worker --hub hub.example.org --worker 2 --cert certs/dickens.crt "
       "--sites sites.toml\n"
       "Several processes that share the work: torchrun --nproc-per-node 2 --no-python causeway "
       "worker ...",
       [](WorkerId worker, OwnPart own, const Clock& clock,
          Orders* orders) -> std::unique_ptr<Workplace> {
         return std::make_unique<RecipeWorkplace>(worker, std::move(own), clock, orders);
       },
       join_processes},
      exit_code);
}

}  // namespace causeway
