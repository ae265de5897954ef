// SPDX-License-Identifier: Apache-2.0
#include "prepare/prepare.h"

#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cmath>

#include "cli/command.h"
#include "cli/prepare_progress.h"
#include "cli/stop.h"
#include "train/explain.h"
#include "train/team.h"

namespace causeway {
namespace {

struct PrepareArguments {
  std::vector<std::string> inputs;
  std::string tokenizer, out, split;
  std::string form = "auto", field, on_bad = "error", end_token = "auto";
  std::string shard_bytes = "256MiB", document_bytes_max = "16MiB", record_bytes = "64MiB";
  int64_t threads = 0;
  bool deduplicate = false, overwrite = false, json = false;
};

/// A number and what follows it.
std::pair<double, std::string_view> number_in(std::string_view text) {
  double number = std::nan("");
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc()) return {std::nan(""), text};
  return {number, {end, static_cast<size_t>(text.data() + text.size() - end)}};
}

/// Bytes in "256MB", "1.5GiB" or "4096"; NaN if it is none.
double size_in(std::string_view text) {
  const auto [number, rest] = number_in(text);
  std::string unit(rest);
  unit.erase(0, unit.find_first_not_of(' ') == unit.npos ? 0 : unit.find_first_not_of(' '));
  std::ranges::transform(unit, unit.begin(), [](unsigned char c) { return std::toupper(c); });
  if (unit.empty() || unit == "B") return number;
  const double base = unit.size() == 3 && unit[1] == 'I' ? 1024 : 1000;
  const size_t power = std::string_view("KMGT").find(unit[0]);
  const bool is_unit = power != std::string_view::npos && unit.back() == 'B' &&
                       (unit.size() == 2 || (unit.size() == 3 && unit[1] == 'I'));
  return is_unit ? number * std::pow(base, static_cast<double>(power + 1)) : std::nan("");
}

/// What the command line says, as options read it: with the flag as the place of a mistake.
class Flags {
 public:
  explicit Flags(Mistakes& mistakes) : mistakes_(mistakes) {}

  static void set(Value& table, const std::string& flag, const char* option, Value value) {
    value.where = {flag, 0};
    table.set(option, std::move(value));
  }
  void set_size(Value& table, const std::string& flag, const char* option,
                const std::string& text) {
    const double bytes = size_in(text);
    if (!(bytes >= 0 && bytes <= 0x1p62))
      return mistakes_.add({flag, 0}, fmt::format("`{}` is no size; wanted: such as 256MB, 1GiB or "
                                                  "4096",
                                                  text));
    set(table, flag, option, Value(static_cast<int64_t>(bytes)));
  }
  void set_split(Value& table, const std::string& text) {
    constexpr std::string_view kName = "valid=";
    const auto [percent, rest] =
        number_in(text.starts_with(kName) ? std::string_view(text).substr(kName.size()) : "");
    if (rest != "%")
      return mistakes_.add({"--split", 0},
                           fmt::format("`{}` is no split; wanted: such as valid=1%", text));
    set(table, "--split", "valid_percent", Value(percent));
  }

