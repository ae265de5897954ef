// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "sync/port.h"

namespace causeway {

std::vector<TensorCut> tensor_cuts(const Layout& layout, const Region& region) {
  std::vector<TensorCut> out;
  for (const Tensor& tensor : layout.tensors()) {
    const int64_t end = tensor.begin + tensor.count;
    for (const Span& span : region.spans) {
      const int64_t first = std::max(span.begin, tensor.begin);
      const int64_t last = std::min(span.begin + span.count, end);
      if (first >= last) continue;
      const bool matrix = last - first == tensor.count && tensor.shape.size() == 2;
      out.push_back({last - first, matrix ? tensor.shape[1] : last - first});
    }
  }
  return out;
}

std::vector<TensorCut> Port::signal(const ChannelPlace& place, int32_t) const {
  return tensor_cuts(place.layout, place.region);
}

}  // namespace causeway
