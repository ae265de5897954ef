// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "cli/command.h"
#include "core/threads.h"
#include "data/corpus.h"
#include "data/documents.h"
#include "data/shard.h"
#include "data/token_list.h"
#include "train/checkpoint.h"
#include "train/choices.h"
#include "train/evaluate.h"
#include "train/saved_model.h"
#include "train/sites.h"
#include "train/team.h"

namespace causeway {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

constexpr size_t kBatchDocuments = 256;
constexpr int64_t kBatchTokens = 1 << 20;

struct EvalArguments {
  std::string model;
  std::vector<std::string> files, choices;
  int64_t threads = 0, context = 0, stride = 0;
  bool by_length = false, details = false, json = false;
  DocumentOptions documents;
};

/// Documents by their number of tokens.
struct LengthTable {
  static constexpr std::array<int64_t, 5> kBelow{64, 256, 1024, 4096, int64_t{1} << 62};
  std::array<Evaluation, 5> rows;

  void add(int64_t tokens, const Evaluation& one) {
    const auto row = std::upper_bound(kBelow.begin(), kBelow.end(), tokens) - kBelow.begin();
    rows[static_cast<size_t>(row)].add(one);
  }
  static std::string name(size_t row) {
    if (row == 0) return fmt::format("below {} tokens", kBelow[0]);
    if (row + 1 == kBelow.size()) return fmt::format("{} tokens and more", kBelow[row - 1]);
    return fmt::format("{} to {} tokens", kBelow[row - 1], kBelow[row] - 1);
  }
};

json json_of(const Evaluation& result) {
  json out = {{"tokens", result.tokens},
              {"bytes", result.bytes},
              {"nats_per_token", result.nats_per_token()},
              {"standard_error", result.units > 1 ? json(result.standard_error()) : json(nullptr)},
              {"bits_per_byte", result.bits_per_byte()},
              {"perplexity", result.perplexity()}};
  return out;
}

void print_row(const std::string& name, const Evaluation& result) {
  fmt::print("{:>12} {:>10.4f} {:>8} {:>10.4f} {:>11.3f}  {}\n", result.tokens,
             result.nats_per_token(),
             result.units > 1 ? fmt::format("{:.4f}", result.standard_error()) : "",
             result.bits_per_byte(), result.perplexity(), name);
}

/// One input's score, told to people or machines.
struct Score {
  std::string name, kind;  ///< kind: file or site
  Evaluation sum;
  bool of_documents = false;
  LengthTable lengths;
};

void print(const Score& score, const EvalArguments& arguments) {
  if (!arguments.json) {
    print_row(score.name, score.sum);
    if (arguments.by_length && score.of_documents)
      for (size_t i = 0; i < score.lengths.rows.size(); ++i)
        if (const Evaluation& row = score.lengths.rows[i]; row.units > 0)
          print_row(fmt::format("  {}: {} documents", LengthTable::name(i), row.units), row);
    return;
  }
  json line = json_of(score.sum);
  line[score.kind] = score.name;
  if (score.of_documents) {
    line["documents"] = score.sum.units;
    line["by_length"] = json::array();
    for (size_t i = 0; i < score.lengths.rows.size(); ++i) {
      if (score.lengths.rows[i].units == 0) continue;
      json row = json_of(score.lengths.rows[i]);
      row["length"] = LengthTable::name(i);
      row["documents"] = score.lengths.rows[i].units;
      line["by_length"].push_back(std::move(row));
    }
  }
  fmt::print("{}\n", line.dump());
}

class Evaluator {
 public:
  Evaluator(const SavedModel& saved, const EvalArguments& arguments)
      : saved_(saved),
        arguments_(arguments),
        token_bytes_(bytes_of_tokens(*saved.tokenizer)),
        encoder_(saved.tokenizer->encoder()),
        threads_(thread_count(arguments.threads), prepare_compute_thread) {
    options_.context = arguments.context;
    options_.stride = arguments.stride;
    options_.token_bytes = token_bytes_;
  }

