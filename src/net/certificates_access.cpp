// SPDX-License-Identifier: Apache-2.0
#include "net/certificates_access.h"

#include <filesystem>
#include <utility>

#include "core/durable.h"
#include "net/certificates_files.h"
#include "net/certificates_x509.h"

namespace causeway {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kBlanks = " \t\r";

/// Takes the next line off `text`, with its end.
std::string_view take_line(std::string_view& text) {
  const size_t end = text.find('\n');
  const std::string_view line = text.substr(0, end == text.npos ? end : end + 1);
  text.remove_prefix(line.size());
  return line;
}

/// The first word of a line; empty where there is only a comment.
std::string_view first_word(std::string_view line) {
  line = line.substr(0, line.find_first_of("#\n"));
  const size_t start = line.find_first_not_of(kBlanks);
  if (start == line.npos) return {};
  line.remove_prefix(start);
  return line.substr(0, line.find_first_of(kBlanks));
}

struct ListFile {
  std::string path, text;
  bool exists = false;
  std::set<std::string> fingerprints;
};

Result<ListFile> read_list(const std::string& folder, std::string_view name) {
  ListFile list;
  list.path = (fs::path(folder) / name).string();
  std::error_code error;
  const fs::file_status status = fs::status(list.path, error);
  if (status.type() == fs::file_type::not_found) return list;
  list.exists = true;
  CW_ASSIGN(list.text, read_small_file(list.path, kAccessListBytesMax));
  CW_ASSIGN(list.fingerprints, read_fingerprints(list.text, list.path));
  return list;
}

/// Into one list, then out of the other. What is on both in between is revoked.
Result<void> move_fingerprint(const std::string& folder, const std::string& fingerprint,
                              const std::string& name, std::string_view into,
                              std::string_view from) {
  CW_ASSIGN(const std::string digits, read_fingerprint(fingerprint));
  if (!name.empty()) CW_TRY(check_name(name));
  CW_ASSIGN(const auto lock, FolderLock::take(folder));
  CW_ASSIGN(const ListFile target, read_list(folder, into));
  CW_ASSIGN(const ListFile source, read_list(folder, from));
  if (!target.fingerprints.contains(digits))
    CW_TRY(write_file_atomically(target.path, with_fingerprint(target.text, digits, name)));
  if (source.fingerprints.contains(digits))
    CW_TRY(write_file_atomically(source.path, without_fingerprint(source.text, digits)));
  return {};
}

}  // namespace

Result<std::set<std::string>> read_fingerprints(std::string_view text, std::string_view path) {
  std::set<std::string> out;
  for (int line = 1; !text.empty(); ++line) {
    const std::string_view word = first_word(take_line(text));
    if (word.empty()) continue;
    auto fingerprint = read_fingerprint(word);
    if (!fingerprint)
      return failure(Fault::kBadInput, "{}:{}: {}", path, line, fingerprint.error().message);
    out.insert(*std::move(fingerprint));
  }
  return out;
}

std::string with_fingerprint(std::string_view text, std::string_view fingerprint,
                             std::string_view name) {
  std::string out(text);
  if (!out.empty() && out.back() != '\n') out += '\n';
  out += fingerprint;
  if (!name.empty()) out.append(" ").append(name);
  return out + '\n';
}

std::string without_fingerprint(std::string_view text, std::string_view fingerprint) {
  std::string out;
  while (!text.empty()) {
    const std::string_view line = take_line(text);
    const auto listed = read_fingerprint(first_word(line));
    if (!listed || *listed != fingerprint) out += line;
  }
  return out;
}

std::string AccessList::why_refused(const std::string& fingerprint) const {
  if (revoked.contains(fingerprint))
    return "this certificate is revoked; ask who runs the hub for a new one";
  if (only_admitted && !admitted.contains(fingerprint))
    return fmt::format(
        "this certificate is not admitted; ask who runs the hub for `causeway cert admit {}`",
        fingerprint);
  return {};
}

Result<AccessList> read_access_list(const std::string& folder) {
  AccessList access;
  // In this order: who is moved from one list to the other meanwhile is found on the second.
  CW_ASSIGN(ListFile admitted, read_list(folder, "admitted.txt"));
  CW_ASSIGN(ListFile revoked, read_list(folder, "revoked.txt"));
  access.only_admitted = admitted.exists;
  access.admitted = std::move(admitted.fingerprints);
  access.revoked = std::move(revoked.fingerprints);
  return access;
}

Result<void> admit_certificate(const std::string& folder, const std::string& fingerprint,
                               const std::string& name) {
  return move_fingerprint(folder, fingerprint, name, "admitted.txt", "revoked.txt");
}

Result<void> revoke_certificate(const std::string& folder, const std::string& fingerprint,
                                const std::string& name) {
  return move_fingerprint(folder, fingerprint, name, "revoked.txt", "admitted.txt");
}

}  // namespace causeway
