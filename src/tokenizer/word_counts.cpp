// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <nlohmann/json.hpp>
#include <numeric>

#include "core/utf8.h"
#include "tokenizer/learn.h"
#include "tokenizer/normalizer.h"
#include "tokenizer/token_texts.h"
#include "tokenizer/unicode.h"
#include "tokenizer/word_scanner.h"

namespace causeway {
namespace {

using Json = nlohmann::json;

constexpr std::string_view kFormat = "causeway word counts 1";
constexpr std::array<std::string_view, 3> kNames = {"gpt2", "llama3", "qwen2"};
constexpr size_t kWordBytesMax = 65'536;
// An escaped byte takes 6.
constexpr size_t kLineBytesMax = 6 * kWordBytesMax + 64;

std::string_view name_of(Words words) { return kNames[static_cast<size_t>(words) - 1]; }

int64_t sum_of(int64_t a, int64_t b) {
  int64_t sum = 0;
  return __builtin_add_overflow(a, b, &sum) ? INT64_MAX : sum;
}

/// Reads one line after another of a file that a stranger wrote.
class Lines {
 public:
  explicit Lines(const std::string& path) : file_(path, std::ios::binary), path_(path) {}

  bool is_open() const { return file_.is_open(); }
  std::string where() const { return fmt::format("{}:{}", path_, number_); }

  /// False at the end of the file.
  Result<bool> next(std::string& line) {
    ++number_;
    line.resize(kLineBytesMax);
    file_.getline(line.data(), static_cast<std::streamsize>(line.size()));
    const auto got = static_cast<size_t>(file_.gcount());
    if (file_.bad()) return failure(Fault::kIo, "{}: cannot read", where());
    if (got == 0) return false;
    if (file_.eof()) return failure(Fault::kBadInput, "{}: the file ends within a line", where());
    if (file_.fail()) return failure(Fault::kBadInput, "{}: the line is too long", where());
    line.resize(got - 1);
    return true;
  }

 private:
  std::ifstream file_;
  const std::string& path_;
  int64_t number_ = 0;
};

struct Head {
  Words words = Words::kLlama3;
  uint64_t entries = 0;
};

Result<Head> parse_head(const std::string& line, const std::string& where) {
  const Json head = Json::parse(line, nullptr, false);
  if (!head.is_object() || !head.contains("format") || head["format"] != kFormat)
    return failure(Fault::kBadInput, "{}: this is no file of word counts", where);
  const auto* const name = std::ranges::find_if(kNames, [&](std::string_view known) {
    return head.contains("words") && head["words"] == known;
  });
  if (name == kNames.end())
    return failure(Fault::kBadInput, "{}: `words` must be gpt2, llama3 or qwen2", where);
  if (!head.contains("entries") || !head["entries"].is_number_unsigned())
    return failure(Fault::kBadInput, "{}: `entries` must be a number", where);
  return Head{static_cast<Words>(name - kNames.begin() + 1), head["entries"].get<uint64_t>()};
}

Result<void> parse_entry(const std::string& line, const std::string& where, WordCounts& counts) {
  const Json entry = Json::parse(line, nullptr, false);
  if (!entry.is_array() || entry.size() != 2 || !entry[0].is_string() ||
      !entry[1].is_number_unsigned())
    return failure(Fault::kBadInput, "{}: must be [\"word\", count]", where);
  const auto& word = entry[0].get_ref<const std::string&>();
  const auto count = entry[1].get<uint64_t>();
  if (word.empty() || word.size() > kWordBytesMax)
    return failure(Fault::kBadInput, "{}: a word has 1 to {} bytes, not {}", where, kWordBytesMax,
                   word.size());
  if (count == 0 || count > INT64_MAX)
    return failure(Fault::kBadInput, "{}: the count {} is out of range", where, count);
  if (!counts.counts.emplace(word, static_cast<int64_t>(count)).second)
    return failure(Fault::kBadInput, "{}: the word is there twice", where);
  return {};
}

}  // namespace

struct WordCounter::State {
  Words words;
  TokenTexts texts;  ///< with an index into `counts` each
  std::vector<int64_t> counts;
  std::string normalized;

