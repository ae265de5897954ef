// SPDX-License-Identifier: Apache-2.0
//
// logits_example MODEL TOKEN...: writes the logits after each token as float32, row by row, for
// tests/python, which compare them with those of transformers.
#include <ATen/ops/empty.h>

#include <charconv>
#include <cstdio>
#include <string_view>

#include "train/saved_model.h"
#include "train/team.h"

int main(int count, char** arguments) {
  if (count < 3) return 2;
  causeway::prepare_compute_thread();
  const auto saved = causeway::open_model(arguments[1]);
  if (!saved) {
    fmt::print(stderr, "{}\n", saved.error().message);
    return 2;
  }
  at::Tensor tokens = at::empty({1, count - 2}, at::kLong);
  for (int i = 2; i < count; ++i) {
    const std::string_view text = arguments[i];
    std::from_chars(text.data(), text.data() + text.size(), tokens.data_ptr<int64_t>()[i - 2]);
  }
  const at::Tensor logits = saved->model->logits(*saved->x, tokens).contiguous();
  const auto values = static_cast<size_t>(logits.numel());
  return std::fwrite(logits.const_data_ptr<float>(), sizeof(float), values, stdout) == values ? 0
                                                                                              : 1;
}
