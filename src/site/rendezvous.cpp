// SPDX-License-Identifier: Apache-2.0
#include "site/rendezvous.h"

namespace causeway::site {
namespace {

Error named(int64_t rank, const Error& error) {
  return failure(error.fault, "rank {}: {}", rank, error.message);
}

Result<Ends> receive_ends(const Socket& socket, int64_t rank, const Deadline& deadline) {
  auto bytes = receive_frame(socket, kGreetingBytesMax, deadline);
  if (!bytes) return named(rank, bytes.error());
  auto ends = decode_ends(*bytes);
  if (!ends) return named(rank, ends.error());
  return ends;
}

Result<Ends> exchange_as_leader(const Meeting& meeting, const Ends& mine,
                                const Deadline& deadline) {
  std::vector<Ends> all{mine};
  for (const Socket& peer : meeting.peers) {
    CW_ASSIGN(Ends ends, receive_ends(peer, std::ssize(all), deadline));
    all.push_back(std::move(ends));
  }
  const size_t size = all.size();
  const auto around = [&](size_t rank) {
    return Ends{all[(rank + size - 1) % size].to_next, all[(rank + 1) % size].to_previous};
  };
  for (size_t rank = 1; rank < size; ++rank) {
    const auto sent = send_frame(meeting.peers[rank - 1], encode(around(rank)), deadline);
    if (!sent) return named(static_cast<int64_t>(rank), sent.error());
  }
  return around(0);
}

}  // namespace

Result<Meeting> meet(const GroupPlace& place, const Deadline& deadline) {
  return place.rank == 0 ? meet_as_leader(place, deadline) : meet_as_follower(place, deadline);
}

Result<Ends> exchange_ends(const Meeting& meeting, const GroupPlace& place, const Ends& mine,
                           const Deadline& deadline) {
  if (place.rank == 0) return exchange_as_leader(meeting, mine, deadline);
  const Socket& leader = meeting.peers.front();
  const auto sent = send_frame(leader, encode(mine), deadline);
  if (!sent) return named(0, sent.error());
  return receive_ends(leader, 0, deadline);
}

}  // namespace causeway::site
