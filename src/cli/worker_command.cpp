// SPDX-License-Identifier: Apache-2.0
#include "cli/worker_command.h"

#include <algorithm>
#include <cstdio>
#include <filesystem>

#include "cli/command.h"
#include "cli/endpoint.h"
#include "cli/stop.h"
#include "cli/store_file.h"
#include "core/toml.h"
#include "record/words.h"
#include "service/site_follower.h"
#include "service/site_worker.h"
#include "web/log_line.h"

namespace causeway {
namespace {

constexpr int64_t kPort = 7437;

/// What a worker.toml says; the command line goes before it.
struct WorkerFile {
  std::string hub, folder, certificate, token_file, store, limit_up, limit_down;
  int64_t worker = -1, threads = 0, checkpoint_rounds = 1, leave_ms = 30'000;
  int64_t group_limit_ms = 300'000;
  Value data = Value::Table{};

  template <class Visit>
  void each(Visit&& visit) {
    visit("hub", hub, Any{}, "", "HOST:PORT of the hub.");
    visit("worker", worker, Range<int64_t>{-1, 1'000'000}, "",
          "Which of the recipe's workers this is, from 0.");
    visit("folder", folder, Any{}, "",
          "Where its own checkpoint lies; empty: runs/worker-N. A worker that starts again goes on "
          "from there.");
    visit("certificate", certificate, Any{}, "",
          "The site's certificate; its key and authority.crt lie beside it.");
    visit("token_file", token_file, Any{}, "", "A file with the hub's token, if it wants one.");
    visit("store", store, Any{}, "",
          "store.toml of the hub's object store, if bytes shall go through it; empty: over the "
          "connection.");
    visit("limit_up", limit_up, Any{}, "", "Most that is sent, such as 50Mbit/s; empty: any.");
    visit("limit_down", limit_down, Any{}, "", "Most that is received; empty: any.");
    visit("threads", threads, Range<int64_t>{0, 1024}, "",
          "That compute, in each process; 0: the machine's cores, shared out among its processes.");
    visit("checkpoint_rounds", checkpoint_rounds, Range<int64_t>{0, 1'000'000'000}, "rounds",
          "Between its checkpoints; 0: none.");
    visit("leave_ms", leave_ms, Range<int64_t>{0, 86'400'000}, "ms",
          "To hand in what is under way when it is told to leave (SIGTERM, Ctrl-C).");
    visit("group_limit_ms", group_limit_ms, Range<int64_t>{1'000, 86'400'000}, "ms",
          "Where several processes are one worker: longest that one waits for another.");
    visit("data", data, Any{}, "",
          "[[data.site]] tables, as in a recipe: where the text of this place is.");
  }
};

struct WorkerArguments {
  std::string config, sites;
  WorkerFile file;
  SecurityArguments security;
  bool json = false;
};

/// The tables of sites in a worker.toml or a recipe, and `recorded` of a recipe.
void take_data(const Value& data, const std::string& base, OwnPart& own) {
  own.base = base;
  if (const Value* sites = data.find("site"); sites != nullptr && sites->is(Value::Kind::kArray))
    own.site = sites->array();
  if (const Value* recorded = data.find("recorded");
      recorded != nullptr && recorded->is(Value::Kind::kString))
    own.recorded = recorded->string();
}

std::string folder_of(const std::string& path) {
  return std::filesystem::path(path).parent_path().string();
}

std::string own_folder(const WorkerFile& file) {
  return file.folder.empty() ? fmt::format("runs/worker-{}", file.worker) : file.folder;
}

Result<SiteWorkerOptions> options_of(const WorkerArguments& arguments, const WorkerFile& file) {
  SiteWorkerOptions out;
  out.worker = static_cast<WorkerId>(file.worker);
  out.folder = own_folder(file);
  out.version = CAUSEWAY_VERSION;
  out.checkpoint_rounds = file.checkpoint_rounds;
  out.leave_ms = file.leave_ms;
  CW_ASSIGN(out.token, read_token(file.token_file));
  CW_ASSIGN(const Endpoint hub, parse_endpoint(file.hub, kPort));
  out.link.host = hub.host;
  out.link.port = hub.port;
  out.link.seed = static_cast<uint64_t>(file.worker);
  SecurityArguments security = arguments.security;
  security.certificate = file.certificate;
  CW_ASSIGN(out.link.context, open_security(security, hub.host, CertificateKind::kSite));
  CW_ASSIGN(out.link.send_bytes_per_s, parse_rate(file.limit_up));
  CW_ASSIGN(out.link.receive_bytes_per_s, parse_rate(file.limit_down));
  return out;
}

/// The file, with what the command line says put over it.
WorkerFile read_file(const WorkerArguments& arguments, OwnPart& own, Mistakes& mistakes) {
  WorkerFile file;
  if (!arguments.config.empty()) {
    const Value root = parse_toml_file(arguments.config, mistakes);
    if (mistakes.empty()) read_options(root, file, mistakes);
    take_data(file.data, folder_of(arguments.config), own);
  }
  const WorkerFile unset;
  WorkerFile given = arguments.file;
  const auto put = [](auto& to, const auto& from, const auto& plain) {
    if (from != plain) to = from;
  };
  put(file.hub, given.hub, unset.hub);
  put(file.folder, given.folder, unset.folder);
  put(file.certificate, given.certificate, unset.certificate);
  put(file.token_file, given.token_file, unset.token_file);
  put(file.store, given.store, unset.store);
  put(file.limit_up, given.limit_up, unset.limit_up);
  put(file.limit_down, given.limit_down, unset.limit_down);
  put(file.worker, given.worker, unset.worker);
  put(file.threads, given.threads, unset.threads);
  put(file.checkpoint_rounds, given.checkpoint_rounds, unset.checkpoint_rounds);
  put(file.leave_ms, given.leave_ms, unset.leave_ms);
  put(file.group_limit_ms, given.group_limit_ms, unset.group_limit_ms);
  if (!arguments.sites.empty()) {
    const Value root = parse_toml_file(arguments.sites, mistakes);
    if (const Value* data = root.find("data")) take_data(*data, folder_of(arguments.sites), own);
  }
  if (file.hub.empty())
    mistakes.add({"worker", 0}, "`hub` is missing: HOST:PORT, in worker.toml or as --hub");
  if (file.worker < 0)
    mistakes.add({"worker", 0},
                 "`worker` is missing: a number from 0, in worker.toml or as "
                 "--worker");
  return file;
}

/// What the worker prints: a line of progress now and then, and what happens on standard error;
/// with
/// --json each step and event as an object on standard output.
class WorkerLines {
 public:
  WorkerLines(int64_t worker, bool json, const Clock& clock)
      : worker_(static_cast<WorkerId>(worker)), json_(json), clock_(clock) {}

  void step(const SitePlace& place, int64_t step, double loss, int64_t tokens) {
    const std::string text = fmt::format("step {}  loss {:.4f}  {} tokens", step, loss, tokens);
    if (json_) return print(json_of(line(place, text), StepOfLine{step, loss, tokens}));
    constexpr int64_t kEveryNs = 5'000'000'000;
    const int64_t now_ns = clock_.now_ns();
    if (told_ns_ != 0 && now_ns - told_ns_ < kEveryNs) return;
    told_ns_ = now_ns;
    print(text);
  }
  /// From any thread.
  void note(const SitePlace& place, const std::string& text) const {
    if (json_) return print(json_of(line(place, printable_text(text))));
    fmt::print(stderr, "{}\n", printable_text(text));
  }
  void left(const SiteSummary& summary) const {
    const std::string text = fmt::format("left at step {}: {}; the same command goes on from there",
                                         summary.steps, printable_text(summary.reason));
    print(json_ ? json_of(line(summary.place, text)) : text);
  }
  void end(const SiteSummary& summary) const {
    const std::string text = fmt::format("finished at step {}", summary.steps);
    print(json_ ? json_of(line(summary.place, text), EndOfLine{summary.weights, {}})
                : fmt::format("{}\nweights {}", text, summary.weights));
  }

 private:
  static void print(const std::string& text) {
    fmt::print("{}\n", text);
    std::fflush(stdout);
  }
  LogLine line(const SitePlace& place, std::string text) const {
    return {place.run, place.round, worker_, clock_.unix_ms(), std::move(text)};
  }

  const WorkerId worker_;
  const bool json_;
  const Clock& clock_;
  int64_t told_ns_ = 0;
};

int tell_failure(Error error) {
  if (error.fault == Fault::kPeerLost)
    error.message +=
        "\nthe processes of this worker end together; started again, they go on from its "
        "checkpoint";
  return tell_error(error);
}

/// The process that speaks to the hub: the only one, or the first.
int lead(const WorkerArguments& arguments, const WorkerFile& file, Workplace& workplace,
         const Clock& clock, Orders* orders) {
  auto options = options_of(arguments, file);
  if (!options) return tell_error(options.error());
  auto store = use_store(file.store, fmt::format("worker-{}", file.worker), false);
  if (!store) return tell_error(store.error());
  options->store = *std::move(store);
  WorkerLines lines(file.worker, arguments.json, clock);
  if (orders != nullptr)
    lines.note({}, fmt::format("the first of {} processes that are worker {}",
                               orders->group().size(), file.worker));
  SiteWorker site(
      *std::move(options), workplace, clock,
      {[&](const SitePlace& place, int64_t step, double loss, int64_t tokens) {
         lines.step(place, step, loss, tokens);
       },
       [&](const SitePlace& place, const std::string& text) { lines.note(place, text); }},
      orders);
  const auto summary = site.run(stop_on_signals());
  if (!summary) return tell_failure(summary.error());
  using End = SiteSummary::End;
  if (summary->end == End::kRefused)
    return tell_error({Fault::kRefused, "the hub refuses: " + printable_text(summary->reason)});
  if (summary->end == End::kLeft) {
    lines.left(*summary);
    return kLeftEarly;
  }
  lines.end(*summary);
  return kDone;
}

/// Any other process of the site: silent, unless something is wrong here.
int follow(const WorkerFile& file, Workplace& workplace, Orders& orders) {
  const int32_t rank = orders.group().rank();
  const auto code = follow_site_worker(
      orders, workplace, fmt::format("{}/rank-{}", own_folder(file), rank), stop_on_signals());
  if (code) return *code;
  return tell_error({code.error().fault, fmt::format("rank {}: {}", rank, code.error().message)});
}

int worker(const WorkerArguments& arguments, const WorkerCommand& command) {
  Mistakes mistakes;
  OwnPart own;
  const WorkerFile file = read_file(arguments, own, mistakes);
  if (!mistakes.empty())
    return tell_mistakes(arguments.config.empty() ? "the command line" : arguments.config,
                         mistakes);
  SiteProcesses site;
  if (command.join) {
    auto joined = command.join(file.group_limit_ms);
    if (!joined) return tell_error(joined.error());
    site = *std::move(joined);
  }
  own.threads = file.threads > 0 ? file.threads : site.threads;
  const SystemClock clock;
  std::optional<Orders> orders;
  if (site.group != nullptr && site.group->size() > 1)
    orders.emplace(*site.group, clock, std::min<int64_t>(1'000, file.group_limit_ms / 4));
  const auto workplace = command.workplace(static_cast<WorkerId>(file.worker), std::move(own),
                                           clock, orders ? &*orders : nullptr);
  if (orders && !site.group->leads()) return follow(file, *workplace, *orders);
  const int code = lead(arguments, file, *workplace, clock, orders ? &*orders : nullptr);
  // They may be gone already; what is to be said about that was said.
  if (orders) static_cast<void>(orders->end(code));
  return code;
}

}  // namespace

void add_worker_command(CLI::App& app, WorkerCommand what, int& exit_code) {
  auto arguments = std::make_shared<WorkerArguments>();
  CLI::App* command = app.add_subcommand(what.name, what.summary);
  command->add_option("--config", arguments->config,
                      "worker.toml: what follows, and [[data.site]] tables");
  WorkerFile& file = arguments->file;
  command->add_option("--hub", file.hub, "Where the hub listens")->type_name("HOST[:PORT]");
  command->add_option("--worker", file.worker, "Which of the recipe's workers this is, from 0");
  command->add_option("--folder", file.folder, "Its own checkpoint (default: runs/worker-N)");
  command->add_option("--cert", file.certificate,
                      "The site's certificate; its key and authority.crt lie beside it");
  command->add_flag("--insecure", arguments->security.insecure,
                    "Without TLS, to 127.0.0.1 only: for trying things out");
  command->add_option("--token-file", file.token_file, "A file with the hub's token");
  command->add_option("--sites", arguments->sites,
                      "A recipe, or a TOML file with [[data.site]] tables: where the text is");
  command->add_option("--store", file.store,
                      "store.toml of the hub's object store, through which bytes shall go");
  command->add_option("--limit-up", file.limit_up, "Most that is sent, such as 50Mbit/s");
  command->add_option("--limit-down", file.limit_down, "Most that is received");
  command->add_option("--threads", file.threads,
                      "That compute, in each process; 0: the machine's cores");
  command->add_option("--checkpoint-rounds", file.checkpoint_rounds,
                      "Rounds between its checkpoints; 0: none");
  command->add_option("--leave-ms", file.leave_ms,
                      "Time to hand in what is under way when it is told to leave");
  command->add_option("--group-limit-ms", file.group_limit_ms,
                      "Where several processes are one worker: longest that one waits for another");
  command->add_flag("--json", arguments->json,
                    "Each step and each event as a JSON line, for who collects logs");
  command->footer(
      "The recipe comes from the hub; only paths of text, device and identity are said here.\n"
      "Exit codes: 0 done, 1 failed, 2 bad usage, 3 refused by the hub, 75 left early.\n"
      "Example: " +
      what.example);
  command->callback(
      [arguments, what = std::move(what), &exit_code] { exit_code = worker(*arguments, what); });
}

}  // namespace causeway