  Result<Score> input(const std::string& path) {
    std::error_code error;
    if (fs::exists(path + "/manifest.json", error) || path.ends_with(".bin")) return shards(path);
    if (is_lines(path)) return lines(path);
    return text(path);
  }

  Score site(const std::string& name, const Sources& sources) {
    const ReadTokens read = [&](int64_t begin, std::span<int32_t> out) {
      read_valid(sources, begin, out);
    };
    return {name, "site",
            evaluate(*saved_.model, *saved_.x, valid_tokens(sources), read, options_, threads_)};
  }

  Threads& threads() { return threads_; }

 private:
  bool is_lines(std::string path) const {
    if (arguments_.documents.form != Form::kAuto)
      return arguments_.documents.form == Form::kJsonLines;
    for (const char* packed : {".gz", ".zst"})
      if (path.ends_with(packed)) path = fs::path(path).replace_extension().string();
    return path == "-" || path.ends_with(".jsonl") || path.ends_with(".ndjson") ||
           path.ends_with(".json");
  }

  /// A file, or all files of a folder joined, as one text.
  Result<Score> text(const std::string& path) {
    CW_ASSIGN(const auto corpus, Corpus::open({path}));
    TokenList all(saved_.tokenizer->vocabulary());
    all.add(saved_.tokenizer->before());
    std::vector<int32_t> tokens;
    for (int64_t i = 0; i < corpus->files(); ++i) {
      const auto bytes = corpus->file(i);
      tokens.clear();
      encoder_->encode({reinterpret_cast<const char*>(bytes.data()), bytes.size()}, tokens);
      all.add(tokens);
    }
    if (all.size() < 2)
      return failure(Fault::kBadInput,
                     "{} has {} token; wanted: at least 2, as the first is not predicted", path,
                     all.size());
    const ReadTokens read = [&](int64_t begin, std::span<int32_t> out) { all.copy(begin, out); };
    return Score{path, "file",
                 evaluate(*saved_.model, *saved_.x, all.size(), read, options_, threads_)};
  }

  Result<Score> lines(const std::string& path) {
    CW_ASSIGN(const auto reader, DocumentReader::open({path}, arguments_.documents));
    Score score{path, "file", {}, true};
    RawDocument raw;
    while (true) {
      CW_ASSIGN(const bool more, reader->next(raw));
      if (!more) break;
      CW_ASSIGN(const Document document, read_document(raw, reader->files(), arguments_.documents));
      if (document.skipped) continue;
      std::vector<int32_t> tokens(saved_.tokenizer->before().begin(),
                                  saved_.tokenizer->before().end());
      encoder_->encode(document.text, tokens);
      add(std::move(tokens), score);
    }
    flush(score);
    return checked(std::move(score));
  }

  /// Documents of a prepared folder's validation part (its training part if it has none), or of a
  /// file; without the mark at their end.
  Result<Score> shards(const std::string& path) {
    std::vector<std::string> files{path};
    std::error_code error;
    if (fs::is_directory(path, error)) {
      CW_ASSIGN(const Prepared prepared, read_prepared(path));
      files = prepared.valid.files.empty() ? prepared.train.files : prepared.valid.files;
    }
    Score score{path, "file", {}, true};
    for (const std::string& file : files) {
      CW_ASSIGN(const Shard shard, Shard::open(file));
      CW_TRY(check(shard));
      if (shard.documents() == 0)
        score.sum.add(stream(shard));
      else
        for (int64_t i = 0; i < shard.documents(); ++i) add(document(shard, i), score);
    }
    flush(score);
    return checked(std::move(score));
  }

