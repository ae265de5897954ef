// SPDX-License-Identifier: Apache-2.0
#include <poll.h>

#include <algorithm>
#include <list>

#include "site/rendezvous.h"

namespace causeway::site {
namespace {

// Who says nothing for so long is a stranger. Ours speak at once.
constexpr int64_t kHelloMs = 5'000;
// Strangers at a time. When there are more, who came first goes first.
constexpr size_t kStrangersMax = 128;
constexpr size_t kHelloBytesMax = 64;

/// Who has connected and has not yet said who it is.
struct Stranger {
  Socket socket;
  Deadline deadline;
  IncomingFrame hello{kHelloBytesMax};
};

/// The leader's side, until all are there.
class Reception {
 public:
  Reception(const GroupPlace& place, Socket listener)
      : listener_(std::move(listener)),
        roll_(digest_of(place.run), place.size),
        members_(static_cast<size_t>(place.size - 1)) {}

  Result<Meeting> hold(const Deadline& deadline) {
    while (!roll_.complete()) {
      if (deadline.passed()) return give_up();
      wait(deadline);
      drop_members_that_left();
      hear_strangers();
      admit();
    }
    return seat_all(deadline);
  }

 private:
  void wait(const Deadline& deadline) const {
    std::vector<pollfd> entries{{listener_.descriptor(), POLLIN, 0}};
    for (const Stranger& stranger : strangers_)
      entries.push_back({stranger.socket.descriptor(), POLLIN, 0});
    for (const Socket& member : members_)
      if (member.is_open()) entries.push_back({member.descriptor(), POLLIN, 0});
    // Strangers' deadlines are looked at once a second.
    poll(entries.data(), entries.size(),
         static_cast<int>(std::min<int64_t>(deadline.left_ms(), 1'000)));
  }

  /// A member says nothing until it has its seat: what can be read is the end of its connection.
  void drop_members_that_left() {
    for (size_t i = 0; i < members_.size(); ++i) {
      if (!members_[i].is_open()) continue;
      IncomingFrame nothing(0);
      if (auto more = nothing.read_from(members_[i]); more && !*more) continue;
      members_[i].close();
      roll_.leave(static_cast<int32_t>(i) + 1);
    }
  }

  void hear_strangers() {
    for (auto stranger = strangers_.begin(); stranger != strangers_.end();) {
      const auto complete = stranger->hello.read_from(stranger->socket);
      const bool waits = complete && !*complete && !stranger->deadline.passed();
      if (complete && *complete) greet(*stranger);
      stranger = waits ? std::next(stranger) : strangers_.erase(stranger);
    }
  }

  void greet(Stranger& stranger) {
    const auto hello = decode_hello(stranger.hello.body());
    if (!hello) return;
    Reply reply = roll_.enter(*hello);
    // A new connection takes so few bytes at once; who does not has gone.
    const bool told = send_frame(stranger.socket, encode(reply), Deadline::in_ms(0)).ok();
    if (reply.verdict != Verdict::kCome) return;
    if (told)
      members_[static_cast<size_t>(hello->rank) - 1] = std::move(stranger.socket);
    else
      roll_.leave(hello->rank);
  }

  void admit() {
    for (size_t count = 0; count < kStrangersMax; ++count) {
      Socket socket = accept_from(listener_);
      if (!socket.is_open()) return;
      if (strangers_.size() == kStrangersMax) strangers_.pop_front();
      strangers_.push_back({std::move(socket), Deadline::in_ms(kHelloMs)});
    }
  }

  Result<Meeting> give_up() {
    const std::string why = fmt::format("{} did not come within the time", roll_.missing());
    for (const Socket& member : members_)
      if (member.is_open())
        static_cast<void>(
            send_frame(member, encode(Reply{Verdict::kNever, why}), Deadline::in_ms(0)));
    return failure(Fault::kPeerLost, "{}", why);
  }

  /// Each process's address is the one from which it reached the leader. Those on the leader's own
  /// machine may have come over the loopback, where other machines cannot reach them: they get the
  /// address by which the others know this machine.
  Result<Meeting> seat_all(const Deadline& deadline) {
    Meeting meeting;
    meeting.address = local_address(members_.front());
    for (const Socket& member : members_)
      if (!is_loopback(remote_address(member))) meeting.address = local_address(member);
    for (size_t i = 0; i < members_.size(); ++i) {
      const std::string from = remote_address(members_[i]);
      const Reply seat{Verdict::kSeat, is_loopback(from) ? meeting.address : from};
      const auto sent = send_frame(members_[i], encode(seat), deadline);
      if (!sent) return failure(sent.error().fault, "rank {}: {}", i + 1, sent.error().message);
    }
    meeting.peers = std::move(members_);
    return meeting;
  }

  Socket listener_;
  Roll roll_;
  std::list<Stranger> strangers_;
  std::vector<Socket> members_;  // rank 1 first; closed where none has come
};

Result<Socket> listen_at_first_free(const GroupPlace& place) {
  Result<Socket> listener = failure(Fault::kIo, "no port");
  for (int32_t i = 0; i < place.port_count && !listener; ++i)
    listener = listen_at(place.port + i, is_loopback(place.master));
  if (listener) return listener;
  return failure(Fault::kIo, "ports {} to {}: {}; CAUSEWAY_GROUP_PORT names another", place.port,
                 place.port + place.port_count - 1, listener.error().message);
}

}  // namespace

Result<Meeting> meet_as_leader(const GroupPlace& place, const Deadline& deadline) {
  CW_ASSIGN(Socket listener, listen_at_first_free(place));
  return Reception(place, std::move(listener)).hold(deadline);
}

}  // namespace causeway::site
