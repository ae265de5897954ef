// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <CLI/CLI.hpp>
#include <algorithm>
#include <string>
#include <string_view>

#include "core/error.h"
#include "core/options.h"

namespace causeway {

/// What the shell is told.
enum ExitCode : int {
  kDone = 0,
  kFailed = 1,
  kBadUsage = 2,    ///< command line or recipe
  kRefused = 3,     ///< certificate, token or version
  kLeftEarly = 75,  ///< may be restarted
  kUnread = 141,    ///< the reader of standard output is gone, as a shell says of SIGPIPE
};

/// Each subcommand adds itself; its callback sets `exit_code`.
void add_train(CLI::App& app, int& exit_code);
void add_explain(CLI::App& app, int& exit_code);
void add_advise(CLI::App& app, int& exit_code);
void add_eval(CLI::App& app, int& exit_code);
void add_generate(CLI::App& app, int& exit_code);
void add_tokenizer(CLI::App& app, int& exit_code);
void add_prepare(CLI::App& app, int& exit_code);
void add_lab(CLI::App& app, int& exit_code);
void add_export(CLI::App& app, int& exit_code);
void add_list(CLI::App& app, int& exit_code);
void add_sim(CLI::App& app, int& exit_code);
void add_bench(CLI::App& app, int& exit_code);
void add_worker(CLI::App& app, int& exit_code);
void add_local(CLI::App& app, int& exit_code);

// Of causeway-hub.
void add_hub(CLI::App& app, int& exit_code);
void add_status(CLI::App& app, int& exit_code);
void add_dry_worker(CLI::App& app, int& exit_code);
void add_cert(CLI::App& app, int& exit_code);

/// Adds a flag for every option of an options struct: `options.each(FlagForEachOption{command})`.
/// Ranges are for read_options to check.
struct FlagForEachOption {
  CLI::App& command;

  template <class T, class Constraint>
  void operator()(std::string_view name, T& field, const Constraint&, std::string_view,
                  std::string_view meaning) const {
    std::string flag(name);
    std::replace(flag.begin(), flag.end(), '_', '-');
    command.add_option("--" + flag, field, std::string(meaning))->capture_default_str();
  }
};

/// What of an options struct that flags have filled is out of its range.
template <class Options>
Mistakes mistakes_of(const Options& options) {
  Mistakes mistakes;
  Options checked;
  read_options(write_options(options), checked, mistakes);
  return mistakes;
}

/// Runs the subcommand that the arguments name, and returns what it set `exit_code` to; kBadUsage
/// if they name none.
int run_command(CLI::App& app, int argc, char** argv, const int& exit_code);

/// Columns of the terminal that standard output is; 80 if it does not say.
int32_t terminal_width();

/// Prints the error to standard error and returns the exit code that its fault asks for.
int tell_error(const Error& error);
/// Prints all mistakes to standard error, with their number, and returns kBadUsage.
int tell_mistakes(const std::string& recipe, const Mistakes& mistakes);

}  // namespace causeway