  Result<void> check(const Shard& shard) const {
    if (shard.tokenizer() && *shard.tokenizer() != saved_.tokenizer->digest())
      return failure(Fault::kBadInput, "{}: its tokens are of another tokenizer than the model's",
                     shard.name());
    if (shard.largest_token() >= saved_.model->vocabulary() ||
        shard.largest_token() >= saved_.tokenizer->vocabulary())
      return failure(Fault::kBadInput, "{}: has token {}; the model's vocabulary is {}",
                     shard.name(), shard.largest_token(), saved_.model->vocabulary());
    return {};
  }

  std::vector<int32_t> document(const Shard& shard, int64_t index) const {
    const int64_t begin = index == 0 ? 0 : shard.document_end(index - 1);
    const auto before = saved_.tokenizer->before();
    std::vector<int32_t> tokens(before.begin(), before.end());
    tokens.resize(before.size() + static_cast<size_t>(shard.document_end(index) - begin));
    shard.copy(begin, std::span(tokens).subspan(before.size()));
    if (!tokens.empty() && tokens.back() == saved_.tokenizer->end_of_text()) tokens.pop_back();
    return tokens;
  }

  Evaluation stream(const Shard& shard) {
    const ReadTokens read = [&](int64_t begin, std::span<int32_t> out) { shard.copy(begin, out); };
    return evaluate(*saved_.model, *saved_.x, shard.tokens(), read, options_, threads_);
  }

  void add(std::vector<int32_t> tokens, Score& score) {
    batch_tokens_ += static_cast<int64_t>(tokens.size());
    batch_.push_back(std::move(tokens));
    if (batch_.size() == kBatchDocuments || batch_tokens_ >= kBatchTokens) flush(score);
  }

  void flush(Score& score) {
    const auto results = evaluate_documents(*saved_.model, *saved_.x, batch_, options_, threads_);
    for (size_t i = 0; i < results.size(); ++i) {
      score.sum.add(results[i]);
      if (results[i].units > 0)
        score.lengths.add(static_cast<int64_t>(batch_[i].size()), results[i]);
    }
    batch_.clear();
    batch_tokens_ = 0;
  }

  static Result<Score> checked(Score score) {
    if (score.sum.tokens == 0)
      return failure(Fault::kBadInput, "{}: has no token that can be predicted", score.name);
    return score;
  }

  const SavedModel& saved_;
  const EvalArguments& arguments_;
  const std::vector<int32_t> token_bytes_;
  std::unique_ptr<Encoder> encoder_;
  Threads threads_;
  EvaluateOptions options_;
  std::vector<std::vector<int32_t>> batch_;
  int64_t batch_tokens_ = 0;
};

/// The validation texts of the run that the model comes from.
Result<void> eval_sites(const EvalArguments& arguments, const SavedModel& saved,
                        Evaluator& evaluator) {
  const std::string path = run_folder_of(saved.folder) + "/recipe.toml";
  Mistakes mistakes;
  const Recipe recipe = load_recipe(path, {}, mistakes);
  if (!mistakes.empty())
    return failure(Fault::kBadInput,
                   "{}without FILE, MODEL must be of a run, whose sites are then scored",
                   mistakes.text());
  CW_ASSIGN(const auto sites, open_sites(recipe));
  for (size_t i = 0; i < sites.size(); ++i)
    if (valid_tokens(sites[i]) > 1)
      print(evaluator.site(recipe.sites[i].options.name, sites[i]), arguments);
  return {};
}

Result<void> eval_choices(const EvalArguments& arguments, const SavedModel& saved,
                          Evaluator& evaluator) {
  for (const std::string& path : arguments.choices) {
    CW_ASSIGN(const auto questions, read_questions(path));
    CW_ASSIGN(const ChoiceScores scores, score_choices(*saved.model, *saved.x, *saved.tokenizer,
                                                       questions, evaluator.threads()));
    if (arguments.json) {
      json line = {{"choices", path},
                   {"questions", scores.questions},
                   {"acc", scores.accuracy},
                   {"acc_stderr", scores.error},
                   {"acc_norm", scores.accuracy_by_length},
                   {"acc_norm_stderr", scores.error_by_length}};
      if (arguments.details) line["log_probabilities"] = scores.log_probabilities;
      fmt::print("{}\n", line.dump());
    } else {
      fmt::print("{:>12} acc {:.4f} ± {:.4f}, acc_norm {:.4f} ± {:.4f}  {}\n", scores.questions,
                 scores.accuracy, scores.error, scores.accuracy_by_length, scores.error_by_length,
                 path);
    }
  }
  return {};
}

int eval(const EvalArguments& arguments) {
  prepare_compute_thread();
  const auto saved = open_model(arguments.model, arguments.context);
  if (!saved) return tell_error(saved.error());
  if (auto fits = want_tokenizer(*saved); !fits) return tell_error(fits.error());
  Evaluator evaluator(*saved, arguments);
  if (!arguments.json && (!arguments.files.empty() || arguments.choices.empty()))
    fmt::print("{:>12} {:>10} {:>8} {:>10} {:>11}  {}\n", "tokens", "nats/token", "±", "bits/byte",
               "perplexity", saved->folder);
  for (const std::string& file : arguments.files) {
    const auto score = evaluator.input(file);
    if (!score) return tell_error(score.error());
    print(*score, arguments);
  }
  if (arguments.files.empty() && arguments.choices.empty())
    if (auto done = eval_sites(arguments, *saved, evaluator); !done)
      return tell_error(done.error());
  if (auto done = eval_choices(arguments, *saved, evaluator); !done)
    return tell_error(done.error());
  return kDone;
}

}  // namespace

