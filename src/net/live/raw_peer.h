// SPDX-License-Identifier: Apache-2.0
//
// Ends of connections that do what ours never would: blocking, byte by byte.
#pragma once

#include <openssl/ssl.h>

#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <thread>

#include "net/certificates.h"
#include "net/frame.h"

namespace causeway::live {

/// One TCP connection to this machine, with TLS by OpenSSL's own defaults if an identity is given.
/// Every call waits a minute at most.
class RawPeer {
 public:
  struct Options {
    std::optional<Identity> identity;  ///< none and `tls`: shows no certificate
    bool tls = false;
    std::string groups;   ///< of the key exchange; empty: OpenSSL's
    int version_max = 0;  ///< of TLS; 0: any
    std::string source;   ///< address to come from; empty: any
  };
  explicit RawPeer(int64_t port) : RawPeer(port, Options()) {}
  RawPeer(int64_t port, const Options& options);
  /// Takes a socket that was accepted; as a hub if there is an identity.
  RawPeer(int socket, const std::optional<Identity>& hub);
  ~RawPeer();
  RawPeer(const RawPeer&) = delete;
  RawPeer& operator=(const RawPeer&) = delete;

  /// False with why if TLS did not come about. In TLS 1.3 the other side may still refuse.
  bool secured() const { return secured_; }
  const std::string& trouble() const { return trouble_; }
  bool send(ByteSpan bytes);
  bool send_frame(FrameKind kind, ByteSpan payload);
  bool send_preface(WorkerId worker, const std::string& token = "token");
  /// The next frame, or nothing when the other side has ended it.
  std::optional<std::pair<FrameKind, Bytes>> receive();
  /// Until the other side has ended it; how many bytes were read before.
  size_t drain();
  /// Whether the other side has neither ended it nor said anything.
  bool is_open() const;
  /// Asks the other side to change its keys, and changes its own.
  bool update_keys();
  /// Closes without a goodbye.
  void cut();

 private:
  void begin_tls(const std::optional<Identity>& identity, bool is_hub, const Options& options);
  size_t read_some(std::byte* out, size_t bytes);

  int socket_ = -1;
  SSL_CTX* context_ = nullptr;
  SSL* ssl_ = nullptr;
  bool secured_ = false;
  std::string trouble_;
};

/// Listens on loopback and hands over who comes, one at a time.
class RawListener {
 public:
  RawListener();
  ~RawListener();
  RawListener(const RawListener&) = delete;
  RawListener& operator=(const RawListener&) = delete;
  int64_t port() const { return port_; }
  /// A socket; within a minute, or -1.
  int accept() const;

 private:
  int socket_ = -1;
  int64_t port_ = 0;
};

/// Carries bytes between who connects to it and a port, and changes one bit of what goes down
/// (or up) after so many bytes of each connection.
class Relay {
 public:
  struct Damage {
    bool down = true;
    int64_t after_bytes = 0;
    int connections = 0;  ///< how many are damaged, the first ones
  };
  Relay(int64_t port, Damage damage);
  ~Relay();
  Relay(const Relay&) = delete;
  Relay& operator=(const Relay&) = delete;
  int64_t port() const { return listener_.port(); }
  int damaged() const { return damaged_; }

 private:
  void run();
  void carry(int near, int far, int number);

  const int64_t target_;
  const Damage damage_;
  RawListener listener_;
  std::atomic<bool> stops_ = false;
  std::atomic<int> damaged_ = 0;
  std::thread thread_;
};

}  // namespace causeway::live
