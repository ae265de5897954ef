// SPDX-License-Identifier: Apache-2.0
#include <CLI/CLI.hpp>
#include <csignal>

#include "cli/command.h"
#include "cli/companion.h"
#include "core/log.h"

int main(int argc, char** argv) {
  using namespace causeway;
  if (const int code = run_companion(argc, argv); code >= 0) return code;
  std::signal(SIGPIPE, SIG_IGN);  // a connection that is cut is an error, not an end
  CLI::App app("Trains one language model across sites that are joined by narrow links.",
               "causeway");
  app.set_version_flag("--version", CAUSEWAY_VERSION);
  app.require_subcommand(1);
  app.footer(
      "A hub's commands, which are a program of their own without LibTorch, causeway-hub:\n"
      "  hub     Fold the offers of workers at other places\n"
      "  cert    Make and look at certificates\n"
      "  status  Look at a hub's run\n"
      "  dry-worker  Try a hub and its links without training\n"
      "Try: causeway explain examples/four-sites.toml\n     causeway COMMAND --help");
  int exit_code = kDone;
  add_train(app, exit_code);
  add_explain(app, exit_code);
  add_advise(app, exit_code);
  add_eval(app, exit_code);
  add_generate(app, exit_code);
  add_tokenizer(app, exit_code);
  add_prepare(app, exit_code);
  add_lab(app, exit_code);
  add_export(app, exit_code);
  add_list(app, exit_code);
  add_sim(app, exit_code);
  add_bench(app, exit_code);
  add_worker(app, exit_code);
  add_local(app, exit_code);
  start_logging(LogLevel::kWarning);
  return run_command(app, argc, argv, exit_code);
}
