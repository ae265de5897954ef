// SPDX-License-Identifier: Apache-2.0
#include "tokenizer/pre_tokenizer.h"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>

#include "tokenizer/json_fields.h"
#include "tokenizer/regex_syntax.h"

namespace causeway {
namespace {

using Json = nlohmann::json;
using Match = PreTokenizer::Match;
using Step = PreTokenizer::Step;

constexpr int kSequenceDepthMax = 8;
constexpr size_t kSequenceStepsMax = 64;

/// The text as matches and what lies between them. A match that is empty, right after another, is
/// none.
void find_all(const Regex& regex, std::string_view text, RegexScratch& scratch,
              std::vector<Match>& out) {
  size_t from = 0, previous = 0;
  bool any = false;
  while (from <= text.size()) {
    const auto found = regex.find(text, from, scratch);
    if (!found) break;
    const auto [begin, end] = *found;
    if (begin == end && any && previous == end) {
      if (from == text.size()) break;
      from += read_code_point(text.data() + from).bytes;
      continue;
    }
    if (previous != begin) out.push_back({{previous, begin}, false});
    out.push_back({{begin, end}, true});
    from = previous = end;
    any = true;
  }
  if (previous != text.size()) out.push_back({{previous, text.size()}, false});
}

void find_digits(std::string_view text, std::vector<Match>& out) {
  const CharTable& table = CharTable::get();
  size_t previous = 0;
  for (size_t at = 0; at < text.size();) {
    const CodePoint point = read_code_point(text.data() + at);
    const size_t next = at + point.bytes;
    if (table.is_numeric(point.code)) {
      if (previous != at) out.push_back({{previous, at}, false});
      out.push_back({{at, next}, true});
      previous = next;
    }
    at = next;
  }
  if (previous != text.size()) out.push_back({{previous, text.size()}, false});
}

/// Joins neighbours as `behavior` says: where `joins(match, previous)`, a stretch grows.
template <class Joins>
void fold(std::span<const Match> matches, size_t offset, Joins joins, std::vector<Stretch>& out) {
  const size_t first = out.size();
  bool previous = false;
  for (const Match& match : matches) {
    if (joins(match.is_match, previous) && out.size() > first)
      out.back().end = match.at.end + offset;
    else
      out.push_back({match.at.begin + offset, match.at.end + offset});
    previous = match.is_match;
  }
}

void fold_backwards(std::span<const Match> matches, size_t offset, std::vector<Stretch>& out) {
  const size_t first = out.size();
  bool previous = false;
  for (size_t i = matches.size(); i-- > 0;) {
    const Match& match = matches[i];
    if (match.is_match && !previous && out.size() > first)
      out.back().begin = match.at.begin + offset;
    else
      out.push_back({match.at.begin + offset, match.at.end + offset});
    previous = match.is_match;
  }
  std::reverse(out.begin() + static_cast<std::ptrdiff_t>(first), out.end());
}

void apply(SplitBehavior behavior, std::span<const Match> matches, size_t offset,
           std::vector<Stretch>& out) {
  switch (behavior) {
    case SplitBehavior::kIsolated:
      return fold(matches, offset, [](bool, bool) { return false; }, out);
    case SplitBehavior::kRemoved:
      for (const Match& match : matches)
        if (!match.is_match) out.push_back({match.at.begin + offset, match.at.end + offset});
      return;
    case SplitBehavior::kContiguous:
      return fold(matches, offset, [](bool match, bool before) { return match == before; }, out);
    case SplitBehavior::kMergedWithPrevious:
      return fold(matches, offset, [](bool match, bool before) { return match && !before; }, out);
    case SplitBehavior::kMergedWithNext:
      return fold_backwards(matches, offset, out);
  }
}

}  // namespace

void PreTokenizer::cut(std::string_view text, Scratch& scratch) const {
  scratch.stretches.assign(1, {0, text.size()});
  for (const Step& step : steps_) {
    scratch.next.clear();
    for (const Stretch& stretch : scratch.stretches) {
      const std::string_view part = text.substr(stretch.begin, stretch.end - stretch.begin);
      scratch.matches.clear();
      if (step.kind == Step::Kind::kWords) {
        for (size_t begin = 0; begin < part.size();) {
          const size_t end = word_end(step.words, part, begin);
          scratch.next.push_back({stretch.begin + begin, stretch.begin + end});
          begin = end;
        }
        continue;
      }
      if (step.kind == Step::Kind::kDigits)
        find_digits(part, scratch.matches);
      else
        find_all(*step.regex, part, scratch.regex, scratch.matches);
      if (step.invert)
        for (Match& match : scratch.matches) match.is_match = !match.is_match;
      apply(step.behavior, scratch.matches, stretch.begin, scratch.next);
    }
    std::erase_if(scratch.next, [](const Stretch& part) { return part.begin == part.end; });
    scratch.stretches.swap(scratch.next);
  }
}

std::string_view PreTokenizer::prefixed(std::string_view part, Scratch& scratch) const {
  if (!prefix_space_ || part.starts_with(' ')) return part;
  scratch.prefixed.assign(1, ' ');
  scratch.prefixed += part;
  return scratch.prefixed;
}

Result<PreTokenizer> PreTokenizer::parse(const Json& value, const std::string& name) {
  PreTokenizer made;
  const std::string where = name + ": pre_tokenizer";
  if (value.is_object()) CW_TRY(made.add(value, where, 0));
  if (!made.has_level_)
    return failure(Fault::kBadInput,
                   "{} has no ByteLevel; only tokenizers with byte-level BPE are supported", where);
  return made;
}

Result<void> PreTokenizer::add(const Json& value, const std::string& where, int depth) {
  CW_ASSIGN(const std::string type, type_of(value, where));
  if (type == "Sequence") {
    if (depth == kSequenceDepthMax)
      return failure(Fault::kBadInput, "{}: more than {} Sequences in one another", where,
                     kSequenceDepthMax);
    CW_ASSIGN(const Json* list, array_field(value, "pretokenizers", where));
    for (size_t i = 0; i < list->size(); ++i)
      CW_TRY(add((*list)[i], fmt::format("{}.pretokenizers[{}]", where, i), depth + 1));
    return {};
  }
  if (has_level_)
    return failure(Fault::kBadInput, "{}: {} after ByteLevel is not supported", where, type);
  if (steps_.size() == kSequenceStepsMax)
    return failure(Fault::kBadInput, "{}: more than {} steps", where, kSequenceStepsMax);
  if (type == "ByteLevel") return add_byte_level(value, where);
  if (type == "Split") return add_split(value, where);
  if (type == "Digits") {
    CW_ASSIGN(const bool individual, bool_field(value, "individual_digits", where));
    steps_.push_back(
        {.kind = Step::Kind::kDigits,
         .behavior = individual ? SplitBehavior::kIsolated : SplitBehavior::kContiguous});
    identity_ += individual ? "digits\n" : "digit runs\n";
    return {};
  }
  return failure(Fault::kBadInput,
                 "{}: the kind \"{}\" is not supported; only byte-level BPE is, with ByteLevel, "
                 "Split, Digits and Sequences of them",
                 where, type);
}

Result<void> PreTokenizer::add_byte_level(const Json& value, const std::string& where) {
  CW_ASSIGN(prefix_space_, bool_field(value, "add_prefix_space", where));
  level_words_ = true;
  if (value.contains("use_regex")) {
    CW_ASSIGN(level_words_, bool_field(value, "use_regex", where));
  }
  has_level_ = true;
  identity_ += fmt::format("bytes {} {}\n", prefix_space_, level_words_);
  return {};
}

Result<void> PreTokenizer::add_split(const Json& value, const std::string& where) {
  constexpr std::array<std::string_view, 5> kNames = {"Isolated", "Removed", "MergedWithPrevious",
                                                      "MergedWithNext", "Contiguous"};
  CW_ASSIGN(const std::string behavior, text_field(value, "behavior", where));
  CW_ASSIGN(const bool invert, bool_field(value, "invert", where));
  const auto* const named = std::ranges::find(kNames, behavior);
  if (named == kNames.end())
    return failure(Fault::kBadInput, "{}: the behavior \"{}\" is not supported", where, behavior);
  const auto pattern = value.find("pattern");
  if (pattern == value.end() || !pattern->is_object() || pattern->size() != 1 ||
      !pattern->begin()->is_string() ||
      (!pattern->contains("Regex") && !pattern->contains("String")))
    return failure(Fault::kBadInput,
                   R"({}: pattern must be {{"Regex": text}} or {{"String": text}})", where);
  const bool is_regex = pattern->contains("Regex");
  const auto& text = pattern->begin()->get_ref<const std::string&>();
  Step step{.behavior = static_cast<SplitBehavior>(named - kNames.begin() + 1), .invert = invert};
  // Words cover the whole text: there is nothing between matches to remove.
  const bool each_match = (step.behavior == SplitBehavior::kIsolated) ||
                          (step.behavior == SplitBehavior::kRemoved && invert);
  const auto words = is_regex && each_match ? words_of(text) : std::nullopt;
  if (words) {
    step.kind = Step::Kind::kWords;
    step.words = *words;
  } else {
    std::string source = quoted_pattern(text);
    if (is_regex) {
      CW_ASSIGN(source, pcre_pattern(text, where));
    }
    CW_ASSIGN(step.regex, Regex::compile(source, where));
  }
  steps_.push_back(std::move(step));
  identity_ +=
      fmt::format("split {} {} {} {}\n{}\n", is_regex, behavior, invert, text.size(), text);
  return {};
}

}  // namespace causeway
