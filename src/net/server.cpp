// SPDX-License-Identifier: Apache-2.0
#include "net/server.h"

#include <algorithm>
#include <asio/ip/address.hpp>
#include <asio/post.hpp>
#include <list>
#include <mutex>
#include <thread>
#include <vector>

namespace causeway {
namespace {

using tcp = asio::ip::tcp;

constexpr size_t kRequestsMax = 4096;  // of one worker, that wait to be read

class Server final : public HubServer, public Connection::Owner {
 public:
  Server(ServerOptions options, Handler handler)
      : options_(std::move(options)), handler_(std::move(handler)), acceptor_(io_), later_(io_) {}
  ~Server() override { stop(); }

  Result<void> listen();

  int64_t port() const override { return acceptor_.local_endpoint().port(); }
  void send(const Message& message) override;
  void refer(FrameKind kind, const Referral& referral) override;
  void send_bulk(const BulkRequest& request, int64_t chunk_bytes) override;
  void drop(WorkerId worker, const std::string& reason) override;
  void drop_if(const std::function<std::string(const CertificateInfo&)>& refuse) override;
  std::map<WorkerId, LinkStats> links() const override;
  void stop() override;

  void secured(Connection&) override {}
  void received(Connection& connection, FrameKind kind,
                std::shared_ptr<const Bytes> payload) override;
  void drained(Connection& connection) override;
  void closed(Connection& connection, const std::string& reason, bool refused) override;

 private:
  struct Request {
    BulkRequest what;
    int64_t chunk_bytes = 0;
  };
  /// A worker that was let in.
  struct Guest {
    std::shared_ptr<Connection> connection;
    std::optional<CertificateInfo> certificate;
    std::list<Request> requests;
    bool pumping = false;  // by one thread: chunks go in order
    LinkStats before;      // of its earlier connections
  };

  std::shared_ptr<const Bytes> counted(std::shared_ptr<const Bytes> payload);
  void count_inbox(int64_t bytes);
  void accept();
  void take(tcp::socket socket);
  void let_in(Connection& connection, const Bytes& payload);
  void refuse(Connection& connection, const Error& error);
  void hear_of(Connection& connection, FrameKind kind, const Bytes& payload);
  static std::shared_ptr<Connection> next_chunk(Guest& guest, BulkRequest& next);
  void pump(WorkerId worker);
  std::shared_ptr<Connection> connection_of(WorkerId worker) const;
  void note(WorkerId worker, const std::string& what) {
    if (handler_.note) handler_.note(worker, what);
  }

  const ServerOptions options_;
  const Handler handler_;
  asio::io_context io_;
  tcp::acceptor acceptor_;
  asio::steady_timer later_;
  std::vector<std::thread> threads_;

