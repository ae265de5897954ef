// SPDX-License-Identifier: Apache-2.0
#include <memory>
#include <nlohmann/json.hpp>
#include <string>

#include "cli/bench_step.h"
#include "cli/bench_sync.h"
#include "cli/command.h"

namespace causeway {
namespace {

int bench_sync_command(bool quick, bool as_json) {
  const nlohmann::json rows = bench_sync(quick);
  if (as_json) {
    fmt::print("{}\n", rows.dump(1));
    return kDone;
  }
  fmt::print("one thread\n{:<44} {:>10} {:<13} {:>8} {:<14} {:>6}\n", "what", "value", "unit",
             "limit", "of", "ratio");
  for (const nlohmann::json& one : rows)
    fmt::print("{:<44} {:>10.2f} {:<13} {:>8.1f} {:<14} {:>5.0f}%\n",
               one["what"].get<std::string>(), one["value"].get<double>(),
               one["unit"].get<std::string>(), one["limit"].get<double>(),
               one["limit_name"].get<std::string>(), 100 * one["ratio"].get<double>());
  return kDone;
}

}  // namespace

void add_bench(CLI::App& app, int& exit_code) {
  CLI::App* command =
      app.add_subcommand("bench", "Measure this machine: training steps, products, fold, codecs.");
  command->require_subcommand(1);
  command->footer(
      "`./run bench` runs all of them, beside PyTorch, and prints tables.\n"
      "Example: causeway bench sync --quick");
  add_bench_step(*command, exit_code);

  auto quick = std::make_shared<bool>(false);
  auto as_json = std::make_shared<bool>(false);
  CLI::App* sync = command->add_subcommand(
      "sync", "Fold, outer step and codecs, each beside the limit that memory sets.");
  sync->add_flag("--quick", *quick, "Smaller and fewer runs");
  sync->add_flag("--json", *as_json, "For machines");
  sync->footer("Example: causeway bench sync --quick");
  sync->callback([=, &exit_code] { exit_code = bench_sync_command(*quick, *as_json); });
}

}  // namespace causeway
