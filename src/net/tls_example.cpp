// SPDX-License-Identifier: Apache-2.0
//
// Two ends of a connection, for the tests of tls.h with real handshakes, and the least that a
// service needs.
//   tls_example serve NAME.crt [ADDRESS]   prints its port; answers calls with what it knows of the
//                                          caller, by the lists beside NAME.crt, until standard
//                                          input ends
//   tls_example call NAME.crt HOST:PORT    prints the call's status, then the two ends as each
//                                          sees the other
#include <fmt/format.h>
#include <grpcpp/generic/async_generic_service.h>
#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/grpcpp.h>

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <future>
#include <iterator>

#include "core/clock.h"
#include "net/tls.h"

namespace causeway {
namespace {

namespace fs = std::filesystem;

constexpr auto kCallTime = std::chrono::seconds(20);

int64_t now_s() { return SystemClock().unix_ms() / 1000; }

grpc::ByteBuffer buffer_of(const std::string& text) {
  const grpc::Slice slice(text);
  return {&slice, 1};
}

std::string text_of(const grpc::ByteBuffer& buffer) {
  grpc::Slice slice;
  if (!buffer.DumpToSingleSlice(&slice).ok()) return {};
  return {reinterpret_cast<const char*>(slice.begin()), slice.size()};
}

std::string line_of(const Result<CertificateInfo>& info) {
  if (!info) return "refused: " + info.error().message;
  return fmt::format("{} {} {}", certificate_kind_name(info->kind), info->name, info->fingerprint);
}

/// Answers one call, then is gone.
class Answer final : public grpc::ServerGenericBidiReactor {
 public:
  explicit Answer(const Result<CertificateInfo>& caller) : answer_(buffer_of(line_of(caller))) {
    if (caller)
      StartWriteAndFinish(&answer_, {}, grpc::Status::OK);
    else
      Finish({grpc::StatusCode::PERMISSION_DENIED, caller.error().message});
  }
  void OnDone() override { delete this; }

 private:
  grpc::ByteBuffer answer_;
};

class Service final : public grpc::CallbackGenericService {
 public:
  Service(Identity identity, std::string folder)
      : identity_(std::move(identity)), folder_(std::move(folder)) {}

 private:
  Result<CertificateInfo> caller_of(const grpc::ServerContextBase& call) const {
    CW_ASSIGN(const AccessList access, read_access_list(folder_));
    return check_peer(peer_certificate_pem(call), CertificateKind::kSite, identity_, access,
                      now_s());
  }
  grpc::ServerGenericBidiReactor* CreateReactor(grpc::GenericCallbackServerContext* call) override {
    return new Answer(caller_of(*call));
  }

  Identity identity_;
  std::string folder_;
};

int serve(const Identity& identity, const std::string& folder, const std::string& address) {
  Service service(identity, folder);
  int port = 0;
  grpc::ServerBuilder builder;
  builder.AddListeningPort(address + ":0", server_credentials(identity), &port);
  builder.RegisterCallbackGenericService(&service);
  const std::unique_ptr<grpc::Server> server = builder.BuildAndStart();
  if (server == nullptr) return 1;
  fmt::print("{}\n", port);
  std::fflush(stdout);
  while (std::getchar() != EOF) {
  }
  server->Shutdown(std::chrono::system_clock::now() + kCallTime);
  return 0;
}

int call(const Identity& identity, const std::string& target) {
  grpc::GenericStub stub(grpc::CreateChannel(target, channel_credentials(identity)));
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + kCallTime);
  const grpc::ByteBuffer request = buffer_of("");
  grpc::ByteBuffer answer;
  std::promise<grpc::Status> done;
  stub.UnaryCall(&context, "/causeway.Example/Who", {}, &request, &answer,
                 [&](grpc::Status status) { done.set_value(std::move(status)); });
  const grpc::Status status = done.get_future().get();
  fmt::print("{} {}\n", static_cast<int>(status.error_code()), status.error_message());
  if (!status.ok()) return 1;
  fmt::print("{}\n", text_of(answer));
  fmt::print("{}\n", line_of(check_peer(peer_certificate_pem(context), CertificateKind::kHub,
                                        identity, {}, now_s())));
  return 0;
}

/// Unchecked, for tests of what the other side refuses; a program takes load_identity.
Identity identity_of(const fs::path& certificate) {
  const auto read = [](const fs::path& path) {
    std::ifstream file(path, std::ios::binary);
    return std::string(std::istreambuf_iterator<char>(file), {});
  };
  return {read(certificate.parent_path() / "authority.crt"), read(certificate),
          read(fs::path(certificate).replace_extension(".key"))};
}

int run(const std::vector<std::string>& words) {
  if (words.size() < 3) return 2;
  const Identity identity = identity_of(words[2]);
  if (words[1] == "serve")
    return serve(identity, fs::path(words[2]).parent_path().string(),
                 words.size() > 3 ? words[3] : "127.0.0.1");
  return words.size() > 3 ? call(identity, words[3]) : 2;
}

}  // namespace
}  // namespace causeway

int main(int argc, char** argv) {
  causeway::hold_to_tls13();
  return causeway::run({argv, argv + argc});
}
