// SPDX-License-Identifier: Apache-2.0
//
// u64 magic | u64 run | i64 applied | u64 size, trainer | u64 size, machine | digest of all before
#include "exchange/worker_checkpoint.h"

namespace causeway {
namespace {

constexpr uint64_t kCheckpointMagic = 0x3154'5043'574b'5743;  // "CWKWCPT1"
constexpr size_t kDigestBytes = 16;

void put_part(ByteWriter& writer, const Bytes& bytes) {
  writer.put(static_cast<uint64_t>(bytes.size()));
  writer.put(ByteSpan(bytes));
}

Result<Bytes> take_sized(ByteReader& reader) {
  CW_ASSIGN(const auto size, reader.get<uint64_t>());
  CW_ASSIGN(const ByteSpan bytes, reader.take(size));
  return Bytes(bytes.begin(), bytes.end());
}

}  // namespace

Bytes encode_worker_checkpoint(const WorkerCheckpoint& checkpoint) {
  Bytes out;
  out.reserve(64 + checkpoint.trainer.size() + checkpoint.machine.size());
  ByteWriter writer(out);
  writer.put(kCheckpointMagic);
  writer.put(checkpoint.run);
  writer.put(checkpoint.applied);
  put_part(writer, checkpoint.trainer);
  put_part(writer, checkpoint.machine);
  const Digest digest = digest_of(out);
  writer.put(digest.high);
  writer.put(digest.low);
  return out;
}

Result<WorkerCheckpoint> decode_worker_checkpoint(ByteSpan bytes) {
  if (bytes.size() < kDigestBytes) return failure(Fault::kCorrupt, "it has {} bytes", bytes.size());
  const ByteSpan body = bytes.first(bytes.size() - kDigestBytes);
  ByteReader tail(bytes.last(kDigestBytes));
  CW_ASSIGN(const auto high, tail.get<uint64_t>());
  CW_ASSIGN(const auto low, tail.get<uint64_t>());
  if (digest_of(body) != Digest{high, low})
    return failure(Fault::kCorrupt, "its digest is not that of its bytes");
  ByteReader reader(body);
  CW_ASSIGN(const auto magic, reader.get<uint64_t>());
  if (magic != kCheckpointMagic)
    return failure(Fault::kCorrupt, "it is no checkpoint of this version");
  WorkerCheckpoint out;
  CW_ASSIGN(out.run, reader.get<uint64_t>());
  CW_ASSIGN(out.applied, reader.get<int64_t>());
  CW_ASSIGN(out.trainer, take_sized(reader));
  CW_ASSIGN(out.machine, take_sized(reader));
  return out;
}

}  // namespace causeway
