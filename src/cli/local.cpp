// SPDX-License-Identifier: Apache-2.0
//
// A hub and its workers as processes of one machine: the run over a network, on a laptop.
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <filesystem>
#include <thread>

#include "cli/child.h"
#include "cli/command.h"
#include "cli/stop.h"
#include "core/clock.h"
#include "net/certificates.h"
#include "recipe/recipe.h"
#include "record/words.h"
#include "service/site_name.h"
#include "web/status_text.h"

namespace causeway {
namespace {

namespace fs = std::filesystem;

struct LocalArguments {
  std::string recipe, out, http = "none";
  std::vector<std::string> assignments;
  int64_t workers = 0;
  bool insecure = false, overwrite = false, dry = false, json = false;
};

/// A worker that may die and be started again.
struct Crew {
  std::vector<std::string> words;
  std::string name, log;
  std::optional<Child> child;
  int64_t starts = 0;
  int64_t again_ms = 0;      // not before
  std::optional<int> ended;  // for good
};

class Local {
 public:
  Local(const LocalArguments& arguments, Recipe recipe)
      : arguments_(arguments), recipe_(std::move(recipe)), folder_(recipe_.folder()) {}

  int run();

 private:
  Result<void> prepare();
  Result<void> make_certificates();
  Result<void> start_hub();
  Result<void> start_workers(const std::string& address);
  Result<std::string> await_address();
  std::vector<std::string> hub_words() const;
  std::vector<std::string> worker_words(int32_t worker, const std::string& address) const;
  std::string certificate_of(int32_t worker) const;
  void look_at_hub();
  void look_at_worker(Crew& one);
  void show(const std::string& line);
  void pass_on_signals();
  int finish();
  int64_t now_ms() const { return clock_.now_ns() / 1'000'000; }
  void say(const std::string& text) const {
    if (!arguments_.json) fmt::print("{}\n", text);
    std::fflush(stdout);
  }

