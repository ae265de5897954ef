// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <httplib.h>

#include <algorithm>
#include <string>
#include <utility>

namespace causeway {

/// A request from memory, and the answer to memory. For tests and fuzzers.
class MemoryStream final : public httplib::Stream {
 public:
  explicit MemoryStream(std::string request) : request_(std::move(request)) {}
  const std::string& written() const { return written_; }

  bool is_readable() const override { return true; }
  bool is_writable() const override { return true; }
  ssize_t read(char* to, size_t size) override {
    const size_t taken = request_.copy(to, size, at_);
    at_ += taken;
    return static_cast<ssize_t>(taken);
  }
  ssize_t write(const char* from, size_t size) override {
    written_.append(from, size);
    return static_cast<ssize_t>(size);
  }
  void get_remote_ip_and_port(std::string&, int&) const override {}
  void get_local_ip_and_port(std::string&, int&) const override {}
  socket_t socket() const override { return 0; }

 private:
  std::string request_, written_;
  size_t at_ = 0;
};

}  // namespace causeway
