// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <list>
#include <mutex>
#include <string>
#include <thread>

#include "web/listen_socket.h"

namespace causeway {

/// Lets connections in, a thread for each and a bounded number of them. When all places are taken,
/// a newcomer gets that of the one that has been asking longest, of the address with the most such
/// connections: so who opens many and says nothing is in nobody's way but its own.
class HttpDoor {
 public:
  enum class Stage : uint8_t {
    kAsking = 1,     ///< its request is not whole
    kAnswering = 2,  ///< may have to go if nobody is asking
    kFollowing = 3,  ///< stays as long as it likes
  };

  /// What serves a connection tells how far it is. For the connection's own thread.
  class Place {
   public:
    int socket() const;
    void answering();
    /// False where half of all places are taken by those who stay.
    bool follow();

   private:
    friend class HttpDoor;
    struct Guest;
    Place(HttpDoor& door, Guest& guest) : door_(door), guest_(guest) {}
    HttpDoor& door_;
    Guest& guest_;
  };
  using Serve = std::function<void(Place& place)>;

  /// `connections_max` >= 2. `serve` runs in threads of its own, many at once, and does not throw.
  HttpDoor(ListenSocket listening, int64_t connections_max, Serve serve);
  /// Lets nobody in, cuts every connection, and waits until `serve` has returned for all.
  ~HttpDoor();
  HttpDoor(const HttpDoor&) = delete;
  HttpDoor& operator=(const HttpDoor&) = delete;

  int64_t port() const { return listening_.port; }

 private:
  using Guest = Place::Guest;

  void accept_until_closed();
  bool wait_for_newcomer() const;
  void let_in(Descriptor socket, std::string address);
  void run(Guest& guest);
  void reap(std::unique_lock<std::mutex>& lock);
  Guest* least_missed();
  int64_t followers() const;

  const ListenSocket listening_;
  const int64_t connections_max_;
  const Serve serve_;
  Descriptor closing_;  // an eventfd
  mutable std::mutex mutex_;
  std::condition_variable left_;
  std::list<Guest> guests_;  // the oldest first
  int64_t gone_ = 0;         // of these, those whose thread is at its end
  std::thread accepting_;
};

}  // namespace causeway
