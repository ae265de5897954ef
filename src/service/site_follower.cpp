// SPDX-License-Identifier: Apache-2.0
#include "service/site_follower.h"

#include <filesystem>

namespace causeway {

Result<int32_t> follow_site_worker(Orders& orders, Workplace& workplace, const std::string& folder,
                                   const std::atomic<bool>& stop) {
  CW_ASSIGN(const Orders::Word first, orders.next());
  if (first.exit_code) return *first.exit_code;
  CW_ASSIGN(const Charter charter, decode_charter(first.order));
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  if (error) return failure(Fault::kIo, "{}: cannot be made: {}", folder, error.message());
  CW_TRY(workplace.open(charter, folder));
  return workplace.follow(orders, stop);
}

}  // namespace causeway
