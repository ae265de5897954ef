// SPDX-License-Identifier: Apache-2.0
#include "cli/worker_command.h"
#include "service/dry_workplace.h"

namespace causeway {

void add_dry_worker(CLI::App& app, int& exit_code) {
  add_worker_command(
      app,
      {"dry-worker",
       "A worker that trains nothing: tries a hub, its certificates and links, with a model of any "
       "size.",
       "causeway dry-worker --hub hub.example.org --worker 2 --cert certs/dickens.crt",
       [](WorkerId worker, const OwnPart&, const Clock&, Orders*) -> std::unique_ptr<Workplace> {
         return std::make_unique<DryWorkplace>(worker);
       }},
      exit_code);
}

}  // namespace causeway