  mutable std::mutex mutex_;
  std::list<std::shared_ptr<Connection>> strangers_;  // oldest first
  std::map<WorkerId, Guest> guests_;
  bool stopped_ = false;
  std::atomic<int64_t> inbox_bytes_ = 0;
  std::atomic<bool> full_ = false;
};

Result<void> Server::listen() {
  std::error_code error;
  tcp::resolver resolver(io_);
  const auto found = resolver.resolve(options_.host, std::to_string(options_.port), error);
  if (error || found.empty())
    return failure(Fault::kBadInput, "cannot listen at {}: {}", options_.host, error.message());
  const tcp::endpoint end = *found.begin();
  if (options_.context == nullptr && !end.address().is_loopback())
    return failure(Fault::kBadInput,
                   "cannot listen at {} without certificates: only loopback (127.0.0.1) may do "
                   "without; make some with `causeway cert`",
                   options_.host);
  acceptor_.open(end.protocol(), error);
  if (!error) acceptor_.set_option(tcp::acceptor::reuse_address(true), error);
  if (!error) acceptor_.bind(end, error);
  if (!error) acceptor_.listen(asio::socket_base::max_listen_connections, error);
  if (error)
    return failure(Fault::kIo, "cannot listen at {}:{}: {}", options_.host, options_.port,
                   error.message());
  accept();
  for (int64_t i = 0; i < options_.threads; ++i) threads_.emplace_back([this] { io_.run(); });
  return {};
}

void Server::stop() {
  {
    const std::lock_guard lock(mutex_);
    if (std::exchange(stopped_, true)) return;
    for (const auto& stranger : strangers_) stranger->close("the hub ends");
    for (const auto& [worker, guest] : guests_)
      if (guest.connection != nullptr) guest.connection->finish("the hub ends");
  }
  asio::post(io_, [this] {
    std::error_code ignored;
    acceptor_.close(ignored);
    later_.cancel();
  });
  for (std::thread& thread : threads_) thread.join();
}

// ---- Who comes.

void Server::accept() {
  acceptor_.async_accept([this](std::error_code error, tcp::socket socket) {
    if (!acceptor_.is_open()) return;
    if (!error) {
      take(std::move(socket));
      return accept();
    }
    // No file descriptors left, say: others will go.
    constexpr auto kLater = std::chrono::milliseconds(100);
    later_.expires_after(kLater);
    later_.async_wait([this](std::error_code cancelled) {
      if (!cancelled) accept();
    });
  });
}

void Server::take(tcp::socket socket) {
  ConnectionOptions options;
  options.hub = true;
  options.send_bytes_per_s = options_.site_send_bytes_per_s;
  options.receive_bytes_per_s = options_.site_receive_bytes_per_s;
  const auto connection = std::make_shared<Connection>(io_, std::move(socket), options_.context,
                                                       std::string(), options, *this);
  {
    const std::lock_guard lock(mutex_);
    if (stopped_) return;
    if (std::ssize(strangers_) >= options_.strangers_max) {
      strangers_.front()->close("too many who were not let in yet came after it");
      strangers_.pop_front();
    }
    strangers_.push_back(connection);
  }
  connection->start();
}

void Server::refuse(Connection& connection, const Error& error) {
  const Refusal refusal{error.fault, error.message};
  connection.send(FrameKind::kRefusal, {encode_refusal(refusal), {}, {}}, true);
  connection.finish(error.message);
}

void Server::let_in(Connection& connection, const Bytes& payload) {
  const auto preface = decode_preface(payload);
  if (!preface || preface->magic != Preface{}.magic || preface->worker < 0)
    return connection.close("it is no worker of a run");
  Peer peer{connection.address(), {}};
  if (connection.has_certificate()) peer.certificate = connection.certificate();
  const auto charter = handler_.admit(*preface, peer);
  if (!charter) {
    note(preface->worker,
         fmt::format("refused from {}: {}", peer.address, charter.error().message));
    return refuse(connection, charter.error());
  }
  const WorkerId worker = preface->worker;
  connection.tag = worker;
  connection.send(FrameKind::kCharter, {encode_charter(*charter), {}, {}}, true);
  connection.trusted();  // from now on it is pinged, too
  std::shared_ptr<Connection> older;
  {
    const std::lock_guard lock(mutex_);
    const auto self = connection.shared_from_this();
    strangers_.remove(self);
    Guest& guest = guests_[worker];
    older = std::exchange(guest.connection, self);
    guest.certificate = peer.certificate;
    guest.requests.clear();
    if (full_) self->pause_reading();
  }
  if (older != nullptr) older->close("a newer connection of this worker came");
  note(worker, fmt::format("connected from {}", peer.address));
}

void Server::received(Connection& connection, FrameKind kind,
                      std::shared_ptr<const Bytes> payload) {
  if (kind == FrameKind::kPreface) return let_in(connection, *payload);
  if (kind != FrameKind::kMessage) return hear_of(connection, kind, *payload);
  auto message = decode_message(counted(std::move(payload)));
  // What changed on the way or claims to be another's is lost, as any message may be.
  if (!message) return note(static_cast<WorkerId>(connection.tag), message.error().message);
  if (message->worker == connection.tag) handler_.receive(*std::move(message));
}

void Server::hear_of(Connection& connection, FrameKind kind, const Bytes& payload) {
  const auto referral = decode_referral(payload);
  if (!referral) return note(static_cast<WorkerId>(connection.tag), referral.error().message);
  if (referral->worker == connection.tag && handler_.referred) handler_.referred(kind, *referral);
}

/// The same bytes, which count in the inbox until nobody has them any more.
std::shared_ptr<const Bytes> Server::counted(std::shared_ptr<const Bytes> payload) {
  const int64_t size = std::ssize(*payload);
  const Bytes* const bytes = payload.get();
  count_inbox(size);
  return {bytes, [this, size, held = std::move(payload)](const Bytes*) mutable {
            held.reset();
            count_inbox(-size);
          }};
}

void Server::count_inbox(int64_t bytes) {
  const int64_t now = inbox_bytes_ += bytes;
  const bool fills = now > options_.inbox_bytes_max;
  if (fills == full_ || (full_ && now > options_.inbox_bytes_max / 2)) return;
  const std::lock_guard lock(mutex_);
  if (full_.exchange(fills) == fills) return;
  for (const auto& [worker, guest] : guests_) {
    if (guest.connection == nullptr) continue;
    fills ? guest.connection->pause_reading() : guest.connection->resume_reading();
  }
}

void Server::closed(Connection& connection, const std::string& reason, bool) {
  const auto self = connection.shared_from_this();
  const auto worker = static_cast<WorkerId>(connection.tag);
  {
    const std::lock_guard lock(mutex_);
    strangers_.remove(self);
    const auto found = guests_.find(worker);
    if (found == guests_.end() || found->second.connection != self) return;
    Guest& guest = found->second;
    const LinkStats last = connection.stats();
    guest.before.sent_bytes += last.sent_bytes;
    guest.before.received_bytes += last.received_bytes;
    guest.connection = nullptr;
    guest.requests.clear();
  }
  note(worker, fmt::format("disconnected: {}", reason));
}

// ---- What it says.

std::shared_ptr<Connection> Server::connection_of(WorkerId worker) const {
  const std::lock_guard lock(mutex_);
  const auto found = guests_.find(worker);
  return found == guests_.end() ? nullptr : found->second.connection;
}

void Server::send(const Message& message) {
  const auto connection = connection_of(message.worker);
  if (connection == nullptr) return;
  const bool urgent = !std::holds_alternative<Chunk>(message.body);
  connection->send(FrameKind::kMessage, encode_pieces(message), urgent);
}

void Server::refer(FrameKind kind, const Referral& referral) {
  if (const auto connection = connection_of(referral.worker))
    connection->send(kind, {encode_referral(referral), {}, {}}, kind == FrameKind::kMissing);
}

void Server::send_bulk(const BulkRequest& request, int64_t chunk_bytes) {
  {
    const std::lock_guard lock(mutex_);
    const auto found = guests_.find(request.worker);
    if (found == guests_.end() || found->second.connection == nullptr ||
        found->second.requests.size() >= kRequestsMax)
      return;
    found->second.requests.push_back({request, chunk_bytes});
  }
  pump(request.worker);
}

void Server::drained(Connection& connection) { pump(static_cast<WorkerId>(connection.tag)); }

/// The next chunk to be sent to a worker, if there is room for it; else nobody pumps any more.
std::shared_ptr<Connection> Server::next_chunk(Guest& guest, BulkRequest& next) {
  if (guest.requests.empty() || guest.connection == nullptr ||
      guest.connection->queued_bytes() >= Connection::kBulkLow) {
    guest.pumping = false;
    return nullptr;
  }
  Request& request = guest.requests.front();
  next = request.what;
  next.bytes = std::min(request.chunk_bytes, request.what.bytes);
  request.what.offset += next.bytes;
  request.what.bytes -= next.bytes;
  if (request.what.bytes <= 0) guest.requests.pop_front();
  return guest.connection;
}

void Server::pump(WorkerId worker) {
  for (bool first = true;; first = false) {
    std::shared_ptr<Connection> connection;
    BulkRequest next;
    {
      const std::lock_guard lock(mutex_);
      const auto found = guests_.find(worker);
      if (found == guests_.end()) return;
      if (first && std::exchange(found->second.pumping, true)) return;
      connection = next_chunk(found->second, next);
    }
    if (connection == nullptr) return;
    auto bytes = handler_.read(next);
    if (!bytes || bytes->size() == 0) continue;
    connection->send(FrameKind::kMessage,
                     encode_pieces({next.run, next.epoch, worker,
                                    Chunk{next.blob, next.offset, *std::move(bytes)}}),
                     false);
  }
}

void Server::drop(WorkerId worker, const std::string& reason) {
  if (const auto connection = connection_of(worker)) connection->close(reason);
}

void Server::drop_if(const std::function<std::string(const CertificateInfo&)>& refuse) {
  std::vector<std::pair<std::shared_ptr<Connection>, std::string>> out;
  {
    const std::lock_guard lock(mutex_);
    for (const auto& [worker, guest] : guests_)
      if (guest.connection != nullptr && guest.certificate)
        if (std::string reason = refuse(*guest.certificate); !reason.empty())
          out.emplace_back(guest.connection, std::move(reason));
  }
  for (const auto& [connection, reason] : out) connection->close(reason);
}

std::map<WorkerId, LinkStats> Server::links() const {
  const std::lock_guard lock(mutex_);
  std::map<WorkerId, LinkStats> out;
  for (const auto& [worker, guest] : guests_) {
    LinkStats stats = guest.connection != nullptr ? guest.connection->stats() : LinkStats{};
    stats.sent_bytes += guest.before.sent_bytes;
    stats.received_bytes += guest.before.received_bytes;
    out[worker] = std::move(stats);
  }
  return out;
}

}  // namespace

Result<std::unique_ptr<HubServer>> HubServer::start(ServerOptions options, Handler handler) {
  auto server = std::make_unique<Server>(std::move(options), std::move(handler));
  CW_TRY(server->listen());
  return std::unique_ptr<HubServer>(std::move(server));
}

}  // namespace causeway
