// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <asio/io_context.hpp>
#include <csignal>
#include <thread>

namespace causeway {

/// A thread that does what `io` has to do, until that is nothing or it is stopped. On it SIGPIPE is
/// blocked: OpenSSL writes to sockets without MSG_NOSIGNAL, and a peer that is gone is an error.
inline std::thread start_net_thread(asio::io_context& io) {
  return std::thread([&io] {
    sigset_t pipe;
    sigemptyset(&pipe);
    sigaddset(&pipe, SIGPIPE);
    pthread_sigmask(SIG_BLOCK, &pipe, nullptr);
    io.run();
  });
}

}  // namespace causeway
