// SPDX-License-Identifier: Apache-2.0
//
// Any bytes are a message or none; one that is can be said again in the same bytes.
#include <cstdlib>
#include <cstring>

#include "exchange/commit_blob.h"
#include "exchange/messages.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace causeway;
  if (size > kMessageBytesMax) return 0;
  Bytes bytes(size);
  if (size > 0) std::memcpy(bytes.data(), data, size);
  if (const auto commit = decode_commit(Bytes(bytes))) static_cast<void>(encode_commit(*commit));
  // With the checksum made right, so that what lies behind it is reached.
  ByteWriter(bytes).put(crc32c(bytes));
  const auto message = decode_message(bytes);
  if (message && !decode_message(encode_message(*message))) std::abort();
  return 0;
}
