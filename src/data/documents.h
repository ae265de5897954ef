// SPDX-License-Identifier: Apache-2.0
//
// Documents from files as people have them: text, JSON-lines, plain, .gz or .zst, in folders, by
// globs, or from standard input. Streaming: memory does not grow with the input.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/error.h"
#include "core/options.h"

namespace causeway {

/// What to do with bytes that are no UTF-8 and lines that are no JSON.
enum class OnBad : uint8_t { kError = 1, kSkip = 2, kReplace = 3 };
/// What a file holds. kAuto: .jsonl, .ndjson and .json are JSON-lines, and so is standard input if
/// a field is named; else text. A .gz or .zst at the end is looked through.
enum class Form : uint8_t { kAuto = 1, kText = 2, kJsonLines = 3 };

struct DocumentOptions {
  Form form = Form::kAuto;
  std::string field;
  OnBad on_bad = OnBad::kError;
  int64_t document_bytes_max = 16 << 20;

  template <class Visit>
  void each(Visit&& visit) {
    visit(
        "form", form,
        Choices<Form>{{{"auto", Form::kAuto}, {"text", Form::kText}, {"jsonl", Form::kJsonLines}}},
        "", "What files hold; auto: by their names.");
    visit("field", field, Any{}, "", "Field of a JSON line that holds the text; empty: text.");
    visit("on_bad", on_bad,
          Choices<OnBad>{
              {{"error", OnBad::kError}, {"skip", OnBad::kSkip}, {"replace", OnBad::kReplace}}},
          "",
          "Bytes that are no UTF-8, lines that are no JSON or lack the field: end, leave the "
          "document out, or put U+FFFD for the bytes (a line that is no JSON is then left out).");
    visit("document_bytes_max", document_bytes_max, Range<int64_t>{1024, 1 << 30}, "bytes",
          "A longer text is cut at the last line end before this; a longer JSON line is bad.");
  }
};

/// A document as it lies in its file: the bytes of a text (or of a part of a long one), or a line
/// of JSON.
struct RawDocument {
  std::string bytes;
  int32_t file = 0;  ///< index into DocumentReader::files()
  int64_t line = 1;  ///< of its first byte, from 1
  bool json = false;
  bool too_long = false;   ///< a JSON line beyond the limit: `bytes` has only its beginning
  bool continues = false;  ///< the rest of a text that was cut
};

/// Where a reader stands, for a resumption: files finished, and bytes and lines of the next one
/// that were given out, after decompression.
struct DocumentPosition {
  int64_t file = 0, byte = 0, line = 1;
  bool operator==(const DocumentPosition&) const = default;
};

/// Reads one file after the other. One thread at a time. Compressed files are decompressed as they
/// are read, in bounded memory, however large they claim to become.
class DocumentReader {
 public:
  /// `paths` are files, folders (all regular files below, not through links to folders), globs, or
  /// "-" for standard input. Files are read in the order of their paths' bytes, so that neither the
  /// shell nor the file system has a say, and once, however often they are named. Fault::kIo names
  /// what is missing, kBadInput an empty list or a glob without a match.
  static Result<std::unique_ptr<DocumentReader>> open(const std::vector<std::string>& paths,
                                                      const DocumentOptions& options);
  virtual ~DocumentReader() = default;

  /// The next document, or false at the end. Empty texts and blank lines are passed over.
  /// Fault::kIo if reading fails; kCorrupt if compressed data is damaged.
  virtual Result<bool> next(RawDocument& document) = 0;

  /// After the last document given out.
  virtual DocumentPosition position() const = 0;
  /// Goes to a position that position() gave for the same files, before the first next().
  /// Fault::kBadInput if it is none of them.
  virtual Result<void> seek(const DocumentPosition& position) = 0;

  virtual const std::vector<std::string>& files() const = 0;
  /// On disk, of each file; 0 for standard input.
  virtual const std::vector<int64_t>& sizes() const = 0;
  /// On disk, for progress: of all files, and read so far. The first is 0 for standard input.
  virtual int64_t bytes_total() const = 0;
  virtual int64_t bytes_read() const = 0;
};

/// What became of one document. An empty text that is not skipped is none, and is passed over.
struct Document {
  std::string text;      ///< UTF-8
  bool skipped = false;  ///< by the policy; `trouble` says why
  std::string trouble;   ///< what was wrong with it, with file and line; empty if nothing
};

/// The text of a raw document. Pure and thread-safe. Fault::kBadInput with file and line if
/// something is wrong and the policy is kError.
Result<Document> read_document(const RawDocument& raw, const std::vector<std::string>& files,
                               const DocumentOptions& options);

}  // namespace causeway
