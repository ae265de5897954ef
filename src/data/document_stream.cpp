// SPDX-License-Identifier: Apache-2.0
#include "data/document_stream.h"

#include <algorithm>
#include <cstring>

namespace causeway {
namespace {

// Of a line that is too long: enough to tell which it is.
constexpr size_t kHeadBytes = 256;
constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";

bool is_blank(std::string_view line) { return line.find_first_not_of(" \t\r") == line.npos; }

/// Bytes of the part of a text that goes out first: up to a line's end if there is one, else to a
/// character's.
size_t cut_first(std::string_view text, size_t bytes_max) {
  const size_t line_end = text.rfind('\n', bytes_max - 1);
  if (line_end != text.npos) return line_end + 1;
  size_t at = bytes_max;
  while (at > bytes_max - 3 && (text[at] & 0xC0) == 0x80) --at;
  return (text[at] & 0xC0) == 0x80 ? bytes_max : at;
}

}  // namespace

DocumentStream::DocumentStream(std::unique_ptr<Input> input, bool json, int32_t file,
                               int64_t document_bytes_max, size_t read_bytes)
    : input_(std::move(input)),
      json_(json),
      file_(file),
      bytes_max_(static_cast<size_t>(document_bytes_max)),
      read_bytes_(read_bytes) {
  CW_CHECK(document_bytes_max >= 8, "{} bytes", document_bytes_max);
}

Result<void> DocumentStream::fill() {
  buffer_.erase(0, begin_);
  begin_ = 0;
  const size_t old = buffer_.size();
  buffer_.resize(old + read_bytes_);
  auto got = input_->read(std::span(buffer_).subspan(old));
  buffer_.resize(old + (got ? *got : 0));
  if (!got) return got.error();
  at_end_ = *got == 0;
  return {};
}

Result<void> DocumentStream::pass_mark() {
  while (held().size() < kByteOrderMark.size() && !at_end_) CW_TRY(fill());
  if (held().starts_with(kByteOrderMark)) pass(kByteOrderMark.size());
  started_ = true;
  return {};
}

void DocumentStream::pass(size_t count) {
  begin_ += count;
  byte_ += static_cast<int64_t>(count);
}

Result<bool> DocumentStream::seek(int64_t byte, int64_t line) {
  CW_CHECK(!started_ && byte >= 0 && line >= 1);
  if (byte == 0) return true;
  CW_ASSIGN(const bool there, input_->skip(byte));
  byte_ = byte;
  line_ = line;
  started_ = continues_ = true;
  return there;
}

Result<bool> DocumentStream::next(RawDocument& document) {
  if (!started_) CW_TRY(pass_mark());
  document.file = file_;
  document.json = json_;
  document.too_long = document.continues = false;
  return json_ ? next_line(document) : next_text(document);
}

Result<bool> DocumentStream::next_text(RawDocument& document) {
  while (held().size() <= bytes_max_ && !at_end_) CW_TRY(fill());
  if (held().empty()) return false;
  const size_t size = held().size() <= bytes_max_ ? held().size() : cut_first(held(), bytes_max_);
  document.bytes = held().substr(0, size);
  document.line = line_;
  document.continues = continues_;
  line_ += std::ranges::count(document.bytes, '\n');
  continues_ = true;
  pass(size);
  return true;
}

/// Afterwards begin_ + scanned_ is the line's end, or the input's, or the line is too long.
Result<void> DocumentStream::find_line_end() {
  scanned_ = 0;
  while (true) {
    const size_t found = held().find('\n', scanned_);
    scanned_ = found == held().npos ? held().size() : found;
    if (found != held().npos || at_end_ || scanned_ > bytes_max_) return {};
    CW_TRY(fill());
  }
}

Result<void> DocumentStream::pass_rest_of_line() {
  while (true) {
    const size_t end = held().find('\n');
    pass(end == held().npos ? held().size() : end);
    if (end != held().npos || at_end_) return {};
    CW_TRY(fill());
  }
}

Result<bool> DocumentStream::next_line(RawDocument& document) {
  while (true) {
    CW_TRY(find_line_end());
    const std::string_view line = held().substr(0, scanned_);
    if (line.empty() && at_end_ && held().empty()) return false;
    document.too_long = line.size() > bytes_max_;
    const bool given = !is_blank(line) || document.too_long;
    if (given)
      document.bytes = document.too_long ? line.substr(0, std::min(kHeadBytes, bytes_max_)) : line;
    document.line = line_;
    pass(scanned_);
    if (document.too_long) CW_TRY(pass_rest_of_line());
    if (!held().empty()) pass(1);
    ++line_;
    if (given) return true;
  }
}

}  // namespace causeway
