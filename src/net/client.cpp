// SPDX-License-Identifier: Apache-2.0
#include "net/client.h"

#include <algorithm>
#include <asio/connect.hpp>
#include <asio/executor_work_guard.hpp>
#include <asio/post.hpp>
#include <mutex>
#include <thread>

#include "core/random.h"

namespace causeway {
namespace {

using tcp = asio::ip::tcp;

constexpr auto kConnectTimeout = std::chrono::seconds(10);

class Client final : public HubClient, public Connection::Owner {
 public:
  Client(ClientOptions options, Handler handler)
      : options_(std::move(options)),
        handler_(std::move(handler)),
        random_(options_.seed, Stream::kSample),
        work_(asio::make_work_guard(io_)),
        resolver_(io_),
        timer_(io_) {
    asio::post(io_, [this] { connect(); });
    thread_ = std::thread([this] { io_.run(); });
  }
  ~Client() override { stop(); }

  void send(const Message& message) override;
  void refer(FrameKind kind, const Referral& referral) override;
  LinkStats stats() const override;
  void stop() override;

  void secured(Connection& connection) override;
  void received(Connection& connection, FrameKind kind,
                std::shared_ptr<const Bytes> payload) override;
  void drained(Connection&) override {}
  void closed(Connection& connection, const std::string& reason, bool refused) override;

 private:
  void connect();
  void connected(tcp::socket socket);
  void failed(const std::string& reason);
  void take_charter(Connection& connection, const Bytes& payload);
  void give_up(const Error& error);
  void send(FrameKind kind, MessagePieces payload, bool urgent);

  const ClientOptions options_;
  const Handler handler_;
  const Random random_;
  asio::io_context io_;
  asio::executor_work_guard<asio::io_context::executor_type> work_;
  tcp::resolver resolver_;
  asio::steady_timer timer_;
  std::thread thread_;

  mutable std::mutex mutex_;
  std::shared_ptr<Connection> connection_;  // that was let in
  LinkStats before_;                        // of earlier ones
  // On the thread only.
  std::shared_ptr<Connection> current_;
  std::shared_ptr<tcp::socket> socket_;  // that is being connected
  uint64_t attempts_ = 0;
  int64_t delay_ms_ = 0;
  bool stopped_ = false;
};

void Client::stop() {
  if (!thread_.joinable()) return;
  asio::post(io_, [this] {
    stopped_ = true;
    resolver_.cancel();
    timer_.cancel();
    if (socket_ != nullptr) socket_->close();
    if (current_ != nullptr) current_->finish("stopped");
    work_.reset();
  });
  thread_.join();
}

void Client::connect() {
  if (stopped_) return;
  resolver_.async_resolve(
      options_.host, std::to_string(options_.port),
      [this](std::error_code error, const tcp::resolver::results_type& ends) {
        if (stopped_) return;
        if (error)
          return failed(fmt::format("{} is not known: {}", options_.host, error.message()));
        socket_ = std::make_shared<tcp::socket>(io_);
        timer_.expires_after(kConnectTimeout);
        timer_.async_wait([socket = socket_](std::error_code cancelled) {
          if (!cancelled) socket->close();
        });
        asio::async_connect(*socket_, ends, [this](std::error_code refused, const tcp::endpoint&) {
          timer_.cancel();
          const auto socket = std::move(socket_);
          if (stopped_) return;
          if (refused)
            return failed(fmt::format("{}:{} cannot be reached: {}", options_.host, options_.port,
                                      refused.message()));
          connected(std::move(*socket));
        });
      });
}

void Client::connected(tcp::socket socket) {
  ConnectionOptions options;
  options.send_bytes_per_s = options_.send_bytes_per_s;
  options.receive_bytes_per_s = options_.receive_bytes_per_s;
  current_ = std::make_shared<Connection>(io_, std::move(socket), options_.context, options_.host,
                                          options, *this);
  current_->start();
}

/// The next attempt comes after a while: twice as long each time, and not for all sites at once.
void Client::failed(const std::string& reason) {
  if (stopped_) return;
  handler_.lost(reason);
  delay_ms_ = std::clamp(2 * delay_ms_, options_.retry_ms_min, options_.retry_ms_max);
  const double jitter = 0.5 + random_.uniform(attempts_++);
  timer_.expires_after(
      std::chrono::milliseconds(static_cast<int64_t>(static_cast<double>(delay_ms_) * jitter)));
  timer_.async_wait([this](std::error_code cancelled) {
    if (!cancelled) connect();
  });
}

void Client::give_up(const Error& error) {
  stopped_ = true;
  handler_.refused(error);
}

void Client::secured(Connection& connection) {
  connection.send(FrameKind::kPreface, {encode_preface(options_.preface), {}, {}}, true);
}

void Client::take_charter(Connection& connection, const Bytes& payload) {
  const auto charter = decode_charter(payload);
  if (!charter) return connection.close(charter.error().message);
  connection.trusted();
  delay_ms_ = 0;
  {
    const std::lock_guard lock(mutex_);
    connection_ = connection.shared_from_this();
  }
  if (auto taken = handler_.welcomed(*charter); !taken) {
    give_up(taken.error());
    connection.close(taken.error().message);
  }
}

void Client::received(Connection& connection, FrameKind kind,
                      std::shared_ptr<const Bytes> payload) {
  if (kind == FrameKind::kCharter) return take_charter(connection, *payload);
  if (kind == FrameKind::kRefusal) {
    const auto refusal = decode_refusal(*payload);
    give_up(refusal ? Error{refusal->fault, refusal->reason} : refusal.error());
    return connection.close("refused");
  }
  if (kind != FrameKind::kMessage) {
    const auto referral = decode_referral(*payload);
    if (referral && handler_.referred) handler_.referred(kind, *referral);
    return;
  }
  auto message = decode_message(payload);
  if (message) handler_.receive(*std::move(message));
}

void Client::closed(Connection& connection, const std::string& reason, bool refused) {
  {
    const std::lock_guard lock(mutex_);
    const LinkStats last = connection.stats();
    before_.sent_bytes += last.sent_bytes;
    before_.received_bytes += last.received_bytes;
    connection_ = nullptr;
  }
  current_ = nullptr;
  if (stopped_) return;
  if (refused) return give_up({Fault::kRefused, reason});
  failed(reason);
}

void Client::send(FrameKind kind, MessagePieces payload, bool urgent) {
  std::shared_ptr<Connection> connection;
  {
    const std::lock_guard lock(mutex_);
    connection = connection_;
  }
  if (connection != nullptr) connection->send(kind, std::move(payload), urgent);
}

void Client::send(const Message& message) {
  const bool urgent = !std::holds_alternative<Chunk>(message.body);
  send(FrameKind::kMessage, encode_pieces(message), urgent);
}

void Client::refer(FrameKind kind, const Referral& referral) {
  send(kind, {encode_referral(referral), {}, {}}, kind == FrameKind::kMissing);
}

LinkStats Client::stats() const {
  const std::lock_guard lock(mutex_);
  LinkStats out = connection_ != nullptr ? connection_->stats() : LinkStats{};
  out.sent_bytes += before_.sent_bytes;
  out.received_bytes += before_.received_bytes;
  return out;
}

}  // namespace

std::unique_ptr<HubClient> HubClient::start(ClientOptions options, Handler handler) {
  return std::make_unique<Client>(std::move(options), std::move(handler));
}

}  // namespace causeway
