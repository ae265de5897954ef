// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <httplib.h>

#include <array>
#include <chrono>
#include <cstdint>
#include <memory>
#include <string>

#include "web/page_tls.h"

struct ssl_st;

namespace causeway {

struct StreamLimits {
  int64_t request_bytes_max = 8 << 10;   ///< all that is read
  int64_t request_ms_max = 10'000;       ///< from the start to the last byte read, TLS included
  int64_t write_ms_max = 20'000;         ///< for a write of few bytes
  int64_t write_bytes_per_s_min = 1000;  ///< for one of many
};

/// One connection as cpp-httplib reads and writes it, with the limits that the library lacks: it
/// would read a line without end, and wait for every byte anew. For one thread.
class HttpStream final : public httplib::Stream {
 public:
  /// `socket` does not block and outlives the stream. `tls` null: plain.
  HttpStream(int socket, const PageTls* tls, const StreamLimits& limits);
  ~HttpStream() override;

  /// TLS's handshake; at once where the connection is plain.
  bool shake_hands();
  /// Says that nothing follows, and waits a little until the peer has understood: to close a socket
  /// with unread bytes would take away what was written.
  void finish();

  bool is_readable() const override { return true; }
  bool is_writable() const override { return true; }
  /// Up to `size` bytes; 0 at the end, -1 past a limit or when the connection fails.
  ssize_t read(char* to, size_t size) override;
  /// All of it, or -1.
  ssize_t write(const char* from, size_t size) override;
  void get_remote_ip_and_port(std::string& ip, int& port) const override;
  void get_local_ip_and_port(std::string& ip, int& port) const override;
  socket_t socket() const override;

 private:
  using Time = std::chrono::steady_clock::time_point;
  struct Free {
    void operator()(ssl_st* tls) const;
  };
  // What a call on the socket came to; 0 bytes: it would block, having asked for `wait_for_`.
  ssize_t receive(char* to, size_t size);
  ssize_t send(const char* from, size_t size);
  ssize_t tls_outcome(int outcome);
  bool wait(Time deadline) const;

  int socket_;
  StreamLimits limits_;
  std::unique_ptr<ssl_st, Free> tls_;
  Time deadline_;
  int64_t bytes_read_ = 0;
  short wait_for_ = 0;
  std::array<char, 2048> buffer_{};
  size_t at_ = 0, end_ = 0;
};

}  // namespace causeway
