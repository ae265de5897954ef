// SPDX-License-Identifier: Apache-2.0
#include "model/column_sums.h"

#include <algorithm>

#include "model/element.h"
#include "model/rows.h"

namespace causeway {
namespace {

constexpr int64_t kSumsStrip = 64;  // columns that are summed together

template <class Element>
void add_strip(const Element* x, int64_t rows, int64_t stride, int64_t width, Wide<Element>* sums) {
  for (int64_t start = 0; start < rows; start += kRowsPerSum) {
    Wide<Element> part[kSumsStrip] = {};
    const int64_t end = std::min(rows, start + kRowsPerSum);
    for (int64_t row = start; row < end; ++row)
      for (int64_t c = 0; c < width; ++c)
        part[c] += static_cast<Wide<Element>>(x[row * stride + c]);
    for (int64_t c = 0; c < width; ++c) sums[c] += part[c];
  }
}

}  // namespace

void column_sums(const at::Tensor& x_MC, const at::Tensor& sums_C, bool add) {
  CW_CHECK(x_MC.dim() == 2 && x_MC.is_contiguous());
  const int64_t rows = x_MC.size(0), columns = x_MC.size(1);
  const int64_t strips = (columns + kSumsStrip - 1) / kSumsStrip;
  with_element(x_MC.scalar_type(), [&]<class Element>(Element) {
    const Element* x = values_of<Element>(x_MC);
    Wide<Element>* sums = values_of<Wide<Element>>(sums_C);
    each_row(strips, rows * kSumsStrip, [=](int64_t strip) {
      const int64_t begin = strip * kSumsStrip, width = std::min(kSumsStrip, columns - begin);
      if (!add) std::fill_n(sums + begin, width, Wide<Element>{0});
      add_strip(x + begin, rows, columns, width, sums + begin);
    });
  });
}

}  // namespace causeway
