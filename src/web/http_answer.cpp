// SPDX-License-Identifier: Apache-2.0
//
// cpp-httplib parses requests and writes responses; sockets, threads and limits are ours, as the
// library has no bound on a request's time and size. One object for one request.
#include "web/http_answer.h"

#include <httplib.h>

#include <chrono>
#include <exception>

#include "core/log.h"
#include "web/web_server.h"

namespace causeway {
namespace {

constexpr std::chrono::milliseconds kHeartbeat{5000};

class HttpAnswer final : private httplib::Server {
 public:
  HttpAnswer(const HttpSite& site, const HttpProgress& progress)
      : site_(site), progress_(progress) {
    svr_sock_ = 0;  // what lets the library go on sending chunks; it never uses it here
    set_default_headers({{"Content-Security-Policy", site.page.policy},
                         {"X-Content-Type-Options", "nosniff"},
                         {"Referrer-Policy", "no-referrer"},
                         {"Cross-Origin-Resource-Policy", "same-origin"},
                         {"Cache-Control", "no-store"}});
    set_pre_routing_handler([this](const httplib::Request& request, httplib::Response& response) {
      route(request, response);
      return HandlerResponse::Handled;
    });
  }

  void answer(httplib::Stream& stream) {
    bool closed = false;
    process_request(stream, true, closed, [this](httplib::Request& request) {
      progress_.answering();
      // A few bytes of either would have the library make megabytes, or work for long.
      request.ranges.clear();
      request.headers.erase("Range");
      request.headers.erase("Accept-Encoding");
      request.headers.erase("Expect");
    });
  }

 private:
  void route(const httplib::Request& request, httplib::Response& response);
  void serve(const std::string& path, bool head, httplib::Response& response);
  void health(httplib::Response& response) const;
  void events(httplib::Response& response);
  static void refuse(httplib::Response& response, int status, const std::string& why) {
    response.status = status;
    response.set_content(why + "\n", "text/plain; charset=utf-8");
  }

  const HttpSite& site_;
  const HttpProgress& progress_;
};

void HttpAnswer::route(const httplib::Request& request, httplib::Response& response) {
  const bool head = request.method == "HEAD";
  if (!head && request.method != "GET") {
    response.set_header("Allow", "GET, HEAD");
    return refuse(response, 405, "only GET and HEAD");
  }
  if (!site_.access.is_for_us(request.get_header_value("Host")))
    return refuse(response, 421, "ask for localhost or 127.0.0.1, or give the hub a token");
  if (!site_.access.may_see(request.get_header_value("Authorization"),
                            request.get_param_value("token"))) {
    response.set_header("WWW-Authenticate", "Bearer realm=\"causeway\"");
    return refuse(response, 401, "a token is wanted: Authorization: Bearer TOKEN, or ?token=TOKEN");
  }
  serve(request.path, head, response);
}

void HttpAnswer::serve(const std::string& path, bool head, httplib::Response& response) {
  if (path == "/") {
    response.set_content(site_.page.html, "text/html; charset=utf-8");
  } else if (path == "/healthz") {
    health(response);
  } else if (path == "/events") {
    if (head)
      response.set_content("", "text/event-stream");
    else
      events(response);
  } else if (path == "/status.json" || path == "/metrics") {
    const auto view = site_.run.last();
    if (!view)
      refuse(response, 503, "the hub is starting");
    else if (path == "/metrics")
      response.set_content(metrics_of(*view), "text/plain; version=0.0.4; charset=utf-8");
    else
      response.set_content(json_of(*view), "application/json");
  } else {
    refuse(response, 404, "there is /, /status.json, /events, /metrics and /healthz");
  }
}

void HttpAnswer::health(httplib::Response& response) const {
  const auto view = site_.run.last();
  if (!view) return refuse(response, 503, "the hub is starting");
  if (!view->halted.empty()) return refuse(response, 503, view->halted);
  response.set_content("ok\n", "text/plain; charset=utf-8");
}

void HttpAnswer::events(httplib::Response& response) {
  if (!progress_.follow()) {
    response.set_header("Retry-After", "10");
    return refuse(response, 503, "too many follow the run already");
  }
  response.set_header("X-Accel-Buffering", "no");  // proxies pass events on at once
  response.set_chunked_content_provider(
      "text/event-stream",
      [run = &site_.run, number = int64_t{-1}](size_t, httplib::DataSink& sink) mutable {
        Broadcast::Frame frame;
        if (number < 0) {
          frame = run->follow(number);
          return sink.write(frame->data(), frame->size());
        }
        constexpr std::string_view kStill = "event: still\ndata: 1\n\n";
        switch (run->broadcast().wait(number, kHeartbeat, frame)) {
          case Broadcast::Got::kFrame:
            return sink.write(frame->data(), frame->size());
          case Broadcast::Got::kNothing:
            return sink.write(kStill.data(), kStill.size());
          case Broadcast::Got::kLost:
            return false;
          case Broadcast::Got::kClosed:
            sink.done();
            return true;
        }
        return false;
      });
}

}  // namespace

void answer_request(httplib::Stream& stream, const HttpSite& site, const HttpProgress& progress) {
  try {
    HttpAnswer(site, progress).answer(stream);
  } catch (const std::exception& error) {
    log(LogLevel::kWarning, fmt::format("a request to the page failed: {}", error.what()));
  }
}

}  // namespace causeway
