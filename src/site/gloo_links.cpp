// SPDX-License-Identifier: Apache-2.0
#include "site/gloo_links.h"

#include <dlfcn.h>
#include <gloo/transport/address.h>
#include <gloo/transport/pair.h>
#include <gloo/transport/tcp/device.h>

#include <algorithm>
#include <chrono>
#include <string_view>

#include "site/signals.h"

namespace causeway::site {
namespace {

std::chrono::milliseconds left(const Deadline& deadline) {
  return std::chrono::milliseconds(deadline.left_ms());
}

std::shared_ptr<gloo::transport::Device> make_device(const std::string& address) {
  gloo::transport::tcp::attr options;
  options.hostname = address;
  const NoSignals quiet;  // The device starts a thread.
  return gloo::transport::tcp::CreateDevice(options);
}

Bytes name_of(const gloo::transport::Pair& pair) {
  const std::vector<char> name = pair.address().bytes();
  const ByteSpan bytes = std::as_bytes(std::span(name));
  return {bytes.begin(), bytes.end()};
}

std::vector<char> characters(const Bytes& bytes) {
  std::vector<char> text(bytes.size());
  std::ranges::transform(bytes, text.begin(),
                         [](std::byte byte) { return static_cast<char>(byte); });
  return text;
}

}  // namespace

GlooLinks::GlooLinks(const Options& options, const Deadline& deadline)
    : previous_((options.rank + options.size - 1) % options.size),
      next_((options.rank + 1) % options.size),
      turns_back_(options.rank == 0),
      device_(make_device(options.address)),
      context_(device_->createContext(options.rank, options.size)) {
  // A pair waits five times this long for its connection.
  context_->setTimeout(std::max(left(deadline) / 5, std::chrono::milliseconds(1)));
  ends_.to_next = name_of(*context_->createPair(next_));
  ends_.to_previous =
      previous_ == next_ ? ends_.to_next : name_of(*context_->createPair(previous_));
}

void GlooLinks::connect(const Ends& others) {
  {
    const std::lock_guard lock(mutex_);
    if (!why_.empty()) throw Lost(why_);
    connecting_ = true;
  }
  // Of two ends, the one with the lower address waits for the other to call. If all began with
  // their next, all might wait; so one begins with its previous.
  const auto to_next = [&] { context_->getPair(next_)->connect(characters(others.to_next)); };
  const auto to_previous = [&] {
    if (previous_ != next_) context_->getPair(previous_)->connect(characters(others.to_previous));
  };
  if (turns_back_) to_previous();
  to_next();
  if (!turns_back_) to_previous();
  const std::lock_guard lock(mutex_);
  connecting_ = false;
}

void GlooLinks::interrupt(const std::string& why) {
  const std::lock_guard lock(mutex_);
  why_ = why;
  for (Memory* memory : waiting_) memory->abort();
  // Who waits for a connection sees that there will be none.
  if (connecting_)
    for (const int32_t rank : {previous_, next_}) context_->getPair(rank)->close();
}

std::string GlooLinks::interrupted() const {
  const std::lock_guard lock(mutex_);
  return why_;
}

GlooLinks::Memory::Memory(GlooLinks& links, void* data, int64_t bytes)
    : links_(links),
      buffer_(links.context_->createUnboundBuffer(data, static_cast<size_t>(bytes))) {
  const std::lock_guard lock(links_.mutex_);
  links_.waiting_.push_back(this);
  if (!links_.why_.empty()) abort();
}

GlooLinks::Memory::~Memory() {
  const std::lock_guard lock(links_.mutex_);
  std::erase(links_.waiting_, this);
}

void GlooLinks::Memory::abort() {
  buffer_->abortWaitRecv();
  buffer_->abortWaitSend();
}

void GlooLinks::Memory::send_to_next(uint64_t number, int64_t begin, int64_t bytes) {
  buffer_->send(links_.next_, number, static_cast<size_t>(begin), static_cast<size_t>(bytes));
  ++sends_;
}

void GlooLinks::Memory::receive_from_previous(uint64_t number, int64_t begin, int64_t bytes) {
  buffer_->recv(links_.previous_, number, static_cast<size_t>(begin), static_cast<size_t>(bytes));
}

void GlooLinks::Memory::wait_sent(const Deadline& deadline) {
  if (!buffer_->waitSend(left(deadline))) throw Lost(links_.interrupted());
  --sends_;
}

void GlooLinks::Memory::wait_received(const Deadline& deadline) {
  if (!buffer_->waitRecv(left(deadline))) throw Lost(links_.interrupted());
}

void GlooLinks::Memory::wait_all_sent(const Deadline& deadline) {
  while (sends_ > 0) wait_sent(deadline);
}

std::string gloo_clash() {
  Dl_info where{};
  const auto create = &gloo::transport::tcp::CreateDevice;
  if (dladdr(reinterpret_cast<const void*>(create), &where) == 0 || !where.dli_fname) return {};
  const std::string_view file = where.dli_fname;
  if (file.find("libtorch") == file.npos) return {};
  return std::string(file);
}

}  // namespace causeway::site
