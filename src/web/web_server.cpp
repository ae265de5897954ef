// SPDX-License-Identifier: Apache-2.0
#include "web/web_server.h"

#include <csignal>
#include <optional>

#include "web/http_answer.h"
#include "web/http_door.h"
#include "web/http_stream.h"

namespace causeway {
namespace {

class Server final : public WebServer {
 public:
  Server(const WebOptions& options, std::optional<PageTls> tls, ListenSocket listening)
      : tls_(std::move(tls)),
        run_(static_cast<size_t>(options.history_max)),
        site_{run_, Access(options.token, !tls_), live_page()},
        door_(std::move(listening), options.connections_max,
              [this](HttpDoor::Place& place) { serve(place); }) {}
  // The door's destructor waits for those who follow.
  ~Server() override { run_.close(); }

  int64_t port() const override { return door_.port(); }
  void show(const HubView& view) override { run_.show(view); }

 private:
  void serve(HttpDoor::Place& place) {
    HttpStream stream(place.socket(), tls_ ? &*tls_ : nullptr, {});
    if (!stream.shake_hands()) return;
    answer_request(stream, site_, {[&] { place.answering(); }, [&] { return place.follow(); }});
    stream.finish();
  }

  std::optional<PageTls> tls_;
  LiveRun run_;
  HttpSite site_;
  HttpDoor door_;
};

Result<void> check_options(const WebOptions& options) {
  if (options.certificate_pem.empty() != options.key_pem.empty())
    return failure(Fault::kBadInput, "the page's certificate and its key belong together: give {}",
                   options.key_pem.empty() ? "the key, too" : "the certificate, too");
  if (options.port < 0 || options.port > 65'535)
    return failure(Fault::kBadInput, "the page's port is {}, want 0 to 65535", options.port);
  if (options.connections_max < 2 || options.connections_max > 10'000)
    return failure(Fault::kBadInput, "connections to the page: got {}, want 2 to 10000",
                   options.connections_max);
  if (options.history_max < 2 || options.history_max > 100'000)
    return failure(Fault::kBadInput, "points of the page's curves: got {}, want 2 to 100000",
                   options.history_max);
  return {};
}

}  // namespace

Result<std::unique_ptr<WebServer>> WebServer::start(const WebOptions& options) {
  CW_TRY(check_options(options));
  std::optional<PageTls> tls;
  if (!options.certificate_pem.empty()) {
    CW_ASSIGN(tls, PageTls::make(options.certificate_pem, options.key_pem));
  }
  CW_ASSIGN(auto listening, listen_at(options.host, options.port, !tls));
  std::signal(SIGPIPE, SIG_IGN);  // a peer that goes away while OpenSSL writes is an error, no end
  return std::unique_ptr<WebServer>(
      std::make_unique<Server>(options, std::move(tls), std::move(listening)));
}

}  // namespace causeway
