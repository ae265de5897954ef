// SPDX-License-Identifier: Apache-2.0
//
// A log's file may be anything by the time it is opened: any bytes, or a good file with damage.
// What opens has entries of consecutive sequence, goes on, and is the same when it is opened again.
#include <cstdlib>

#include "core/hash.h"
#include "store/fuzz_disk.h"
#include "store/log.h"

namespace causeway {
namespace {

constexpr const char* kName = "log";

Bytes entry(int64_t sequence) {
  return Bytes(static_cast<size_t>(7 * sequence % 40), static_cast<std::byte>(sequence));
}

/// Entries, some of them replaced by a snapshot.
Bytes good_file(bool compacted) {
  FuzzDisk disk;
  const auto log = open_file_log(disk, kName).value();
  for (int64_t sequence = 1; sequence <= 6; ++sequence) {
    if (compacted && sequence == 3 && !log->restart(sequence, entry(sequence))) std::abort();
    if (!compacted || sequence != 3)
      if (!log->append(sequence, entry(sequence))) std::abort();
  }
  if (!log->sync()) std::abort();
  return disk.files.at(kName);
}

/// Entries of any numbers, each with the checksum that belongs to it: what only a program writes.
Bytes drawn_file(FuzzInput& input) {
  Bytes out;
  ByteWriter writer(out);
  const Bytes good = good_file(false);
  writer.put(ByteSpan(good).first(8));
  writer.put(input.take<uint32_t>());
  writer.put(crc32c(out));
  while (!input.empty()) {
    const auto sequence = input.take<int64_t>();
    const Bytes bytes(input.take<uint8_t>() % 8, std::byte{5});
    writer.put(static_cast<uint32_t>(bytes.size()));
    writer.put(log_entry_crc(sequence, bytes));
    writer.put(sequence);
    writer.put(bytes);
  }
  return out;
}

void open_it(FuzzDisk& disk) {
  const auto opened = open_file_log(disk, kName);
  if (!opened) return;
  std::vector<LogEntry> entries = (*opened)->entries();
  for (size_t i = 1; i < entries.size(); ++i)
    if (entries[i].sequence != entries[i - 1].sequence + 1) std::abort();
  const int64_t next = (*opened)->last_sequence() + 1;
  entries.push_back({next, entry(5)});
  if (!(*opened)->append(next, entries.back().bytes) || !(*opened)->sync()) std::abort();
  const auto again = open_file_log(disk, kName);
  if (!again || (*again)->entries() != entries) std::abort();
}

}  // namespace
}  // namespace causeway

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace causeway;
  FuzzInput input(data, size);
  FuzzDisk disk;
  const auto mode = input.take<uint8_t>();
  if (mode % 4 == 0) {
    disk.files[kName] = input.rest();
  } else if (mode % 4 == 3) {
    disk.files[kName] = drawn_file(input);
  } else {
    disk.files[kName] = good_file(mode % 4 == 1);
    while (!input.empty()) damage(input, disk.files[kName]);
  }
  open_it(disk);
  return 0;
}
