// SPDX-License-Identifier: Apache-2.0
#include "codec/notation.h"

#include <fmt/format.h>

#include <algorithm>

#include "core/toml.h"

namespace causeway {
namespace {

constexpr std::string_view kSpace = " \t\n";

std::string_view without_space(std::string_view text) {
  const size_t first = text.find_first_not_of(kSpace);
  if (first == text.npos) return {};
  return text.substr(first, text.find_last_not_of(kSpace) - first + 1);
}

bool is_word(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
  });
}

/// What numbers and words are made of. More would be TOML that no option has, comments among it.
bool is_value(std::string_view text) {
  return text.find_first_not_of(
             "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.+-\"") == text.npos;
}

class ChainParser {
 public:
  ChainParser(std::string_view chain, const Location& where, Mistakes& mistakes)
      : chain_(chain), where_(where), mistakes_(mistakes) {}

  std::vector<Stage> parse() {
    std::vector<Stage> stages;
    std::string_view left = chain_;
    const size_t before = mistakes_.size();
    while (mistakes_.size() == before) {
      const size_t end = std::min(left.find('|'), left.size());
      stages.push_back(stage(without_space(left.substr(0, end)), stages.size() + 1));
      if (end == left.size()) break;
      left = left.substr(end + 1);
    }
    if (mistakes_.size() != before) stages.clear();
    return stages;
  }

 private:
  void wrong(const std::string& what) {
    mistakes_.add(where_, fmt::format("codec chain `{}`: {}", chain_, what));
  }

  Stage stage(std::string_view text, size_t number) {
    const size_t open = std::min(text.find('('), text.size());
    Stage stage{std::string(without_space(text.substr(0, open))), Value::Table{}};
    stage.options.where = where_;
    if (stage.name.empty())
      wrong(fmt::format("stage {} has no name; wanted: name or name(...)", number));
    else if (!is_word(stage.name))
      wrong(fmt::format("`{}` is no name; wanted: letters, digits and _", stage.name));
    else if (open < text.size())
      arguments(text.substr(open), stage);
    return stage;
  }

  // `text` begins with its parenthesis.
  void arguments(std::string_view text, Stage& stage) {
    if (text.back() != ')' || text.find(')') != text.size() - 1 || text.rfind('(') != 0)
      return wrong(fmt::format("`{}{}` is not closed where it ends; wanted: {}(...)", stage.name,
                               text, stage.name));
    std::string_view left = text.substr(1, text.size() - 2);
    if (without_space(left).empty()) return;
    for (size_t number = 1;; ++number) {
      const size_t end = std::min(left.find(','), left.size());
      if (!argument(without_space(left.substr(0, end)), number, stage)) return;
      if (end == left.size()) return;
      left = left.substr(end + 1);
    }
  }

  bool argument(std::string_view text, size_t number, Stage& stage) {
    const size_t equals = text.find('=');
    std::string_view key, value = text;
    if (equals != text.npos) {
      key = without_space(text.substr(0, equals));
      value = without_space(text.substr(equals + 1));
    }
    if (value.empty() || !is_value(value) || (equals != text.npos && !is_word(key)))
      wrong(fmt::format("`{}` has the argument `{}`; wanted: a value, or key=value", stage.name,
                        text));
    else if (key.empty() && number > 1)
      wrong(fmt::format("`{}` has `{}` without a key after its first argument; wanted: key=value",
                        stage.name, text));
    else if (stage.options.find(key) != nullptr)
      wrong(fmt::format("`{}` has `{}` twice", stage.name, key));
    else
      return set(key, value, stage), true;
    return false;
  }

  void set(std::string_view key, std::string_view text, Stage& stage) {
    Value root;
    set_path(root, fmt::format("value={}", text), mistakes_);
    Value value = *root.find("value");
    value.where = where_;
    stage.options.set(key, std::move(value));
  }

  std::string_view chain_;
  const Location& where_;
  Mistakes& mistakes_;
};

}  // namespace

bool is_chain(std::string_view name) { return name.find_first_of("|()") != name.npos; }

std::vector<Stage> parse_chain(std::string_view chain, const Location& where, Mistakes& mistakes) {
  return ChainParser(chain, where, mistakes).parse();
}

}  // namespace causeway
