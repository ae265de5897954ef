// SPDX-License-Identifier: Apache-2.0
//
// What a worker kept on its disk may be anything by the time it is read.
#include <cstdlib>
#include <cstring>

#include "exchange/worker_machine.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace causeway;
  Bytes bytes(size);
  if (size > 0) std::memcpy(bytes.data(), data, size);
  WorkerMachine machine({}, 1, 0);
  const Bytes before = machine.save();
  if (machine.restore(bytes)) {
    WorkerMachine again({}, 1, 0);
    if (!again.restore(machine.save())) std::abort();
  } else if (machine.save() != before) {
    std::abort();
  }
  return 0;
}
