// SPDX-License-Identifier: Apache-2.0
#include "data/shard.h"

#include <algorithm>
#include <cstring>
#include <limits>

namespace causeway {
namespace {

constexpr uint64_t kMagic = 0x3144524148535743;  // "CWSHARD1"
constexpr uint64_t kShardAlignment = 8;
constexpr uint64_t kVocabularyMax = uint64_t{1} << 31;
constexpr uint64_t kNarrowVocabularyMax = uint64_t{1} << 16;

// llm.c, dev/data/data_common.py: 256 int32, of which the first three are used.
constexpr size_t kLlmcHeaderBytes = 1024;
struct LlmcKind {
  int32_t magic, version, token_bytes;
};
constexpr LlmcKind kLlmcKinds[] = {{20240520, 1, 2}, {20240801, 7, 4}};

template <class T>
T value_at(ByteSpan bytes, size_t at) {
  T value;
  std::memcpy(&value, bytes.data() + at * sizeof(T), sizeof(T));
  return value;
}

struct Parts {
  ShardHeader header;
  ByteSpan tokens, ends;
};

Result<uint64_t> read_fields(ByteSpan head, ShardHeader& header) {
  ByteReader reader(head);
  CW_TRY(reader.get<uint64_t>());
  CW_ASSIGN(const uint32_t token_bytes, reader.get<uint32_t>());
  CW_ASSIGN(const uint32_t reserved, reader.get<uint32_t>());
  CW_ASSIGN(const uint64_t tokens, reader.get<uint64_t>());
  CW_ASSIGN(const uint64_t documents, reader.get<uint64_t>());
  CW_ASSIGN(const uint64_t vocabulary, reader.get<uint64_t>());
  CW_ASSIGN(const uint64_t high, reader.get<uint64_t>());
  CW_ASSIGN(const uint64_t low, reader.get<uint64_t>());
  CW_ASSIGN(const uint64_t reserved_last, reader.get<uint64_t>());
  header = {static_cast<int32_t>(token_bytes),
            static_cast<int64_t>(tokens),
            static_cast<int64_t>(documents),
            static_cast<int64_t>(vocabulary),
            {high, low}};
  return reserved | reserved_last;
}

/// The numbers are a stranger's: each is compared before it is reckoned with.
Result<Parts> parse_own(ByteSpan bytes) {
  if (bytes.size() < kShardHeaderBytes)
    return failure(Fault::kCorrupt, "{} bytes are less than a header", bytes.size());
  Parts out;
  CW_ASSIGN(const uint64_t reserved, read_fields(bytes.first(kShardHeaderBytes), out.header));
  const ShardHeader& header = out.header;
  if (header.token_bytes != 2 && header.token_bytes != 4)
    return failure(Fault::kCorrupt, "tokens of {} bytes; 2 and 4 are known", header.token_bytes);
  if (reserved != 0) return failure(Fault::kCorrupt, "a reserved field is not 0");
  const uint64_t vocabulary_max = header.token_bytes == 2 ? kNarrowVocabularyMax : kVocabularyMax;
  const auto vocabulary = static_cast<uint64_t>(header.vocabulary);
  if (vocabulary == 0 || vocabulary > vocabulary_max)
    return failure(Fault::kCorrupt, "a vocabulary of {}; 1 to {} is possible", vocabulary,
                   vocabulary_max);

  const uint64_t body = bytes.size() - kShardHeaderBytes;
  const auto width = static_cast<uint64_t>(header.token_bytes);
  const auto tokens = static_cast<uint64_t>(header.tokens);
  const auto documents = static_cast<uint64_t>(header.documents);
  if (tokens > body / width || documents > body / sizeof(uint64_t))
    return failure(Fault::kCorrupt, "{} tokens and {} documents are said to be in {} bytes", tokens,
                   documents, bytes.size());
  const uint64_t padded =
      (tokens * width + kShardAlignment - 1) / kShardAlignment * kShardAlignment;
  if (padded + documents * sizeof(uint64_t) != body)
    return failure(Fault::kCorrupt, "{} bytes; {} tokens and {} documents take {}", bytes.size(),
                   tokens, documents, kShardHeaderBytes + padded + documents * sizeof(uint64_t));
  out.tokens = bytes.subspan(kShardHeaderBytes, tokens * width);
  out.ends = bytes.subspan(kShardHeaderBytes + padded);
  const ByteSpan padding =
      bytes.subspan(kShardHeaderBytes + tokens * width, padded - tokens * width);
  if (std::ranges::any_of(padding, [](std::byte byte) { return byte != std::byte{0}; }))
    return failure(Fault::kCorrupt, "the padding is not 0");
  return out;
}

Result<void> check_ends(const Parts& parts) {
  uint64_t before = 0;
  for (size_t i = 0; i < static_cast<size_t>(parts.header.documents); ++i) {
    const auto end = value_at<uint64_t>(parts.ends, i);
    if (end <= before)
      return failure(Fault::kCorrupt, "document {} ends at token {}, the one before at {}", i, end,
                     before);
    before = end;
  }
  if (before != static_cast<uint64_t>(parts.header.tokens))
    return failure(Fault::kCorrupt, "the last document ends at token {} of {}", before,
                   parts.header.tokens);
  return {};
}

Result<Parts> parse_llmc(ByteSpan bytes, const LlmcKind& kind) {
  if (bytes.size() < kLlmcHeaderBytes)
    return failure(Fault::kCorrupt, "{} bytes are less than llm.c's header", bytes.size());
  const auto version = value_at<int32_t>(bytes, 1), tokens = value_at<int32_t>(bytes, 2);
  if (version != kind.version)
    return failure(Fault::kCorrupt, "version {} of llm.c's magic {}; {} is known", version,
                   kind.magic, kind.version);
  const auto body = static_cast<int64_t>(bytes.size() - kLlmcHeaderBytes);
  if (tokens < 0 || int64_t{tokens} * kind.token_bytes != body)
    return failure(Fault::kCorrupt, "{} tokens of {} bytes are said to be in {} bytes", tokens,
                   kind.token_bytes, body);
  Parts out;
  out.header.token_bytes = kind.token_bytes;
  out.header.tokens = tokens;
  out.tokens = bytes.subspan(kLlmcHeaderBytes);
  return out;
}

Result<Parts> parse_parts(ByteSpan bytes) {
  if (bytes.size() >= sizeof(kMagic) && value_at<uint64_t>(bytes, 0) == kMagic) {
    CW_ASSIGN(Parts parts, parse_own(bytes));
    CW_TRY(check_ends(parts));
    return parts;
  }
  for (const LlmcKind& kind : kLlmcKinds)
    if (bytes.size() >= sizeof(int32_t) && value_at<int32_t>(bytes, 0) == kind.magic)
      return parse_llmc(bytes, kind);
  return failure(Fault::kCorrupt, "is no token shard: neither causeway's nor llm.c's magic");
}

}  // namespace

Bytes shard_header(const ShardHeader& header) {
  Bytes out;
  ByteWriter writer(out);
  writer.put(kMagic);
  writer.put(static_cast<uint32_t>(header.token_bytes));
  writer.put(uint32_t{0});
  writer.put(static_cast<uint64_t>(header.tokens));
  writer.put(static_cast<uint64_t>(header.documents));
  writer.put(static_cast<uint64_t>(header.vocabulary));
  writer.put(header.tokenizer.high);
  writer.put(header.tokenizer.low);
  writer.put(uint64_t{0});
  return out;
}

Result<Shard> Shard::open(const std::string& path) {
  CW_ASSIGN(auto file, MappedFile::open(path));
  CW_ASSIGN(Shard shard, parse(file->bytes(), path));
  shard.file_ = std::move(file);
  return shard;
}

Result<Shard> Shard::parse(ByteSpan bytes, const std::string& name) {
  const Result<Parts> parts = parse_parts(bytes);
  if (!parts) return failure(parts.error().fault, "{}: {}", name, parts.error().message);
  Shard shard;
  shard.name_ = name;
  shard.header_ = parts->header;
  if (parts->header.vocabulary > 0) shard.tokenizer_ = parts->header.tokenizer;
  shard.tokens_ = parts->tokens;
  shard.ends_ = parts->ends;
  return shard;
}

int64_t Shard::document_end(int64_t i) const {
  CW_CHECK(i >= 0 && i < documents(), "document {} of {}", i, documents());
  return static_cast<int64_t>(value_at<uint64_t>(ends_, static_cast<size_t>(i)));
}

void Shard::copy(int64_t begin, std::span<int32_t> out) const {
  CW_CHECK(begin >= 0 && begin <= tokens() && std::ssize(out) <= tokens() - begin,
           "{} tokens from {} of {}", out.size(), begin, tokens());
  if (out.empty()) return;
  const auto first = static_cast<size_t>(begin);
  if (token_bytes() == 4) {
    std::memcpy(out.data(), tokens_.data() + first * 4, out.size_bytes());
    return;
  }
  for (size_t i = 0; i < out.size(); ++i) out[i] = value_at<uint16_t>(tokens_, first + i);
}

int64_t Shard::largest_token() const {
  uint32_t largest = 0;
  const auto count = static_cast<size_t>(tokens());
  if (token_bytes() == 2)
    for (size_t i = 0; i < count; ++i)
      largest = std::max<uint32_t>(largest, value_at<uint16_t>(tokens_, i));
  else
    for (size_t i = 0; i < count; ++i) largest = std::max(largest, value_at<uint32_t>(tokens_, i));
  return largest;
}

}  // namespace causeway
