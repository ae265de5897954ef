// SPDX-License-Identifier: Apache-2.0
//
// Cuts the bytes of one file into documents. Internal to documents; tests and fuzzers give it bytes
// from memory.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "data/documents.h"
#include "data/input.h"

namespace causeway {

/// One thread at a time. Holds at most twice `document_bytes_max` and a piece of the input.
class DocumentStream {
 public:
  /// `file` is what documents are marked with. The input is read in pieces of `read_bytes`, which
  /// changes no result.
  DocumentStream(std::unique_ptr<Input> input, bool json, int32_t file, int64_t document_bytes_max,
                 size_t read_bytes = size_t{1} << 20);

  /// The next document, or false at the end.
  Result<bool> next(RawDocument& document);
  /// Goes to where byte() and line() stood once, before the first next(). False if the input is
  /// shorter.
  Result<bool> seek(int64_t byte, int64_t line);

  /// After the last document given out, or what was passed over at the end.
  int64_t byte() const { return byte_; }
  int64_t line() const { return line_; }
  int64_t consumed() const { return input_->consumed(); }

 private:
  std::string_view held() const { return std::string_view(buffer_).substr(begin_); }
  Result<void> fill();
  Result<void> pass_mark();
  void pass(size_t count);
  Result<bool> next_text(RawDocument& document);
  Result<bool> next_line(RawDocument& document);
  Result<void> find_line_end();
  Result<void> pass_rest_of_line();

  const std::unique_ptr<Input> input_;
  const bool json_;
  const int32_t file_;
  const size_t bytes_max_, read_bytes_;
  std::string buffer_;
  size_t begin_ = 0;    ///< of what was not given out yet, in buffer_
  size_t scanned_ = 0;  ///< bytes after begin_ that are known to hold no line end
  int64_t byte_ = 0, line_ = 1;
  bool at_end_ = false;     ///< of the input
  bool started_ = false;    ///< past the byte-order mark
  bool continues_ = false;  ///< a part of the text was given out
};

}  // namespace causeway
