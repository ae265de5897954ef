// SPDX-License-Identifier: Apache-2.0
#include "net/s3_wire.h"

#include <curl/curl.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstring>
#include <mutex>

namespace causeway {
namespace {

using std::chrono::milliseconds;

constexpr int64_t kHeaderBytesMax = 64 << 10;
constexpr int64_t kConnectMsMax = 10'000;
// Less than this for so long is as good as nothing: a link that is slower cannot serve a site.
constexpr long kLowSpeedBytesPerSecond = 100, kLowSpeedSeconds = 20;
constexpr long kBufferBytes = 256 << 10;

struct Cleanup {
  void operator()(CURL* handle) const { curl_easy_cleanup(handle); }
  void operator()(curl_slist* list) const { curl_slist_free_all(list); }
};
using Handle = std::unique_ptr<CURL, Cleanup>;
using List = std::unique_ptr<curl_slist, Cleanup>;

/// One exchange while it goes on; libcurl calls it from the thread that waits for it.
struct Exchange {
  const WireRequest& request;
  const std::atomic<bool>& cancelled;
  CURL* handle;
  WireAnswer answer;
  std::string_view unsent;
  int64_t header_bytes = 0;
  bool chunked = false;     // the answer says itself where it ends
  std::string_view broken;  // why this side stopped; empty: it did not

