// SPDX-License-Identifier: Apache-2.0
#include "cli/store_file.h"

#include "core/log.h"

namespace causeway {

Result<std::shared_ptr<StoreAccess>> use_store(const std::string& path, const std::string& who,
                                               bool removes) {
  if (path.empty()) return std::shared_ptr<StoreAccess>();
  Mistakes mistakes;
  const StoreOptions options = read_store_file(path, mistakes);
  if (!mistakes.empty()) {
    std::string text = mistakes.text();
    text.pop_back();
    return failure(Fault::kBadInput, "{}", text);
  }
  CW_ASSIGN(StoreAccess access, open_store(options, who, removes));
  if (access.away)
    log(LogLevel::kWarning, access.away->message + "; bytes go over connections until it answers");
  return std::make_shared<StoreAccess>(std::move(access));
}

}  // namespace causeway
