// SPDX-License-Identifier: Apache-2.0
#include "core/shared_bytes.h"

#include "core/spare_bytes.h"

namespace causeway {

SharedBytes::SharedBytes(Bytes bytes) : SharedBytes(share_spare_bytes(std::move(bytes))) {}

}  // namespace causeway
