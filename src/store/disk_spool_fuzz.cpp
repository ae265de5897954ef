// SPDX-License-Identifier: Apache-2.0
//
// A spool's folder may hold anything by the time it is opened: damaged blobs, strange files. What
// opens says of each blob no more than is there, takes the rest of it, and leaves nothing behind.
#include <cstdlib>

#include "store/fuzz_disk.h"
#include "store/spool.h"

namespace causeway {
namespace {

constexpr int64_t kBytesMax = 1 << 20;

void must(bool right) {
  if (!right) std::abort();
}

Bytes pattern(size_t size) {
  Bytes out(size);
  for (size_t i = 0; i < size; ++i) out[i] = static_cast<std::byte>(i * 7 + size);
  return out;
}

/// A whole blob of the hub's, and of a worker's one the first chunks.
FuzzDisk good_folder() {
  FuzzDisk disk;
  const auto spool = disk_spool(disk, kBytesMax).value();
  const Bytes own = pattern(300), theirs = pattern(90);
  must(spool->put({kHubOwner, digest_of(own)}, own).ok());
  const BlobId id{3, digest_of(theirs)};
  must(spool->open(id, 90).ok());
  for (const int64_t at : {0, 30})
    must(spool->write(id, at, ByteSpan(theirs).subspan(static_cast<size_t>(at), 30)).ok());
  must(spool->sync(id).ok());
  return disk;
}

/// A blob of any total and chunks, with the checksums that belong to them.
void draw_blob(FuzzInput& input, FuzzDisk& disk) {
  const BlobId id{input.take<int8_t>(), {input.take<uint8_t>(), 2}};
  const std::string name = fmt::format("blob_{}_{}", id.owner, id.digest.hex());
  Bytes sums;
  ByteWriter writer(sums);
  writer.put(uint64_t{0x0001'4c4f'4f50'5357});
  writer.put(input.take<int64_t>());
  writer.put(id.digest.high);
  writer.put(id.digest.low);
  writer.put(id.owner);
  writer.put(crc32c(sums));
  Bytes data;
  for (int chunks = input.take<uint8_t>() % 4; chunks > 0; --chunks) {
    const Bytes bytes = pattern(input.take<uint8_t>() % 32);
    writer.put(static_cast<uint32_t>(bytes.size()));
    writer.put(crc32c(bytes));
    data.insert(data.end(), bytes.begin(), bytes.end());
  }
  disk.files[name] = std::move(data);
  disk.files[name + ".sums"] = std::move(sums);
}

void look_at(Spool& spool, const BlobId& id) {
  const BlobProgress progress = spool.progress(id).value();
  must(progress.received >= 0 && progress.received <= progress.bytes_total);
  must(progress.durable <= progress.received);
  must(std::ssize(spool.view(id).value()) == progress.received);
  must(std::ssize(spool.read(id, 0, kBytesMax).value()) == progress.received);
  if (!progress.complete()) {
    must(!spool.verify(id));
    must(spool.write(id, progress.received, pattern(1)).ok());
    must(spool.progress(id)->received == progress.received + 1);
  } else {
    const bool right = digest_of(spool.view(id).value()) == id.digest;
    must(spool.verify(id).ok() == right);
  }
}

void open_it(FuzzDisk& disk) {
  const auto spool = disk_spool(disk, kBytesMax);
  must(spool.ok());
  for (const BlobId& id : (*spool)->ids()) look_at(**spool, id);
  {
    const auto again = disk_spool(disk, kBytesMax).value();
    must(again->ids() == (*spool)->ids());
    for (const BlobId& id : again->ids())
      must(again->progress(id)->received == (*spool)->progress(id)->received);
  }
  for (const BlobId& id : (*spool)->ids()) must((*spool)->drop(id).ok());
  must((*spool)->bytes_reserved() == 0);
  const auto empty = disk_spool(disk, kBytesMax).value();
  must(empty->ids().empty());
}

}  // namespace
}  // namespace causeway

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace causeway;
  FuzzInput input(data, size);
  FuzzDisk disk = good_folder();
  while (!input.empty()) {
    const auto which = input.take<uint8_t>();
    auto file = disk.files.begin();
    std::advance(file, which % disk.files.size());
    if (which < 192) {
      damage(input, file->second);
    } else if (which < 224) {
      draw_blob(input, disk);
    } else if (which < 240) {
      // A file goes by the name of another one.
      Bytes moved = std::move(file->second);
      disk.files.erase(file);
      std::string name = fmt::format("blob_{}_{}", which - 230, Digest{1, 2}.hex());
      if (which % 2 == 0) name += ".sums";
      disk.files[name] = std::move(moved);
    } else if (disk.files.size() > 1) {
      disk.files.erase(file);
    }
  }
  open_it(disk);
  return 0;
}
