// SPDX-License-Identifier: Apache-2.0
//
// object_store_speed_example [OPTIONS.toml]: what our client costs, in nanoseconds a byte, against
// a sink in this process that reads and forgets; beside it a bare socket to the same sink, which is
// what the system costs. With S3Options, against that store, too.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <ctime>
#include <list>
#include <thread>

#include "core/hash.h"
#include "core/toml.h"
#include "net/s3_store.h"

namespace causeway {
namespace {

constexpr size_t kMiB = size_t{1} << 20;
constexpr size_t kBufferBytes = size_t{256} << 10;

void no_delay(int socket) {
  const int on = 1;
  setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

bool send_all(int socket, ByteSpan bytes) {
  while (!bytes.empty()) {
    const ssize_t sent = send(socket, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent <= 0) return false;
    bytes = bytes.subspan(static_cast<size_t>(sent));
  }
  return true;
}
bool send_all(int socket, const std::string& text) {
  return send_all(socket, std::as_bytes(std::span(text)));
}

/// Reads HTTP heads, and bodies into nothing.
class HttpReader {
 public:
  explicit HttpReader(int socket) : socket_(socket), buffer_(kBufferBytes) {}

  /// Up to and with the empty line; "" at the end.
  std::string head() {
    std::string text;
    while (text.find("\r\n\r\n") == text.npos) {
      if (begin_ == end_ && !fill()) return {};
      text += buffer_[begin_++];
    }
    return text;
  }
  bool skip(size_t count) {
    while (count > 0) {
      if (begin_ == end_ && !fill()) return false;
      const size_t taken = std::min(count, end_ - begin_);
      begin_ += taken;
      count -= taken;
    }
    return true;
  }

 private:
  bool fill() {
    const ssize_t got = recv(socket_, buffer_.data(), buffer_.size(), 0);
    begin_ = 0;
    end_ = static_cast<size_t>(std::max<ssize_t>(got, 0));
    return got > 0;
  }

  int socket_;
  std::vector<char> buffer_;
  size_t begin_ = 0, end_ = 0;
};

size_t length_in(const std::string& head) {
  const size_t at = head.find("Content-Length: ");
  return at == head.npos ? 0 : std::stoul(head.substr(at + 16));
}

/// Takes what is put; gets are `object_bytes` zeros.
class Sink {
 public:
  Sink() : listener_(socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in address = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t size = sizeof address;
    auto* raw = reinterpret_cast<sockaddr*>(&address);
    CW_CHECK(bind(listener_, raw, size) == 0 && listen(listener_, 16) == 0);
    getsockname(listener_, raw, &size);
    port_ = ntohs(address.sin_port);
    thread_ = std::thread([this] { accept_all(); });
  }
  ~Sink() {
    shutdown(listener_, SHUT_RDWR);
    thread_.join();
    for (auto& peer : peers_) peer.join();
    close(listener_);
  }
  std::string endpoint() const { return fmt::format("http://127.0.0.1:{}", port_); }
  int connect_to() const {
    const int peer = socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons(port_), .sin_addr = {htonl(INADDR_LOOPBACK)}};
    CW_CHECK(connect(peer, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
    no_delay(peer);
    return peer;
  }
  std::atomic<size_t> object_bytes = 0;

 private:
  void accept_all() {
    for (int peer = accept(listener_, nullptr, nullptr); peer >= 0;
         peer = accept(listener_, nullptr, nullptr))
      peers_.emplace_back([this, peer] { serve(peer); });
  }
  void serve(int peer) const {
    no_delay(peer);
    HttpReader reader(peer);
    const Bytes zeros(8 * kMiB);
    for (std::string head = reader.head(); !head.empty(); head = reader.head()) {
      const bool is_get = head.starts_with("GET");
      const size_t count = is_get ? object_bytes.load() : 0;
      if (!reader.skip(length_in(head))) break;
      if (!send_all(peer, fmt::format("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", count)) ||
          !send_all(peer, ByteSpan(zeros).first(count)))
        break;
    }
    close(peer);
  }

  const int listener_;
  uint16_t port_ = 0;
  std::thread thread_;
  std::list<std::thread> peers_;
};

int64_t thread_cpu_ns() {
  timespec time = {};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return int64_t{time.tv_sec} * 1'000'000'000 + time.tv_nsec;
}

/// Prints the median wall time and this thread's own time of calls that move `bytes`.
template <class Call>
void measure(const std::string& what, size_t bytes, int calls, const Call& call) {
  call();
  std::vector<double> walls, cpus;
  for (int i = 0; i < calls; ++i) {
    const int64_t cpu = thread_cpu_ns();
    const auto began = std::chrono::steady_clock::now();
    call();
    const std::chrono::duration<double, std::nano> wall = std::chrono::steady_clock::now() - began;
    walls.push_back(wall.count());
    cpus.push_back(static_cast<double>(thread_cpu_ns() - cpu));
  }
  std::ranges::sort(walls);
  std::ranges::sort(cpus);
  const double count = static_cast<double>(bytes), half = walls[walls.size() / 2];
  std::printf("%-24s %2zu MiB  %7.0f MB/s  %6.3f ns/B  own CPU %6.3f ns/B\n", what.c_str(),
              bytes / kMiB, count / half * 1e3, half / count, cpus[cpus.size() / 2] / count);
}

void measure_store(const std::string& name, ObjectStore& store, const Bytes& bytes, int calls) {
  const std::string key = fmt::format("speed/{}", bytes.size());
  const auto size = std::ssize(bytes);
  measure("put, " + name, bytes.size(), calls, [&] { CW_CHECK(store.put(key, bytes)); });
  measure("get, " + name, bytes.size(), calls, [&] { CW_CHECK(store.get(key, size)); });
  CW_CHECK(store.remove(key));
}

void measure_socket(const Sink& sink, const Bytes& bytes, int calls) {
  const int peer = sink.connect_to();
  HttpReader reader(peer);
  const std::string put = fmt::format("PUT / HTTP/1.1\r\nContent-Length: {}\r\n\r\n", bytes.size());
  measure("put, bare socket", bytes.size(), calls, [&] {
    CW_CHECK(send_all(peer, put) && send_all(peer, bytes) && !reader.head().empty());
  });
  measure("get, bare socket", bytes.size(), calls, [&] {
    CW_CHECK(send_all(peer, "GET / HTTP/1.1\r\n\r\n") && reader.skip(length_in(reader.head())));
  });
  close(peer);
}

S3Options read_s3_options(const std::string& path) {
  Mistakes mistakes;
  S3Options options;
  read_options(parse_toml_file(path, mistakes), options, mistakes);
  CW_CHECK(mistakes.empty(), "{}", mistakes.text());
  return options;
}

void run(int argc, char** argv) {
  Sink sink;
  const S3Options options = {.endpoint = sink.endpoint(), .bucket = "sink"};
  const auto store = std::move(s3_over(options, {.keys = {"KEY", "SECRET", ""},
                                                 .wire = curl_wire({}),
                                                 .clock = std::make_unique<SystemClock>()})
                                   .value());
  for (const size_t bytes : {kMiB, 8 * kMiB}) {
    const int calls = static_cast<int>(400 * kMiB / bytes);
    const Bytes object(bytes);
    sink.object_bytes = bytes;
    measure("SHA-256", bytes, calls, [&] { CW_CHECK(!sha256_hex(object).empty()); });
    measure("CRC-32C", bytes, calls, [&] { CW_CHECK(crc32c(object) != 0); });
    measure_socket(sink, object, calls);
    measure_store("sink", *store, object, calls);
    if (argc < 2) continue;
    const auto other = std::move(open_s3(read_s3_options(argv[1])).value());
    measure_store("store", *other, object, static_cast<int>(40 * kMiB / bytes));
  }
}

}  // namespace
}  // namespace causeway

int main(int argc, char** argv) {
  causeway::run(argc, argv);
  return 0;
}
