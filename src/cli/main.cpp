// SPDX-License-Identifier: Apache-2.0
#include <CLI/CLI.hpp>

#include "cli/command.h"
#include "core/log.h"

int main(int argc, char** argv) {
  using namespace causeway;
  CLI::App app("Trains one language model across sites that are joined by narrow links.",
               "causeway");
  app.set_version_flag("--version", CAUSEWAY_VERSION);
  app.require_subcommand(1);
  app.footer("Try: causeway explain examples/four-sites.toml\n     causeway COMMAND --help");
  int exit_code = kDone;
  add_train(app, exit_code);
  add_explain(app, exit_code);
  add_eval(app, exit_code);
  add_generate(app, exit_code);
  add_tokenizer(app, exit_code);
  add_prepare(app, exit_code);
  add_lab(app, exit_code);
  add_export(app, exit_code);
  add_list(app, exit_code);
  add_sim(app, exit_code);
  add_bench(app, exit_code);
  start_logging(LogLevel::kWarning);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? kDone : kBadUsage;
  }
  return exit_code;
}
