// SPDX-License-Identifier: Apache-2.0
//
// Vectors for the attention kernel, written once for every width. A file that compiles the kernel
// for an instruction set includes this after its target pragma, so that all below is compiled for
// that set; each machine's struct inherits from Lanes and replaces what its instructions do better.
#pragma once

#include <cstdint>
#include <cstring>
#include <utility>

#include "core/bf16.h"

#define CAUSEWAY_INLINE [[gnu::always_inline]] static inline

namespace causeway {

template <int Count>
struct VectorsOf {
  using Floats [[gnu::vector_size(4 * Count)]] = float;
  using Ints [[gnu::vector_size(4 * Count)]] = int32_t;
  using Words [[gnu::vector_size(4 * Count)]] = uint32_t;
  using Halves [[gnu::vector_size(2 * Count)]] = uint16_t;
};

/// 2^x = 2^n (1 + f c_1 + f^2 c_2 + ...), n the nearest integer to x and f = x - n, with the
/// coefficients that minimise the largest relative error (by Lawson's algorithm in float64):
/// Degree 5 is within 1.6e-7 in float32, 4 within 2.9e-6, far below bfloat16's 2e-3.
template <int Degree>
inline constexpr float kExp2[Degree] = {};
// NOLINTBEGIN(modernize-use-std-numbers): near ln 2, not it

template <>
inline constexpr float kExp2<5>[5] = {0.693147004f, 0.240222424f, 0.0555073358f, 0.00967151299f,
                                      0.00132647273f};
template <>
inline constexpr float kExp2<4>[4] = {0.693124175f, 0.240240991f, 0.0559064262f, 0.00958285294f};

// NOLINTEND(modernize-use-std-numbers)

/// `Count` float32 lanes with operators alone. Machine is the struct that inherits; it keeps the
/// functions of two instruction sets apart.
template <class Machine, int Count>
struct Lanes {
  static constexpr int64_t kLanes = Count;
  using Floats = typename VectorsOf<Count>::Floats;
  using Ints = typename VectorsOf<Count>::Ints;
  using Words = typename VectorsOf<Count>::Words;
  using Halves = typename VectorsOf<Count>::Halves;

  template <class Vector, class T>
  CAUSEWAY_INLINE Vector load_as(const T* from) {
    Vector x;
    std::memcpy(&x, from, sizeof x);
    return x;
  }
  CAUSEWAY_INLINE Floats load(const float* from) { return load_as<Floats>(from); }
  CAUSEWAY_INLINE Floats load(const uint32_t* from) { return load_as<Floats>(from); }
  CAUSEWAY_INLINE Floats load(const Bf16* from) {
    return (Floats)(__builtin_convertvector(load_as<Halves>(from), Words) << 16);
  }
  CAUSEWAY_INLINE void store(float* to, Floats x) { std::memcpy(to, &x, sizeof x); }
  CAUSEWAY_INLINE void store(uint32_t* to, Floats x) { std::memcpy(to, &x, sizeof x); }
  CAUSEWAY_INLINE void store(Bf16* to, Floats x) {
    const Halves halves = Machine::round(x);
    std::memcpy(static_cast<void*>(to), &halves, sizeof halves);
  }
  /// The first `count` < kLanes lanes; the others are zero, and are not stored.
  template <class T>
  CAUSEWAY_INLINE Floats load_part(const T* from, int64_t count) {
    T all[Count] = {};
    for (int64_t i = 0; i < count; ++i) all[i] = from[i];
    return load(all);
  }
  template <class T>
  CAUSEWAY_INLINE void store_part(T* to, Floats x, int64_t count) {
    T all[Count];
    Machine::store(all, x);
    for (int64_t i = 0; i < count; ++i) to[i] = all[i];
  }
  CAUSEWAY_INLINE Floats broadcast(float x) { return x - Floats{}; }
  CAUSEWAY_INLINE Floats multiply_add(Floats a, Floats b, Floats c) { return a * b + c; }
  CAUSEWAY_INLINE Floats max(Floats a, Floats b) { return a > b ? a : b; }