  void add(std::string_view word, int64_t count) {
    const int32_t known = texts.find(word);
    if (known != TokenTexts::kNone) {
      int64_t& sum = counts[static_cast<size_t>(known)];
      sum = sum_of(sum, count);
      return;
    }
    CW_CHECK(counts.size() < INT32_MAX, "too many words");
    texts.add(word, static_cast<int32_t>(counts.size()));
    counts.push_back(count);
  }
};

WordCounter::WordCounter(Words words) : state_(new State{words, {}, {}, {}}) {}
WordCounter::~WordCounter() = default;

void WordCounter::add(std::string_view text) {
  while (!text.empty()) {
    const size_t good = well_formed_prefix(text);
    std::string_view part = text.substr(0, good);
    if (state_->words == Words::kQwen2) part = normalize_nfc(part, state_->normalized);
    for (size_t begin = 0; begin < part.size();) {
      const size_t end = word_end(state_->words, part, begin);
      state_->add(part.substr(begin, end - begin), 1);
      begin = end;
    }
    text.remove_prefix(good);
    text.remove_prefix(ill_formed_prefix(text));
  }
}

void WordCounter::add(const WordCounter& other) {
  CW_CHECK(state_->words == other.state_->words, "two kinds of words");
  for (size_t i = 0; i < other.state_->counts.size(); ++i)
    state_->add(other.state_->texts.text(i), other.state_->counts[i]);
}

WordCounts WordCounter::counts() const {
  WordCounts out{state_->words, {}};
  for (size_t i = 0; i < state_->counts.size(); ++i)
    out.counts.emplace(state_->texts.text(i), state_->counts[i]);
  return out;
}

WordCounts shared_counts(const WordCounts& counts, const SharingOptions& options) {
  WordCounts out{counts.words, {}};
  for (const auto& [word, count] : counts.counts)
    if (count >= options.threshold && std::cmp_less_equal(word.size(), options.word_bytes_max))
      out.counts.emplace_hint(out.counts.end(), word, std::min(count, options.clip));
  return out;
}

Result<WordCounts> merge_counts(std::span<const WordCounts> sites) {
  if (sites.empty()) return failure(Fault::kBadInput, "there are no word counts to merge");
  WordCounts out{sites.front().words, {}};
  for (const WordCounts& site : sites) {
    if (site.words != out.words)
      return failure(Fault::kBadInput, "word counts of different kinds cannot be merged: {} and {}",
                     name_of(out.words), name_of(site.words));
    for (const auto& [word, count] : site.counts) {
      int64_t& sum = out.counts[word];
      sum = sum_of(sum, count);
    }
  }
  return out;
}

Result<void> write_counts(const std::string& path, const WordCounts& counts) {
  std::vector<std::pair<const std::string*, int64_t>> order;
  for (const auto& [word, count] : counts.counts) order.emplace_back(&word, count);
  // The map has the words in order already.
  std::ranges::stable_sort(order, std::greater<>(), &decltype(order)::value_type::second);
  std::ofstream file(path, std::ios::binary | std::ios::trunc);
  if (!file) return failure(Fault::kIo, "{}: cannot write: {}", path, std::strerror(errno));
  file << fmt::format("{{\"format\": \"{}\", \"words\": \"{}\", \"entries\": {}}}\n", kFormat,
                      name_of(counts.words), order.size());
  for (const auto& [word, count] : order) {
    CW_CHECK(!word->empty() && well_formed_prefix(*word) == word->size(), "a word is no UTF-8");
    file << fmt::format("[{}, {}]\n", Json(*word).dump(), count);
  }
  file.close();
  if (!file) return failure(Fault::kIo, "{}: cannot write: {}", path, std::strerror(errno));
  return {};
}

Result<WordCounts> read_counts(const std::string& path) {
  Lines lines(path);
  if (!lines.is_open())
    return failure(Fault::kIo, "{}: cannot open: {}", path, std::strerror(errno));
  std::string line;
  CW_ASSIGN(const bool any, lines.next(line));
  if (!any) return failure(Fault::kBadInput, "{}: the file is empty", path);
  CW_ASSIGN(const Head head, parse_head(line, lines.where()));
  WordCounts counts{head.words, {}};
  while (true) {
    CW_ASSIGN(const bool more, lines.next(line));
    if (!more) break;
    CW_TRY(parse_entry(line, lines.where(), counts));
  }
  if (counts.counts.size() != head.entries)
    return failure(Fault::kBadInput, "{}: {} words, but the head says {}: the file is cut short",
                   path, counts.counts.size(), head.entries);
  return counts;
}

}  // namespace causeway
