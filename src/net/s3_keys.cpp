// SPDX-License-Identifier: Apache-2.0
#include <sys/stat.h>

#include <cstdlib>
#include <fstream>

#include "net/s3_store.h"

namespace causeway {
namespace {

constexpr std::streamsize kFileBytesMax = 8192;  // session tokens are long

std::string environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

std::string trimmed(const std::string& line) {
  const size_t begin = line.find_first_not_of(" \t\r");
  return begin == line.npos ? "" : line.substr(begin, line.find_last_not_of(" \t\r") + 1 - begin);
}

Result<S3Keys> read_file(const std::string& path) {
  struct stat status = {};
  if (stat(path.c_str(), &status) != 0)
    return failure(Fault::kBadInput, "access_key_file: {} cannot be read", path);
  if ((status.st_mode & S_IROTH) != 0)
    return failure(Fault::kBadInput, "access_key_file: anybody can read {}; chmod o-rwx it", path);
  std::string text(kFileBytesMax, '\0');
  std::ifstream file(path, std::ios::binary);
  file.read(text.data(), kFileBytesMax);
  text.resize(static_cast<size_t>(file.gcount()));
  std::string fields[3];
  for (std::string& field : fields) {
    const size_t end = std::min(text.find('\n'), text.size());
    field = trimmed(text.substr(0, end));
    text.erase(0, end + 1);
  }
  if (fields[1].empty())
    return failure(Fault::kBadInput,
                   "access_key_file: {} has no two lines; wanted: access key, then secret key",
                   path);
  return S3Keys{fields[0], fields[1], fields[2]};
}

// They go into headers and addresses as they are.
bool is_printable(const std::string& text) {
  for (const char c : text)
    if (c <= ' ' || c > '~') return false;
  return true;
}

}  // namespace

Result<S3Keys> read_s3_keys(const S3Options& options) {
  S3Keys keys{environment("AWS_ACCESS_KEY_ID"), environment("AWS_SECRET_ACCESS_KEY"),
              environment("AWS_SESSION_TOKEN")};
  if (!options.access_key_file.empty()) {
    CW_ASSIGN(keys, read_file(options.access_key_file));
  }
  if (keys.access_key.empty() || keys.secret_key.empty())
    return failure(Fault::kBadInput,
                   "no access key: name an access_key_file, or set AWS_ACCESS_KEY_ID and "
                   "AWS_SECRET_ACCESS_KEY");
  if (!is_printable(keys.access_key + keys.secret_key + keys.session_token))
    return failure(Fault::kBadInput,
                   "the access key or its secret has a space or a character "
                   "that is not ASCII");
  return keys;
}

}  // namespace causeway
