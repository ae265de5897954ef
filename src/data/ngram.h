// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>

namespace causeway {

/// Bits per byte of `valid` under a static byte n-gram model counted on `train`: a yardstick
/// without any training. `order` 1 sees no context, order n the n - 1 bytes before; 1 to 8.
/// Witten-Bell interpolation (Witten and Bell, IEEE Trans. Inf. Theory 37, 1991, method C):
///
///   p_n(b | c) = (count(c b) + kinds(c) p_{n-1}(b | shorter c)) / (count(c) + kinds(c))
///
/// with kinds(c) the number of different bytes seen after c, p_0 = 1/256, and p_n = p_{n-1} after a
/// context never seen. The first bytes of `valid` have only the context there is. `valid` must not
/// be empty. Takes at most 24 bytes of memory per byte of `train` and 8 per byte of `valid`.
/// Thread-safe.
double ngram_bits_per_byte(std::span<const uint8_t> train, std::span<const uint8_t> valid,
                           int order);

}  // namespace causeway
