// SPDX-License-Identifier: Apache-2.0
#include "core/shared_bytes.h"

#include "core/memory.h"
#include "core/spare_bytes.h"

namespace causeway {

SharedBytes::SharedBytes(Bytes bytes) {
  if (bytes.size() < kPastCacheBytes)
    owner_ = std::make_shared<const Bytes>(std::move(bytes));
  else
    owner_ = std::shared_ptr<Bytes>(new Bytes(std::move(bytes)), [](Bytes* last) {
      give_spare_bytes(std::move(*last));
      delete last;
    });
  view_ = *owner_;
}

}  // namespace causeway
