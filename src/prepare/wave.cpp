// SPDX-License-Identifier: Apache-2.0
#include "prepare/wave.h"

#include <algorithm>
#include <cmath>

#include "prepare/prepare.h"

namespace causeway {
namespace {

constexpr int64_t kBatchBytes = int64_t{512} << 10;
constexpr size_t kBatchDocuments = 1024;
constexpr int64_t kThreadBytes = int64_t{2} << 20;
// A long text's tokens are not kept for the next batch.
constexpr size_t kScratchTokensMax = size_t{1} << 20;

/// False at the reader's end, or if it failed.
Result<bool> read_batch(DocumentReader& reader, Batch& batch, int64_t& bytes) {
  for (int64_t own = 0; own < kBatchBytes && batch.raw.size() < kBatchDocuments;) {
    RawDocument document;
    CW_ASSIGN(const bool found, reader.next(document));
    if (!found) return false;
    own += std::ssize(document.bytes);
    bytes += std::ssize(document.bytes);
    batch.raw.push_back(std::move(document));
  }
  return true;
}

template <class Token>
void put_tokens(const std::vector<int32_t>& tokens, int64_t vocabulary, Bytes& out) {
  const size_t start = out.size();
  out.resize(start + tokens.size() * sizeof(Token));
  std::byte* to = out.data() + start;
  for (const int32_t token : tokens) {
    CW_CHECK(token >= 0 && token < vocabulary, "token {} of {}", token, vocabulary);
    const auto narrow = static_cast<Token>(token);
    std::memcpy(to, &narrow, sizeof(Token));
    to += sizeof(Token);
  }
}

}  // namespace

Wave read_wave(DocumentReader& reader, int32_t threads) {
  Wave wave;
  const auto batches = static_cast<size_t>(threads);
  int64_t bytes = 0;
  while (!wave.is_last && (wave.batches.size() < batches || bytes < threads * kThreadBytes)) {
    Batch batch;
    const auto more = read_batch(reader, batch, bytes);
    if (!more) wave.error = more.error();
    wave.is_last = !more || !*more;
    if (!batch.raw.empty()) wave.batches.push_back(std::move(batch));
  }
  wave.end = reader.position();
  wave.bytes_read = reader.bytes_read();
  return wave;
}

BatchEncoder::BatchEncoder(const Tokenizer& tokenizer, std::optional<int32_t> end,
                           int32_t token_bytes, const std::vector<std::string>& files,
                           const DocumentOptions& options)
    : tokenizer_(tokenizer),
      end_(end),
      token_bytes_(token_bytes),
      files_(files),
      options_(options) {}

std::unique_ptr<BatchEncoder::Scratch> BatchEncoder::take() {
  const std::lock_guard lock(mutex_);
  if (idle_.empty()) return std::make_unique<Scratch>(Scratch{tokenizer_.encoder(), {}});
  auto scratch = std::move(idle_.back());
  idle_.pop_back();
  return scratch;
}

void BatchEncoder::give(std::unique_ptr<Scratch> scratch) {
  if (scratch->tokens.capacity() > kScratchTokensMax) scratch->tokens = {};
  const std::lock_guard lock(mutex_);
  idle_.push_back(std::move(scratch));
}

void BatchEncoder::encode_text(const std::string& text, Scratch& scratch, EncodedDocument& document,
                               Bytes& out) const {
  scratch.tokens.clear();
  scratch.encoder->encode(text, scratch.tokens);
  if (scratch.tokens.empty()) return;
  if (end_) scratch.tokens.push_back(*end_);
  document.digest = digest_of(text);
  document.text_bytes = std::ssize(text);
  const size_t before = out.size();
  if (token_bytes_ == 2)
    put_tokens<uint16_t>(scratch.tokens, tokenizer_.vocabulary(), out);
  else
    put_tokens<uint32_t>(scratch.tokens, tokenizer_.vocabulary(), out);
  document.token_bytes = out.size() - before;
}

void BatchEncoder::encode(Batch& batch) {
  auto scratch = take();
  batch.documents.reserve(batch.raw.size());
  for (RawDocument& raw : batch.raw) {
    const auto read = read_document(raw, files_, options_);
    if (!read) {
      batch.error = read.error();
      break;
    }
    const bool is_troubled = !read->trouble.empty();
    if (is_troubled && std::ssize(batch.troubles) < kTroublesTold)
      batch.troubles.push_back(read->trouble);
    EncodedDocument document;
    document.skipped = read->skipped;
    document.replaced = is_troubled && !read->skipped;
    document.continues = raw.continues;
    raw.bytes = {};
    if (!read->skipped) encode_text(read->text, *scratch, document, batch.tokens);
    batch.documents.push_back(document);
  }
  batch.raw = {};
  give(std::move(scratch));
}

bool is_for_validation(const Digest& text, double percent) {
  // Hashed once more, so that the choice has nothing to do with other uses of the digest.
  constexpr uint64_t kSalt = 0x76616c6964617465;
  const uint64_t key[] = {kSalt, text.high, text.low};
  const uint64_t number = digest_of(std::as_bytes(std::span(key))).high >> 11;
  return std::ldexp(static_cast<double>(number), -53) < percent / 100;
}

}  // namespace causeway
