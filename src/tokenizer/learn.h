// SPDX-License-Identifier: Apache-2.0
//
// A tokenizer learnt from counts of words. The counts are all that a site has to send: no text
// leaves it, and rare words, which could name a person, stay with it too.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/error.h"
#include "core/options.h"

namespace causeway {

/// How text falls into words, within which merges happen.
enum class Words : uint8_t { kGpt2 = 1, kLlama3 = 2, kQwen2 = 3 };

/// How often each word (its UTF-8 bytes) was seen.
struct WordCounts {
  Words words = Words::kLlama3;
  std::map<std::string, int64_t, std::less<>> counts;
};

/// Counts the words of texts. One thread at a time. Memory grows with the number of different
/// words.
class WordCounter {
 public:
  explicit WordCounter(Words words);
  ~WordCounter();
  /// Any bytes are safe; what is no UTF-8 is not counted.
  void add(std::string_view text);
  /// Adds what another counter of the same kind of words has counted.
  void add(const WordCounter& other);
  WordCounts counts() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// What a site keeps to itself.
struct SharingOptions {
  int64_t threshold = 5;
  int64_t clip = 1'000'000;
  int64_t word_bytes_max = 64;

  template <class Visit>
  void each(Visit&& visit) {
    visit("threshold", threshold, Range<int64_t>{1, 1'000'000'000}, "",
          "Words seen fewer times than this are not sent.");
    visit("clip", clip, Range<int64_t>{1}, "", "A word counts at most this often.");
    visit("word_bytes_max", word_bytes_max, Range<int64_t>{1, 65'536}, "bytes",
          "Longer words are not sent.");
  }
};

/// What a site sends: rare and long words left out, counts clipped.
WordCounts shared_counts(const WordCounts& counts, const SharingOptions& options);

/// The sum of what several sites sent. Fault::kBadInput if their kinds of words differ.
Result<WordCounts> merge_counts(std::span<const WordCounts> sites);

/// The file that a site sends: JSON-lines, a head, then ["word", count] by falling count, then by
/// word. `read` takes any bytes: Fault::kBadInput says what is wrong and where.
Result<void> write_counts(const std::string& path, const WordCounts& counts);
Result<WordCounts> read_counts(const std::string& path);

struct LearnOptions {
  int64_t vocabulary = 8192;
  int64_t min_count = 2;
  std::vector<std::string> special = {"<|endoftext|>"};

  template <class Visit>
  void each(Visit&& visit) {
    visit("vocabulary", vocabulary, Range<int64_t>{257, 1'048'576}, "tokens",
          "Tokens in all: special ones, 256 bytes and merges.");
    visit("min_count", min_count, Range<int64_t>{1}, "", "A pair seen fewer times is not merged.");
    visit("special", special, Any{}, "", "Special tokens; they come first.");
  }
};

/// Learns byte-pair merges (Sennrich and others, "Neural Machine Translation of Rare Words with
/// Subword Units", arXiv:1508.07909, algorithm 1) and returns the text of a tokenizer.json. Special
/// tokens come first, then the 256 bytes, then the merges, most frequent pair first; of equal ones
/// the pair with the smaller tokens, as Hugging Face's BpeTrainer does. Fault::kBadInput if there
/// is no word. The same counts give the same text.
Result<std::string> learn_tokenizer(const WordCounts& counts, const LearnOptions& options);

}  // namespace causeway
