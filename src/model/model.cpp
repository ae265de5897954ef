// SPDX-License-Identifier: Apache-2.0
#include "model/model.h"

namespace causeway {

void Model::initialise(uint64_t seed, Arena& x) const {
  std::vector<float> values;
  for (size_t i = 0; i < layout().tensors().size(); ++i) {
    const Tensor& tensor = layout().tensors()[i];
    if (!tensor.alias_of.empty()) continue;
    values.resize(static_cast<size_t>(tensor.count));
    shape().initialise(seed, i, values);
    x.write(Region{{{tensor.begin, tensor.count}}}, values);
  }
}

}  // namespace causeway
