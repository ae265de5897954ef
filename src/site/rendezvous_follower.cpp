// SPDX-License-Identifier: Apache-2.0
#include <poll.h>

#include "site/rendezvous.h"

namespace causeway::site {
namespace {

// How long one port may take before the next one is tried. The leader answers at once.
constexpr int64_t kConnectMs = 5'000, kAnswerMs = 5'000;
constexpr int64_t kPauseMs = 50;

Result<Reply> receive_reply(const Socket& leader, const Deadline& deadline) {
  CW_ASSIGN(const Bytes bytes, receive_frame(leader, kGreetingBytesMax, deadline));
  return decode_reply(bytes);
}

/// A connection to the leader, which has this process on its roll. A failure other than kRefused
/// says that the next port may be better.
Result<Socket> call(const GroupPlace& place, int32_t port, const Deadline& deadline) {
  CW_ASSIGN(Socket leader, connect_to(place.master, port, deadline.but_within_ms(kConnectMs)));
  const Hello hello{kGroupVersion, digest_of(place.run), place.size, place.rank};
  const Deadline answer = deadline.but_within_ms(kAnswerMs);
  CW_TRY(send_frame(leader, encode(hello), answer));
  CW_ASSIGN(const Reply reply, receive_reply(leader, answer));
  if (reply.verdict == Verdict::kCome) return leader;
  const Fault fault = reply.verdict == Verdict::kNever ? Fault::kRefused : Fault::kPeerLost;
  return failure(fault, "{}", reply.text);
}

Result<Socket> find_leader(const GroupPlace& place, const Deadline& deadline) {
  std::string last = "no time to look";
  while (!deadline.passed()) {
    for (int32_t port = place.port; port < place.port + place.port_count; ++port) {
      auto leader = call(place, port, deadline);
      if (leader || leader.error().fault == Fault::kRefused) return leader;
      // "Connection refused" at the other ports says less than why the leader would not have us.
      if (port == place.port || leader.error().fault != Fault::kPeerLost)
        last = fmt::format("port {}: {}", port, leader.error().message);
    }
    poll(nullptr, 0, static_cast<int>(kPauseMs));
  }
  return failure(Fault::kPeerLost, "no leader (rank 0) at {}, ports {} to {}, within the time; {}",
                 place.master, place.port, place.port + place.port_count - 1, last);
}

}  // namespace

Result<Meeting> meet_as_follower(const GroupPlace& place, const Deadline& deadline) {
  CW_ASSIGN(Socket leader, find_leader(place, deadline));
  auto seat = receive_reply(leader, deadline);
  if (!seat) return failure(Fault::kPeerLost, "the leader (rank 0): {}", seat.error().message);
  if (seat->verdict != Verdict::kSeat)
    return failure(Fault::kPeerLost, "the leader (rank 0) gave up: {}", seat->text);
  Meeting meeting;
  meeting.peers.push_back(std::move(leader));
  meeting.address = seat->text;
  return meeting;
}

}  // namespace causeway::site
