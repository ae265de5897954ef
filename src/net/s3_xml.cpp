// SPDX-License-Identifier: Apache-2.0
#include "net/s3_xml.h"

#include <algorithm>
#include <charconv>
#include <memory>

namespace causeway {
namespace {

constexpr size_t kTagBytesMax = 64;

Error corrupt(std::string_view what) {
  return failure(Fault::kCorrupt, "the store's XML {}", what);
}

bool is_space(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }

void append_utf8(uint32_t code, std::string& out) {
  const auto tail = [&](int shift) { out += static_cast<char>(0x80 | ((code >> shift) & 0x3F)); };
  if (code < 0x80) {
    out += static_cast<char>(code);
  } else if (code < 0x800) {
    out += static_cast<char>(0xC0 | (code >> 6));
    tail(0);
  } else if (code < 0x10000) {
    out += static_cast<char>(0xE0 | (code >> 12));
    tail(6);
    tail(0);
  } else {
    out += static_cast<char>(0xF0 | (code >> 18));
    tail(12);
    tail(6);
    tail(0);
  }
}

// What stands between `&` and `;`.
Result<void> append_entity(std::string_view name, std::string& out) {
  constexpr std::pair<std::string_view, char> kNamed[] = {
      {"amp", '&'}, {"lt", '<'}, {"gt", '>'}, {"quot", '"'}, {"apos", '\''}};
  for (const auto& [known, character] : kNamed)
    if (name == known) {
      out += character;
      return {};
    }
  const bool hexadecimal = name.starts_with("#x");
  if (!name.starts_with("#")) return corrupt("has an entity that is not known");
  name.remove_prefix(hexadecimal ? 2 : 1);
  uint32_t code = 0;
  const char* begin = std::to_address(name.begin());
  const char* end = std::to_address(name.end());
  const auto read = std::from_chars(begin, end, code, hexadecimal ? 16 : 10);
  const bool is_character = code <= 0x10FFFF && (code < 0xD800 || code > 0xDFFF);
  if (read.ec != std::errc() || read.ptr != end || !is_character)
    return corrupt("has a character's number that is none");
  append_utf8(code, out);
  return {};
}

/// Goes through a document and tells `Leaf` each element when it ends: its path, such as
/// `Error/Code`, and the text right before its end.
template <class Leaf>
class XmlWalk {
 public:
  XmlWalk(std::string_view xml, Leaf leaf) : left_(xml), leaf_(std::move(leaf)) {}

  Result<void> run() {
    if (left_.starts_with("\xEF\xBB\xBF")) left_.remove_prefix(3);
    while (!left_.empty()) {
      const Result<void> taken = left_.front() == '<' ? take_markup() : take_text();
      if (!taken) return taken.error();
    }
    if (!starts_.empty() || !had_root_) return corrupt("ends too early");
    return {};
  }

 private:
  Result<void> take_text() {
    std::string_view text = left_.substr(0, left_.find('<'));
    left_.remove_prefix(text.size());
    if (starts_.empty())
      return std::all_of(text.begin(), text.end(), is_space)
                 ? Result<void>()
                 : corrupt("has text outside of its elements");
    for (size_t amp = text.find('&'); amp != text.npos; amp = text.find('&')) {
      text_ += text.substr(0, amp);
      const size_t end = text.find(';', amp);
      if (end == text.npos) return corrupt("has an entity without an end");
      CW_TRY(append_entity(text.substr(amp + 1, end - amp - 1), text_));
      text.remove_prefix(end + 1);
    }
    text_ += text;
    return text_.size() <= kXmlTextBytesMax ? Result<void>() : corrupt("has a text too long");
  }

  Result<void> take_markup() {
    if (left_.starts_with("<?")) return skip_past("?>");
    if (left_.starts_with("<!--")) return skip_past("-->");
    if (left_.starts_with("<!")) return corrupt("has a document type or CDATA");
    if (left_.starts_with("</")) return take_close();
    return take_open();
  }

