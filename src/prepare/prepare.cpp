// SPDX-License-Identifier: Apache-2.0
//
// One thread reads the next wave of documents while the others make this one into tokens; then it
// is written, in the order read. So the bytes do not depend on the number of threads.
#include "prepare/prepare.h"

#include <algorithm>
#include <filesystem>

#include "prepare/journal.h"
#include "prepare/seen.h"
#include "prepare/wave.h"

namespace causeway {
namespace {

constexpr int64_t kNarrowVocabularyMax = 65'536;

Result<std::optional<int32_t>> end_token(const Tokenizer& tokenizer, const std::string& name) {
  if (name == "auto") return tokenizer.end_of_text();
  if (name == "none") return std::optional<int32_t>();
  const std::optional<int32_t> found = tokenizer.find_added(name);
  if (!found)
    return failure(Fault::kBadInput,
                   "end_token: `{}` is no added token of the tokenizer; give one, auto, or none",
                   name);
  return found;
}

class Preparation {
 public:
  Preparation(const OutputFolder& folder, DocumentReader& reader, const Tokenizer& tokenizer,
              std::optional<int32_t> end, const DocumentOptions& documents,
              const PrepareOptions& options, Threads& threads, const PrepareEvents& events)
      : folder_(folder),
        reader_(reader),
        options_(options),
        threads_(threads),
        events_(events),
        kind_{tokenizer.vocabulary() <= kNarrowVocabularyMax ? 2 : 4, tokenizer.vocabulary(),
              tokenizer.digest(), options.shard_bytes},
        identity_(identity_of(tokenizer, end, documents, options, reader)),
        encoder_(tokenizer, end, kind_.token_bytes, reader.files(), documents) {}

  Result<void> begin(const std::string& tokenizer_json);
  Result<PrepareSummary> go(const std::atomic<bool>& stop);
  bool has_record() const { return has_record_; }

 private:
  Result<void> write(Wave& wave);
  Result<void> write(const Batch& batch);
  Result<void> write(const EncodedDocument& document, ByteSpan tokens);
  Result<void> record(const DocumentPosition& position);
  Result<void> finish(const DocumentPosition& position);
  PrepareProgress progress() const;
  PrepareSummary summary(bool finished) const;

