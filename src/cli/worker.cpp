// SPDX-License-Identifier: Apache-2.0
#include "cli/worker_command.h"
#include "train/recipe_workplace.h"

namespace causeway {

void add_worker(CLI::App& app, int& exit_code) {
  add_worker_command(
      app,
      {"worker", "Train one replica here for a hub at another place.",
       "causeway worker --config worker.toml\n"
       "         causeway worker --hub hub.example.org --worker 2 --cert certs/dickens.crt "
       "--sites sites.toml",
       [](WorkerId worker, OwnPart own, const Clock& clock) -> std::unique_ptr<Workplace> {
         return std::make_unique<RecipeWorkplace>(worker, std::move(own), clock);
       }},
      exit_code);
}

}  // namespace causeway
