// SPDX-License-Identifier: Apache-2.0
#include "net/client.h"

#include <algorithm>
#include <asio/executor_work_guard.hpp>
#include <asio/post.hpp>
#include <mutex>
#include <thread>

#include "core/random.h"
#include "net/net_threads.h"

namespace causeway {
namespace {

using Tcp = asio::ip::tcp;

class Client final : public HubClient, public Connection::Owner {
 public:
  Client(ClientOptions options, Handler handler)
      : options_(std::move(options)),
        handler_(std::move(handler)),
        random_(options_.seed, Stream::kRetry),
        work_(asio::make_work_guard(io_)),
        resolver_(io_),
        timer_(io_) {
    asio::post(io_, [this] { look_up(); });
    thread_ = start_net_thread(io_);
  }
  ~Client() override {
    CW_CHECK(!on_own_thread(), "a client cannot end itself in a callback");
    stop();
  }

  void send(const Message& message) override;
  void refer(FrameKind kind, const Referral& referral) override;
  LinkStats stats() const override;
  void stop() override;

  void secured(Connection& connection) override;
  void received(Connection& connection, FrameKind kind,
                std::shared_ptr<const Bytes> payload) override;
  void drained(Connection&) override {}
  void closed(Connection& connection, const std::string& reason, Parting how) override;

 private:
  bool on_own_thread() const { return thread_.get_id() == std::this_thread::get_id(); }
  void look_up();
  void connect(const Tcp::resolver::results_type& ends,
               const Tcp::resolver::results_type::iterator& end);
  void connected(Tcp::socket socket);
  void failed(const std::string& reason);
  void take_charter(Connection& connection, const Bytes& payload);
  void give_up(const Error& error);
  void send(FrameKind kind, MessagePieces payload, bool urgent);

  const ClientOptions options_;
  const Handler handler_;
  const Random random_;
  asio::io_context io_;
  asio::executor_work_guard<asio::io_context::executor_type> work_;
  Tcp::resolver resolver_;
  asio::steady_timer timer_;
  std::thread thread_;

  mutable std::mutex mutex_;
  std::shared_ptr<Connection> connection_;  // that was let in
  LinkStats before_;                        // of earlier ones
  // On the thread only.
  std::shared_ptr<Connection> current_;
  std::shared_ptr<Tcp::socket> socket_;  // that is being connected
  uint64_t attempts_ = 0;
  int64_t delay_ms_ = 0;
  std::chrono::steady_clock::time_point let_in_at_;
  bool was_let_in_ = false;
  bool stopped_ = false;
};

void Client::stop() {
  asio::post(io_, [this] {
    stopped_ = true;
    resolver_.cancel();
    timer_.cancel();
    std::error_code ignored;
    if (socket_ != nullptr) socket_->close(ignored);
    if (current_ != nullptr) current_->finish("stopped");
    work_.reset();
  });
  if (!on_own_thread() && thread_.joinable()) thread_.join();
}

void Client::look_up() {
  if (stopped_) return;
  resolver_.async_resolve(
      options_.host, std::to_string(options_.port),
      [this](std::error_code error, const Tcp::resolver::results_type& ends) {
        if (stopped_) return;
        if (error)
          return failed(fmt::format("{} is not known: {}", options_.host, error.message()));
        connect(ends, ends.begin());
      });
}

/// One address after the other: each has its time, so that one which answers nothing is no reason
/// to miss the next.
void Client::connect(const Tcp::resolver::results_type& ends,
                     const Tcp::resolver::results_type::iterator& end) {
  socket_ = std::make_shared<Tcp::socket>(io_);
  const auto late = std::make_shared<bool>(false);
  timer_.expires_after(std::chrono::milliseconds(options_.connect_ms));
  timer_.async_wait([socket = socket_, late](std::error_code cancelled) {
    std::error_code ignored;
    if (cancelled || !socket->is_open()) return;
    *late = true;
    socket->close(ignored);
  });
  socket_->async_connect(end->endpoint(), [this, late, ends, end](std::error_code error) {
    timer_.cancel();
    const auto socket = std::exchange(socket_, nullptr);
    if (stopped_) return;
    if (!error && !*late) return connected(std::move(*socket));
    if (const auto next = std::next(end); next != ends.end()) return connect(ends, next);
    const std::string reason =
        *late ? fmt::format("no answer within {} ms", options_.connect_ms) : error.message();
    failed(fmt::format("{}:{} cannot be reached: {}", options_.host, options_.port, reason));
  });
}

void Client::connected(Tcp::socket socket) {
  ConnectionOptions options;
  options.times = options_.times;
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
  const double jitter = 0.5 + random_.uniform(attempts_++) / 2;
  timer_.expires_after(
      std::chrono::milliseconds(static_cast<int64_t>(static_cast<double>(delay_ms_) * jitter)));
  timer_.async_wait([this](std::error_code cancelled) {
    if (!cancelled) look_up();
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
  was_let_in_ = true;
  let_in_at_ = std::chrono::steady_clock::now();
  {
    const std::lock_guard lock(mutex_);
    connection_ = connection.shared_from_this();
  }
  if (auto taken = handler_.welcomed(*charter); !taken) {
    connection.close(taken.error().message);
    give_up(taken.error());
  }
}

void Client::received(Connection& connection, FrameKind kind,
                      std::shared_ptr<const Bytes> payload) {
  if (kind == FrameKind::kCharter) return take_charter(connection, *payload);
  if (kind == FrameKind::kRefusal) {
    const auto refusal = decode_refusal(*payload);
    // What the hub itself cannot do now it may do later.
    if (refusal && refusal->fault == Fault::kIo) return connection.close(refusal->reason);
    connection.close("refused");
    return give_up(refusal ? Error{refusal->fault, refusal->reason} : refusal.error());
  }
  if (kind != FrameKind::kMessage) {
    const auto referral = decode_referral(*payload);
    if (referral && handler_.referred) handler_.referred(kind, *referral);
    return;
  }
  auto message = decode_message(payload);
  if (!message) return connection.close("what it says is no message: " + message.error().message);
  handler_.receive(*std::move(message));
}

void Client::closed(Connection& connection, const std::string& reason, Parting how) {
  bool lasted = false;  // else another process of this worker may be taking turns with us
  {
    const std::lock_guard lock(mutex_);
    const LinkStats last = connection.stats();
    before_.sent_bytes += last.sent_bytes;
    before_.received_bytes += last.received_bytes;
    lasted = std::exchange(connection_, nullptr) != nullptr &&
             std::chrono::steady_clock::now() - let_in_at_ >
                 std::chrono::milliseconds(options_.retry_ms_max);
  }
  current_ = nullptr;
  if (stopped_) return;
  if (lasted) delay_ms_ = 0;
  // Who has been let in knows that there is a hub. Somebody on the way who cannot show its
  // certificate is no reason to stay away for good.
  if (how == Parting::kTheyRefuse || (how == Parting::kWeRefuse && !was_let_in_))
    return give_up({Fault::kRefused, reason});
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
