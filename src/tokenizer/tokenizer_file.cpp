// SPDX-License-Identifier: Apache-2.0
#include "tokenizer/tokenizer_file.h"

#include <algorithm>
#include <array>
#include <utility>

namespace causeway {
namespace {

using Json = nlohmann::json;

constexpr size_t kTextBytesMax = 256'000'000;
constexpr size_t kJsonDepthMax = 64;
constexpr size_t kValuesMax = 1'000'000;

/// What is read of a file's top; truncation, padding and the decoder change no token.
constexpr std::array<std::string_view, 6> kKept = {"version",       "added_tokens",   "normalizer",
                                                   "pre_tokenizer", "post_processor", "model"};

/// Gets the events of the parser.
class Reader final : public nlohmann::json_sax<Json> {
 public:
  explicit Reader(TokenizerFile& file) : file_(file) {}

  const std::string& error() const { return error_; }

  bool null() override { return value(nullptr, "null"); }
  bool boolean(bool flag) override { return value(flag, "true or false"); }
  bool number_integer(number_integer_t number) override {
    return value(number, "a number below 0");
  }
  bool number_float(number_float_t number, const string_t&) override {
    return value(number, "a fraction");
  }
  bool binary(binary_t&) override { return fail("has binary data"); }

  bool number_unsigned(number_unsigned_t number) override {
    if (part_ != Part::kVocabulary) return value(number, "a number");
    if (number > INT32_MAX)
      return fail(fmt::format("model.vocab[\"{}\"] is {}: too large", key_, number));
    if (!file_.vocabulary.add(key_, static_cast<int32_t>(number)))
      return fail(fmt::format("model.vocab has \"{}\" twice", key_));
    return true;
  }

  bool string(string_t& text) override {
    switch (part_) {
      case Part::kMerges:
        return spaced_merge(text);
      case Part::kPair:
        if (pair_count_ < 2) pair_[pair_count_] = text;
        ++pair_count_;
        return true;
      default:
        return value(std::move(text), "text");
    }
  }

  bool start_object(size_t) override {
    if (part_ == Part::kHead && in_model() && key_ == "vocab") {
      if (std::exchange(file_.has_vocabulary, true)) return fail("model has `vocab` twice");
      part_ = Part::kVocabulary;
      return true;
    }
    return open(Json::object(), "an object");
  }
  bool end_object() override {
    if (part_ != Part::kVocabulary) return close();
    part_ = Part::kHead;
    return true;
  }

  bool start_array(size_t) override {
    if (part_ == Part::kHead && in_model() && key_ == "merges") {
      if (std::exchange(file_.has_merges, true)) return fail("model has `merges` twice");
      part_ = Part::kMerges;
      return true;
    }
    if (part_ == Part::kMerges) {
      part_ = Part::kPair;
      pair_count_ = 0;
      return true;
    }
    return open(Json::array(), "a list");
  }
  bool end_array() override {
    if (part_ == Part::kMerges) {
      part_ = Part::kHead;
      return true;
    }
    if (part_ != Part::kPair) return close();
    part_ = Part::kMerges;
    if (pair_count_ != 2)
      return fail(fmt::format("{} has {} texts, not 2", merge_name(), pair_count_));
    return merge(Form::kPairs, pair_[0], pair_[1]);
  }

  bool key(string_t& text) override {
    key_ = std::move(text);
    if (part_ == Part::kVocabulary || skipped_depth_ > 0) return true;
    if (stack_.size() == 1) wanted_ = std::ranges::find(kKept, key_) != kKept.end();
    if (stack_.back()->contains(key_)) return fail(fmt::format("has `{}` twice", key_));
    return true;
  }

  bool parse_error(size_t position, const std::string&,
                   const nlohmann::detail::exception&) override {
    return fail(fmt::format("is no JSON: wrong at byte {}", position));
  }

 private:
  enum class Part : uint8_t { kHead, kVocabulary, kMerges, kPair };
  enum class Form : uint8_t { kNone, kTexts, kPairs };

  bool fail(std::string what) {
    if (error_.empty()) error_ = std::move(what);
    return false;
  }

  bool in_model() const { return stack_.size() == 2 && in_model_ && skipped_depth_ == 0; }
  std::string merge_name() const { return fmt::format("model.merges[{}]", merge_lines_); }

