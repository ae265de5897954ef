// SPDX-License-Identifier: Apache-2.0
#include "data/documents.h"

#include <algorithm>
#include <numeric>

#include "core/utf8.h"
#include "data/document_files.h"
#include "data/document_stream.h"
#include "data/json_line.h"

namespace causeway {
namespace {

bool is_json_lines(const std::string& path, const DocumentOptions& options) {
  if (options.form != Form::kAuto) return options.form == Form::kJsonLines;
  if (path == "-") return !options.field.empty();
  std::string_view name = path;
  if (name.ends_with(".gz")) name.remove_suffix(3);
  if (name.ends_with(".zst")) name.remove_suffix(4);
  return name.ends_with(".jsonl") || name.ends_with(".ndjson") || name.ends_with(".json");
}

class FileReader final : public DocumentReader {
 public:
  FileReader(FileList list, DocumentOptions options)
      : list_(std::move(list)), options_(std::move(options)) {
    const bool is_known = std::ranges::find(list_.paths, "-") == list_.paths.end();
    if (is_known)
      bytes_total_ = std::accumulate(list_.sizes.begin(), list_.sizes.end(), int64_t{0});
  }

  Result<bool> next(RawDocument& document) override {
    while (file_ < list_.paths.size()) {
      if (!stream_) CW_TRY(open());
      CW_ASSIGN(const bool found, stream_->next(document));
      if (found) return true;
      bytes_before_ += stream_->consumed();
      stream_.reset();
      ++file_;
    }
    return false;
  }

  DocumentPosition position() const override {
    if (!stream_) return {static_cast<int64_t>(file_)};
    return {static_cast<int64_t>(file_), stream_->byte(), stream_->line()};
  }

  Result<void> seek(const DocumentPosition& position) override {
    CW_CHECK(file_ == 0 && !stream_, "seek after next");
    const auto files = static_cast<int64_t>(list_.paths.size());
    if (position.file < 0 || position.file > files || position.byte < 0 || position.line < 1 ||
        (position.file == files && position.byte > 0))
      return failure(Fault::kBadInput, "file {}, byte {}, line {} is no place in {} files",
                     position.file, position.byte, position.line, files);
    file_ = static_cast<size_t>(position.file);
    bytes_before_ =
        std::accumulate(list_.sizes.begin(), list_.sizes.begin() + position.file, int64_t{0});
    if (position.byte == 0) return {};
    CW_TRY(open());
    CW_ASSIGN(const bool there, stream_->seek(position.byte, position.line));
    if (there) return {};
    return failure(Fault::kBadInput, "{}: ends before byte {}, up to which it was read before",
                   list_.paths[file_], position.byte);
  }

  const std::vector<std::string>& files() const override { return list_.paths; }
  const std::vector<int64_t>& sizes() const override { return list_.sizes; }
  int64_t bytes_total() const override { return bytes_total_; }
  int64_t bytes_read() const override {
    return bytes_before_ + (stream_ ? stream_->consumed() : 0);
  }

 private:
  Result<void> open() {
    const std::string& path = list_.paths[file_];
    CW_ASSIGN(auto input, open_input(path));
    stream_.emplace(std::move(input), is_json_lines(path, options_), static_cast<int32_t>(file_),
                    options_.document_bytes_max);
    return {};
  }

  const FileList list_;
  const DocumentOptions options_;
  int64_t bytes_total_ = 0, bytes_before_ = 0;
  size_t file_ = 0;
  std::optional<DocumentStream> stream_;
};

std::string place(const std::string& file, int64_t line, std::string_view what) {
  return fmt::format("{}:{}: {}", file == "-" ? "standard input" : file, line, what);
}

int64_t line_of(const RawDocument& raw, size_t byte) {
  return raw.line + std::ranges::count(std::string_view(raw.bytes).substr(0, byte), '\n');
}

/// A document that is left out, or the end, as the policy has it.
Result<Document> refuse(std::string trouble, OnBad policy) {
  if (policy == OnBad::kError) return Error{Fault::kBadInput, std::move(trouble)};
  return Document{{}, true, std::move(trouble)};
}

/// The text of `line`, which is UTF-8 already; `mended` if bytes had to be replaced for that.
Result<Document> read_line(std::string line, std::string trouble, const RawDocument& raw,
                           const std::string& file, const DocumentOptions& options) {
  // Most lines have no such escape, and are not looked through.
  const bool may_have = line.find("\\ud") != line.npos || line.find("\\uD") != line.npos;
  if (may_have && mend_lone_surrogates(line) > 0) {
    trouble = place(file, raw.line, "half of a surrogate pair, which is no character");
    if (options.on_bad != OnBad::kReplace) return refuse(std::move(trouble), options.on_bad);
  }
  JsonField field = read_json_field(line, options.field.empty() ? "text" : options.field);
  if (!field.trouble.empty()) return refuse(place(file, raw.line, field.trouble), options.on_bad);
  return Document{std::move(field.text), false, std::move(trouble)};
}

}  // namespace

Result<std::unique_ptr<DocumentReader>> DocumentReader::open(const std::vector<std::string>& paths,
                                                             const DocumentOptions& options) {
  CW_ASSIGN(FileList files, list_documents(paths));
  return std::unique_ptr<DocumentReader>(std::make_unique<FileReader>(std::move(files), options));
}

Result<Document> read_document(const RawDocument& raw, const std::vector<std::string>& files,
                               const DocumentOptions& options) {
  const std::string& file = files.at(static_cast<size_t>(raw.file));
  if (raw.too_long)
    return refuse(place(file, raw.line,
                        fmt::format("a line of more than {} bytes", options.document_bytes_max)),
                  options.on_bad);
  std::string text = raw.bytes, trouble;
  if (const size_t bad = well_formed_prefix(text); bad < text.size()) {
    trouble = place(file, line_of(raw, bad),
                    fmt::format("byte 0x{:02X} is no UTF-8", static_cast<uint8_t>(text[bad])));
    if (options.on_bad != OnBad::kReplace) return refuse(std::move(trouble), options.on_bad);
    text = replace_bad_utf8(text);
  }
  if (raw.json) return read_line(std::move(text), std::move(trouble), raw, file, options);
  return Document{std::move(text), false, std::move(trouble)};
}

}  // namespace causeway
