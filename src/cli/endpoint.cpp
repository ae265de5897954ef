// SPDX-License-Identifier: Apache-2.0
#include "cli/endpoint.h"

#include <algorithm>
#include <charconv>
#include <fstream>

#include "core/clock.h"
#include "exchange/messages.h"

namespace causeway {
namespace {

bool is_loopback(const std::string& host) {
  return host == "localhost" || host == "::1" || host.starts_with("127.");
}

}  // namespace

Result<Endpoint> parse_endpoint(const std::string& text, int64_t port) {
  Endpoint out{text, port};
  const size_t close = text.find(']'), colon = text.rfind(':');
  const bool bracketed = text.starts_with('[') && close != text.npos;
  const bool has_port =
      colon != text.npos && (bracketed ? colon == close + 1 : text.find(':') == colon);
  if (has_port) {
    const char* const begin = text.data() + colon + 1;
    const char* const end = text.data() + text.size();
    const auto read = std::from_chars(begin, end, out.port);
    if (read.ptr != end || begin == end || out.port < 0 || out.port > 65'535)
      return failure(Fault::kBadInput, "\"{}\" is no HOST:PORT with a port of 0 to 65535", text);
    out.host = text.substr(0, colon);
  }
  if (bracketed) out.host = text.substr(1, close - 1);
  if (out.host.empty()) return failure(Fault::kBadInput, "\"{}\" names no host", text);
  return out;
}

Result<double> parse_rate(const std::string& text) {
  if (text.empty()) return 0.0;
  double number = 0;
  const auto read = std::from_chars(text.data(), text.data() + text.size(), number);
  const std::string_view unit(read.ptr, static_cast<size_t>(text.data() + text.size() - read.ptr));
  const double bits = unit == "kbit/s" ? 1e3 : unit == "Mbit/s" ? 1e6 : unit == "Gbit/s" ? 1e9 : 0;
  if (read.ec != std::errc() || bits == 0 || !(number > 0))
    return failure(Fault::kBadInput,
                   "\"{}\" is no rate; wanted: a number above 0 and kbit/s, Mbit/s or Gbit/s, such "
                   "as 50Mbit/s",
                   text);
  return number * bits / 8;
}

Result<std::shared_ptr<const TlsContext>> open_security(const SecurityArguments& arguments,
                                                        const std::string& host,
                                                        CertificateKind kind) {
  const bool hub = kind == CertificateKind::kHub;
  if (arguments.insecure && !arguments.certificate.empty())
    return failure(Fault::kBadInput, "--cert and --insecure exclude each other");
  if (arguments.insecure) {
    if (!is_loopback(host))
      return failure(Fault::kBadInput,
                     "--insecure is for 127.0.0.1 only, not for {}: make certificates with "
                     "`causeway cert`",
                     host);
    return std::shared_ptr<const TlsContext>();
  }
  if (arguments.certificate.empty())
    return failure(Fault::kBadInput,
                   "no certificate: give --cert certs/NAME.crt (`causeway cert authority`, then "
                   "`causeway cert {}`), or --insecure on 127.0.0.1",
                   hub ? "hub NAME --host HOST" : "site NAME");
  CW_ASSIGN(const Identity identity,
            load_identity(arguments.certificate, kind, SystemClock().unix_ms() / 1000));
  return hub ? TlsContext::hub(identity) : TlsContext::site(identity);
}

Result<std::string> read_token(const std::string& path) {
  if (path.empty()) return std::string();
  std::ifstream file(path);
  std::string line;
  if (!file || !std::getline(file, line))
    return failure(Fault::kBadInput, "{}: has no token: a line of text was wanted", path);
  if (line.size() > kTextBytesMax)
    return failure(Fault::kBadInput, "{}: has a token of {} bytes; at most {} are sent", path,
                   line.size(), kTextBytesMax);
  return line;
}

}  // namespace causeway
