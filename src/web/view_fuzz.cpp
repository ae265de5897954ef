// SPDX-License-Identifier: Apache-2.0
//
// Any bytes are a hub's status or none; one that is can be said again, and printed at any width.
#include <cstdlib>

#include "web/status_text.h"
#include "web/web_server.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace causeway;
  const std::string text(data, data + size);
  const auto view = view_of(text);
  if (!view) return 0;
  const std::string json = json_of(*view);
  const auto again = view_of(json);
  if (!again || json_of(*again) != json) std::abort();
  const std::string shown = status_text(*view, static_cast<int>(size % 200), size % 2 == 0);
  if (size % 2 != 0 && shown.find('\x1b') != std::string::npos) std::abort();
  if (metrics_of(*view).empty()) std::abort();
  return 0;
}
