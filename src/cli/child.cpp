// SPDX-License-Identifier: Apache-2.0
#include "cli/child.h"

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <utility>

#include "core/durable.h"

namespace causeway {
namespace {

constexpr size_t kLineBytesMax = size_t{16} << 20;

/// In the new process, which only calls what a signal handler may.
[[noreturn]] void become(const std::vector<char*>& words, int output, int error, pid_t parent) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != parent) _exit(127);
  setpgid(0, 0);  // Ctrl-C is for this process to pass on
  dup2(output, STDOUT_FILENO);
  dup2(error, STDERR_FILENO);
  const int input = open("/dev/null", O_RDONLY | O_CLOEXEC);
  dup2(input, STDIN_FILENO);
  execv(words.front(), words.data());
  _exit(127);
}

}  // namespace

Result<Child> Child::start(const std::vector<std::string>& words, const std::string& error_path) {
  std::array<int, 2> ends{};
  if (pipe2(ends.data(), O_CLOEXEC) != 0) return io_error(words.front(), "cannot be started");
  const int error = open(error_path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
  if (error < 0) {
    close(ends[0]);
    close(ends[1]);
    return io_error(error_path, "cannot be written");
  }
  std::vector<std::string> copies = words;
  std::vector<char*> arguments;
  for (std::string& word : copies) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  const pid_t parent = getpid();
  const pid_t pid = fork();
  if (pid == 0) become(arguments, ends[1], error, parent);
  close(ends[1]);
  close(error);
  if (pid < 0) {
    close(ends[0]);
    return io_error(words.front(), "cannot be started");
  }
  fcntl(ends[0], F_SETFL, O_NONBLOCK);
  return Child(pid, ends[0]);
}

Child::Child(Child&& other) noexcept
    : pid_(std::exchange(other.pid_, -1)),
      output_(std::exchange(other.output_, -1)),
      text_(std::move(other.text_)),
      exit_status_(other.exit_status_) {}

Child& Child::operator=(Child&& other) noexcept {
  std::swap(pid_, other.pid_);
  std::swap(output_, other.output_);
  std::swap(text_, other.text_);
  std::swap(exit_status_, other.exit_status_);
  return *this;
}

Child::~Child() {
  if (pid_ > 0 && !exited()) {
    signal(SIGKILL);
    int status = 0;
    waitpid(pid_, &status, 0);
  }
  if (output_ >= 0) close(output_);
}

std::vector<std::string> Child::lines() {
  std::array<char, 65'536> buffer{};
  while (output_ >= 0) {
    const ssize_t got = read(output_, buffer.data(), buffer.size());
    if (got > 0) {
      text_.append(buffer.data(), static_cast<size_t>(got));
      if (text_.size() > kLineBytesMax) text_.clear();
      continue;
    }
    if (got == 0) close(std::exchange(output_, -1));
    if (got < 0 && errno == EINTR) continue;
    break;
  }
  std::vector<std::string> out;
  for (size_t end = text_.find('\n'); end != text_.npos; end = text_.find('\n')) {
    out.push_back(text_.substr(0, end));
    text_.erase(0, end + 1);
  }
  return out;
}

void Child::signal(int number) const {
  if (pid_ > 0 && !exit_status_) kill(pid_, number);
}

std::optional<int> Child::exited() {
  if (exit_status_ || pid_ <= 0) return exit_status_;
  int status = 0;
  if (waitpid(pid_, &status, WNOHANG) == pid_) {
    constexpr int kSignalled = 128;
    exit_status_ = WIFEXITED(status) ? WEXITSTATUS(status) : kSignalled + WTERMSIG(status);
  }
  return exit_status_;
}

}  // namespace causeway
