// SPDX-License-Identifier: Apache-2.0
#include "core/shared_bytes.h"

#include "core/spare_bytes.h"

namespace causeway {

SharedBytes::SharedBytes(Bytes bytes) {
  if (bytes.capacity() < kSpareBytesMin)
    owner_ = std::make_shared<const Bytes>(std::move(bytes));
  else
    owner_ = share_spare_bytes(std::move(bytes));
  view_ = *owner_;
}

}  // namespace causeway