 private:
  Mistakes& mistakes_;
};

void read_flags(const PrepareArguments& arguments, DocumentOptions& documents,
                PrepareOptions& options, Mistakes& mistakes) {
  Flags flags(mistakes);
  Value table = Value::Table{};
  flags.set(table, "--form", "form", Value(arguments.form));
  flags.set(table, "--field", "field", Value(arguments.field));
  flags.set(table, "--on-bad", "on_bad", Value(arguments.on_bad));
  flags.set_size(table, "--document-bytes-max", "document_bytes_max", arguments.document_bytes_max);
  read_options(table, documents, mistakes);
  table = Value::Table{};
  flags.set_size(table, "--shard-bytes", "shard_bytes", arguments.shard_bytes);
  flags.set_size(table, "--record-bytes", "record_bytes", arguments.record_bytes);
  flags.set(table, "--dedup", "deduplicate", Value(arguments.deduplicate));
  flags.set(table, "--end-token", "end_token", Value(arguments.end_token));
  if (!arguments.split.empty()) flags.set_split(table, arguments.split);
  read_options(table, options, mistakes);
}

int prepare_documents(const PrepareArguments& arguments) {
  DocumentOptions documents;
  PrepareOptions options;
  Mistakes mistakes;
  read_flags(arguments, documents, options, mistakes);
  if (!mistakes.empty()) return tell_mistakes("the command line", mistakes);
  const auto tokenizer = open_tokenizer(arguments.tokenizer);
  if (!tokenizer) return tell_error(tokenizer.error());
  if (arguments.overwrite)
    if (auto discarded = discard_prepared(arguments.out); !discarded)
      return tell_error(discarded.error());

  const SystemClock clock;
  const PrepareForm form = arguments.json                 ? PrepareForm::kJson
                           : ::isatty(STDOUT_FILENO) == 1 ? PrepareForm::kLive
                                                          : PrepareForm::kPlain;
  PrepareScreen screen(form, stdout, clock);
  const PrepareEvents events{
      [&](const PrepareProgress& progress) { screen.progress(progress); },
      [&](const std::string& text) { screen.trouble(text); },
  };
  Threads threads(thread_count(arguments.threads));
  const auto summary = prepare(arguments.inputs, arguments.out, *tokenizer, documents, options,
                               threads, events, stop_on_signals());
  if (!summary) {
    if (form == PrepareForm::kLive) fmt::print("\n");
    return tell_error(summary.error());
  }
  const bool has_stream = std::ranges::find(arguments.inputs, "-") != arguments.inputs.end();
  screen.end(*summary, arguments.out, peak_memory_bytes(),
             has_stream ? "standard input cannot be gone on with: start over with --overwrite"
                        : "the same command goes on from here");
  return summary->finished ? kDone : kLeftEarly;
}

void add_reading(CLI::App& command, PrepareArguments& arguments) {
  command
      .add_option("INPUT", arguments.inputs,
                  "Files, folders, globs, or - for standard input; .gz and .zst are looked through")
      ->required();
  command
      .add_option("--form", arguments.form, "What files hold: text, jsonl, or auto: by their names")
      ->capture_default_str();
  command.add_option("--field", arguments.field,
                     "Field of a JSON line that holds the text (default: text)");
  command
      .add_option("--on-bad", arguments.on_bad,
                  "Bytes that are no UTF-8, lines that are no JSON: error, skip or replace")
      ->capture_default_str();
  command
      .add_option("--document-bytes-max", arguments.document_bytes_max,
                  "Longer texts are cut, longer JSON lines are bad")
      ->capture_default_str();
}

void add_writing(CLI::App& command, PrepareArguments& arguments) {
  command
      .add_option("--tokenizer", arguments.tokenizer,
                  "A tokenizer.json, a folder with one, or bytes")
      ->required();
  command.add_option("--out", arguments.out, "Folder to write")->required();
  command.add_option("--split", arguments.split,
                     "Documents for validation, chosen by their hash: valid=1%");
  command.add_flag("--dedup", arguments.deduplicate, "Keep only the first of equal documents");
  command.add_option("--shard-bytes", arguments.shard_bytes, "No shard is larger")
      ->capture_default_str();
  command
      .add_option("--end-token", arguments.end_token,
                  "Added token after each document: auto, none, or its text")
      ->capture_default_str();
  command
      .add_option("--record-bytes", arguments.record_bytes,
                  "Text between two records, from which a killed preparation goes on")
      ->capture_default_str();
  command.add_option("--threads", arguments.threads, "0: the machine's cores")
      ->check(CLI::Range(0, 1024));
  command.add_flag("--overwrite", arguments.overwrite,
                   "Throw away what an earlier preparation wrote to the folder");
  command.add_flag("--json", arguments.json, "Progress as JSON lines");
}

}  // namespace

void add_prepare(CLI::App& app, int& exit_code) {
  auto arguments = std::make_shared<PrepareArguments>();
  CLI::App* command = app.add_subcommand("prepare", "Make documents into shards of tokens.");
  add_reading(*command, *arguments);
  add_writing(*command, *arguments);
  command->footer(
      "Killed or stopped, the same command goes on and gives the same bytes.\n"
      "Exit codes: 0 done, 1 failed, 2 bad usage or input, 75 left early, may be gone on with.\n"
      "Examples: causeway prepare --tokenizer tokenizer.json --out prepared texts/\n"
      "          causeway prepare --tokenizer bytes --out p --split valid=1% --dedup 'web/*.gz'\n"
      "          zcat a.jsonl.gz | causeway prepare --tokenizer t.json --out p --field body -");
  command->callback([arguments, &exit_code] { exit_code = prepare_documents(*arguments); });
}

}  // namespace causeway
