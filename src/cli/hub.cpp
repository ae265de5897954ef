// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <cstdio>
#include <filesystem>

#include "cli/command.h"
#include "cli/endpoint.h"
#include "cli/stop.h"
#include "cli/store_file.h"
#include "core/durable.h"
#include "core/log.h"
#include "core/toml.h"
#include "service/hub_service.h"

namespace causeway {
namespace {

constexpr int64_t kPort = 7437, kWebPort = 7438;

struct HubArguments {
  std::string recipe, out, listen = "127.0.0.1", http = "none", access, store;
  std::vector<std::string> assignments;
  SecurityArguments security;
  std::string limit_up, limit_down;
  int32_t threads = 0;
  bool json = false;
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

void tell_start(const HubService& hub, const HubServiceOptions& options) {
  const bool is_v6 = options.server.host.find(':') != std::string::npos;
  fmt::print("listening on {}:{}{}\n",
             is_v6 ? "[" + options.server.host + "]" : options.server.host, hub.port(),
             options.server.context == nullptr ? " without TLS" : "");
  if (options.web)
    fmt::print("page on {}://{}:{}/\n", options.web->certificate_pem.empty() ? "http" : "https",
               options.web->host, hub.web_port());
  if (options.store != nullptr) fmt::print("object store {}\n", options.store->name);
  if (hub.resumed()) fmt::print("goes on after round {}\n", hub.decided());
  std::fflush(stdout);
}

void tell_news(const HubView& view, const std::vector<EventView>& news, bool json) {
  for (const EventView& event : news) {
    if (!json)
      log(LogLevel::kInfo,
          event.worker < 0 ? event.text : fmt::format("worker {}: {}", event.worker, event.text));
  }
  if (json) {
    fmt::print("{}\n", json_of(view));
    std::fflush(stdout);
  }
}

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
  tell_start(**service, *options);
  const auto summary = (*service)->run(
      stop_on_signals(), [&](const HubView& view, const std::vector<EventView>& news) {
        tell_news(view, news, arguments.json);
      });
  if (!summary) return tell_error(summary.error());
  if (!summary->halted.empty())
    return tell_error({Fault::kIo, "the log cannot be written: " + summary->halted +
                                       "; start the hub again when it can, it then goes on"});
  if (!summary->finished) {
    fmt::print("left after round {}; the same command goes on from there\n", summary->rounds);
    return kLeftEarly;
  }
  fmt::print("finished after {} rounds\nmodel   {}\nweights {}\n", summary->rounds,
             summary->model_folder, summary->weights.hex());
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
  command->add_flag("--json", arguments->json, "The state as JSON lines");
  command->footer(
      "The same command goes on after a kill or a crash, from what is in the folder.\n"
      "Exit codes: 0 done, 1 failed, 2 bad usage or recipe, 3 refused by the object store,\n"
      "75 left early.\n"
      "Example: causeway hub examples/four-sites.toml --listen 0.0.0.0:7437 --cert certs/hub.crt");
  command->callback([arguments, &exit_code] { exit_code = hub(*arguments); });
}

}  // namespace causeway
