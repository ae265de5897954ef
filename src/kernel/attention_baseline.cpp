// SPDX-License-Identifier: Apache-2.0
#include "kernel/attention_backward.h"
#include "kernel/attention_forward.h"
#include "kernel/attention_level.h"

namespace causeway {
namespace {

struct Baseline : Lanes<Baseline, 4> {
  static constexpr int kRows = 4, kVectors = 2;
};

}  // namespace

AttentionLevel attention_baseline() {
  return {{forward_pass<Baseline, float>, backward_pass<Baseline, float>},
          {forward_pass<Baseline, Bf16>, backward_pass<Baseline, Bf16>}};
}

}  // namespace causeway
