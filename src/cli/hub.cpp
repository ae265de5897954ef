// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <cmath>
#include <cstdio>
#include <filesystem>
#include <limits>

#include "cli/command.h"
#include "cli/endpoint.h"
#include "cli/stop.h"
#include "cli/store_file.h"
#include "core/durable.h"
#include "core/log.h"
#include "core/toml.h"
#include "service/hub_service.h"
#include "web/log_line.h"

namespace causeway {
namespace {

constexpr int64_t kPort = 7437, kWebPort = 7438;

struct HubArguments {
  std::string recipe, out, listen = "127.0.0.1", http = "none", access, store;
  std::vector<std::string> assignments;
  SecurityArguments security;
  std::string limit_up, limit_down;
  int32_t threads = 0;
  bool json = false, state = false;
};

Result<HubServiceOptions> options_of(const HubArguments& arguments, const Recipe& recipe) {
  HubServiceOptions out;
  out.folder = recipe.folder();
  out.version = CAUSEWAY_VERSION;
  out.threads = arguments.threads;
  CW_ASSIGN(const Endpoint listen, parse_endpoint(arguments.listen, kPort));
  out.server.host = listen.host;
  out.server.port = listen.port;
  CW_ASSIGN(out.server.context,
            open_security(arguments.security, listen.host, CertificateKind::kHub));
  CW_ASSIGN(out.token, read_token(arguments.security.token_file));
  CW_ASSIGN(out.server.site_send_bytes_per_s, parse_rate(arguments.limit_down));
  CW_ASSIGN(out.server.site_receive_bytes_per_s, parse_rate(arguments.limit_up));
  if (out.server.context != nullptr)
    out.access_folder =
        arguments.access.empty()
            ? std::filesystem::path(arguments.security.certificate).parent_path().string()
            : arguments.access;
  if (arguments.http == "none") return out;
  CW_ASSIGN(const Endpoint http, parse_endpoint(arguments.http, kWebPort));
  WebOptions web;
  web.host = http.host;
  web.port = http.port;
  web.token = out.token;
  if (out.server.context != nullptr) {
    CW_ASSIGN(const Identity identity,
              load_identity(arguments.security.certificate, CertificateKind::kHub,
                            SystemClock().unix_ms() / 1000));
    web.certificate_pem = identity.certificate_pem;
    web.key_pem = identity.key_pem;
  }
  out.web = std::move(web);
  return out;
}

/// What the hub prints: lines for people, or JSON for who collects logs.
class HubLines {
 public:
  HubLines(std::string run, bool json, bool state, const Clock& clock)
      : run_(std::move(run)), json_(json), state_(state), clock_(clock) {}

  void start(const HubService& hub, const HubServiceOptions& options) const {
    const bool is_v6 = options.server.host.find(':') != std::string::npos;
    say(fmt::format("listening on {}:{}{}",
                    is_v6 ? "[" + options.server.host + "]" : options.server.host, hub.port(),
                    options.server.context == nullptr ? " without TLS" : ""));
    if (options.web)
      say(fmt::format("page on {}://{}:{}/",
                      options.web->certificate_pem.empty() ? "http" : "https", options.web->host,
                      hub.web_port()));
    if (options.store != nullptr) say("object store " + options.store->name);
    if (hub.resumed()) say(fmt::format("goes on after round {}", hub.decided()), hub.decided());
  }

  void news(const HubView& view, const HubNews& news) const {
    json_ ? tell_all(view.started_unix_ms, news) : tell_events(news);
    if (state_) print(json_of(view));
  }

  void left(const HubSummary& summary) const {
    say(fmt::format("left after round {}; the same command goes on from there", summary.rounds),
        summary.rounds);
  }
  void end(const HubSummary& summary) const {
    const std::string text = fmt::format("finished after {} rounds", summary.rounds);
    if (json_)
      return print(json_of(line(text, summary.rounds),
                           EndOfLine{summary.weights.hex(), summary.model_folder}));
    print(fmt::format("{}\nmodel   {}\nweights {}", text, summary.model_folder,
                      summary.weights.hex()));
  }

 private:
  static void print(const std::string& text) {
    fmt::print("{}\n", text);
    std::fflush(stdout);
  }
  LogLine line(std::string text, int64_t round) const {
    return {run_, round, -1, clock_.unix_ms(), std::move(text)};
  }
  void say(const std::string& text, int64_t round = 0) const {
    print(json_ ? json_of(line(text, round)) : text);
  }

  static void tell_events(const HubNews& news) {
    for (const EventView& event : news.events)
      log(LogLevel::kInfo,
          event.worker < 0 ? event.text : fmt::format("worker {}: {}", event.worker, event.text));
  }

