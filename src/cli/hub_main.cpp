// SPDX-License-Identifier: Apache-2.0
//
// causeway-hub: the commands that a hub's machine needs. `causeway hub ...` starts it as
// `causeway-hub hub ...`.
#include <CLI/CLI.hpp>
#include <csignal>

#include "cli/command.h"
#include "core/log.h"

namespace causeway {
namespace {

int run(int argc, char** argv) {
  std::signal(SIGPIPE, SIG_IGN);  // a connection that is cut is an error, not an end
  CLI::App app("The hub of a run, its certificates, and a look at it. Needs no LibTorch.",
               "causeway-hub");
  app.set_version_flag("--version", CAUSEWAY_VERSION);
  app.require_subcommand(1);
  int exit_code = kDone;
  add_hub(app, exit_code);
  add_status(app, exit_code);
  add_dry_worker(app, exit_code);
  add_cert(app, exit_code);
  start_logging(LogLevel::kInfo);
  return run_command(app, argc, argv, exit_code);
}

}  // namespace
}  // namespace causeway

int main(int argc, char** argv) { return causeway::run(argc, argv); }
