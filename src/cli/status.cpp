// SPDX-License-Identifier: Apache-2.0
#include <curl/curl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <memory>
#include <thread>

#include "cli/command.h"
#include "cli/endpoint.h"
#include "cli/stop.h"
#include "web/status_text.h"

namespace causeway {
namespace {

struct StatusArguments {
  std::string address = "http://127.0.0.1:7438/", token_file, authority;
  bool json = false, watch = false;
};

size_t take_bytes(char* data, size_t size, size_t count, void* to) {
  auto& text = *static_cast<std::string*>(to);
  if (text.size() + size * count > kViewBytesMax) return 0;
  text.append(data, size * count);
  return size * count;
}

/// The hub's state as JSON.
Result<std::string> fetch(const StatusArguments& arguments, const std::string& token) {
  const std::unique_ptr<CURL, decltype(&curl_easy_cleanup)> call(curl_easy_init(),
                                                                 curl_easy_cleanup);
  std::string url = arguments.address;
  if (url.find("://") == url.npos) url = "http://" + url;
  if (!url.ends_with('/')) url += '/';
  url += "status.json";
  std::string text;
  curl_easy_setopt(call.get(), CURLOPT_URL, url.c_str());
  curl_easy_setopt(call.get(), CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(call.get(), CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(call.get(), CURLOPT_CONNECTTIMEOUT_MS, 5'000L);
  curl_easy_setopt(call.get(), CURLOPT_TIMEOUT_MS, 10'000L);
  curl_easy_setopt(call.get(), CURLOPT_WRITEFUNCTION, take_bytes);
  curl_easy_setopt(call.get(), CURLOPT_WRITEDATA, &text);
  if (!arguments.authority.empty())
    curl_easy_setopt(call.get(), CURLOPT_CAINFO, arguments.authority.c_str());
  if (!token.empty()) {
    curl_easy_setopt(call.get(), CURLOPT_HTTPAUTH, static_cast<long>(CURLAUTH_BEARER));
    curl_easy_setopt(call.get(), CURLOPT_XOAUTH2_BEARER, token.c_str());
  }
  if (const CURLcode code = curl_easy_perform(call.get()); code != CURLE_OK)
    return failure(Fault::kIo, "{}: {}; is it what `causeway hub` has said its page is at?", url,
                   curl_easy_strerror(code));
  long status = 0;
  curl_easy_getinfo(call.get(), CURLINFO_RESPONSE_CODE, &status);
  constexpr long kOk = 200, kUnauthorized = 401;
  if (status == kUnauthorized)
    return failure(Fault::kRefused, "{} wants the hub's token: --token-file", url);
  if (status != kOk) return failure(Fault::kIo, "{} answers {}", url, status);
  return text;
}

Result<bool> show(const StatusArguments& arguments, const std::string& token) {
  CW_ASSIGN(const std::string text, fetch(arguments, token));
  if (arguments.json) {
    fmt::print("{}\n", text);
    return true;
  }
  CW_ASSIGN(const HubView view, view_of(text));
  const bool terminal = isatty(STDOUT_FILENO) == 1;
  if (arguments.watch && terminal) fmt::print("\x1b[H\x1b[2J");
  fmt::print("{}", status_text(view, terminal_width(), terminal));
  std::fflush(stdout);
  return view.finished;
}

int status(const StatusArguments& arguments) {
  const auto token = read_token(arguments.token_file);
  if (!token) return tell_error(token.error());
  curl_global_init(CURL_GLOBAL_DEFAULT);
  const auto& stop = stop_on_signals();
  while (true) {
    const auto finished = show(arguments, *token);
    if (!finished) return tell_error(finished.error());
    if (!arguments.watch || *finished || stop) return kDone;
    for (int i = 0; i < 10 && !stop; ++i)
      std::this_thread::sleep_for(std::chrono::milliseconds(100));
  }
}

}  // namespace

void add_status(CLI::App& app, int& exit_code) {
  auto arguments = std::make_shared<StatusArguments>();
  CLI::App* command = app.add_subcommand("status", "Look at a hub's run.");
  command
      ->add_option("ADDRESS", arguments->address,
                   "Of the hub's page, as `causeway hub --http` says it")
      ->capture_default_str();
  command->add_option("--token-file", arguments->token_file, "A file with the hub's token");
  command->add_option("--authority", arguments->authority,
                      "Who signed the page's certificate, such as certs/authority.crt");
  command->add_flag("--watch", arguments->watch, "Again every second, until the run is finished");
  command->add_flag("--json", arguments->json, "For machines");
  command->footer(
      "Exit codes: 0 done, 1 failed, 2 bad usage, 3 the hub wants its token.\n"
      "Example: causeway status http://127.0.0.1:7438/ --watch");
  command->callback([arguments, &exit_code] { exit_code = status(*arguments); });
}

}  // namespace causeway
