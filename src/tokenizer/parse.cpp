// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "core/hash.h"
#include "tokenizer/model_parser.h"
#include "tokenizer/normalizer.h"

namespace causeway {
namespace {

using Json = nlohmann::json;

Json part_of(const TokenizerFile& file, const char* name) {
  const auto found = file.head.find(name);
  return found == file.head.end() ? Json() : *found;
}

Result<void> build_finders(BpeParts& parts, const std::string& name) {
  std::vector<AddedTokenFinder::Pattern> raw, normalized;
  std::string scratch;
  for (const AddedToken& token : parts.added) {
    if (!token.normalized) {
      raw.push_back({token.content, token});
      continue;
    }
    const std::string text(parts.nfc ? normalize_nfc(token.content, scratch) : token.content);
    normalized.push_back({text, token});
  }
  if (!parts.raw.build(std::move(raw)) || !parts.normalized.build(std::move(normalized)))
    return failure(Fault::kBadInput, "{}: two added tokens have the same text once normalised",
                   name);
  return {};
}

/// Everything that decides which tokens a text becomes, in one order.
Digest identity_of(const BpeParts& parts, const TokenTexts& vocabulary) {
  Hasher hasher;
  const auto add = [&](std::string_view text) { hasher.add(std::as_bytes(std::span(text))); };
  const auto add_numbers = [&](std::initializer_list<int64_t> numbers) {
    hasher.add(std::as_bytes(std::span(numbers.begin(), numbers.size())));
  };
  const std::string& cuts = parts.pre_tokenizer.identity();
  const BpeModel& model = parts.model;
  add_numbers({parts.nfc, static_cast<int64_t>(cuts.size())});
  add(cuts);
  add_numbers({model.unknown, model.fuse_unknown, model.whole_words,
               static_cast<int64_t>(vocabulary.size())});
  std::vector<size_t> order(vocabulary.size());
  for (size_t i = 0; i < order.size(); ++i) order[i] = i;
  std::ranges::sort(order, {}, [&](size_t i) { return vocabulary.token(i); });
  for (const size_t i : order) {
    add_numbers({vocabulary.token(i), static_cast<int64_t>(vocabulary.text(i).size())});
    add(vocabulary.text(i));
  }
  std::vector<std::array<int64_t, 4>> merges;
  model.merges.each([&](int32_t left, int32_t right, const MergeTable::Merge& merge) {
    merges.push_back({merge.rank, left, right, merge.token});
  });
  std::ranges::sort(merges);
  // Ranks count from 0 without gaps, so that a merge that another replaced leaves no trace.
  for (size_t i = 0; i < merges.size(); ++i) merges[i][0] = static_cast<int64_t>(i);
  hasher.add(std::as_bytes(std::span(merges)));
  for (const AddedToken& token : parts.added) {
    add_numbers({token.id, token.single_word, token.lstrip, token.rstrip, token.normalized,
                 token.special, static_cast<int64_t>(token.content.size())});
    add(token.content);
  }
  return hasher.digest();
}

Result<BpeParts> read_parts(std::string_view json, const std::string& name) {
  CW_ASSIGN(const TokenizerFile file, read_tokenizer_file(json, name));
  if (const Json version = part_of(file, "version"); !version.is_null() && version != "1.0")
    return failure(Fault::kBadInput, "{}: `version` must be \"1.0\"", name);
  BpeParts parts;
  CW_ASSIGN(parts.model, parse_model(file, name));
  CW_ASSIGN(parts.nfc, parse_normalizer(part_of(file, "normalizer"), name));
  CW_ASSIGN(parts.pre_tokenizer, PreTokenizer::parse(part_of(file, "pre_tokenizer"), name));
  CW_ASSIGN(parts.added, parse_added_tokens(file, name));
  CW_ASSIGN(parts.bytes, token_bytes(file, parts.added, name));
  CW_ASSIGN(Surroundings around,
            parse_post_processor(part_of(file, "post_processor"), parts.bytes, name));
  parts.before = std::move(around.before);
  parts.after = std::move(around.after);
  CW_TRY(build_finders(parts, name));
  parts.digest = identity_of(parts, file.vocabulary);
  parts.json = json;
  return parts;
}

/// Whether this is what the byte tokenizer writes, which is known by one name only.
bool is_bytes(const BpeParts& parts) {
  static const Digest bytes = read_parts(bytes_tokenizer()->json(), "bytes").value().digest;
  return parts.digest == bytes && parts.before.empty() && parts.after.empty();
}

}  // namespace

Result<std::shared_ptr<const Tokenizer>> parse_tokenizer(std::string_view json,
                                                         const std::string& name) {
  CW_ASSIGN(BpeParts parts, read_parts(json, name));
  if (is_bytes(parts)) return bytes_tokenizer();
  return bpe_tokenizer(std::move(parts));
}

}  // namespace causeway
