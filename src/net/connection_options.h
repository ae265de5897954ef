// SPDX-License-Identifier: Apache-2.0
//
// What is settled about a connection beforehand, and what is known of it later.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

namespace causeway {

struct ConnectionTimes {
  /// To be let in; at a site, without a byte meanwhile: a charter may be large and its link slow.
  int64_t handshake_ms = 10'000;
  int64_t ping_ms = 5'000;
  int64_t silence_ms = 30'000;  ///< without a byte from the other side: it is dead
  int64_t linger_ms = 1'000;    ///< until what was said last has been heard
};

struct ConnectionOptions {
  bool hub = false;                                      ///< this is the hub's side
  double send_bytes_per_s = 0, receive_bytes_per_s = 0;  ///< 0: as the link allows
  ConnectionTimes times;
  /// More that waits to be sent is dropped, unless it is alone.
  size_t queue_bytes_max = size_t{64} << 20;
};

/// What is known of a connection; a copy.
struct LinkStats {
  std::string address;
  int64_t sent_bytes = 0, received_bytes = 0;              ///< payload of frames, heads with it
  int64_t store_sent_bytes = 0, store_received_bytes = 0;  ///< beside these, by an object store
  int64_t queued_bytes = 0;
  double round_trip_ms = 0;  ///< 0: not known
};

/// How a connection ended.
enum class Parting : uint8_t {
  kLost = 1,        ///< another may do better
  kWeRefuse = 2,    ///< the other side's certificate does not serve
  kTheyRefuse = 3,  ///< ours does not serve it
};

}  // namespace causeway
