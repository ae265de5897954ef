// SPDX-License-Identifier: Apache-2.0
//
// Any bytes are a reference or none; one that is has one encoding, and a key that is one.
#include <cstdlib>
#include <cstring>

#include "net/chunk_store.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace causeway;
  Bytes bytes(size);
  if (size > 0) std::memcpy(bytes.data(), data, size);
  const auto reference = decode_reference(bytes);
  if (!reference) return 0;
  if (encode_reference(*reference) != bytes) std::abort();
  if (!check_object_key(chunk_key(0, *reference))) std::abort();
  return 0;
}
