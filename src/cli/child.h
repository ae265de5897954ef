// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <vector>

#include "core/error.h"

namespace causeway {

/// A process that this one has started: its standard output comes here, line by line; its standard
/// error goes to a file. It ends with this process, whatever that dies of.
class Child {
 public:
  /// Fault::kIo if it cannot be started.
  static Result<Child> start(const std::vector<std::string>& words, const std::string& error_path);
  ~Child();
  Child(Child&& other) noexcept;
  Child& operator=(Child&& other) noexcept;

  pid_t pid() const { return pid_; }
  /// Lines that are complete, without waiting.
  std::vector<std::string> lines();
  /// To be polled for input; -1 when there is no more.
  int output() const { return output_; }
  void signal(int number) const;
  /// Its exit status, 128 + the signal's number if one has ended it; none while it runs.
  std::optional<int> exited();

 private:
  Child(pid_t pid, int output) : pid_(pid), output_(output) {}

  pid_t pid_ = -1;
  int output_ = -1;
  std::string text_;  // of a line that is not complete
  std::optional<int> exit_status_;
};

}  // namespace causeway
