// SPDX-License-Identifier: Apache-2.0
//
// Any bytes are a page or a complaint or neither, within the bounds that the header states.
#include <cstdlib>

#include "net/s3_xml.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace causeway;
  const std::string_view xml(reinterpret_cast<const char*>(data), size);
  if (const auto page = read_list_page(xml)) {
    if (std::ssize(page->keys) > kListPageKeysMax) std::abort();
    if (page->truncated && page->continuation.empty()) std::abort();
    for (const auto& key : page->keys)
      if (key.size() > kXmlTextBytesMax) std::abort();
  }
  const StoreComplaint complaint = read_complaint(xml);
  if (complaint.code.size() > 64 || complaint.message.size() > 256) std::abort();
  for (const char c : complaint.code + complaint.message)
    if (c < ' ' || c > '~') std::abort();
  return 0;
}