  /// Puts a value where the parser is; null if it is skipped or fails.
  Json* put(Json&& value) {
    if (++values_ > kValuesMax) {
      fail(fmt::format("has more than {} values beside vocabulary and merges", kValuesMax));
      return nullptr;
    }
    if (stack_.empty()) {
      file_.head = std::move(value);
      return &file_.head;
    }
    Json& parent = *stack_.back();
    if (parent.is_array()) {
      parent.push_back(std::move(value));
      return &parent.back();
    }
    return &(parent[key_] = std::move(value));
  }

  bool is_skipped() const { return stack_.size() == 1 && !wanted_; }

  bool value(Json&& value, const char* kind) {
    if (skipped_depth_ > 0) return true;
    if (part_ == Part::kVocabulary)
      return fail(fmt::format("model.vocab[\"{}\"] must be a number, not {}", key_, kind));
    if (part_ != Part::kHead)
      return fail(fmt::format("{} must be text or a pair of texts, not {}", merge_name(), kind));
    if (stack_.empty()) return fail(fmt::format("must be an object, not {}", kind));
    return is_skipped() || put(std::move(value)) != nullptr;
  }

  bool open(Json&& empty, const char* kind) {
    if (part_ != Part::kHead) return value(nullptr, kind);
    if (stack_.size() + skipped_depth_ == kJsonDepthMax)
      return fail(fmt::format("is nested more than {} deep", kJsonDepthMax));
    if (skipped_depth_ > 0 || is_skipped()) {
      ++skipped_depth_;
      return true;
    }
    if (stack_.empty() && !empty.is_object()) return fail("must be an object, not a list");
    if (stack_.size() == 1) in_model_ = key_ == "model";
    Json* made = put(std::move(empty));
    if (made == nullptr) return false;
    stack_.push_back(made);
    return true;
  }

  bool close() {
    if (skipped_depth_ > 0)
      --skipped_depth_;
    else
      stack_.pop_back();
    return true;
  }

  bool spaced_merge(std::string_view text) {
    // Such a line is the head of a merges.txt.
    if (text.starts_with("#version")) return true;
    const size_t space = text.find(' ');
    if (space == std::string_view::npos || text.find(' ', space + 1) != std::string_view::npos)
      return fail(fmt::format("{} must be two texts with one space between", merge_name()));
    return merge(Form::kTexts, text.substr(0, space), text.substr(space + 1));
  }

  bool merge(Form form, std::string_view left, std::string_view right) {
    if (form_ != Form::kNone && form_ != form)
      return fail(fmt::format("{} is written otherwise than those before", merge_name()));
    form_ = form;
    ++merge_lines_;
    file_.merges.add(left, right);
    return true;
  }

  TokenizerFile& file_;
  std::string error_;
  std::vector<Json*> stack_;
  std::string key_;
  std::array<std::string, 2> pair_;
  size_t pair_count_ = 0;
  size_t merge_lines_ = 0;
  size_t values_ = 0;
  size_t skipped_depth_ = 0;
  bool wanted_ = true;
  bool in_model_ = false;
  Part part_ = Part::kHead;
  Form form_ = Form::kNone;
};

}  // namespace

void MergeTexts::add(std::string_view left, std::string_view right) {
  entries_.push_back(
      {buffer_.size(), static_cast<uint32_t>(left.size()), static_cast<uint32_t>(right.size())});
  buffer_ += left;
  buffer_ += right;
}

std::string_view MergeTexts::left(size_t index) const {
  return whole(index).substr(0, entries_[index].left_bytes);
}

std::string_view MergeTexts::right(size_t index) const {
  return whole(index).substr(entries_[index].left_bytes);
}

std::string_view MergeTexts::whole(size_t index) const {
  const Entry& entry = entries_[index];
  return std::string_view(buffer_).substr(entry.begin,
                                          size_t{entry.left_bytes} + entry.right_bytes);
}

Result<TokenizerFile> read_tokenizer_file(std::string_view text, const std::string& name) {
  if (text.size() > kTextBytesMax)
    return failure(Fault::kBadInput, "{}: {} bytes; a tokenizer file has at most {}", name,
                   text.size(), kTextBytesMax);
  TokenizerFile file;
  Reader reader(file);
  if (!Json::sax_parse(text.begin(), text.end(), &reader))
    return failure(Fault::kBadInput, "{} {}", name, reader.error());
  return file;
}

}  // namespace causeway
