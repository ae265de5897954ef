// SPDX-License-Identifier: Apache-2.0
//
// Any bytes are a list or none; one that is stays one when lines come and go.
#include <cstdint>
#include <cstdlib>

#include "net/certificates_access.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace causeway;
  const std::string text(reinterpret_cast<const char*>(data), size), other(64, 'a');
  const auto read = read_fingerprints(text, "list");
  if (!read) return 0;
  auto wanted = *read;
  wanted.insert(other);
  const std::string more = with_fingerprint(text, other, "name");
  const auto with = read_fingerprints(more, "list");
  if (!with || *with != wanted) std::abort();
  wanted.erase(other);
  const auto without = read_fingerprints(without_fingerprint(more, other), "list");
  if (!without || *without != wanted) std::abort();
  return 0;
}
