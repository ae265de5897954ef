// SPDX-License-Identifier: Apache-2.0
//
// Any bytes, as a text or as JSON-lines, plain, .gz or .zst: documents are no longer than they may
// be, their text is UTF-8 unless it is left out, and a stream that goes on in the middle gives the
// same rest. The first byte says what the others are.
#include "core/utf8.h"
#include "data/document_stream.h"

namespace causeway {
namespace {

constexpr int64_t kDocumentBytesMax = 1024;
// Small, so that what is looked for lies across pieces.
constexpr size_t kReadBytes = 100;
// A small file may unpack to a gigabyte; memory stays small, but time is short here.
constexpr int kDocumentsMax = 2000;

struct Kind {
  Packing packing;
  bool json;
  OnBad on_bad;
  std::string field;
};

DocumentStream open_stream(ByteSpan bytes, const Kind& kind) {
  return {unpack(memory_input(bytes), kind.packing, "fuzz"), kind.json, 0, kDocumentBytesMax,
          kReadBytes};
}

void check_document(const RawDocument& raw, const Kind& kind) {
  static const std::vector<std::string> kFiles{"fuzz"};
  CW_CHECK(!raw.bytes.empty() && std::ssize(raw.bytes) <= kDocumentBytesMax);
  const DocumentOptions options{Form::kAuto, kind.field, kind.on_bad, kDocumentBytesMax};
  const auto document = read_document(raw, kFiles, options);
  if (!document) {
    CW_CHECK(document.error().fault == Fault::kBadInput && kind.on_bad == OnBad::kError);
    return;
  }
  CW_CHECK(is_utf8(document->text));
  CW_CHECK(!document->skipped || (document->text.empty() && !document->trouble.empty()));
  if (!raw.json && kind.on_bad == OnBad::kReplace)
    CW_CHECK(document->text == replace_bad_utf8(raw.bytes));
}

struct Place {
  int64_t byte, line;
};

/// Where the stream stood after each document, or nothing if it is damaged.
std::vector<Place> read_all(ByteSpan bytes, const Kind& kind) {
  DocumentStream stream = open_stream(bytes, kind);
  std::vector<Place> places;
  RawDocument raw;
  while (static_cast<int>(places.size()) < kDocumentsMax) {
    const auto found = stream.next(raw);
    if (!found) {
      CW_CHECK(found.error().fault == Fault::kCorrupt && kind.packing != Packing::kNone);
      return {};
    }
    if (!*found) break;
    check_document(raw, kind);
    places.push_back({stream.byte(), stream.line()});
  }
  return places;
}

}  // namespace
}  // namespace causeway

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace causeway;
  if (size == 0) return 0;
  const Kind kind{static_cast<Packing>(data[0] % 3), (data[0] / 3 & 1) != 0,
                  static_cast<OnBad>(1 + data[0] / 6 % 3), (data[0] / 18 & 1) != 0 ? "a" : ""};
  const ByteSpan bytes = std::as_bytes(std::span(data + 1, size - 1));
  const std::vector<Place> places = read_all(bytes, kind);
  if (places.empty()) return 0;
  const size_t middle = places.size() / 2;
  DocumentStream stream = open_stream(bytes, kind);
  const auto there = stream.seek(places[middle].byte, places[middle].line);
  CW_CHECK(there && *there);
  RawDocument raw;
  for (size_t i = middle + 1; i < places.size(); ++i) {
    const auto found = stream.next(raw);
    CW_CHECK(found && *found && stream.byte() == places[i].byte && stream.line() == places[i].line);
  }
  return 0;
}