  /// Bfloat16 of each lane, to nearest even as Bf16 rounds.
  CAUSEWAY_INLINE Halves round(Floats x) {
    const Words whole = (Words)x;
    const Words rounded = (whole + 0x7fff + ((whole >> 16) & 1)) >> 16;
    const Words quiet = (whole >> 16) | 0x40;
    return __builtin_convertvector((whole & 0x7fffffff) > 0x7f800000 ? quiet : rounded, Halves);
  }
  /// 0, 1, 2, ... less `origin`.
  CAUSEWAY_INLINE Ints lanes_from(int64_t origin) {
    Ints lane;
    for (int i = 0; i < Count; ++i) lane[i] = i;
    return lane - static_cast<int32_t>(origin);
  }
  /// 2^x for x <= 127; exactly 0 below -126.
  template <int Degree>
  CAUSEWAY_INLINE Floats exp2(Floats x) {
    const Floats floor = Machine::broadcast(-126.0f);
    const Floats kept = Machine::max(x, floor);
    // Adding 1.5 * 2^23 leaves the nearest integer in the lowest bits.
    const Floats shifted = kept + 12582912.0f;
    const Floats fraction = kept - (shifted - 12582912.0f);
    Floats power = Machine::broadcast(kExp2<Degree>[Degree - 1]);
    for (int k = Degree - 2; k >= 0; --k)
      power = Machine::multiply_add(power, fraction, Machine::broadcast(kExp2<Degree>[k]));
    power = Machine::multiply_add(power, fraction, Machine::broadcast(1.0f));
    const Floats scaled = (Floats)((Words)power + ((Words)shifted << 23));
    return x < floor ? Floats{} : scaled;
  }
  /// x[i][j] becomes x[j][i]: log2(Count) exchanges of ever smaller off-diagonal blocks.
  CAUSEWAY_INLINE void transpose(Floats (&x)[Count]) { exchange<Count / 2>(x); }

  template <int Half>
  CAUSEWAY_INLINE void exchange(Floats (&x)[Count]) {
    for (int i = 0; i < Count; ++i) {
      if (i & Half) continue;
      const Floats a = x[i], b = x[i + Half];
      x[i] = chosen<Half, 0>(a, b, std::make_integer_sequence<int, Count>());
      x[i + Half] = chosen<Half, Half>(a, b, std::make_integer_sequence<int, Count>());
    }
    if constexpr (Half > 1) exchange<Half / 2>(x);
  }
  /// From a and b the blocks of Half lanes that begin at From, 2 Half + From, ..., alternating.
  template <int Half, int From, int... Lane>
  CAUSEWAY_INLINE Floats chosen(Floats a, Floats b, std::integer_sequence<int, Lane...>) {
    return __builtin_shufflevector(a, b,
                                   ((Lane & Half) ? Count + Lane - Half + From : Lane + From)...);
  }

  /// How factors of products are stored: as float32 words. See attention_tiles.h.
  static constexpr int64_t kDepth = 1;
  static constexpr int kDegree = 5;

  /// Up to kLanes words of a row; those beyond `count` are zero.
  template <class T>
  CAUSEWAY_INLINE Floats words(const T* from, int64_t count) {
    return count >= kLanes ? Machine::load(from) : Machine::load_part(from, count);
  }
  CAUSEWAY_INLINE Floats broadcast_word(uint32_t word) {
    return Machine::broadcast(__builtin_bit_cast(float, word));
  }
  /// sum + a b, summed over the values of a word.
  CAUSEWAY_INLINE Floats add_products(Floats a, Floats b, Floats sum) {
    return Machine::multiply_add(a, b, sum);
  }
  /// A row of values as words in which adjacent lanes are paired, if values are.
  template <int Vectors>
  CAUSEWAY_INLINE void store_along(uint32_t* to, const Floats (&x)[Vectors]) {
    for (int v = 0; v < Vectors; ++v) store(to + v * kLanes, x[v]);
  }
  /// kDepth rows of values as one row of words.
  CAUSEWAY_INLINE void store_across(uint32_t* to, const Floats (&x)[1]) { store(to, x[0]); }
  /// The same from memory; a row that is null counts as zero.
  template <class T>
  CAUSEWAY_INLINE Floats across(const T* const (&rows)[1], int64_t count) {
    return rows[0] == nullptr ? Floats{} : Machine::words(rows[0], count);
  }

 private:
  friend Machine;
  Lanes() = default;
};

}  // namespace causeway
