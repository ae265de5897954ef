// SPDX-License-Identifier: Apache-2.0
#include "site/watch.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>

#include "site/signals.h"

namespace causeway::site {
namespace {

constexpr char kGoodbye = 'b';

}  // namespace

Watch::Watch(std::vector<Socket> peers, bool leads, std::function<void(const std::string&)> on_loss)
    : peers_(std::move(peers)),
      leads_(leads),
      on_loss_(std::move(on_loss)),
      wake_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  CW_CHECK(wake_.is_open(), "no eventfd");
  const NoSignals quiet;
  thread_ = std::thread([this] { run(); });
}

Watch::~Watch() {
  stop();
  if (lost_) return;
  for (const Socket& peer : peers_)
    if (peer.is_open())
      static_cast<void>(send(peer.descriptor(), &kGoodbye, sizeof(kGoodbye), MSG_NOSIGNAL));
}

void Watch::give_up() {
  stop();
  lost_ = true;
  for (Socket& peer : peers_) peer.close();
}

void Watch::stop() {
  stop_ = true;
  const uint64_t one = 1;
  static_cast<void>(!write(wake_.descriptor(), &one, sizeof(one)));
  if (thread_.joinable()) thread_.join();
}

void Watch::run() {
  while (!stop_) {
    std::vector<pollfd> entries{{wake_.descriptor(), POLLIN, 0}};
    // poll passes over descriptors below 0: peers that have said goodbye.
    for (const Socket& peer : peers_) entries.push_back({peer.descriptor(), POLLIN, 0});
    if (poll(entries.data(), entries.size(), -1) < 0) continue;
    for (size_t i = 0; i < peers_.size() && !stop_; ++i) {
      if (entries[i + 1].revents == 0) continue;
      const Seen seen = look_at(i);
      if (seen == Seen::kNothing) continue;
      peers_[i].close();
      if (seen == Seen::kGoodbye) continue;
      lost_ = true;
      if (leads_)
        for (Socket& peer : peers_) peer.close();
      return on_loss_(leads_ ? fmt::format("rank {} was lost", i + 1)
                             : "the leader (rank 0) was lost, or has lost another");
    }
  }
}

Watch::Seen Watch::look_at(size_t peer) const {
  char byte = 0;
  const ssize_t got = recv(peers_[peer].descriptor(), &byte, sizeof(byte), 0);
  if (got < 0 && (errno == EINTR || errno == EAGAIN || errno == EWOULDBLOCK)) return Seen::kNothing;
  return got == 1 && byte == kGoodbye ? Seen::kGoodbye : Seen::kLoss;
}

}  // namespace causeway::site
