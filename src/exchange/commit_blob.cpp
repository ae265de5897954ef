// SPDX-License-Identifier: Apache-2.0
#include "exchange/commit_blob.h"

#include "core/fields.h"
#include "exchange/message_fields.h"

namespace causeway {
namespace {

constexpr uint64_t kCommitMagic = 0x3254'494d'4d43'5743;  // "CWCMMIT2"
constexpr int64_t kIndexBytesMax = int64_t{64} << 20;

struct IndexEntry {
  int32_t channel = 0;
  std::vector<Member> members;
  int64_t bytes = 0;
};
struct Index {
  int64_t round = 0;
  std::vector<IndexEntry> entries;
};
void each_field(auto&& visit, Is<IndexEntry> auto& s) {
  visit(s.channel), visit(s.members), visit(s.bytes);
}
void each_field(auto&& visit, Is<Index> auto& s) { visit(s.round), visit(s.entries); }

}  // namespace

Bytes CommitIndex::head() {
  Bytes out;
  ByteWriter(out).put(kCommitMagic);
  return out;
}

void CommitIndex::add(int32_t channel, std::vector<Member> members, int64_t bytes) {
  entries_.push_back({{channel, std::move(members), {}}, bytes});
}

Bytes CommitIndex::tail() const {
  Index index{round_, {}};
  for (const auto& [result, bytes] : entries_)
    index.entries.push_back({result.channel, result.members, bytes});
  Bytes out = write_fields(index);
  ByteWriter(out).put(static_cast<uint32_t>(out.size()));
  return out;
}

Bytes encode_commit(const Commit& commit) {
  CommitIndex index(commit.round);
  Bytes out = CommitIndex::head();
  for (const ChannelResult& result : commit.results) {
    index.add(result.channel, result.members, result.bytes.size());
    const ByteSpan bytes = result.bytes.bytes().view();
    out.insert(out.end(), bytes.begin(), bytes.end());
  }
  const Bytes tail = index.tail();
  out.insert(out.end(), tail.begin(), tail.end());
  return out;
}

Result<Commit> decode_commit(const ByteSource& blob) {
  constexpr int64_t kHead = sizeof(uint64_t), kEnd = sizeof(uint32_t);
  const auto wrong = [](std::string_view what) {
    return failure(Fault::kCorrupt, "is no result of a round: {}", what);
  };
  if (blob.size() < kHead + kEnd) return wrong("it is too short");
  uint64_t magic = 0;
  CW_TRY(blob.read(0, std::as_writable_bytes(std::span(&magic, 1))));
  if (magic != kCommitMagic) return wrong("it does not begin as one");
  uint32_t index_bytes = 0;
  CW_TRY(blob.read(blob.size() - kEnd, std::as_writable_bytes(std::span(&index_bytes, 1))));
  const int64_t bytes = blob.size() - kHead - kEnd - int64_t{index_bytes};
  if (bytes < 0 || index_bytes > kIndexBytesMax) return wrong("its index is too long");
  CW_ASSIGN(const Bytes text, blob.slice(kHead + bytes, index_bytes).all());
  CW_ASSIGN(Index index, read_fields<Index>(text));
  Commit commit{index.round, {}};
  int64_t at = 0;
  for (IndexEntry& entry : index.entries) {
    if (entry.bytes < 0 || entry.bytes > bytes - at) return wrong("a channel is cut off");
    commit.results.push_back(
        {entry.channel, std::move(entry.members), blob.slice(kHead + at, entry.bytes)});
    at += entry.bytes;
  }
  if (at != bytes) return wrong("bytes belong to no channel");
  return commit;
}

}  // namespace causeway