  size_t stop(std::string_view why) {
    broken = why;
    return 0;
  }
  int64_t declared_bytes() const {
    curl_off_t bytes = -1;
    curl_easy_getinfo(handle, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &bytes);
    return bytes;
  }
  int32_t status() const {
    long code = 0;
    curl_easy_getinfo(handle, CURLINFO_RESPONSE_CODE, &code);
    return static_cast<int32_t>(code);
  }
  bool is_success() const { return status() / 100 == 2; }
};

// The value of the header `name` (lower case), or "".
std::string_view header_value(std::string_view line, std::string_view name) {
  if (line.size() <= name.size() || line[name.size()] != ':') return {};
  for (size_t i = 0; i < name.size(); ++i) {
    const char c = line[i] >= 'A' && line[i] <= 'Z' ? static_cast<char>(line[i] | 0x20) : line[i];
    if (c != name[i]) return {};
  }
  std::string_view value = line.substr(name.size() + 1);
  value.remove_prefix(std::min(value.find_first_not_of(" \t"), value.size()));
  return value.substr(0, value.find_last_not_of(" \t\r\n") + 1);
}

size_t on_header(const char* data, size_t, size_t count, Exchange* exchange) {
  const std::string_view line(data, count);
  exchange->header_bytes += static_cast<int64_t>(count);
  if (exchange->header_bytes > kHeaderBytesMax) return exchange->stop("has too many headers");
  if (line.starts_with("HTTP/")) {
    exchange->answer.crc32c.clear();
    exchange->chunked = false;
  }
  if (const auto crc = header_value(line, "x-amz-meta-crc32c"); !crc.empty())
    exchange->answer.crc32c = crc.substr(0, 16);
  if (header_value(line, "transfer-encoding").ends_with("chunked")) exchange->chunked = true;
  return count;
}

size_t on_body(const char* data, size_t, size_t count, Exchange* exchange) {
  Bytes& body = exchange->answer.body;
  const bool success = exchange->is_success();
  const auto room = static_cast<size_t>(success ? exchange->request.bytes_max : kComplaintBytesMax);
  const auto* begin = reinterpret_cast<const std::byte*>(data);
  if (body.empty()) {
    const int64_t declared = exchange->declared_bytes();
    if (success && declared > exchange->request.bytes_max)
      return exchange->stop("is larger than allowed");
    if (declared > 0) body.reserve(std::min(static_cast<size_t>(declared), room));
  }
  const size_t taken = std::min(count, room - body.size());
  body.insert(body.end(), begin, begin + taken);
  if (taken < count) return exchange->stop("is larger than allowed");
  return count;
}

size_t on_read(char* to, size_t size, size_t count, Exchange* exchange) {
  const size_t taken = std::min(size * count, exchange->unsent.size());
  std::memcpy(to, exchange->unsent.data(), taken);
  exchange->unsent.remove_prefix(taken);
  return taken;
}

std::string_view text_of(ByteSpan bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

// libcurl sends a body again where a kept connection turns out to be closed.
int on_seek(Exchange* exchange, curl_off_t offset, int origin) {
  const std::string_view body = text_of(exchange->request.body);
  if (origin != SEEK_SET || offset < 0 || offset > std::ssize(body)) return CURL_SEEKFUNC_FAIL;
  exchange->unsent = body.substr(static_cast<size_t>(offset));
  return CURL_SEEKFUNC_OK;
}

int on_progress(const Exchange* exchange, curl_off_t, curl_off_t, curl_off_t, curl_off_t) {
  return exchange->cancelled ? 1 : 0;
}

template <class Value>
void set(CURL* handle, CURLoption option, Value value) {
  const CURLcode code = curl_easy_setopt(handle, option, value);
  CW_CHECK(code == CURLE_OK, "libcurl takes no option {}: {}", static_cast<int>(option),
           curl_easy_strerror(code));
}

void set_safety(CURL* handle, const WireOptions& options) {
  set(handle, CURLOPT_NOSIGNAL, 1L);
  set(handle, CURLOPT_PROTOCOLS_STR, "http,https");
  set(handle, CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1));
  set(handle, CURLOPT_PATH_AS_IS, 1L);
  set(handle, CURLOPT_FOLLOWLOCATION, 0L);
  set(handle, CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
  set(handle, CURLOPT_SSL_VERIFYPEER, 1L);
  set(handle, CURLOPT_SSL_VERIFYHOST, 2L);
  if (options.authority_file.empty()) return;
  set(handle, CURLOPT_CAINFO, options.authority_file.c_str());
  set(handle, CURLOPT_CAPATH, static_cast<const char*>(nullptr));
}

void set_limits(CURL* handle, const WireOptions& options) {
  set(handle, CURLOPT_TIMEOUT_MS, static_cast<long>(options.timeout_ms));
  set(handle, CURLOPT_CONNECTTIMEOUT_MS,
      static_cast<long>(std::min(options.timeout_ms, kConnectMsMax)));
  set(handle, CURLOPT_LOW_SPEED_LIMIT, kLowSpeedBytesPerSecond);
  set(handle, CURLOPT_LOW_SPEED_TIME, kLowSpeedSeconds);
  set(handle, CURLOPT_BUFFERSIZE, kBufferBytes);
  set(handle, CURLOPT_UPLOAD_BUFFERSIZE, kBufferBytes);
  set(handle, CURLOPT_MAXCONNECTS, 1L);
  set(handle, CURLOPT_TCP_KEEPALIVE, 1L);
}

void set_callbacks(CURL* handle, Exchange& exchange) {
  set(handle, CURLOPT_HEADERFUNCTION, &on_header);
  set(handle, CURLOPT_HEADERDATA, &exchange);
  set(handle, CURLOPT_WRITEFUNCTION, &on_body);
  set(handle, CURLOPT_WRITEDATA, &exchange);
  set(handle, CURLOPT_NOPROGRESS, 0L);
  set(handle, CURLOPT_XFERINFOFUNCTION, &on_progress);
  set(handle, CURLOPT_XFERINFODATA, &exchange);
  set(handle, CURLOPT_READFUNCTION, &on_read);
  set(handle, CURLOPT_READDATA, &exchange);
  set(handle, CURLOPT_SEEKFUNCTION, &on_seek);
  set(handle, CURLOPT_SEEKDATA, &exchange);
}

void set_request(CURL* handle, const WireRequest& request, curl_slist* headers) {
  set(handle, CURLOPT_URL, request.url.c_str());
  set(handle, CURLOPT_HTTPHEADER, headers);
  // A proxy of the environment is for the world outside of this machine.
  if (request.url.starts_with("http://")) set(handle, CURLOPT_PROXY, "");
  if (request.method == "PUT") {
    set(handle, CURLOPT_UPLOAD, 1L);
    set(handle, CURLOPT_INFILESIZE_LARGE, static_cast<curl_off_t>(request.body.size()));
  } else {
    CW_CHECK(request.body.empty() && (request.method == "GET" || request.method == "DELETE"));
    set(handle, CURLOPT_HTTPGET, 1L);
    if (request.method == "DELETE") set(handle, CURLOPT_CUSTOMREQUEST, "DELETE");
  }
}

// Without `Expect`, which would cost a round trip for every object.
List headers_of(const WireRequest& request) {
  List list(curl_slist_append(nullptr, "Expect:"));
  for (const std::string& header : request.headers)
    CW_CHECK(curl_slist_append(list.get(), header.c_str()) != nullptr, "no memory for a header");
  return list;
}

Fault fault_of(CURLcode code) {
  switch (code) {
    case CURLE_OPERATION_TIMEDOUT:
      return Fault::kTimeout;
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_ISSUER_ERROR:
    case CURLE_SSL_INVALIDCERTSTATUS:
      return Fault::kRefused;
    case CURLE_URL_MALFORMAT:
    case CURLE_SSL_CACERT_BADFILE:
      return Fault::kBadInput;
    case CURLE_UNSUPPORTED_PROTOCOL:  // an answer without a status line
    case CURLE_WEIRD_SERVER_REPLY:
    case CURLE_OUT_OF_MEMORY:  // so it calls a header without an end
      return Fault::kCorrupt;
    default:  // not resolved, not connected, reset, cut
      return Fault::kPeerLost;
  }
}

class CurlWire final : public Wire {
 public:
  explicit CurlWire(const WireOptions& options) : options_(options) {
    CW_CHECK(options.connections > 0 && options.timeout_ms > 0);
    CW_CHECK(curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK, "libcurl does not start");
  }
  ~CurlWire() override {
    idle_.clear();
    curl_global_cleanup();
  }

  Result<WireAnswer> exchange(const WireRequest& request) override {
    CW_ASSIGN(Handle handle, take());
    auto answer = exchange_on(handle.get(), request);
    give(std::move(handle));
    return answer;
  }
  void pause(int64_t ms) override {
    std::unique_lock lock(mutex_);
    ended_.wait_for(lock, milliseconds(ms), [&] { return cancelled_.load(); });
  }
  void cancel() override {
    {
      const std::lock_guard lock(mutex_);
      cancelled_ = true;
    }
    ended_.notify_all();
    given_.notify_all();
  }

 private:
  // The handle given back last is taken first: its connection is the least likely to be closed.
  Result<Handle> take() {
    std::unique_lock lock(mutex_);
    const bool in_time = given_.wait_for(lock, milliseconds(options_.timeout_ms), [&] {
      return cancelled_ || !idle_.empty() || made_ < options_.connections;
    });
    if (cancelled_) return failure(Fault::kIo, "cancelled");
    if (!in_time)
      return failure(Fault::kTimeout, "all {} connections are busy", options_.connections);
    if (idle_.empty()) {
      Handle made(curl_easy_init());
      CW_CHECK(made != nullptr, "libcurl makes no handle");
      ++made_;
      return made;
    }
    Handle handle = std::move(idle_.back());
    idle_.pop_back();
    return handle;
  }
  void give(Handle handle) {
    {
      const std::lock_guard lock(mutex_);
      idle_.push_back(std::move(handle));
    }
    given_.notify_one();
  }

  Result<WireAnswer> exchange_on(CURL* handle, const WireRequest& request);
  Error failed(CURLcode code, const Exchange& exchange) const;

  const WireOptions options_;
  std::atomic<bool> cancelled_ = false;
  std::mutex mutex_;
  std::condition_variable given_, ended_;
  std::vector<Handle> idle_;
  int64_t made_ = 0;
};

Result<WireAnswer> CurlWire::exchange_on(CURL* handle, const WireRequest& request) {
  Exchange exchange{request, cancelled_, handle, {}, text_of(request.body)};
  const List headers = headers_of(request);
  curl_easy_reset(handle);
  set_safety(handle, options_);
  set_limits(handle, options_);
  set_callbacks(handle, exchange);
  set_request(handle, request, headers.get());
  const CURLcode code = curl_easy_perform(handle);
  exchange.answer.status = exchange.status();
  // The beginning of a complaint is enough of it.
  const bool is_complaint = exchange.answer.status >= 300;
  if (code != CURLE_OK && !(is_complaint && !exchange.broken.empty()))
    return failed(code, exchange);
  if (exchange.answer.status == 200 && !exchange.chunked && exchange.declared_bytes() < 0)
    return failure(Fault::kCorrupt, "the answer does not say how long it is");
  return std::move(exchange.answer);
}

Error CurlWire::failed(CURLcode code, const Exchange& exchange) const {
  if (cancelled_) return failure(Fault::kIo, "cancelled");
  if (!exchange.broken.empty()) return failure(Fault::kCorrupt, "the answer {}", exchange.broken);
  return failure(fault_of(code), "{}", curl_easy_strerror(code));
}

}  // namespace

std::unique_ptr<Wire> curl_wire(const WireOptions& options) {
  return std::make_unique<CurlWire>(options);
}

}  // namespace causeway
