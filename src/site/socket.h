// SPDX-License-Identifier: Apache-2.0
//
// TCP sockets that never block without a deadline, and frames on them: a word that tells our
// programs from strangers, a length, and so many bytes.
#pragma once

#include <cstdint>
#include <string>
#include <utility>

#include "core/bytes.h"
#include "core/error.h"
#include "site/deadline.h"

namespace causeway::site {

/// Owns a descriptor, which does not block. One thread at a time.
class Socket {
 public:
  Socket() = default;
  explicit Socket(int descriptor) : descriptor_(descriptor) {}
  Socket(Socket&& other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)) {}
  Socket& operator=(Socket&& other) noexcept;
  ~Socket() { close(); }

  int descriptor() const { return descriptor_; }
  bool is_open() const { return descriptor_ >= 0; }
  void close();

 private:
  int descriptor_ = -1;
};

/// Listens on every interface, or on the loopback alone. Fault::kIo if the port is taken.
Result<Socket> listen_at(int32_t port, bool loopback_alone);
/// The next connection that waits, or a closed socket if none does.
Socket accept_from(const Socket& listener);
/// `host` is a name or an address. Fault::kPeerLost if nobody answers in time. To look up a name
/// takes as long as the system's resolver takes.
Result<Socket> connect_to(const std::string& host, int32_t port, const Deadline& deadline);

/// The addresses of a connection's two ends, in numbers: "10.1.2.3", "fe80::1".
std::string local_address(const Socket& socket);
std::string remote_address(const Socket& socket);
bool is_loopback(const std::string& address);

inline constexpr size_t kFrameHeadBytes = 8;

/// The length that a frame's first kFrameHeadBytes bytes announce. Fault::kCorrupt if they are not
/// ours, or announce more than `size_max`.
Result<size_t> frame_size(ByteSpan head, size_t size_max);

/// A frame on its way in, of at most `size_max` bytes: it never holds more than arrived.
class IncomingFrame {
 public:
  explicit IncomingFrame(size_t size_max) : size_max_(size_max) {}
  /// Takes what has arrived, and no byte of what comes after the frame. True once it is complete.
  /// Fault::kPeerLost if the connection has ended, Fault::kCorrupt if the bytes are not a frame.
  Result<bool> read_from(const Socket& socket);
  /// What a complete frame has.
  ByteSpan body() const { return ByteSpan(bytes_).subspan(kFrameHeadBytes); }

 private:
  size_t size_max_;
  size_t wanted_ = kFrameHeadBytes;  // until the head is there; then with the body
  Bytes bytes_;
};

/// Fault::kPeerLost if the connection ends or the deadline passes first.
Result<void> send_frame(const Socket& socket, ByteSpan body, const Deadline& deadline);
Result<Bytes> receive_frame(const Socket& socket, size_t size_max, const Deadline& deadline);

}  // namespace causeway::site
