// SPDX-License-Identifier: Apache-2.0
#include "net/server.h"

#include <algorithm>
#include <asio/bind_executor.hpp>
#include <asio/ip/address.hpp>
#include <asio/post.hpp>
#include <list>
#include <mutex>
#include <thread>
#include <vector>

#include "net/net_threads.h"
#include "net/strangers.h"

namespace causeway {
namespace {

using Tcp = asio::ip::tcp;

constexpr size_t kRequestsMax = 4096;  // of one worker, that wait to be read

class Server final : public HubServer, public Connection::Owner {
 public:
  Server(ServerOptions options, Handler handler)
      : options_(std::move(options)),
        handler_(std::move(handler)),
        accepting_(asio::make_strand(io_)),
        acceptor_(io_),
        later_(io_),
        strangers_(static_cast<size_t>(options_.strangers_max)),
        inbox_(Inbox::make(options_.inbox_bytes_max, [this](bool full) { turn(full); })) {}
  ~Server() override;

  Result<void> listen();

  int64_t port() const override { return port_; }
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
  void closed(Connection& connection, const std::string& reason, Parting how) override;

 private:
  struct Request {
    BulkRequest what;
    int64_t chunk_bytes = 0;
    uint64_t number = 0;
  };
  /// A worker that was let in.
  struct Guest {
    std::shared_ptr<Connection> connection;
    std::optional<CertificateInfo> certificate;
    std::list<Request> requests;
    uint64_t requested = 0;
    bool pumping = false;  // by one thread: chunks go in order
    LinkStats before;      // of its earlier connections
  };

  void turn(bool full);
  static void turn(Connection& connection, bool full);
  bool on_own_thread() const;
  void accept();
  void take(Tcp::socket socket);
  void let_in(Connection& connection, const Bytes& payload);
  static void refuse(Connection& connection, const Error& error);
  void hear_of(Connection& connection, FrameKind kind, const Bytes& payload);
  static std::shared_ptr<Connection> next_chunk(Guest& guest, Request& next);
  void pump(WorkerId worker);
  void note_stranger(const Connection& connection, const std::string& reason, Parting how);
  static void count_links(Guest& guest, const Connection& last);
  std::shared_ptr<Connection> connection_of(WorkerId worker) const;
  void note(WorkerId worker, const std::string& what) {
    if (handler_.note) handler_.note(worker, what);
  }

  const ServerOptions options_;
  const Handler handler_;
  asio::io_context io_;
  asio::strand<asio::io_context::executor_type> accepting_;
  Tcp::acceptor acceptor_;
  asio::steady_timer later_;
  int64_t port_ = 0;
  std::vector<std::thread> threads_;