  const OutputFolder& folder_;
  DocumentReader& reader_;
  const PrepareOptions& options_;
  Threads& threads_;
  const PrepareEvents& events_;
  const ShardKind kind_;
  const nlohmann::json identity_;
  BatchEncoder encoder_;
  std::unique_ptr<ShardWriter> train_, valid_;
  std::unique_ptr<Seen> seen_;
  Counters counters_;
  int64_t bytes_read_ = 0, recorded_text_bytes_ = 0;
  bool has_record_ = false;
};

/// Finds out whether to start or to go on, and gets everything there.
Result<void> Preparation::begin(const std::string& tokenizer_json) {
  Journal journal;
  if (folder_.has(kStartedName)) {
    CW_TRY(expect_same_identity(folder_, identity_));
    has_record_ = folder_.has(kJournalName);
    if (has_record_) {
      CW_ASSIGN(journal, read_journal(folder_));
    }
  } else {
    CW_TRY(write_durably(folder_.path(), kStartedName, identity_.dump() + "\n"));
  }
  const bool has_stream = std::ranges::find(reader_.files(), "-") != reader_.files().end();
  if (has_record_ && has_stream)
    return failure(
        Fault::kBadInput,
        "{}: its preparation was interrupted, and standard input cannot be read a second "
        "time; start over with --overwrite",
        folder_.path());
  CW_TRY(write_durably(folder_.path(), kTokenizerName, tokenizer_json));
  counters_ = journal.counters;
  recorded_text_bytes_ = counters_.text_bytes;
  CW_TRY(reader_.seek(journal.position));
  CW_ASSIGN(train_, ShardWriter::open(folder_.path(), "train", kind_, std::move(journal.train)));
  CW_ASSIGN(valid_, ShardWriter::open(folder_.path(), "valid", kind_, std::move(journal.valid)));
  if (options_.deduplicate) {
    const auto numbers_below = static_cast<uint64_t>(counters_.documents);
    CW_ASSIGN(seen_, Seen::open(folder_.path(), kSeenName, numbers_below));
  }
  return {};
}

Result<PrepareSummary> Preparation::go(const std::atomic<bool>& stop) {
  Wave wave = read_wave(reader_, threads_.count()), next;
  while (true) {
    threads_.each(std::ssize(wave.batches) + 1, [&](int64_t task) {
      if (task > 0)
        encoder_.encode(wave.batches[static_cast<size_t>(task - 1)]);
      else if (!wave.is_last)
        next = read_wave(reader_, threads_.count());
    });
    CW_TRY(write(wave));
    if (wave.is_last) break;
    if (stop) {
      CW_TRY(record(wave.end));
      return summary(false);
    }
    if (counters_.text_bytes - recorded_text_bytes_ >= options_.record_bytes)
      CW_TRY(record(wave.end));
    std::swap(wave, next);
  }
  CW_TRY(finish(wave.end));
  return summary(true);
}

Result<void> Preparation::write(Wave& wave) {
  for (const Batch& batch : wave.batches) CW_TRY(write(batch));
  if (wave.error) return *wave.error;
  bytes_read_ = wave.bytes_read;
  if (events_.on_progress) events_.on_progress(progress());
  return {};
}

Result<void> Preparation::write(const Batch& batch) {
  int64_t told = counters_.skipped + counters_.replaced;
  for (const std::string& trouble : batch.troubles)
    if (told++ < kTroublesTold && events_.on_trouble) events_.on_trouble(trouble);
  ByteSpan tokens = batch.tokens;
  for (const EncodedDocument& document : batch.documents) {
    CW_TRY(write(document, tokens.first(document.token_bytes)));
    tokens = tokens.subspan(document.token_bytes);
  }
  return batch.error ? Result<void>(*batch.error) : Result<void>();
}

Result<void> Preparation::write(const EncodedDocument& document, ByteSpan tokens) {
  counters_.skipped += document.skipped;
  counters_.replaced += document.replaced;
  counters_.cut += document.continues;
  if (tokens.empty()) return {};
  if (seen_) {
    CW_ASSIGN(const bool is_new,
              seen_->add(document.digest, static_cast<uint64_t>(counters_.documents)));
    if (!is_new) {
      ++counters_.duplicates;
      return {};
    }
  }
  const bool valid = is_for_validation(document.digest, options_.valid_percent);
  CW_ASSIGN(const int64_t cuts, (valid ? valid_ : train_)->add(tokens));
  ++counters_.documents;
  counters_.text_bytes += document.text_bytes;
  counters_.tokens += std::ssize(tokens) / kind_.token_bytes;
  counters_.cut += cuts;
  return {};
}

/// What the record speaks of is on the disk before it.
Result<void> Preparation::record(const DocumentPosition& position) {
  CW_TRY(train_->sync());
  CW_TRY(valid_->sync());
  if (seen_) CW_TRY(seen_->sync());
  CW_TRY(write_journal(folder_, {position, counters_, train_->progress(), valid_->progress()}));
  has_record_ = true;
  recorded_text_bytes_ = counters_.text_bytes;
  CW_TRY(train_->recorded());
  return valid_->recorded();
}

Result<void> Preparation::finish(const DocumentPosition& position) {
  if (counters_.documents == 0)
    return failure(Fault::kBadInput, "no text in the input; {} documents were left out",
                   counters_.skipped);
  CW_TRY(train_->finish());
  CW_TRY(valid_->finish());
  CW_TRY(record(position));
  CW_TRY(write_manifest(folder_, identity_,
                        {position, counters_, train_->progress(), valid_->progress()}));
  return folder_.tidy();
}

PrepareProgress Preparation::progress() const {
  return {reader_.bytes_total(), bytes_read_,         counters_.text_bytes,
          counters_.tokens,      counters_.documents, counters_.skipped};
}

PrepareSummary Preparation::summary(bool finished) const {
  const auto tokens_of = [](const ShardProgress& split) {
    int64_t tokens = split.tokens;
    for (const ShardEntry& shard : split.closed) tokens += shard.tokens;
    return tokens;
  };
  const ShardProgress &train = train_->progress(), &valid = valid_->progress();
  return {progress(),
          tokens_of(train),
          tokens_of(valid),
          counters_.duplicates,
          counters_.replaced,
          counters_.cut,
          std::ssize(train.closed) + std::ssize(valid.closed),
          finished};
}

/// A folder that is read must not be written to: the shards would be documents of the next call.
Result<void> expect_apart(const std::vector<std::string>& paths, const std::string& folder) {
  namespace fs = std::filesystem;
  std::error_code ignored;
  const std::string output = fs::weakly_canonical(folder, ignored).string() + "/";
  for (const std::string& path : paths)
    if (fs::is_directory(path, ignored) &&
        output.starts_with(fs::weakly_canonical(path, ignored).string() + "/"))
      return failure(Fault::kBadInput, "{}: lies within {}, which is read; give another folder",
                     folder, path);
  return {};
}

/// Leaves no trace of an attempt that failed before there was anything to go on from.
Result<PrepareSummary> failed(const Error& error, const OutputFolder& folder, bool has_record) {
  if (!has_record) (void)folder.discard();
  return error;
}

}  // namespace

Result<PrepareSummary> prepare(const std::vector<std::string>& paths, const std::string& folder,
                               std::shared_ptr<const Tokenizer> tokenizer,
                               const DocumentOptions& documents, const PrepareOptions& options,
                               Threads& threads, const PrepareEvents& events,
                               const std::atomic<bool>& stop) {
  CW_ASSIGN(const auto end, end_token(*tokenizer, options.end_token));
  CW_TRY(expect_apart(paths, folder));
  CW_ASSIGN(const auto reader, DocumentReader::open(paths, documents));
  CW_ASSIGN(const auto output, OutputFolder::open(folder));
  CW_TRY(output->expect_nothing_else());
  if (output->has(kManifestName) && !output->has(kStartedName)) {
    CW_TRY(output->tidy());
    return failure(Fault::kBadInput,
                   "{}: has a finished preparation already; give --overwrite to throw it away, or "
                   "another folder",
                   folder);
  }
  const bool is_new = !output->has(kStartedName);
  Preparation preparation(*output, *reader, *tokenizer, end, documents, options, threads, events);
  auto begun = preparation.begin(tokenizer->json());
  if (!begun) return failed(begun.error(), *output, !is_new);
  auto summary = preparation.go(stop);
  if (!summary) return failed(summary.error(), *output, preparation.has_record());
  return summary;
}

}  // namespace causeway
