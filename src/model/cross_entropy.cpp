// SPDX-License-Identifier: Apache-2.0
#include "model/cross_entropy.h"

#include <cmath>

#include "kernel/exponential.h"
#include "model/dot.h"
#include "model/element.h"
#include "model/rows.h"

namespace causeway {
namespace {

template <class Element>
Wide<Element> largest(const Element* x, int64_t count) {
  using W = Wide<Element>;
  constexpr int64_t kLanes = 32;
  W lanes[kLanes];
  for (W& lane : lanes) lane = static_cast<W>(x[0]);
  int64_t i = 0;
  for (; i + kLanes <= count; i += kLanes)
    for (int64_t lane = 0; lane < kLanes; ++lane) {
      const W value = static_cast<W>(x[i + lane]);
      lanes[lane] = lanes[lane] > value ? lanes[lane] : value;
    }
  W most = lanes[0];
  for (const W lane : lanes) most = most > lane ? most : lane;
  for (; i < count; ++i) {
    const W value = static_cast<W>(x[i]);
    // So that NaN is not lost: every comparison with it is false.
    most = most >= value ? most : value;
  }
  return most;
}

/// One row: its loss, and the two numbers that make probabilities of logits.
template <class Element>
Wide<Element> row_loss(const Element* x, int64_t count, int64_t target, Wide<Element>& most,
                       Wide<Element>& sum) {
  using W = Wide<Element>;
  most = largest(x, count);
  const W top = most;
  sum = sum_of<W>(count, [=](int64_t i) { return exponential(static_cast<W>(x[i]) - top); });
  return std::log(sum) - (static_cast<W>(x[target]) - most);
}

template <class Element>
void row_gradient(Element* __restrict x, int64_t count, int64_t target, Wide<Element> most,
                  Wide<Element> sum, Wide<Element> share) {
  using W = Wide<Element>;
  const W at_target = static_cast<W>(x[target]), part = share / sum;
  for (int64_t i = 0; i < count; ++i)
    x[i] = static_cast<Element>(exponential(static_cast<W>(x[i]) - most) * part);
  x[target] = static_cast<Element>(exponential(at_target - most) * part - share);
}

template <class Each>
void each_loss(const at::Tensor& logits_MV, const at::Tensor& targets_M, const at::Tensor& losses_M,
               const Each& each) {
  const int64_t vocabulary = logits_MV.size(1);
  const int64_t* targets = targets_M.const_data_ptr<int64_t>();
  with_element(logits_MV.scalar_type(), [&]<class Element>(Element) {
    using W = Wide<Element>;
    Element* logits = values_of<Element>(logits_MV);
    W* losses = values_of<W>(losses_M);
    each_row(logits_MV.size(0), 8 * vocabulary, [=](int64_t row) {
      Element* x = logits + row * vocabulary;
      W most, sum;
      losses[row] = row_loss(x, vocabulary, targets[row], most, sum);
      each(x, vocabulary, targets[row], most, sum);
    });
  });
}

}  // namespace

void cross_entropy(const at::Tensor& logits_MV, const at::Tensor& targets_M,
                   const at::Tensor& losses_M) {
  each_loss(logits_MV, targets_M, losses_M, [](auto...) {});
}

void cross_entropy_and_gradient(const at::Tensor& logits_MV, const at::Tensor& targets_M,
                                double share, const at::Tensor& losses_M) {
  each_loss(logits_MV, targets_M, losses_M,
            [share](auto* x, int64_t count, int64_t target, auto most, auto sum) {
              row_gradient(x, count, target, most, sum, static_cast<decltype(most)>(share));
            });
}

}  // namespace causeway
