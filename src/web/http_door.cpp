// SPDX-License-Identifier: Apache-2.0
#include "web/http_door.h"

#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <map>
#include <system_error>

#include "core/check.h"
#include "core/log.h"

namespace causeway {

struct HttpDoor::Place::Guest {
  Descriptor socket;
  std::string address;
  Stage stage = Stage::kAsking;
  bool sent_away = false, gone = false;
  std::thread thread;
};

namespace {

using std::chrono::milliseconds;

constexpr milliseconds kMakeRoom{1000};
constexpr int kErrorPauseMs = 100;

// Answers go out at once; a peer that has vanished without a word is given up.
void set_up(int socket) {
  const int on = 1;
  const unsigned silence_ms = 30'000;
  ::setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  ::setsockopt(socket, IPPROTO_TCP, TCP_USER_TIMEOUT, &silence_ms, sizeof silence_ms);
}

std::string address_of(const sockaddr_storage& address, socklen_t size) {
  std::array<char, NI_MAXHOST> text{};
  const auto* from = reinterpret_cast<const sockaddr*>(&address);
  if (::getnameinfo(from, size, text.data(), text.size(), nullptr, 0, NI_NUMERICHOST) != 0)
    return {};
  return text.data();
}

}  // namespace

int HttpDoor::Place::socket() const { return guest_.socket.get(); }

void HttpDoor::Place::answering() {
  const std::lock_guard lock(door_.mutex_);
  guest_.stage = Stage::kAnswering;
}

bool HttpDoor::Place::follow() {
  const std::lock_guard lock(door_.mutex_);
  if (guest_.sent_away || door_.followers() >= door_.connections_max_ / 2) return false;
  guest_.stage = Stage::kFollowing;
  return true;
}

HttpDoor::HttpDoor(ListenSocket listening, int64_t connections_max, Serve serve)
    : listening_(std::move(listening)),
      connections_max_(connections_max),
      serve_(std::move(serve)),
      closing_(::eventfd(0, EFD_CLOEXEC)) {
  CW_CHECK(connections_max_ >= 2, "{} connections", connections_max_);
  CW_CHECK(closing_.get() >= 0);
  accepting_ = std::thread([this] { accept_until_closed(); });
}

HttpDoor::~HttpDoor() {
  CW_CHECK(::eventfd_write(closing_.get(), 1) == 0);
  accepting_.join();
  std::unique_lock lock(mutex_);
  for (const Guest& guest : guests_)
    if (!guest.gone) ::shutdown(guest.socket.get(), SHUT_RDWR);
  left_.wait(lock, [&] { return gone_ == static_cast<int64_t>(guests_.size()); });
  reap(lock);
}

// False when the door closes.
bool HttpDoor::wait_for_newcomer() const {
  std::array<pollfd, 2> entries = {pollfd{closing_.get(), POLLIN, 0},
                                   pollfd{listening_.fd.get(), POLLIN, 0}};
  ::poll(entries.data(), entries.size(), -1);
  return entries[0].revents == 0;
}

void HttpDoor::accept_until_closed() {
  while (wait_for_newcomer()) {
    sockaddr_storage address{};
    socklen_t size = sizeof address;
    auto* to = reinterpret_cast<sockaddr*>(&address);
    Descriptor socket(::accept4(listening_.fd.get(), to, &size, SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (socket.get() >= 0) {
      set_up(socket.get());
      let_in(std::move(socket), address_of(address, size));
    } else if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
      pollfd entry{closing_.get(), POLLIN, 0};  // the system has none left: do not spin
      ::poll(&entry, 1, kErrorPauseMs);
    }
  }
}

// Who is not let in is cut.
void HttpDoor::let_in(Descriptor socket, std::string address) {
  std::unique_lock lock(mutex_);
  reap(lock);
  if (static_cast<int64_t>(guests_.size()) >= connections_max_) {
    Guest* leaving = least_missed();
    if (leaving == nullptr) return;
    leaving->sent_away = true;
    ::shutdown(leaving->socket.get(), SHUT_RDWR);
    left_.wait_for(lock, kMakeRoom, [&] { return gone_ > 0; });
    reap(lock);
    if (static_cast<int64_t>(guests_.size()) >= connections_max_) return;
  }
  Guest& guest = guests_.emplace_back();
  guest.socket = std::move(socket);
  guest.address = std::move(address);
  try {
    guest.thread = std::thread([this, &guest] { run(guest); });
  } catch (const std::system_error& error) {
    log(LogLevel::kWarning, fmt::format("no thread for a connection: {}", error.what()));
    guests_.pop_back();
  }
}

void HttpDoor::run(Guest& guest) {
  Place place(*this, guest);
  serve_(place);
  {
    const std::lock_guard lock(mutex_);
    guest.socket = Descriptor();  // the peer is not to wait until the thread is joined
    guest.gone = true;
    ++gone_;
    left_.notify_all();  // under the lock: the door may go once it is free
  }
}

void HttpDoor::reap(std::unique_lock<std::mutex>& lock) {
  CW_CHECK(lock.owns_lock());
  for (auto guest = guests_.begin(); guest != guests_.end();) {
    if (!guest->gone) {
      ++guest;
      continue;
    }
    guest->thread.join();  // it holds no lock any more, nor takes one
    guest = guests_.erase(guest);
    --gone_;
  }
}

HttpDoor::Guest* HttpDoor::least_missed() {
  const auto first_of = [&](Stage stage) -> Guest* {
    std::map<std::string, int64_t> count;
    for (const Guest& guest : guests_)
      if (guest.stage == stage && !guest.sent_away) ++count[guest.address];
    const auto most = std::ranges::max_element(count, {}, [](const auto& c) { return c.second; });
    if (most == count.end()) return nullptr;
    const auto found = std::ranges::find_if(guests_, [&](const Guest& guest) {
      return guest.stage == stage && !guest.sent_away && guest.address == most->first;
    });
    return &*found;
  };
  Guest* asking = first_of(Stage::kAsking);
  return asking != nullptr ? asking : first_of(Stage::kAnswering);
}

int64_t HttpDoor::followers() const {
  return std::ranges::count(guests_, Stage::kFollowing, &Guest::stage);
}

}  // namespace causeway