void add_eval(CLI::App& app, int& exit_code) {
  auto arguments = std::make_shared<EvalArguments>();
  CLI::App* command = app.add_subcommand("eval", "Score text, or multiple-choice questions.");
  command
      ->add_option("MODEL", arguments->model, "A run's folder, a checkpoint, or a model's folder")
      ->required();
  command->add_option("FILE", arguments->files,
                      "Text files or folders, JSON-lines (.jsonl, .gz, .zst), prepared folders or "
                      "shards; without any, the validation texts of the run's sites");
  command->add_option("--choices", arguments->choices,
                      "JSON-lines of {\"context\", \"choices\", \"answer\"}: accuracy as lm-eval "
                      "counts it");
  command
      ->add_option("--context", arguments->context,
                   "Tokens that a prediction sees at most; 0: the model's")
      ->check(CLI::Range(0, 1'048'576));
  command
      ->add_option("--stride", arguments->stride,
                   "Tokens between overlapping windows; 0: the context, no overlap")
      ->check(CLI::Range(0, 1'048'576));
  command->add_option("--field", arguments->documents.field,
                      "Field of a JSON line with the text (default: text)");
  command->add_flag("--by-length", arguments->by_length, "Rows for documents of different lengths");
  command->add_flag("--details", arguments->details,
                    "With --json: the log-probability of every choice");
  command->add_option("--threads", arguments->threads, "0: the machine's cores")
      ->check(CLI::Range(0, 1024));
  command->add_flag("--json", arguments->json, "One JSON object a line");
  command->footer(
      "A text is read in windows of context + 1 tokens that begin every `stride` tokens; each "
      "token\n"
      "but the first is predicted once, in the first window that has it. A tokenizer's beginning\n"
      "mark comes first. A line of JSON or a document of a shard is a text of its own. Bits per\n"
      "byte divide by the bytes that the predicted tokens stand for; ± is the standard error of\n"
      "nats/token over windows, or documents.\n"
      "Example: causeway eval runs/four-sites\n"
      "         causeway eval runs/four-sites valid.txt --stride 16\n"
      "         causeway eval llama-folder valid.jsonl.gz --by-length --json");
  command->callback([arguments, &exit_code] { exit_code = eval(*arguments); });
}

}  // namespace causeway
