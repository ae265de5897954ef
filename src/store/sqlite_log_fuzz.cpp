// SPDX-License-Identifier: Apache-2.0
//
// A log's database may be anything by the time it is opened: any bytes, or a good one with damage.
// What opens has entries of consecutive sequence, goes on, and is the same when it is opened again.
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "store/fuzz_disk.h"
#include "store/log.h"

namespace causeway {
namespace {

namespace fs = std::filesystem;

/// In memory, where the system has such a folder.
std::string folder() {
  const fs::path memory = "/dev/shm";
  const fs::path base = fs::exists(memory) ? memory : fs::temp_directory_path();
  return (base / fmt::format("sqlite_log_fuzz_{}", getpid())).string();
}

struct Home {
  Home() { fs::create_directories(path); }
  ~Home() { fs::remove_all(path); }
  std::string file() const { return path + "/log"; }
  void clear() const {
    for (const char* ending : {"", "-wal", "-shm", "-journal"}) fs::remove(file() + ending);
  }
  const std::string path = folder();
};

Bytes entry(int64_t sequence) {
  return Bytes(static_cast<size_t>(7 * sequence % 40), static_cast<std::byte>(sequence));
}

Bytes good_file(const Home& home) {
  {
    const auto log = open_sqlite_log(home.file()).value();
    for (int64_t sequence = 1; sequence <= 6; ++sequence)
      if (!log->append(sequence, entry(sequence))) std::abort();
    if (!log->sync()) std::abort();
  }
  std::ifstream in(home.file(), std::ios::binary);
  const std::string text((std::istreambuf_iterator<char>(in)), {});
  const auto bytes = std::as_bytes(std::span(text));
  return {bytes.begin(), bytes.end()};
}

void write(const std::string& path, const Bytes& bytes) {
  std::ofstream out(path, std::ios::binary);
  out.write(reinterpret_cast<const char*>(bytes.data()), std::ssize(bytes));
}

void open_it(const Home& home) {
  auto opened = open_sqlite_log(home.file());
  if (!opened) return;
  std::vector<LogEntry> entries = (*opened)->entries();
  for (size_t i = 1; i < entries.size(); ++i)
    if (entries[i].sequence != entries[i - 1].sequence + 1) std::abort();
  const int64_t next = (*opened)->last_sequence() + 1;
  entries.push_back({next, entry(5)});
  // Damage that no row shows may come to light when the tree of rows changes.
  if (!(*opened)->append(next, entries.back().bytes) || !(*opened)->sync()) return;
  opened->reset();
  const auto again = open_sqlite_log(home.file());
  if (again && (*again)->entries() != entries) std::abort();
}

}  // namespace
}  // namespace causeway

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace causeway;
  static const Home home;
  static const Bytes good = good_file(home);
  FuzzInput input(data, size);
  home.clear();
  const auto mode = input.take<uint8_t>();
  Bytes image = good;
  if (mode % 4 == 0)
    image = input.rest();
  else
    while (!input.empty()) damage(input, image);
  write(home.file(), image);
  open_it(home);
  return 0;
}
