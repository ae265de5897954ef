// SPDX-License-Identifier: Apache-2.0
//
// Any bytes are answered or dropped, in bounded size, by a site that wants no token and by one that
// does, which tells a stranger nothing of the run.
#include <cstdlib>
#include <optional>

#include "web/http_answer.h"
#include "web/memory_stream.h"

namespace {

using namespace causeway;

constexpr size_t kAnswerBytesMax = size_t{1} << 20;
constexpr std::string_view kRun = "a run that nobody else may know";

struct Site {
  explicit Site(const std::string& token) : site{run, Access(token, true), live_page()} {
    run.show({.run = std::string(kRun)});
    run.close();
  }
  std::string ask(const std::string& request) const {
    MemoryStream stream(request);
    answer_request(stream, site, {[] {}, [] { return true; }});
    return stream.written();
  }
  LiveRun run{100};
  HttpSite site;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const Site open(""), closed("\x01 no text has this");
  if (size > 8 << 10) return 0;
  const std::string request(data, data + size);
  if (open.ask(request).size() > kAnswerBytesMax) std::abort();
  const std::string answer = closed.ask(request);
  if (answer.size() > kAnswerBytesMax || answer.find(kRun) != std::string::npos) std::abort();
  return 0;
}