  const LocalArguments& arguments_;
  const Recipe recipe_;
  const std::string folder_;
  const SystemClock clock_;
  const bool terminal_ = isatty(STDOUT_FILENO) == 1;
  std::string programs_;  // folder of the binaries
  std::optional<Child> hub_;
  std::optional<int> hub_ended_;
  std::vector<std::string> hub_words_;
  std::vector<Crew> crew_;
  std::vector<std::string> last_words_;  // of the hub: what it ended with
  bool stopping_ = false;
  int64_t told_rounds_ = -1;
};

// ---- Before anything runs.

Result<void> Local::prepare() {
  std::error_code error;
  programs_ = fs::read_symlink("/proc/self/exe", error).parent_path().string();
  if (arguments_.overwrite) {
    for (const char* part : {"hub", "model"}) fs::remove_all(folder_ + "/" + part, error);
    for (int32_t worker = 0; worker < recipe_.workers(); ++worker)
      fs::remove_all(fmt::format("{}/worker-{}", folder_, worker), error);
  }
  fs::create_directories(folder_, error);
  if (error) return failure(Fault::kIo, "{}: cannot be made: {}", folder_, error.message());
  return arguments_.insecure ? Result<void>() : make_certificates();
}

std::string Local::certificate_of(int32_t worker) const {
  if (recipe_.sites.empty()) return "site";
  return certificate_name(recipe_.sites[static_cast<size_t>(recipe_.site_of(worker))].options.name);
}

/// An authority of the run's own, and all who take part, unless they are there.
Result<void> Local::make_certificates() {
  const std::string folder = folder_ + "/certs";
  IssueOptions options;
  options.now_unix_s = clock_.unix_ms() / 1000;
  const auto missing = [&](const std::string& name) {
    std::error_code error;
    return !fs::exists(folder + "/" + name + ".crt", error);
  };
  if (missing("authority")) {
    options.kind = CertificateKind::kAuthority;
    options.name = "authority";
    if (auto made = make_authority(folder, options); !made) return made.error();
  }
  if (missing("hub")) {
    options.kind = CertificateKind::kHub;
    options.name = "hub";
    options.hosts = {"127.0.0.1", "localhost"};
    if (auto made = issue_certificate(folder, options); !made) return made.error();
  }
  options.kind = CertificateKind::kSite;
  options.hosts.clear();
  for (int32_t worker = 0; worker < recipe_.workers(); ++worker) {
    options.name = certificate_of(worker);
    if (!missing(options.name)) continue;
    if (auto made = issue_certificate(folder, options); !made) return made.error();
  }
  return {};
}

// ---- Processes.

std::vector<std::string> Local::hub_words() const {
  std::vector<std::string> out{programs_ + "/causeway-hub",
                               "hub",
                               arguments_.recipe,
                               "--listen",
                               "127.0.0.1:0",
                               "--state",
                               "--out",
                               folder_};
  if (arguments_.insecure)
    out.emplace_back("--insecure");
  else
    out.insert(out.end(), {"--cert", folder_ + "/certs/hub.crt"});
  if (arguments_.http != "none") out.insert(out.end(), {"--http", arguments_.http});
  for (const std::string& assignment : arguments_.assignments)
    out.insert(out.end(), {"--set", assignment});
  if (arguments_.workers > 0)
    out.insert(out.end(), {"--set", fmt::format("sync.workers={}", arguments_.workers)});
  return out;
}

std::vector<std::string> Local::worker_words(int32_t worker, const std::string& address) const {
  const auto cores = std::max(1U, std::thread::hardware_concurrency());
  const auto threads = std::max<unsigned>(1, cores / static_cast<unsigned>(recipe_.workers()));
  std::vector<std::string> out{programs_ + (arguments_.dry ? "/causeway-hub" : "/causeway"),
                               arguments_.dry ? "dry-worker" : "worker",
                               "--hub",
                               address,
                               "--worker",
                               std::to_string(worker),
                               "--folder",
                               fmt::format("{}/worker-{}", folder_, worker),
                               "--sites",
                               arguments_.recipe,
                               "--threads",
                               std::to_string(threads)};
  if (arguments_.insecure)
    out.emplace_back("--insecure");
  else
    out.insert(out.end(),
               {"--cert", fmt::format("{}/certs/{}.crt", folder_, certificate_of(worker))});
  return out;
}

Result<void> Local::start_hub() {
  CW_ASSIGN(Child child, Child::start(hub_words_, folder_ + "/hub.log"));
  hub_ = std::move(child);
  return {};
}

/// What the hub says first; its trouble, if it ends before.
Result<std::string> Local::await_address() {
  constexpr int64_t kStartMsMax = 600'000;  // a large model's first weights take their time
  const int64_t began_ms = now_ms();
  const auto& stop = stop_on_signals();
  while (!stop && now_ms() - began_ms < kStartMsMax) {
    std::string address;
    for (const std::string& line : hub_->lines()) {
      constexpr std::string_view kSays = "listening on ";
      if (!line.starts_with(kSays)) {
        if (!line.starts_with('{')) say(line);
        continue;
      }
      const std::string rest = line.substr(kSays.size());
      address = rest.substr(0, rest.find(' '));
    }
    if (!address.empty()) return address;
    if (const auto ended = hub_->exited())
      return failure(*ended == kBadUsage ? Fault::kBadInput : Fault::kIo,
                     "the hub has ended with exit code {}: see {}/hub.log", *ended, folder_);
    pollfd wait{hub_->output(), POLLIN, 0};
    poll(&wait, 1, 100);
  }
  return failure(Fault::kTimeout, "the hub did not begin to listen");
}

Result<void> Local::start_workers(const std::string& address) {
  for (int32_t worker = 0; worker < recipe_.workers(); ++worker) {
    Crew& one = crew_.emplace_back();
    one.name = fmt::format("worker {}", worker);
    one.log = fmt::format("{}/worker-{}.log", folder_, worker);
    one.words = worker_words(worker, address);
  }
  return {};
}

/// Starts it, or again if it died: as whatever looks after processes does.
void Local::look_at_worker(Crew& one) {
  constexpr int64_t kStartsMax = 100, kWaitMsMax = 10'000;
  if (one.ended) return;
  if (one.child) {
    one.child->lines();
    const auto exited = one.child->exited();
    if (!exited) return;
    one.child.reset();
    if (*exited == kDone || *exited == kBadUsage || *exited == kRefused || stopping_ ||
        one.starts >= kStartsMax) {
      one.ended = *exited;
      if (*exited != kDone && *exited != kLeftEarly)
        say(fmt::format("{} has ended with exit code {}: see {}", one.name, *exited, one.log));
      return;
    }
    const int64_t wait_ms = std::min<int64_t>(500 << std::min<int64_t>(one.starts, 5), kWaitMsMax);
    one.again_ms = now_ms() + wait_ms;
    say(fmt::format("{} has ended with exit code {}; starts again in {:.1f} s", one.name, *exited,
                    static_cast<double>(wait_ms) * 1e-3));
  }
  if (stopping_ || now_ms() < one.again_ms) return;
  auto child = Child::start(one.words, one.log);
  if (!child) {
    say(child.error().message);
    one.ended = kFailed;
    return;
  }
  ++one.starts;
  one.child = *std::move(child);
}

// ---- What people see.

void Local::show(const std::string& line) {
  if (arguments_.json) {
    fmt::print("{}\n", line);
    return static_cast<void>(std::fflush(stdout));
  }
  const auto view = view_of(line);
  if (!view) return;
  if (terminal_) {
    fmt::print("\x1b[H\x1b[2J{}", status_text(*view, terminal_width(), true));
  } else if (view->decided_round != told_rounds_) {
    told_rounds_ = view->decided_round;
    fmt::print("round {} of {}, step {}  {} training\n", view->decided_round, view->rounds,
               view->decided_step,
               std::ranges::count(view->members, MemberStatus::kTraining, &MemberView::status));
  }
  std::fflush(stdout);
}

void Local::look_at_hub() {
  if (hub_ended_) return;
  std::string newest;
  for (std::string& line : hub_->lines()) {
    if (line.starts_with('{'))
      newest = std::move(line);
    else if (line.starts_with("page on"))
      say(line);
    else
      last_words_.push_back(std::move(line));
  }
  if (!newest.empty()) show(newest);
  hub_ended_ = hub_->exited();
}

void Local::pass_on_signals() {
  if (stopping_ || !stop_on_signals()) return;
  stopping_ = true;
  say("stops: workers hand in what is under way");
  for (const Crew& one : crew_)
    if (one.child) one.child->signal(SIGTERM);
}

int Local::finish() {
  for (const std::string& line : last_words_) say(line);
  if (*hub_ended_ == kDone) return kDone;
  if (*hub_ended_ == kLeftEarly) return kLeftEarly;
  fmt::print(stderr, "causeway: the hub has ended with exit code {}: see {}/hub.log\n", *hub_ended_,
             folder_);
  return *hub_ended_ < 128 ? *hub_ended_ : kFailed;
}

int Local::run() {
  if (auto prepared = prepare(); !prepared) return tell_error(prepared.error());
  hub_words_ = hub_words();
  if (auto started = start_hub(); !started) return tell_error(started.error());
  const auto address = await_address();
  if (!address) return tell_error(address.error());
  say(fmt::format("hub on {}, {} workers; logs are in {}", *address, recipe_.workers(), folder_));
  if (auto started = start_workers(*address); !started) return tell_error(started.error());
  while (!hub_ended_) {
    pass_on_signals();
    for (Crew& one : crew_) look_at_worker(one);
    look_at_hub();
    const bool alone = std::ranges::none_of(crew_, [](const Crew& one) { return !one.ended; });
    if (stopping_ && alone) hub_->signal(SIGTERM);
    if (alone && !stopping_ &&
        std::ranges::all_of(crew_, [](const Crew& one) { return *one.ended != kDone; })) {
      say("no worker is left");
      hub_->signal(SIGTERM);
      stopping_ = true;
    }
    pollfd wait{hub_->output(), POLLIN, 0};
    poll(&wait, 1, 100);
  }
  look_at_hub();
  return finish();
}

int local(const LocalArguments& arguments) {
  Mistakes mistakes;
  std::vector<std::string> assignments = arguments.assignments;
  if (arguments.workers > 0)
    assignments.push_back(fmt::format("sync.workers={}", arguments.workers));
  Recipe recipe = load_recipe(arguments.recipe, assignments, mistakes,
                              arguments.dry ? SiteText::kElsewhere : SiteText::kHere);
  if (!mistakes.empty()) return tell_mistakes(arguments.recipe, mistakes);
  if (!arguments.out.empty()) recipe.run.folder = arguments.out;
  return Local(arguments, std::move(recipe)).run();
}

}  // namespace

void add_local(CLI::App& app, int& exit_code) {
  auto arguments = std::make_shared<LocalArguments>();
  CLI::App* command = app.add_subcommand(
      "local", "Run a hub and its workers as processes of this machine, over TLS.");
  command->add_option("RECIPE", arguments->recipe, "The run as TOML")->required();
  command->add_option("--workers", arguments->workers, "How many; default: as the recipe says")
      ->check(CLI::PositiveNumber);
  command
      ->add_option("--set", arguments->assignments,
                   "Change the recipe: --set sync.period=64 (may be repeated)")
      ->type_name("KEY=VALUE")
      ->expected(1)
      ->take_all();
  command->add_option("--out", arguments->out, "Folder of the run (default: runs/NAME)");
  command->add_option("--http", arguments->http,
                      "Where the live page is, such as 127.0.0.1:7438; none: nowhere");
  command->add_flag("--overwrite", arguments->overwrite, "Throw away an older run in the folder");
  command->add_flag("--insecure", arguments->insecure, "Without TLS");
  command->add_flag("--dry", arguments->dry, "With workers that train nothing");
  command->add_flag("--json", arguments->json, "The hub's state as JSON lines");
  command->footer(
      "Certificates are made in the run's folder. The same command goes on where it was left.\n"
      "Exit codes: 0 done, 1 failed, 2 bad usage or recipe, 75 left early.\n"
      "Example: causeway local examples/four-sites.toml --workers 4 --http 127.0.0.1:7438");
  command->callback([arguments, &exit_code] { exit_code = local(*arguments); });
}

}  // namespace causeway
