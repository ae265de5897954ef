// SPDX-License-Identifier: Apache-2.0
#include "model/attention_kernel.h"
namespace causeway {
bool attention_kernel_fits(const AttentionSizes&) { return false; }
size_t attention_scratch_bytes(const AttentionSizes&) { return 64; }
template <class Value>
void attention_forward(const AttentionSizes&, const Value*, Value*, float*, std::span<std::byte>) {}
template <class Value>
void attention_backward(const AttentionSizes&, const Value*, const Value*, const Value*,
                        const float*, Value*, std::span<std::byte>) {}
template void attention_forward<float>(const AttentionSizes&, const float*, float*, float*,
                                       std::span<std::byte>);
template void attention_forward<Bf16>(const AttentionSizes&, const Bf16*, Bf16*, float*,
                                      std::span<std::byte>);
template void attention_backward<float>(const AttentionSizes&, const float*, const float*,
                                        const float*, const float*, float*, std::span<std::byte>);
template void attention_backward<Bf16>(const AttentionSizes&, const Bf16*, const Bf16*, const Bf16*,
                                       const float*, Bf16*, std::span<std::byte>);
}  // namespace causeway
