// SPDX-License-Identifier: Apache-2.0
//
// Shows a run over HTTP: a live page, the same as JSON, metrics for Prometheus, and health.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "core/error.h"
#include "web/view.h"

namespace causeway {

struct WebOptions {
  std::string host = "127.0.0.1";
  int64_t port = 0;                      ///< 0: any free one
  std::string certificate_pem, key_pem;  ///< both empty: plain HTTP, which only loopback may have
  std::string token;                     ///< if not empty, wanted as bearer token or `?token=`
  int64_t connections_max = 64;  ///< then the one that has asked longest goes; half may follow
  int64_t history_max = 2'000;   ///< points kept for each curve; then two become one
};

/// Serves
///   /            the page, self-contained
///   /status.json the last view
///   /events      server-sent events: the history so far, then every new view
///   /metrics     Prometheus text format 0.0.4
///   /healthz     200 `ok`, or 503 with why nothing is decided any more, or before the first view
/// Requests are hostile: bounded in size, time and number. Threads of its own; `show` from any.
/// Without a token, plain HTTP answers only who asks for this machine by a loopback name.
class WebServer {
 public:
  /// Listens when it returns. Fault::kIo if it cannot; Fault::kBadInput for plain HTTP beyond
  /// loopback, and for options and certificates that cannot be used. Makes the process ignore
  /// SIGPIPE.
  static Result<std::unique_ptr<WebServer>> start(const WebOptions& options);
  virtual ~WebServer() = default;

  virtual int64_t port() const = 0;
  /// The newest view; those who listen get it at once.
  virtual void show(const HubView& view) = 0;
};

/// One JSON object; one Prometheus exposition.
std::string json_of(const HubView& view);
std::string metrics_of(const HubView& view);

}  // namespace causeway