  /// Events and decided rounds as they came.
  void tell_all(int64_t began_unix_ms, const HubNews& news) const {
    const auto at = [&](double at_s) {
      return began_unix_ms + static_cast<int64_t>(std::llround(at_s * 1e3));
    };
    auto event = news.events.begin();
    const auto tell_until = [&](double at_s) {
      for (; event != news.events.end() && event->at_s <= at_s; ++event)
        print(json_of(LogLine{run_, event->round, event->worker, at(event->at_s), event->text}));
    };
    for (const RoundView& round : news.rounds) {
      tell_until(round.decided_s);
      print(json_of(LogLine{run_, round.round, -1, at(round.decided_s), {}}, round));
    }
    tell_until(std::numeric_limits<double>::infinity());
    if (news.left_out > 0)
      say(fmt::format("{} more lines are left out of this half second", news.left_out));
  }

  const std::string run_;
  const bool json_, state_;
  const Clock& clock_;
};

int hub(const HubArguments& arguments) {
  Mistakes mistakes;
  Recipe recipe =
      load_recipe(arguments.recipe, arguments.assignments, mistakes, SiteText::kElsewhere);
  if (!mistakes.empty()) return tell_mistakes(arguments.recipe, mistakes);
  if (!arguments.out.empty()) recipe.run.folder = arguments.out;
  const SystemClock clock;
  auto options = options_of(arguments, recipe);
  if (!options) return tell_error(options.error());
  auto store = use_store(arguments.store, "hub", true);
  if (!store) return tell_error(store.error());
  options->store = *std::move(store);
  std::error_code error;
  std::filesystem::create_directories(recipe.folder(), error);
  if (auto kept =
          write_file_atomically(recipe.folder() + "/recipe.toml", to_toml(recipe.resolved()));
      !kept)
    return tell_error(kept.error());
  auto service = HubService::start(recipe, *options, clock);
  if (!service) return tell_error(service.error());
  const HubLines lines(recipe.run.name, arguments.json, arguments.state, clock);
  lines.start(**service, *options);
  const auto summary = (*service)->run(
      stop_on_signals(), [&](const HubView& view, const HubNews& news) { lines.news(view, news); });
  if (!summary) return tell_error(summary.error());
  if (!summary->halted.empty())
    return tell_error({Fault::kIo, "the log cannot be written: " + summary->halted +
                                       "; start the hub again when it can, it then goes on"});
  if (!summary->finished) {
    lines.left(*summary);
    return kLeftEarly;
  }
  lines.end(*summary);
  return kDone;
}

}  // namespace

void add_hub(CLI::App& app, int& exit_code) {
  auto arguments = std::make_shared<HubArguments>();
  CLI::App* command = app.add_subcommand("hub", "Fold the offers of workers at other places.");
  command->add_option("RECIPE", arguments->recipe, "The run as TOML")->required();
  command
      ->add_option("--set", arguments->assignments,
                   "Change the recipe: --set sync.period=64 (may be repeated)")
      ->type_name("KEY=VALUE")
      ->expected(1)
      ->take_all();
  command
      ->add_option("--listen", arguments->listen,
                   fmt::format("Where workers connect; port {} if none is given, 0: any free "
                               "one",
                               kPort))
      ->type_name("HOST[:PORT]")
      ->capture_default_str();
  command
      ->add_option("--http", arguments->http, "Where the live page and metrics are; none: nowhere")
      ->type_name("HOST[:PORT]")
      ->capture_default_str();
  command->add_option("--cert", arguments->security.certificate,
                      "The hub's certificate; its key and authority.crt lie beside it");
  command->add_flag("--insecure", arguments->security.insecure,
                    "Without TLS, on 127.0.0.1 only: for trying things out");
  command->add_option("--access", arguments->access,
                      "Folder of admitted.txt and revoked.txt (default: that of the certificate)");
  command->add_option("--token-file", arguments->security.token_file,
                      "A file whose first line workers must show, too, and who looks at the page");
  command->add_option("--limit-up", arguments->limit_up,
                      "Most that each worker may send, such as 50Mbit/s");
  command->add_option("--limit-down", arguments->limit_down, "Most that each worker is sent");
  command->add_option("--store", arguments->store,
                      "store.toml of an object store, through which the bytes of workers go that "
                      "use it, too");
  command->add_option("--threads", arguments->threads, "Threads that fold; 0: the machine's cores");
  command->add_option("--out", arguments->out, "Folder of the run (default: runs/NAME)");
  command->add_flag("--json", arguments->json,
                    "Each event and each decided round as a JSON line, for who collects logs");
  command->add_flag("--state", arguments->state,
                    "The state as a JSON line twice a second, for programs that show it");
  command->footer(
      "The same command goes on after a kill or a crash, from what is in the folder.\n"
      "Exit codes: 0 done, 1 failed, 2 bad usage or recipe, 3 refused by the object store,\n"
      "75 left early.\n"
      "Example: causeway hub examples/four-sites.toml --listen 0.0.0.0:7437 --cert certs/hub.crt");
  command->callback([arguments, &exit_code] { exit_code = hub(*arguments); });
}

}  // namespace causeway
