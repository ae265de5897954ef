// SPDX-License-Identifier: Apache-2.0
#include "cli/store_file.h"

#include "core/clock.h"
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
  // Others may try the same store at this moment.
  const SystemClock clock;
  const uint64_t once = digest_of(fmt::format("{} {}", clock.unix_ms(), clock.now_ns())).low;
  CW_ASSIGN(StoreAccess access, open_store(options, fmt::format("{}-{:016x}", who, once), removes));
  if (access.away)
    log(LogLevel::kWarning, access.away->message + "; bytes go over connections until it answers");
  return std::make_shared<StoreAccess>(std::move(access));
}

}  // namespace causeway