  mutable std::mutex mutex_;
  Strangers<std::shared_ptr<Connection>> strangers_;
  std::map<WorkerId, Guest> guests_;
  bool stopped_ = false, full_ = false;                   // nobody is read
  std::chrono::steady_clock::time_point stranger_again_;  // may be noted
  const std::shared_ptr<Inbox> inbox_;
};

Server::~Server() {
  CW_CHECK(!on_own_thread(), "a server cannot end itself in a callback");
  stop();
  inbox_->detach();
}

Result<void> Server::listen() {
  std::error_code error;
  Tcp::resolver resolver(io_);
  const auto found = resolver.resolve(options_.host, std::to_string(options_.port), error);
  if (error || found.empty())
    return failure(Fault::kBadInput, "cannot listen at {}: {}", options_.host, error.message());
  const Tcp::endpoint end = *found.begin();
  if (options_.context == nullptr && !end.address().is_loopback())
    return failure(Fault::kBadInput,
                   "cannot listen at {} without certificates: only loopback (127.0.0.1) may do "
                   "without; make some with `causeway cert`",
                   options_.host);
  acceptor_.open(end.protocol(), error);
  if (!error) acceptor_.set_option(Tcp::acceptor::reuse_address(true), error);
  if (!error) acceptor_.bind(end, error);
  if (!error) acceptor_.listen(asio::socket_base::max_listen_connections, error);
  if (error)
    return failure(Fault::kIo, "cannot listen at {}:{}: {}", options_.host, options_.port,
                   error.message());
  port_ = acceptor_.local_endpoint().port();
  asio::post(accepting_, [this] { accept(); });
  for (int64_t i = 0; i < options_.threads; ++i) threads_.push_back(start_net_thread(io_));
  return {};
}

bool Server::on_own_thread() const {
  return std::ranges::any_of(threads_, [](const std::thread& thread) {
    return thread.get_id() == std::this_thread::get_id();
  });
}

void Server::stop() {
  {
    const std::lock_guard lock(mutex_);
    if (!std::exchange(stopped_, true)) {
      strangers_.each([](const auto& stranger) { stranger->close("the hub ends"); });
      for (const auto& [worker, guest] : guests_)
        if (guest.connection != nullptr) guest.connection->finish("the hub ends");
      asio::post(accepting_, [this] {
        std::error_code ignored;
        acceptor_.close(ignored);
        later_.cancel();
      });
    }
  }
  if (on_own_thread()) return;
  for (std::thread& thread : threads_)
    if (thread.joinable()) thread.join();
}

// ---- Who comes.

void Server::accept() {
  const auto came = [this](std::error_code error, Tcp::socket socket) {
    if (!acceptor_.is_open()) return;
    if (!error) {
      take(std::move(socket));
      return accept();
    }
    // No file descriptors left, say: others will go.
    constexpr auto kLater = std::chrono::milliseconds(100);
    later_.expires_after(kLater);
    later_.async_wait(asio::bind_executor(accepting_, [this](std::error_code cancelled) {
      if (!cancelled && acceptor_.is_open()) accept();
    }));
  };
  acceptor_.async_accept(io_, asio::bind_executor(accepting_, came));
}

void Server::take(Tcp::socket socket) {
  ConnectionOptions options;
  options.hub = true;
  options.times = options_.times;
  options.send_bytes_per_s = options_.site_send_bytes_per_s;
  options.receive_bytes_per_s = options_.site_receive_bytes_per_s;
  std::error_code gone;
  const Origin source = Origin::of(socket.remote_endpoint(gone).address());
  if (gone) return;
  const auto connection = std::make_shared<Connection>(io_, std::move(socket), options_.context,
                                                       std::string(), options, *this);
  std::optional<std::shared_ptr<Connection>> crowded_out;
  {
    const std::lock_guard lock(mutex_);
    if (stopped_) return;
    crowded_out = strangers_.add(connection, source);
  }
  if (crowded_out) (*crowded_out)->close("too many who were not let in yet came after it");
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
  const auto self = connection.shared_from_this();
  connection.inbox =
      Inbox::make(options_.member_inbox_bytes_max, [weak = std::weak_ptr(self)](bool full) {
        if (const auto there = weak.lock()) turn(*there, full);
      });
  MessagePieces answer = encode_charter(*charter);
  std::shared_ptr<Connection> older;
  {
    const std::lock_guard lock(mutex_);
    // It was crowded out while it was looked at, or the hub ends: then it is closed already.
    if (!strangers_.remove(self) || stopped_) return;
    // Before anybody can find it, so that its charter is the first that it hears.
    connection.send(FrameKind::kCharter, std::move(answer), true);
    Guest& guest = guests_[worker];
    older = std::exchange(guest.connection, self);
    if (older != nullptr) count_links(guest, *older);
    guest.certificate = peer.certificate;
    guest.requests.clear();
    if (full_) self->pause_reading();
  }
  connection.trusted();
  if (older != nullptr) older->close("a newer connection of this worker came");
  note(worker, fmt::format("connected from {}", peer.address));
}

void Server::received(Connection& connection, FrameKind kind,
                      std::shared_ptr<const Bytes> payload) {
  if (kind == FrameKind::kPreface) return let_in(connection, *payload);
  if (kind != FrameKind::kMessage) return hear_of(connection, kind, *payload);
  auto held = inbox_->hold(connection.inbox->hold(std::move(payload)));
  auto message = decode_message(held);
  // Nothing that is wrong came so by accident: it was in one piece when it left the other side.
  if (!message) return connection.close("what it says is no message: " + message.error().message);
  if (message->worker != connection.tag)
    return connection.close(fmt::format("it speaks as worker {}", message->worker));
  handler_.receive(*std::move(message), std::move(held));
}

void Server::hear_of(Connection& connection, FrameKind kind, const Bytes& payload) {
  const auto referral = decode_referral(payload);
  if (!referral)
    return connection.close("what it says is no reference: " + referral.error().message);
  if (referral->worker != connection.tag)
    return connection.close(fmt::format("it speaks as worker {}", referral->worker));
  if (handler_.referred) handler_.referred(kind, *referral);
}

void Server::turn(Connection& connection, bool full) {
  full ? connection.pause_reading() : connection.resume_reading();
}

void Server::turn(bool full) {
  const std::lock_guard lock(mutex_);
  full_ = full;
  for (const auto& [worker, guest] : guests_)
    if (guest.connection != nullptr) turn(*guest.connection, full);
}

void Server::closed(Connection& connection, const std::string& reason, Parting how) {
  const auto self = connection.shared_from_this();
  const auto worker = static_cast<WorkerId>(connection.tag);
  {
    const std::lock_guard lock(mutex_);
    if (strangers_.remove(self)) return note_stranger(connection, reason, how);
    const auto found = guests_.find(worker);
    if (found == guests_.end() || found->second.connection != self) return;
    Guest& guest = found->second;
    count_links(guest, connection);
    guest.connection = nullptr;
    guest.requests.clear();
  }
  note(worker, fmt::format("disconnected: {}", reason));
}

/// Why a site cannot come in is seen here only; and a stranger cannot fill the log with it.
void Server::note_stranger(const Connection& connection, const std::string& reason, Parting how) {
  const auto now = std::chrono::steady_clock::now();
  if (how == Parting::kLost || now < stranger_again_) return;
  stranger_again_ = now + std::chrono::seconds(1);
  note(-1, fmt::format("{} was not let in: {}", connection.address(), reason));
}

void Server::count_links(Guest& guest, const Connection& last) {
  const LinkStats stats = last.stats();
  guest.before.sent_bytes += stats.sent_bytes;
  guest.before.received_bytes += stats.received_bytes;
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
  CW_CHECK(chunk_bytes > 0 && request.offset >= 0 && request.bytes <= INT64_MAX - request.offset);
  {
    const std::lock_guard lock(mutex_);
    const auto found = guests_.find(request.worker);
    if (found == guests_.end() || found->second.connection == nullptr ||
        found->second.requests.size() >= kRequestsMax)
      return;
    found->second.requests.push_back({request, chunk_bytes, ++found->second.requested});
  }
  pump(request.worker);
}

void Server::drained(Connection& connection) { pump(static_cast<WorkerId>(connection.tag)); }

/// The next chunk to be sent to a worker, if there is room for it; else nobody pumps any more.
std::shared_ptr<Connection> Server::next_chunk(Guest& guest, Request& next) {
  if (guest.requests.empty() || guest.connection == nullptr ||
      guest.connection->queued_bytes() >= Connection::kBulkLow) {
    guest.pumping = false;
    return nullptr;
  }
  Request& request = guest.requests.front();
  next = request;
  next.what.bytes = std::min(request.chunk_bytes, request.what.bytes);
  request.what.offset += next.what.bytes;
  request.what.bytes -= next.what.bytes;
  if (request.what.bytes <= 0) guest.requests.pop_front();
  return guest.connection;
}

void Server::pump(WorkerId worker) {
  uint64_t failed = 0;  // number of the request that could not be read
  for (bool first = true;; first = false) {
    std::shared_ptr<Connection> connection;
    Request next;
    {
      const std::lock_guard lock(mutex_);
      const auto found = guests_.find(worker);
      if (found == guests_.end()) return;
      Guest& guest = found->second;
      if (first && std::exchange(guest.pumping, true)) return;
      if (!guest.requests.empty() && guest.requests.front().number == failed)
        guest.requests.pop_front();
      connection = next_chunk(guest, next);
    }
    if (connection == nullptr) return;
    const BulkRequest& what = next.what;
    auto bytes = handler_.read(what);
    failed = bytes && bytes->size() > 0 ? 0 : next.number;
    if (failed > 0) continue;
    connection->send(FrameKind::kMessage,
                     encode_pieces({what.run, what.epoch, worker,
                                    Chunk{what.blob, what.offset, *std::move(bytes)}}),
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
