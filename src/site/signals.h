// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <csignal>

namespace causeway::site {

/// While it lives, this thread gets no signals: threads that it starts inherit that for good, so
/// that Ctrl-C still goes to a thread of the program's own.
class NoSignals {
 public:
  NoSignals();
  ~NoSignals();
  NoSignals(const NoSignals&) = delete;
  NoSignals& operator=(const NoSignals&) = delete;

 private:
  sigset_t before_;
};

/// While it lives, to write on a connection that the other side has closed ends no program: Gloo
/// writes without MSG_NOSIGNAL. For this thread alone; the program's own choice stays as it is.
class NoPipeSignal {
 public:
  NoPipeSignal();
  ~NoPipeSignal();
  NoPipeSignal(const NoPipeSignal&) = delete;
  NoPipeSignal& operator=(const NoPipeSignal&) = delete;

 private:
  sigset_t before_;
  bool pending_before_;
};

}  // namespace causeway::site
