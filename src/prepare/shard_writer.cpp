// SPDX-License-Identifier: Apache-2.0
#include "prepare/shard_writer.h"

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <optional>
#include <utility>

#include "core/durable.h"

namespace causeway {
namespace {

namespace fs = std::filesystem;

constexpr int64_t kAlignment = 8;
constexpr int64_t kEndBytes = 8;

int64_t padding_of(int64_t bytes) { return (kAlignment - bytes % kAlignment) % kAlignment; }

Result<void> remove(const std::string& path) {
  std::error_code error;
  fs::remove(path, error);
  if (error) return failure(Fault::kIo, "{}: cannot be removed: {}", path, error.message());
  return {};
}

/// The number in SPLIT-00012.bin and .writing-SPLIT-00012.ends.
std::optional<size_t> index_of(std::string_view name, const std::string& split) {
  if (name.starts_with(kAside)) name.remove_prefix(kAside.size());
  if (!name.starts_with(split + "-")) return std::nullopt;
  name.remove_prefix(split.size() + 1);
  size_t index = 0;
  const char* first = name.data();
  const char* last = first + name.size();
  const auto [end, error] = std::from_chars(first, last, index);
  if (error != std::errc() ||
      (std::string_view(end, last) != ".bin" && std::string_view(end, last) != ".ends"))
    return std::nullopt;
  return index;
}

}  // namespace

std::string ShardWriter::name(size_t index) const { return fmt::format("{}-{:05}", split_, index); }

std::string ShardWriter::aside(size_t index, std::string_view part) const {
  return fmt::format("{}/{}{}.{}", folder_, kAside, name(index), part);
}

Result<std::unique_ptr<ShardWriter>> ShardWriter::open(const std::string& folder,
                                                       const std::string& split,
                                                       const ShardKind& kind,
                                                       ShardProgress progress) {
  std::unique_ptr<ShardWriter> writer(new ShardWriter(folder, split, kind, std::move(progress)));
  CW_TRY(writer->recover());
  return writer;
}

/// A shard that was finished after the record goes back to being the current one: its beginning is
/// the same, and its ends still lie aside.
Result<void> ShardWriter::recover() {
  for (const ShardEntry& shard : progress_.closed) {
    std::error_code error;
    const uintmax_t size = fs::file_size(folder_ + "/" + shard.name, error);
    if (error || size != static_cast<uintmax_t>(shard.bytes))
      return failure(Fault::kCorrupt, "{}/{}: is gone or has another size than was written",
                     folder_, shard.name);
  }
  const size_t index = progress_.closed.size();
  const std::string finished = folder_ + "/" + name(index) + ".bin";
  std::error_code error;
  if (progress_.tokens > 0 && fs::exists(finished, error))
    CW_TRY(rename_file(finished, aside(index, "bin")));
  CW_TRY(remove_later(index));
  return progress_.tokens > 0 ? open_files() : Result<void>();
}

/// Of the current shard only what lies aside stays, and nothing if it is empty.
Result<void> ShardWriter::remove_later(size_t index) const {
  std::vector<std::string> names;
  std::error_code error;
  for (fs::directory_iterator at(folder_, error); !error && at != fs::directory_iterator();
       at.increment(error))
    names.push_back(at->path().filename().string());
  if (error) return failure(Fault::kIo, "{}: cannot be listed: {}", folder_, error.message());
  for (const std::string& name : names) {
    const std::optional<size_t> number = index_of(name, split_);
    const bool is_aside = name.starts_with(kAside);
    if (!number || (*number < index && !is_aside)) continue;
    if (*number == index && is_aside && progress_.tokens > 0) continue;
    CW_TRY(remove(folder_ + "/" + name));
  }
  return {};
}

Result<void> ShardWriter::open_files() {
  const size_t index = progress_.closed.size();
  const int64_t tokens_end =
      progress_.tokens == 0 ? 0 : kShardHeaderBytes + progress_.tokens * kind_.token_bytes;
  CW_ASSIGN(tokens_, GrowingFile::open(aside(index, "bin"), tokens_end));
  CW_ASSIGN(ends_, GrowingFile::open(aside(index, "ends"), progress_.documents * kEndBytes));
  // The header's room; what is in it is known at the end.
  return tokens_end > 0 ? Result<void>() : tokens_->append(Bytes(kShardHeaderBytes));
}

/// Tokens that fit, in all, into a shard of so many documents.
int64_t ShardWriter::room(int64_t documents) const {
  const int64_t bytes = kind_.shard_bytes - kShardHeaderBytes - documents * kEndBytes;
  return bytes / kAlignment * kAlignment / kind_.token_bytes;
}

Result<int64_t> ShardWriter::add(ByteSpan tokens) {
  const auto width = static_cast<size_t>(kind_.token_bytes);
  CW_CHECK(!tokens.empty() && tokens.size() % width == 0, "{} bytes of tokens", tokens.size());
  const auto count = static_cast<int64_t>(tokens.size() / width);
  if (progress_.tokens > 0 && progress_.tokens + count > room(progress_.documents + 1))
    CW_TRY(close());
  int64_t cuts = 0;
  for (const size_t part_bytes = static_cast<size_t>(room(1)) * width; tokens.size() > part_bytes;
       ++cuts) {
    CW_TRY(append(tokens.first(part_bytes)));
    CW_TRY(close());
    tokens = tokens.subspan(part_bytes);
  }
  CW_TRY(append(tokens));
  return cuts;
}

Result<void> ShardWriter::append(ByteSpan tokens) {
  if (!tokens_) CW_TRY(open_files());
  CW_TRY(tokens_->append(tokens));
  progress_.tokens += std::ssize(tokens) / kind_.token_bytes;
  ++progress_.documents;
  const auto end = static_cast<uint64_t>(progress_.tokens);
  return ends_->append(std::as_bytes(std::span(&end, 1)));
}

Result<void> ShardWriter::close() {
  const size_t index = progress_.closed.size();
  CW_TRY(ends_->flush());
  CW_TRY(tokens_->append(Bytes(static_cast<size_t>(padding_of(tokens_->length())))));
  CW_TRY(tokens_->append_all_of(*ends_));
  CW_TRY(tokens_->flush());
  CW_TRY(
      tokens_->write_at(0, shard_header({kind_.token_bytes, progress_.tokens, progress_.documents,
                                         kind_.vocabulary, kind_.tokenizer})));
  CW_ASSIGN(const Digest digest, tokens_->digest());
  CW_TRY(tokens_->sync());
  ShardEntry entry{name(index) + ".bin", progress_.tokens, progress_.documents, tokens_->length(),
                   digest};
  CW_CHECK(entry.bytes <= kind_.shard_bytes, "{} bytes", entry.bytes);
  CW_TRY(rename_file(tokens_->path(), folder_ + "/" + entry.name));
  CW_TRY(sync_path(folder_));
  leftovers_.push_back(ends_->path());
  tokens_.reset();
  ends_.reset();
  progress_.closed.push_back(std::move(entry));
  progress_.tokens = progress_.documents = 0;
  return {};
}

Result<void> ShardWriter::sync() {
  if (!tokens_) return {};
  CW_TRY(tokens_->sync());
  return ends_->sync();
}

Result<void> ShardWriter::recorded() {
  for (const std::string& path : std::exchange(leftovers_, {})) CW_TRY(remove(path));
  return {};
}

Result<void> ShardWriter::finish() {
  if (progress_.tokens > 0) CW_TRY(close());
  return {};
}

}  // namespace causeway
