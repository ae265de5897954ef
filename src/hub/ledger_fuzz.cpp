// SPDX-License-Identifier: Apache-2.0
//
// Any bytes are a record, a state, or neither; what is one is written again as the same.
#include <cstdlib>
#include <cstring>

#include "hub/ledger.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace causeway;
  Bytes bytes(size);
  if (size > 0) std::memcpy(bytes.data(), data, size);
  if (const auto record = decode_record(bytes)) {
    if (encode_record(*record) != bytes) std::abort();
    Ledger ledger;
    const Bytes before = ledger.encode();
    if (!ledger.apply(*record) && ledger.encode() != before) std::abort();
  }
  if (const auto ledger = Ledger::decode(bytes))
    if (!Ledger::decode(ledger->encode())) std::abort();
  return 0;
}
