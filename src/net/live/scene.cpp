// SPDX-License-Identifier: Apache-2.0
#include "net/live/scene.h"

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <thread>

#include "core/clock.h"

namespace causeway::live {
namespace {

std::string read_text(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

void must(const auto& result) { CW_CHECK(result.ok(), "{}", result.error().message); }

/// Makes them in a folder that goes with the process.
struct Folder {
  Folder() {
    std::string name = (std::filesystem::temp_directory_path() / "causeway-live-XXXXXX").string();
    CW_CHECK(mkdtemp(name.data()) != nullptr);
    path = name;
    const int64_t now = SystemClock().unix_ms() / 1000;
    const auto issue = [&](const std::string& folder, CertificateKind kind,
                           const std::string& name_in) {
      IssueOptions options{kind, name_in, {}, 30, now};
      if (kind == CertificateKind::kHub) options.hosts = {"localhost", "127.0.0.1", "::1"};
      must(issue_certificate(folder, options));
    };
    must(make_authority(path, {CertificateKind::kAuthority, "authority", {}, 30, now}));
    issue(path, CertificateKind::kHub, "hub");
    issue(path, CertificateKind::kSite, "dickens");
    issue(path, CertificateKind::kSite, "austen");
    const std::string other = path + "/other";
    std::filesystem::create_directory(other);
    must(make_authority(other, {CertificateKind::kAuthority, "other", {}, 30, now}));
    issue(other, CertificateKind::kHub, "other-hub");
    issue(other, CertificateKind::kSite, "other-site");
    for (const char* file :
         {"authority.crt", "other-hub.crt", "other-hub.key", "other-site.crt", "other-site.key"})
      std::filesystem::copy_file(
          other + "/" + file,
          path + "/" + (std::string(file) == "authority.crt" ? "other.crt" : file));
  }
  ~Folder() {
    std::error_code ignored;
    std::filesystem::remove_all(path, ignored);
  }
  std::string path;
};

}  // namespace

bool wait_until(const std::function<bool()>& holds) {
  const auto end = Clock::now() + std::chrono::seconds(120);
  while (!holds()) {
    if (Clock::now() > end) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  return true;
}

bool stays(int64_t ms, const std::function<bool()>& holds) {
  const auto end = Clock::now() + std::chrono::milliseconds(ms);
  while (Clock::now() < end) {
    if (!holds()) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  return true;
}

const std::string& certificates() {
  static const Folder folder;
  return folder.path;
}

Identity identity(const std::string& name, const std::string& authority) {
  const std::string& folder = certificates();
  return {read_text(folder + "/" + authority + ".crt"), read_text(folder + "/" + name + ".crt"),
          read_text(folder + "/" + name + ".key")};
}

std::shared_ptr<const TlsContext> hub_context(const std::string& name) {
  return TlsContext::hub(identity(name)).value();
}
std::shared_ptr<const TlsContext> site_context(const std::string& name) {
  return TlsContext::site(identity(name)).value();
}

Bytes pattern(const Digest& blob, int64_t offset, int64_t bytes) {
  Bytes out(static_cast<size_t>(bytes));
  for (int64_t i = 0; i < bytes; ++i)
    out[static_cast<size_t>(i)] = static_cast<std::byte>(
        (static_cast<uint64_t>(offset + i) * 0x9E3779B97F4A7C15U + blob.low) >> 56);
  return out;
}

Bytes some_charter() {
  const MessagePieces pieces = encode_charter({7, "dickens", Bytes(3), {}, {}, {}, {}, {}});
  Bytes out = pieces.head;
  out.insert(out.end(), pieces.tail.begin(), pieces.tail.end());
  return out;
}

// ---- Hub.

Hub::Hub(Scene scene) : scene_(std::move(scene)) {
  ServerOptions options = scene_.options;
  if (scene_.tls) options.context = hub_context(scene_.context);
  HubServer::Handler handler;
  handler.admit = [this](const Preface& preface, const Peer& peer) -> Result<Charter> {
    if (preface.token != "token") return failure(Fault::kRefused, "the token is wrong");
    if (preface.worker >= 100) return failure(Fault::kRefused, "worker {} is none", preface.worker);
    const auto tokenizer = std::as_bytes(std::span(scene_.tokenizer));
    return Charter{7,        peer.certificate ? peer.certificate->name : "",
                   Bytes(3), Bytes(tokenizer.begin(), tokenizer.end()),
                   {},       {},
                   {},       {}};
  };
  handler.receive = [this](Message message, HubServer::Held held) {
    if (scene_.receive) {
      ++count_;
      return scene_.receive(std::move(message), std::move(held));
    }
    const std::lock_guard lock(mutex_);
    messages_.push_back(std::move(message));
    ++count_;
  };
  handler.read = [this](const BulkRequest& request) -> Result<SharedBytes> {
    if (scene_.read) return scene_.read(request);
    return SharedBytes(pattern(request.blob, request.offset, request.bytes));
  };
  handler.note = [this](WorkerId worker, const std::string& what) {
    std::string text = fmt::format("{}: {}", worker, what);
    {
      const std::lock_guard lock(mutex_);
      notes_.push_back(text);
    }
    if (scene_.note) scene_.note(text);
  };
  auto server = HubServer::start(options, std::move(handler));
  must(server);
  server_ = *std::move(server);
  port_ = server_->port();
}

Hub::~Hub() { server_.reset(); }

std::vector<Message> Hub::messages() const {
  const std::lock_guard lock(mutex_);
  return messages_;
}

std::vector<std::string> Hub::notes() const {
  const std::lock_guard lock(mutex_);
  return notes_;
}

size_t Hub::noted(const std::string& text) const {
  const auto all = notes();
  return static_cast<size_t>(std::ranges::count_if(
      all, [&](const std::string& one) { return one.find(text) != one.npos; }));
}

// ---- Site.

Site::Site(int64_t port, Scene scene) : scene_(std::move(scene)) {
  ClientOptions options = scene_.options;
  if (options.host.empty()) options.host = "127.0.0.1";
  options.port = port;
  options.seed = static_cast<uint64_t>(scene_.worker);
  if (scene_.tls) options.context = site_context(scene_.context);
  options.preface = {Preface{}.magic, kProtocolVersion, scene_.worker, "1", scene_.token};
  HubClient::Handler handler;
  handler.welcomed = [this](const Charter& charter) -> Result<void> {
    if (charter.run != 7) return failure(Fault::kRefused, "another run");
    ++welcomes_;
    if (scene_.welcomed) scene_.welcomed(known());
    return {};
  };
  handler.receive = [this](Message message) {
    if (scene_.receive) {
      ++count_;
      return scene_.receive(known(), std::move(message));
    }
    const std::lock_guard lock(mutex_);
    messages_.push_back(std::move(message));
    ++count_;
  };
  handler.lost = [this](const std::string& reason) {
    {
      const std::lock_guard lock(mutex_);
      losses_.push_back(reason);
      loss_times_.push_back(Clock::now());
    }
    if (scene_.lost) scene_.lost(known());
  };
  handler.refused = [this](const Error& error) {
    {
      const std::lock_guard lock(mutex_);
      refused_ = error;
    }
    if (scene_.refused) scene_.refused(known());
  };
  client_ = HubClient::start(options, std::move(handler));
  known_ = client_.get();
}

Site::~Site() { client_.reset(); }

/// For callbacks, which may come before the constructor has ended.
HubClient& Site::known() {
  while (known_ == nullptr) std::this_thread::yield();
  return *known_;
}

std::vector<Message> Site::messages() const {
  const std::lock_guard lock(mutex_);
  return messages_;
}
std::vector<std::string> Site::losses() const {
  const std::lock_guard lock(mutex_);
  return losses_;
}
std::vector<Clock::time_point> Site::loss_times() const {
  const std::lock_guard lock(mutex_);
  return loss_times_;
}
std::optional<Error> Site::refused() const {
  const std::lock_guard lock(mutex_);
  return refused_;
}

}  // namespace causeway::live