  Result<void> skip_past(std::string_view mark) {
    const size_t end = left_.find(mark);
    if (end == left_.npos) return corrupt("has markup without an end");
    left_.remove_prefix(end + mark.size());
    return {};
  }

  Result<std::string_view> take_name() {
    const size_t end = left_.find_first_of(" \t\r\n/>");
    if (end == left_.npos || end == 0 || end > kTagBytesMax)
      return corrupt("has an element without a name");
    const std::string_view name = left_.substr(0, end);
    left_.remove_prefix(end);
    return name;
  }

  Result<void> take_open() {
    left_.remove_prefix(1);
    CW_ASSIGN(const std::string_view name, take_name());
    if (starts_.size() == kXmlDepthMax) return corrupt("is too deep");
    if (starts_.empty() && had_root_) return corrupt("has two roots");
    had_root_ = true;
    starts_.push_back(path_.size());
    path_ += path_.empty() ? std::string(name) : "/" + std::string(name);
    text_.clear();
    CW_ASSIGN(const bool empty, skip_attributes());
    return empty ? end_element() : Result<void>();
  }

  // Whether the element ends where it begins.
  Result<bool> skip_attributes() {
    char quote = 0, before = 0;
    for (size_t at = 0; at < left_.size(); ++at) {
      const char c = left_[at];
      if (quote != 0) {
        if (c == quote) quote = 0;
      } else if (c == '"' || c == '\'') {
        quote = c;
      } else if (c == '>') {
        left_.remove_prefix(at + 1);
        return before == '/';
      } else if (c == '<') {
        break;
      }
      before = c;
    }
    return corrupt("has an element without an end");
  }

  Result<void> take_close() {
    left_.remove_prefix(2);
    CW_ASSIGN(const std::string_view name, take_name());
    CW_ASSIGN(const bool empty, skip_attributes());
    if (starts_.empty() || empty) return corrupt("closes what is not open");
    const size_t start = starts_.back() == 0 ? 0 : starts_.back() + 1;
    if (std::string_view(path_).substr(start) != name) return corrupt("closes another element");
    return end_element();
  }

  Result<void> end_element() {
    CW_TRY(leaf_(std::string_view(path_), text_));
    path_.resize(starts_.back());
    starts_.pop_back();
    text_.clear();
    return {};
  }

  std::string_view left_;
  Leaf leaf_;
  std::string path_, text_;
  std::vector<size_t> starts_;  // of each open element's name in `path_`, or of its slash
  bool had_root_ = false;
};

std::string printable(std::string_view text, size_t bytes_max) {
  std::string out(text.substr(0, bytes_max));
  for (char& c : out)
    if (c < ' ' || c > '~') c = '?';
  return out;
}

}  // namespace

Result<ListPage> read_list_page(std::string_view xml) {
  ListPage page;
  bool is_page = false;
  XmlWalk walk(xml, [&](std::string_view path, std::string& text) -> Result<void> {
    if (path == "ListBucketResult/Contents/Key") {
      if (std::ssize(page.keys) == kListPageKeysMax) return corrupt("lists too many keys");
      page.keys.push_back(std::move(text));
    } else if (path == "ListBucketResult/IsTruncated") {
      if (text != "true" && text != "false") return corrupt("does not say whether there is more");
      page.truncated = text == "true";
      is_page = true;
    } else if (path == "ListBucketResult/NextContinuationToken") {
      page.continuation = std::move(text);
    }
    return {};
  });
  CW_TRY(walk.run());
  if (!is_page) return corrupt("is no listing");
  if (page.truncated && page.continuation.empty()) return corrupt("does not say where it goes on");
  return page;
}

StoreComplaint read_complaint(std::string_view xml) {
  StoreComplaint complaint;
  XmlWalk walk(xml, [&](std::string_view path, std::string& text) -> Result<void> {
    if (path == "Error/Code") complaint.code = printable(text, 64);
    if (path == "Error/Message") complaint.message = printable(text, 256);
    return {};
  });
  return walk.run() ? complaint : StoreComplaint();
}

}  // namespace causeway
