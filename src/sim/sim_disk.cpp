// SPDX-License-Identifier: Apache-2.0
#include "sim/sim_disk.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "core/random.h"
#include "sim/memory_owner.h"

namespace causeway {
namespace {

constexpr size_t kSpoiltMax = 512;  // bytes at the end of a torn tail: a sector

Result<void> check_range(const std::string& name, int64_t offset, int64_t count, size_t size) {
  const auto bytes = static_cast<int64_t>(size);
  if (offset >= 0 && count >= 0 && offset <= bytes && count <= bytes - offset) return {};
  return failure(Fault::kIo, "{}: has {} bytes; wanted: {} from {} on", name, bytes, count, offset);
}

}  // namespace

void SimDisk::expect(const std::string& name, int64_t) {
  const OwnedBy disk(MemoryOwner::kWorld);
  if (!files_.contains(name)) expected_.insert(name);
}

Result<void> SimDisk::append(const std::string& name, ByteSpan bytes) {
  const OwnedBy disk(MemoryOwner::kWorld);  // whoever writes
  CW_TRY(check_file_name(name));
  CW_TRY(change());
  if (static_cast<int64_t>(bytes.size()) >
      capacity_bytes_ - std::min(capacity_bytes_, bytes_used())) {
    ++counts_.full;
    return failure(Fault::kIo, "{}: cannot be appended to: no space left for {} bytes", name,
                   bytes.size());
  }
  const auto [entry, is_new] = files_.try_emplace(name);
  if (is_new) entry->second.reused = expected_.erase(name) > 0;
  Bytes& held = entry->second.bytes;
  held.insert(held.end(), bytes.begin(), bytes.end());
  ++counts_.appends;
  counts_.appended_bytes += static_cast<int64_t>(bytes.size());
  return {};
}

Result<void> SimDisk::sync(const std::string& name) {
  CW_ASSIGN(File * file, find(name));
  CW_TRY(change());
  file->durable = file->bytes.size();
  file->synced = true;
  ++counts_.syncs;
  return {};
}

Result<void> SimDisk::read_into(const std::string& name, int64_t offset,
                                std::span<std::byte> out) const {
  CW_ASSIGN(const File* file, find(name));
  CW_TRY(check_range(name, offset, std::ssize(out), file->bytes.size()));
  std::ranges::copy(ByteSpan(file->bytes).subspan(static_cast<size_t>(offset), out.size()),
                    out.begin());
  return {};
}

Result<ByteSpan> SimDisk::view(const std::string& name, int64_t count) {
  CW_ASSIGN(const File* file, find(name));
  CW_TRY(check_range(name, 0, count, file->bytes.size()));
  return ByteSpan(file->bytes).first(static_cast<size_t>(count));
}

Result<int64_t> SimDisk::size(const std::string& name) const {
  CW_ASSIGN(const File* file, find(name));
  return static_cast<int64_t>(file->bytes.size());
}

Result<void> SimDisk::truncate(const std::string& name, int64_t size) {
  CW_ASSIGN(File * file, find(name));
  CW_TRY(check_range(name, 0, size, file->bytes.size()));
  CW_TRY(change());
  file->bytes.resize(static_cast<size_t>(size));
  file->durable = file->bytes.size();
  file->synced = true;
  file->reused = false;
  return {};
}

Result<void> SimDisk::rename(const std::string& from, const std::string& to) {
  const OwnedBy disk(MemoryOwner::kWorld);
  CW_TRY(check_file_name(to));
  CW_ASSIGN(File * file, find(from));
  CW_TRY(change());
  file->synced = true;  // its name is; what it holds is as durable as before
  file->reused = false;
  if (from == to) return {};
  files_.insert_or_assign(to, std::move(*file));
  files_.erase(from);
  return {};
}

Result<void> SimDisk::remove(const std::string& name) {
  CW_TRY(find(name));
  CW_TRY(change());
  files_.erase(name);
  return {};
}

Result<std::vector<std::string>> SimDisk::list() const {
  std::vector<std::string> names;
  for (const auto& [name, file] : files_) names.push_back(name);
  return names;
}

void SimDisk::crash() {
  ++counts_.crashes;
  changes_left_ = kNoLimit;
  expected_.clear();
  for (auto entry = files_.begin(); entry != files_.end();) {
    File& file = entry->second;
    if (!file.synced && draw() % 2 == 0) {
      ++counts_.lost_files;
      counts_.lost_bytes += static_cast<int64_t>(file.bytes.size());
      entry = files_.erase(entry);
      continue;
    }
    lose_tail(file);
    ++entry;
  }
}

void SimDisk::lose_tail(File& file) {
  const size_t tail = file.bytes.size() - file.durable;
  if (tail > 0) {
    // All and nothing are likelier than by chance: they are the ends that code forgets.
    const uint64_t kind = draw() % 4;
    const size_t kept = kind == 0 ? 0 : kind == 1 ? tail : draw() % (tail + 1);
    file.bytes.resize(file.durable + kept);
    counts_.lost_bytes += static_cast<int64_t>(tail - kept);
    if (kept > 0 && draw() % 3 == 0) {
      ++counts_.torn;
      const size_t spoilt = 1 + draw() % std::min(kept, kSpoiltMax);
      for (size_t i = file.bytes.size() - spoilt; i < file.bytes.size(); ++i)
        file.bytes[i] = static_cast<std::byte>(draw());
    }
  }
  // What lay there before.
  if (std::exchange(file.reused, false))
    for (size_t stale = draw() % (tail + kSpoiltMax); stale > 0; --stale)
      file.bytes.push_back(static_cast<std::byte>(stale * 31));
  file.durable = file.bytes.size();
  file.synced = true;
}

bool SimDisk::flip_bit(const std::string& name, uint64_t draw) {
  const auto found = files_.find(name);
  if (found == files_.end() || found->second.durable == 0) return false;
  const uint64_t bit = draw % (8 * found->second.durable);
  found->second.bytes[bit / 8] ^= static_cast<std::byte>(1U << (bit % 8));
  ++counts_.flipped;
  return true;
}

int64_t SimDisk::bytes_used() const {
  int64_t sum = 0;
  for (const auto& [name, file] : files_) sum += static_cast<int64_t>(file.bytes.size());
  return sum;
}

Result<const SimDisk::File*> SimDisk::find(const std::string& name) const {
  CW_TRY(check_file_name(name));
  const auto found = files_.find(name);
  if (found == files_.end()) return failure(Fault::kIo, "{}: there is no such file", name);
  return &found->second;
}

Result<SimDisk::File*> SimDisk::find(const std::string& name) {
  CW_ASSIGN(const File* file, std::as_const(*this).find(name));
  return const_cast<File*>(file);
}

Result<void> SimDisk::change() {
  if (changes_left_ == 0) return failure(Fault::kIo, "the machine is down");
  if (changes_left_ != kNoLimit) --changes_left_;
  return {};
}

uint64_t SimDisk::draw() {
  const uint64_t position = drawn_++;
  const auto words =
      philox({static_cast<uint32_t>(position), static_cast<uint32_t>(position >> 32), 0, 0},
             {static_cast<uint32_t>(seed_), static_cast<uint32_t>(seed_ >> 32)});
  return uint64_t{words[1]} << 32 | words[0];
}

}  // namespace causeway
