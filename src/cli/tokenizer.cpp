// SPDX-License-Identifier: Apache-2.0
#include "tokenizer/tokenizer.h"

#include <cctype>
#include <charconv>
#include <cstdio>
#include <fstream>

#include "cli/command.h"
#include "core/durable.h"
#include "data/corpus.h"
#include "data/documents.h"
#include "tokenizer/learn.h"

namespace causeway {
namespace {

constexpr int64_t kTokensPerWrite = 8192;

struct CodeArguments {
  std::string tokenizer, path;
  bool no_special = false;
};

/// A file's bytes, or those of standard input for "-".
Result<std::string> read_input(const std::string& path) {
  if (path != "-") {
    CW_ASSIGN(const auto file, MappedFile::open(path));
    return std::string(reinterpret_cast<const char*>(file->bytes().data()), file->bytes().size());
  }
  std::string out;
  char part[65'536];
  while (const size_t count = std::fread(part, 1, sizeof(part), stdin)) out.append(part, count);
  if (std::ferror(stdin) != 0) return failure(Fault::kIo, "standard input cannot be read");
  return out;
}

int encode_file(const CodeArguments& arguments) {
  const auto tokenizer = open_tokenizer(arguments.tokenizer);
  if (!tokenizer) return tell_error(tokenizer.error());
  const auto text = read_input(arguments.path);
  if (!text) return tell_error(text.error());
  if (!(*tokenizer)->is_complete())
    fmt::print(stderr, "causeway: {} has no token for some bytes; they are lost\n",
               arguments.tokenizer);
  std::vector<int32_t> tokens;
  const auto add = [&](std::span<const int32_t> marks) {
    if (!arguments.no_special) tokens.insert(tokens.end(), marks.begin(), marks.end());
  };
  add((*tokenizer)->before());
  (*tokenizer)->encoder()->encode(*text, tokens);
  add((*tokenizer)->after());
  std::string out;
  for (size_t i = 0; i < tokens.size(); ++i) {
    out += std::to_string(tokens[i]);
    out += i + 1 == tokens.size() ? '\n' : ' ';
    if (i % kTokensPerWrite == 0 || i + 1 == tokens.size()) {
      std::fwrite(out.data(), 1, out.size(), stdout);
      out.clear();
    }
  }
  return std::fflush(stdout) == 0 ? kDone : kFailed;
}

int decode_file(const CodeArguments& arguments) {
  const auto tokenizer = open_tokenizer(arguments.tokenizer);
  if (!tokenizer) return tell_error(tokenizer.error());
  const auto numbers = read_input(arguments.path);
  if (!numbers) return tell_error(numbers.error());
  std::string out;
  const char* at = numbers->data();
  const char* end = at + numbers->size();
  while (true) {
    while (at != end && (std::isspace(static_cast<unsigned char>(*at)) != 0 || *at == ',')) ++at;
    if (at == end) break;
    int32_t token = 0;
    const auto [next, bad] = std::from_chars(at, end, token);
    if (bad != std::errc() || token < 0 || token >= (*tokenizer)->vocabulary())
      return tell_error(failure(
          Fault::kBadInput, "{}: `{}` at byte {}: wanted numbers of tokens, 0 to {}",
          arguments.path, std::string_view(at, std::min<size_t>(12, static_cast<size_t>(end - at))),
          at - numbers->data(), (*tokenizer)->vocabulary() - 1));
    if (!arguments.no_special || !(*tokenizer)->is_special(token))
      out += (*tokenizer)->bytes_of(token);
    at = next;
  }
  std::fwrite(out.data(), 1, out.size(), stdout);
  return std::fflush(stdout) == 0 ? kDone : kFailed;
}

struct LearnArguments {
  std::vector<std::string> paths, counts;
  std::string out, words = "llama3";
  DocumentOptions documents;
  SharingOptions sharing;
  LearnOptions learn;
};

Result<Words> words_of(const std::string& name) {
  if (name == "gpt2") return Words::kGpt2;
  if (name == "llama3") return Words::kLlama3;
  if (name == "qwen2") return Words::kQwen2;
  return failure(Fault::kBadInput, "--words {}: wanted gpt2, llama3 or qwen2", name);
}

Result<WordCounts> count_words(const LearnArguments& arguments) {
  CW_ASSIGN(const Words words, words_of(arguments.words));
  CW_ASSIGN(const auto reader, DocumentReader::open(arguments.paths, arguments.documents));
  WordCounter counter(words);
  RawDocument raw;
  while (true) {
    CW_ASSIGN(const bool more, reader->next(raw));
    if (!more) break;
    CW_ASSIGN(const Document document, read_document(raw, reader->files(), arguments.documents));
    if (!document.skipped) counter.add(document.text);
  }
  return counter.counts();
}

int count(const LearnArguments& arguments) {
  if (const Mistakes mistakes = mistakes_of(arguments.sharing); !mistakes.empty())
    return tell_mistakes("the options", mistakes);
  const auto counts = count_words(arguments);
  if (!counts) return tell_error(counts.error());
  const WordCounts shared = shared_counts(*counts, arguments.sharing);
  if (auto written = write_counts(arguments.out, shared); !written)
    return tell_error(written.error());
  fmt::print(
      "{}: {} of {} words; those seen fewer than {} times, or longer than {} bytes, stay "
      "here\n",
      arguments.out, shared.counts.size(), counts->counts.size(), arguments.sharing.threshold,
      arguments.sharing.word_bytes_max);
  return kDone;
}

Result<WordCounts> counts_to_learn(const LearnArguments& arguments) {
  if (arguments.counts.empty()) return count_words(arguments);
  std::vector<WordCounts> sites;
  for (const std::string& path : arguments.counts) {
    CW_ASSIGN(WordCounts one, read_counts(path));
    sites.push_back(std::move(one));
  }
  return merge_counts(sites);
}

int learn(const LearnArguments& arguments) {
  if (const Mistakes mistakes = mistakes_of(arguments.learn); !mistakes.empty())
    return tell_mistakes("the options", mistakes);
  if (arguments.paths.empty() == arguments.counts.empty())
    return tell_error(failure(Fault::kBadInput, "wanted: either texts, or --counts FILE..."));
  const auto counts = counts_to_learn(arguments);
  if (!counts) return tell_error(counts.error());
  const auto text = learn_tokenizer(*counts, arguments.learn);
  if (!text) return tell_error(text.error());
  const auto tokenizer = parse_tokenizer(*text, arguments.out);
  if (!tokenizer) return tell_error(tokenizer.error());
  if (auto written = write_file_atomically(arguments.out, *text); !written)
    return tell_error(written.error());
  fmt::print("{}: {} tokens from {} words\n", arguments.out, (*tokenizer)->vocabulary(),
             counts->counts.size());
  return kDone;
}

void add_inputs(CLI::App& command, LearnArguments& arguments) {
  command
      .add_option("--words", arguments.words, "How text falls into words: gpt2, llama3 or qwen2")
      ->capture_default_str();
  command.add_option("--field", arguments.documents.field,
                     "Field of a JSON line with the text (default: text)");
}

CLI::App* add_code(CLI::App& app, const char* name, const char* meaning,
                   const std::shared_ptr<CodeArguments>& arguments) {
  CLI::App* command = app.add_subcommand(name, meaning);
  command
      ->add_option("--tokenizer", arguments->tokenizer,
                   "A tokenizer.json, a folder with one, or bytes")
      ->required();
  return command;
}

}  // namespace

void add_tokenizer(CLI::App& app, int& exit_code) {
  CLI::App* family = app.add_subcommand("tokenizer", "Encode, decode, and learn tokenizers.");
  family->require_subcommand(1);
  family->footer("Example: causeway tokenizer encode --tokenizer tokenizer.json text.txt");

  auto code = std::make_shared<CodeArguments>();
  CLI::App* encode = add_code(*family, "encode", "Print the tokens of a text.", code);
  encode->add_option("TEXT", code->path, "A file, or - for standard input")->required();
  encode->add_flag("--no-special", code->no_special,
                   "Leave out what the tokenizer puts around a text");
  encode->footer("Example: causeway tokenizer encode --tokenizer tokenizer.json text.txt");
  encode->callback([code, &exit_code] { exit_code = encode_file(*code); });

  CLI::App* decode = add_code(*family, "decode", "Print the bytes of tokens.", code);
  decode->add_option("TOKENS", code->path, "A file of numbers, or - for standard input")
      ->required();
  decode->add_flag("--no-special", code->no_special, "Leave special tokens out");
  decode->footer("Example: causeway tokenizer decode --tokenizer tokenizer.json tokens.txt");
  decode->callback([code, &exit_code] { exit_code = decode_file(*code); });

  auto learnt = std::make_shared<LearnArguments>();
  CLI::App* count_command = family->add_subcommand(
      "count", "Count words: all that a site sends for a tokenizer learnt by several.");
  count_command->add_option("TEXT", learnt->paths, "Texts, JSON-lines, folders, .gz, .zst")
      ->required();
  count_command->add_option("--out", learnt->out, "The file to send")->required();
  add_inputs(*count_command, *learnt);
  learnt->sharing.each(FlagForEachOption{*count_command});
  count_command->footer("Example: causeway tokenizer count --out here.counts texts/ --threshold 5");
  count_command->callback([learnt, &exit_code] { exit_code = count(*learnt); });

  CLI::App* train = family->add_subcommand("train", "Learn a tokenizer.json.");
  train->add_option("TEXT", learnt->paths, "Texts, JSON-lines, folders, .gz, .zst");
  train->add_option("--counts", learnt->counts, "Instead: the files that sites have sent");
  train->add_option("--out", learnt->out, "The tokenizer.json to write")->required();
  add_inputs(*train, *learnt);
  learnt->learn.each(FlagForEachOption{*train});
  train->footer(
      "Examples: causeway tokenizer train texts/ --vocabulary 8192 --out tokenizer.json\n"
      "          causeway tokenizer train --counts a.counts b.counts --out tokenizer.json");
  train->callback([learnt, &exit_code] { exit_code = learn(*learnt); });
}

}  // namespace causeway
