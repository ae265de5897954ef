// SPDX-License-Identifier: Apache-2.0
//
// The links of a process to its neighbours in a ring, over Gloo's TCP transport. Of Gloo this takes
// the connections and their asynchronous messages; who meets whom, what is sent, and when to stop
// waiting is ours. Everything here throws what Gloo throws, or Lost.
#pragma once

#include <gloo/transport/context.h>
#include <gloo/transport/device.h>
#include <gloo/transport/unbound_buffer.h>

#include <memory>
#include <mutex>
#include <stdexcept>
#include <string>
#include <vector>

#include "site/deadline.h"
#include "site/greeting.h"

namespace causeway::site {

/// The group is lost; what() says why.
struct Lost : std::runtime_error {
  using std::runtime_error::runtime_error;
};

class GlooLinks {
 public:
  struct Options {
    int32_t rank = 0, size = 2;
    std::string address;  ///< of this process: an address of this machine, in numbers
  };
  /// `deadline` bounds this and connect.
  GlooLinks(const Options& options, const Deadline& deadline);

  const Ends& ends() const { return ends_; }
  /// `others`: what exchange_ends gave for ends(). If interrupted it may return unconnected; then
  /// whatever comes next throws.
  void connect(const Ends& others);

  /// Ends all waits, now and from now on. From any thread.
  void interrupt(const std::string& why);
  /// Why, or "".
  std::string interrupted() const;

  /// Memory that is sent from or received into. While one lives Gloo's thread may write into what
  /// it has been given to receive; after that no more. Transfers have numbers, which both sides
  /// must give alike; several may be under way.
  class Memory {
   public:
    Memory(GlooLinks& links, void* data, int64_t bytes);
    ~Memory();
    Memory(const Memory&) = delete;
    Memory& operator=(const Memory&) = delete;

    void send_to_next(uint64_t number, int64_t begin, int64_t bytes);
    void receive_from_previous(uint64_t number, int64_t begin, int64_t bytes);
    /// Each waits for one of the transfers that were begun. Throws at the deadline.
    void wait_sent(const Deadline& deadline);
    void wait_received(const Deadline& deadline);
    /// For all that send_to_next has begun.
    void wait_all_sent(const Deadline& deadline);

   private:
    friend class GlooLinks;
    void abort();
    GlooLinks& links_;
    std::unique_ptr<gloo::transport::UnboundBuffer> buffer_;
    int64_t sends_ = 0;
  };

 private:
  int32_t previous_, next_;
  bool turns_back_;  // begins at the other side, so that not all wait for their next at once
  std::shared_ptr<gloo::transport::Device> device_;
  std::shared_ptr<gloo::transport::Context> context_;
  Ends ends_;

  mutable std::mutex mutex_;  // of what follows
  std::string why_;
  bool connecting_ = false;
  std::vector<Memory*> waiting_;
};

/// What would go wrong if this process used Gloo, or "": LibTorch exports a Gloo of its own, of
/// another version; where it comes first, calls of the one end up in the other.
std::string gloo_clash();

}  // namespace causeway::site
