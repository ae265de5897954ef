// SPDX-License-Identifier: Apache-2.0
#include "tokenizer/model_parser.h"

#include <algorithm>

#include "tokenizer/byte_symbols.h"
#include "tokenizer/json_fields.h"

namespace causeway {
namespace {

using Json = nlohmann::json;

constexpr size_t kContentBytesMax = 4096;

/// Whether an optional part is written but not used, as GPT-2's file has a prefix of "".
bool is_off(const Json& value) {
  if (value.is_string()) return value.get_ref<const std::string&>().empty();
  return value.is_null() || value == false || value == 0;
}

/// What is no byte-level BPE, or not only.
Result<void> check_kind(const Json& model, const std::string& where) {
  if (!model.is_object()) return failure(Fault::kBadInput, "{} must be an object", where);
  if (const auto type = model.find("type"); type != model.end() && *type != "BPE")
    return failure(Fault::kBadInput, "{}: the type {} is not supported; only byte-level BPE is",
                   where, type->is_string() ? type->dump() : type->type_name());
  for (const char* field :
       {"dropout", "byte_fallback", "continuing_subword_prefix", "end_of_word_suffix"})
    if (model.contains(field) && !is_off(model[field]))
      return failure(Fault::kBadInput,
                     "{}: `{}` is not supported; only byte-level BPE without it is", where, field);
  return {};
}

Result<bool> flag_of(const Json& model, const char* field, const std::string& where) {
  if (!model.contains(field) || model[field].is_null()) return false;
  return bool_field(model, field, where);
}

Result<void> read_merges(const TokenizerFile& file, const std::string& where, MergeTable& merges) {
  const TokenTexts& vocabulary = file.vocabulary;
  for (size_t i = 0; i < file.merges.size(); ++i) {
    const std::string_view left = file.merges.left(i), right = file.merges.right(i);
    const int32_t left_token = vocabulary.find(left), right_token = vocabulary.find(right);
    const int32_t token = vocabulary.find(file.merges.whole(i));
    for (const auto& [text, found] :
         {std::pair(left, left_token), {right, right_token}, {file.merges.whole(i), token}})
      if (found == TokenTexts::kNone)
        return failure(Fault::kBadInput, R"({}.merges[{}], "{}" and "{}": "{}" is no token)", where,
                       i, left, right, text);
    if (left.empty() || right.empty())
      return failure(Fault::kBadInput, "{}.merges[{}] merges with nothing", where, i);
    merges.set(left_token, right_token, {static_cast<uint32_t>(i), token});
  }
  return {};
}

Result<void> read_unknown(const Json& model, const TokenTexts& vocabulary, const std::string& where,
                          BpeModel& out) {
  const bool complete = std::ranges::find(out.token_of_byte, -1) == out.token_of_byte.end();
  const auto unknown = model.find("unk_token");
  if (unknown == model.end() || unknown->is_null() || complete) return {};
  CW_ASSIGN(const std::string text, text_field(model, "unk_token", where));
  out.unknown = vocabulary.find(text);
  if (out.unknown == TokenTexts::kNone)
    return failure(Fault::kBadInput, "{}: the unk_token \"{}\" is not in the vocabulary", where,
                   text);
  return {};
}

Result<AddedToken> read_added(const Json& value, const std::string& where) {
  AddedToken token;
  CW_ASSIGN(token.id, token_field(value, "id", where));
  CW_ASSIGN(token.content, text_field(value, "content", where));
  CW_ASSIGN(token.single_word, bool_field(value, "single_word", where));
  CW_ASSIGN(token.lstrip, bool_field(value, "lstrip", where));
  CW_ASSIGN(token.rstrip, bool_field(value, "rstrip", where));
  CW_ASSIGN(token.normalized, bool_field(value, "normalized", where));
  CW_ASSIGN(token.special, bool_field(value, "special", where));
  if (token.content.empty() || token.content.size() > kContentBytesMax)
    return failure(Fault::kBadInput, "{}: `content` has {} bytes; 1 to {} are supported", where,
                   token.content.size(), kContentBytesMax);
  return token;
}

}  // namespace

Result<BpeModel> parse_model(const TokenizerFile& file, const std::string& name) {
  const std::string where = name + ": model";
  const auto found = file.head.find("model");
  if (found == file.head.end()) return failure(Fault::kBadInput, "{}: there is no model", name);
  const Json& model = *found;
  CW_TRY(check_kind(model, where));
  if (!file.has_vocabulary || file.vocabulary.size() == 0)
    return failure(Fault::kBadInput, "{} has no `vocab`, an object of tokens and numbers", where);
  if (!file.has_merges) return failure(Fault::kBadInput, "{} has no list `merges`", where);
  BpeModel out;
  CW_TRY(read_merges(file, where, out.merges));
  for (int byte = 0; byte < 256; ++byte)
    out.token_of_byte[static_cast<size_t>(byte)] =
        file.vocabulary.find(byte_symbol(static_cast<uint8_t>(byte)));
  CW_TRY(read_unknown(model, file.vocabulary, where, out));
  CW_ASSIGN(out.fuse_unknown, flag_of(model, "fuse_unk", where));
  CW_ASSIGN(out.whole_words, flag_of(model, "ignore_merges", where));
  if (out.whole_words)
    for (size_t i = 0; i < file.vocabulary.size(); ++i)
      if (const auto bytes = bytes_of_symbols(file.vocabulary.text(i)))
        out.words.add(*bytes, file.vocabulary.token(i));
  return out;
}

Result<std::vector<AddedToken>> parse_added_tokens(const TokenizerFile& file,
                                                   const std::string& name) {
  std::vector<AddedToken> out;
  const auto list = file.head.find("added_tokens");
  if (list == file.head.end()) return out;
  if (!list->is_array()) return failure(Fault::kBadInput, "{}: added_tokens must be a list", name);
  TokenTexts seen;
  auto next = static_cast<int32_t>(file.vocabulary.size());
  for (size_t i = 0; i < list->size(); ++i) {
    const std::string where = fmt::format("{}: added_tokens[{}]", name, i);
    CW_ASSIGN(AddedToken token, read_added((*list)[i], where));
    const int32_t known = file.vocabulary.find(token.content);
    const int32_t expected = known == TokenTexts::kNone ? next++ : known;
    if (token.id != expected)
      return failure(Fault::kBadInput,
                     "{}, \"{}\", has number {}, but tokenizers would give it number {}", where,
                     token.content, token.id, expected);
    if (!seen.add(token.content, token.id))
      return failure(Fault::kBadInput, "{}: \"{}\" is there twice", where, token.content);
    out.push_back(std::move(token));
  }
  std::ranges::stable_sort(out, {}, &AddedToken::id);
  return out;
}

Result<TokenBytes> token_bytes(const TokenizerFile& file, const std::vector<AddedToken>& added,
                               const std::string& name) {
  const TokenTexts& vocabulary = file.vocabulary;
  struct Source {
    int32_t token;
    size_t index;  ///< in the vocabulary, or beyond it in `added`
  };
  std::vector<Source> sources;
  sources.reserve(vocabulary.size() + added.size());
  // An added token that is in the vocabulary too is given there; its text is what it stands for.
  for (size_t i = 0; i < added.size(); ++i) sources.push_back({added[i].id, vocabulary.size() + i});
  for (size_t i = 0; i < vocabulary.size(); ++i) {
    const auto same = std::ranges::lower_bound(added, vocabulary.token(i), {}, &AddedToken::id);
    const bool is_added = same != added.end() && same->id == vocabulary.token(i);
    if (is_added && same->content == vocabulary.text(i)) continue;
    sources.push_back({vocabulary.token(i), i});
  }
  std::ranges::sort(sources, [](const Source& a, const Source& b) {
    return std::pair(a.token, a.index) < std::pair(b.token, b.index);
  });
  const auto text_of = [&](const Source& source) {
    return source.index < vocabulary.size() ? vocabulary.text(source.index)
                                            : added[source.index - vocabulary.size()].content;
  };
  const int64_t tokens_max = 4 * static_cast<int64_t>(sources.size()) + 65'536;
  TokenBytes out;
  for (size_t i = 0; i < sources.size(); ++i) {
    const Source& source = sources[i];
    if (i > 0 && sources[i - 1].token == source.token)
      return failure(Fault::kBadInput, R"({}: "{}" and "{}" both have number {})", name,
                     text_of(sources[i - 1]), text_of(source), source.token);
    if (source.token >= tokens_max)
      return failure(Fault::kBadInput, "{}: \"{}\" has number {}; for {} tokens {} is the limit",
                     name, text_of(source), source.token, sources.size(), tokens_max);
    // What has characters that stand for no byte is decoded as its text.
    const auto bytes =
        source.index < vocabulary.size() ? bytes_of_symbols(text_of(source)) : std::nullopt;
    out.add(source.token, bytes ? std::string_view(*bytes) : text_of(source));
  }
  return out;
}

}  // namespace causeway
