// SPDX-License-Identifier: Apache-2.0
//
// For tests with sockets on loopback: certificates of today, a hub and sites that write down what
// happens, and waiting with a deadline. tests/python/test_net_live.py runs them.
#pragma once

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "net/client.h"
#include "net/server.h"

namespace causeway::live {

using Clock = std::chrono::steady_clock;

/// Polls until it holds. False when a deadline has passed that is generous even for a machine with
/// much else to do.
bool wait_until(const std::function<bool()>& holds);
/// Whether it holds all of that time.
bool stays(int64_t ms, const std::function<bool()>& holds);

/// A folder of certificates, made once a process: an authority, `hub` for this machine, the sites
/// `dickens` and `austen`; and a second authority with `other-hub` and `other-site`, which trust
/// the first.
const std::string& certificates();
/// CERTIFICATES/NAME.crt and .key; `authority`: whom it trusts.
Identity identity(const std::string& name, const std::string& authority = "authority");
std::shared_ptr<const TlsContext> hub_context(const std::string& name = "hub");
std::shared_ptr<const TlsContext> site_context(const std::string& name = "dickens");

/// Bytes that say where in which blob they are.
Bytes pattern(const Digest& blob, int64_t offset, int64_t bytes);

/// A charter's bytes, of the run that Site expects.
Bytes some_charter();

/// A hub which lets in who has the token "token" and worker number below 100.
class Hub {
 public:
  struct Scene {
    bool tls = true;
    ServerOptions options;
    std::string context = "hub";
    std::string tokenizer;
    /// After what is written down.
    std::function<void(Message, HubServer::Held)> receive;
    std::function<void(const std::string& note)> note;
    std::function<Result<SharedBytes>(const BulkRequest&)> read;
  };
  Hub() : Hub(Scene()) {}
  explicit Hub(Scene scene);
  ~Hub();

  HubServer& server() { return *server_; }
  int64_t port() const { return port_; }
  /// Ends it, as a callback that uses what is destroyed earlier would want.
  void stop() { server_->stop(); }

  std::vector<Message> messages() const;
  size_t count() const { return count_; }
  std::vector<std::string> notes() const;
  /// Notes that have this text in them.
  size_t noted(const std::string& text) const;

 private:
  Scene scene_;
  mutable std::mutex mutex_;
  std::vector<Message> messages_;
  std::vector<std::string> notes_;
  std::atomic<size_t> count_ = 0;
  int64_t port_ = 0;
  std::unique_ptr<HubServer> server_;
};

class Site {
 public:
  struct Scene {
    bool tls = true;
    ClientOptions options;  ///< host, port and preface are filled in where they are empty
    std::string context = "dickens";
    WorkerId worker = 0;
    std::string token = "token";
    std::function<void(HubClient&)> welcomed, lost, refused;
    std::function<void(HubClient&, Message)> receive;
  };
  explicit Site(int64_t port) : Site(port, Scene()) {}
  Site(int64_t port, Scene scene);
  ~Site();

  HubClient& client() { return *client_; }
  void stop() { client_->stop(); }

  std::vector<Message> messages() const;
  size_t count() const { return count_; }
  int welcomes() const { return welcomes_; }
  std::vector<std::string> losses() const;
  /// When they were told.
  std::vector<Clock::time_point> loss_times() const;
  std::optional<Error> refused() const;
  bool wait_welcome(int times = 1) const {
    return wait_until([&] { return welcomes_ >= times; });
  }

 private:
  HubClient& known();

  Scene scene_;
  mutable std::mutex mutex_;
  std::vector<Message> messages_;
  std::vector<std::string> losses_;
  std::vector<Clock::time_point> loss_times_;
  std::optional<Error> refused_;
  std::atomic<size_t> count_ = 0;
  std::atomic<int> welcomes_ = 0;
  std::atomic<HubClient*> known_ = nullptr;
  std::unique_ptr<HubClient> client_;
};

/// A small message with a number, from a worker.
inline Message ask(int64_t number, WorkerId worker = 0) { return {1, 1, worker, Ask{number}}; }
/// A small message with a number, from the hub.
inline Message want(int64_t number, WorkerId worker = 0) {
  return {1, 1, worker, Want{{1, 2}, number}};
}
inline Message chunk(const Digest& blob, int64_t offset, int64_t bytes, WorkerId worker = 0) {
  return {1, 1, worker, Chunk{blob, offset, SharedBytes(pattern(blob, offset, bytes))}};
}

}  // namespace causeway::live
