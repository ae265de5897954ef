// SPDX-License-Identifier: Apache-2.0
#include "site/signals.h"

#include <ctime>

namespace causeway::site {
namespace {

sigset_t pipe_alone() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGPIPE);
  return set;
}

bool pipe_pending() {
  sigset_t pending;
  sigpending(&pending);
  return sigismember(&pending, SIGPIPE) == 1;
}

}  // namespace

NoSignals::NoSignals() {
  sigset_t all;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before_);
}

NoSignals::~NoSignals() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }

NoPipeSignal::NoPipeSignal() : pending_before_(pipe_pending()) {
  const sigset_t pipe = pipe_alone();
  pthread_sigmask(SIG_BLOCK, &pipe, &before_);
}

NoPipeSignal::~NoPipeSignal() {
  // What came meanwhile is taken away before the signal may reach anyone.
  const sigset_t pipe = pipe_alone();
  const timespec now{};
  if (!pending_before_ && pipe_pending()) sigtimedwait(&pipe, nullptr, &now);
  pthread_sigmask(SIG_SETMASK, &before_, nullptr);
}

}  // namespace causeway::site
