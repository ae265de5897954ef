// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "tokenizer/json_fields.h"
#include "tokenizer/model_parser.h"

namespace causeway {
namespace {

using Json = nlohmann::json;

constexpr int kProcessorDepthMax = 8;
constexpr size_t kTokensMax = 4096;

class Parser {
 public:
  explicit Parser(const TokenBytes& bytes) : bytes_(bytes) {}

  Result<void> add(const Json& value, const std::string& where, int depth) {
    CW_ASSIGN(const std::string type, type_of(value, where));
    if (type == "ByteLevel") return {};
    if (type == "TemplateProcessing") return add_template(value, where);
    if (type == "RobertaProcessing" || type == "BertProcessing") {
      CW_ASSIGN(const int32_t begin, pair_field(value, "cls", where));
      CW_ASSIGN(const int32_t end, pair_field(value, "sep", where));
      return wrap({begin}, {end}, where);
    }
    if (type != "Sequence" || depth == kProcessorDepthMax)
      return failure(Fault::kBadInput, "{}: the kind \"{}\" is not supported here", where, type);
    CW_ASSIGN(const Json* list, array_field(value, "processors", where));
    for (size_t i = 0; i < list->size(); ++i)
      CW_TRY(add((*list)[i], fmt::format("{}.processors[{}]", where, i), depth + 1));
    return {};
  }

  Surroundings take() { return std::move(out_); }

 private:
  Result<int32_t> check(int32_t token, const std::string& where) const {
    if (bytes_.of(token).empty())
      return failure(Fault::kBadInput, "{}: number {} is no token", where, token);
    return token;
  }

  /// ["<s>", 0]
  Result<int32_t> pair_field(const Json& value, const char* field, const std::string& where) const {
    CW_ASSIGN(const Json* pair, array_field(value, field, where));
    if (pair->size() != 2)
      return failure(Fault::kBadInput, "{}: `{}` must be a text and a number", where, field);
    CW_ASSIGN(const int32_t token, token_of((*pair)[1], where + "." + field));
    return check(token, where);
  }

  /// A later processor puts its tokens around those of an earlier one.
  Result<void> wrap(std::vector<int32_t> before, const std::vector<int32_t>& after,
                    const std::string& where) {
    before.insert(before.end(), out_.before.begin(), out_.before.end());
    out_.before = std::move(before);
    out_.after.insert(out_.after.end(), after.begin(), after.end());
    if (out_.before.size() + out_.after.size() > kTokensMax)
      return failure(Fault::kBadInput, "{}: more than {} tokens around a text", where, kTokensMax);
    return {};
  }

  Result<void> add_template(const Json& value, const std::string& where) {
    CW_ASSIGN(const Json* pieces, array_field(value, "single", where));
    std::vector<int32_t> sides[2];
    int texts = 0;
    for (size_t i = 0; i < pieces->size(); ++i) {
      const Json& piece = (*pieces)[i];
      const std::string here = fmt::format("{}.single[{}]", where, i);
      if (!piece.is_object() || piece.size() != 1)
        return failure(Fault::kBadInput, "{} must be a Sequence or a SpecialToken", here);
      CW_ASSIGN(const std::string id, text_field(*piece.begin(), "id", here));
      if (piece.contains("Sequence") && id == "A" && texts == 0) {
        ++texts;
      } else if (piece.contains("SpecialToken")) {
        CW_TRY(add_special(value, id, here, sides[texts]));
      } else {
        return failure(Fault::kBadInput, "{}: `{}` is not supported here", here,
                       piece.begin().key());
      }
    }
    if (texts == 0)
      return failure(Fault::kBadInput, "{}: the template of a single text has no text", where);
    return wrap(std::move(sides[0]), sides[1], where);
  }

  Result<void> add_special(const Json& value, const std::string& id, const std::string& where,
                           std::vector<int32_t>& out) const {
    const auto specials = value.find("special_tokens");
    if (specials == value.end() || !specials->is_object() || !specials->contains(id))
      return failure(Fault::kBadInput, "{}: special_tokens has no \"{}\"", where, id);
    CW_ASSIGN(const Json* tokens, array_field((*specials)[id], "ids", where));
    for (const Json& entry : *tokens) {
      CW_ASSIGN(const int32_t token, token_of(entry, where));
      CW_TRY(check(token, where));
      out.push_back(token);
      if (out.size() > kTokensMax) break;
    }
    return {};
  }

  const TokenBytes& bytes_;
  Surroundings out_;
};

}  // namespace

Result<Surroundings> parse_post_processor(const Json& value, const TokenBytes& bytes,
                                          const std::string& name) {
  Parser parser(bytes);
  if (!value.is_null()) CW_TRY(parser.add(value, name + ": post_processor", 0));
  return parser.take();
}

}  // namespace causeway
