// SPDX-License-Identifier: Apache-2.0
// Operations of the Armv7E-M DSP extension on words that hold a pair of int16_t, the low one in
// bits 0 to 15. TMC_SIMD_IN_C defines them in plain C, so that kernels written with them run, and
// are tested, on any little-endian machine; TMC_PORTABLE leaves those kernels out.
#ifndef TMC_SIMD_H_
#define TMC_SIMD_H_

#include <stdint.h>
#include <string.h>

#include "tmc_speed.h"

#if !defined(TMC_PORTABLE) && (defined(__ARM_FEATURE_DSP) || defined(TMC_SIMD_IN_C))
#define TMC_SIMD 1

// Inlined at any optimization level: Arduino builds everything with -Os.
#define TMC_INLINE static inline __attribute__((always_inline))

// Four int16_t, at any places of their own: who multiplies two quads puts them alike.
typedef struct {
  uint32_t first;
  uint32_t second;
} tmc_quad;

TMC_INLINE int32_t tmc_low(uint32_t pair) { return (int16_t)(pair & 0xFFFF); }

TMC_INLINE int32_t tmc_high(uint32_t pair) { return (int16_t)(pair >> 16); }

#ifdef TMC_SIMD_IN_C

TMC_INLINE uint32_t tmc_low_halves(uint32_t a, uint32_t b) { return (a & 0xFFFF) | b << 16; }

TMC_INLINE uint32_t tmc_high_halves(uint32_t a, uint32_t b) { return a >> 16 | (b & 0xFFFF0000); }

TMC_INLINE uint32_t tmc_add_pairs(uint32_t a, uint32_t b) {
  return tmc_low_halves((uint32_t)(tmc_low(a) + tmc_low(b)), (uint32_t)(tmc_high(a) + tmc_high(b)));
}

TMC_INLINE uint32_t tmc_add_even_bytes(uint32_t pair, uint32_t bytes) {
  const int32_t low = tmc_low(pair) + (int8_t)(bytes & 0xFF);
  const int32_t high = tmc_high(pair) + (int8_t)(bytes >> 16 & 0xFF);
  return tmc_low_halves((uint32_t)low, (uint32_t)high);
}

TMC_INLINE uint32_t tmc_add_odd_bytes(uint32_t pair, uint32_t bytes) {
  return tmc_add_even_bytes(pair, bytes >> 8);
}

TMC_INLINE uint32_t tmc_even_bytes(uint32_t bytes) { return tmc_add_even_bytes(0, bytes); }

TMC_INLINE uint32_t tmc_odd_bytes(uint32_t bytes) { return tmc_add_odd_bytes(0, bytes); }

TMC_INLINE tmc_quad tmc_next_quad(const uint32_t** words) {
  const tmc_quad quad = {(*words)[0], (*words)[1]};
  *words += 2;
  return quad;
}

TMC_INLINE uint32_t tmc_multiply_add_low(uint32_t a, uint32_t b, uint32_t sum) {
  return sum + (uint32_t)(tmc_low(a) * tmc_low(b));
}

TMC_INLINE uint32_t tmc_multiply_add_high(uint32_t a, uint32_t b, uint32_t sum) {
  return sum + (uint32_t)(tmc_high(a) * tmc_high(b));
}

TMC_INLINE uint32_t tmc_multiply_add_pairs(uint32_t a, uint32_t b, uint32_t sum) {
  return sum + (uint32_t)(tmc_low(a) * tmc_low(b)) + (uint32_t)(tmc_high(a) * tmc_high(b));
}

TMC_INLINE int32_t tmc_rounding_high_mul(int32_t a, int32_t b) {
  return (int32_t)(((int64_t)a * b + (INT64_C(1) << 31)) >> 32);
}

TMC_INLINE int32_t tmc_rounding_high_mul_add(int32_t a, int32_t b, int32_t sum) {
  return sum + tmc_rounding_high_mul(a, b);
}

TMC_INLINE int32_t tmc_shift_left(int32_t a, uint32_t bits) {
  return bits > 31 ? 0 : (int32_t)((uint32_t)a << bits);
}

TMC_INLINE int32_t tmc_saturating_double(int32_t a) {
  return a > INT32_MAX / 2 ? INT32_MAX : a < INT32_MIN / 2 ? INT32_MIN : a * 2;
}

TMC_INLINE int32_t tmc_saturate_to_int8(int32_t a) {
  return a > INT8_MAX ? INT8_MAX : a < INT8_MIN ? INT8_MIN : a;
}

#else

// One instruction each. arm_acle.h has no names for some of them, and none for others with the
// compilers of older Arduino cores.
#define TMC_INSTRUCTION_OF_1(type, name, text) \
  TMC_INLINE type name(type a) {               \
    type result;                               \
    __asm__(text : "=r"(result) : "r"(a));     \
    return result;                             \
  }

#define TMC_INSTRUCTION_OF_2(type, name, text)     \
  TMC_INLINE type name(type a, type b) {           \
    type result;                                   \
    __asm__(text : "=r"(result) : "r"(a), "r"(b)); \
    return result;                                 \
  }

#define TMC_INSTRUCTION_OF_3(type, name, text)             \
  TMC_INLINE type name(type a, type b, type c) {           \
    type result;                                           \
    __asm__(text : "=r"(result) : "r"(a), "r"(b), "r"(c)); \
    return result;                                         \
  }

// (a.low, b.low) and (a.high, b.high).
TMC_INSTRUCTION_OF_2(uint32_t, tmc_low_halves, "pkhbt %0, %1, %2, lsl #16")
TMC_INSTRUCTION_OF_2(uint32_t, tmc_high_halves, "pkhtb %0, %2, %1, asr #16")

TMC_INSTRUCTION_OF_2(uint32_t, tmc_add_pairs, "sadd16 %0, %1, %2")

// Bytes 0 and 2, or 1 and 3, sign-extended; and added to a pair.
TMC_INSTRUCTION_OF_1(uint32_t, tmc_even_bytes, "sxtb16 %0, %1")
TMC_INSTRUCTION_OF_1(uint32_t, tmc_odd_bytes, "sxtb16 %0, %1, ror #8")
TMC_INSTRUCTION_OF_2(uint32_t, tmc_add_even_bytes, "sxtab16 %0, %1, %2")
TMC_INSTRUCTION_OF_2(uint32_t, tmc_add_odd_bytes, "sxtab16 %0, %1, %2, ror #8")

// a * b / 2^32, rounded to nearest, ties upwards; and added to a sum.
TMC_INSTRUCTION_OF_2(int32_t, tmc_rounding_high_mul, "smmulr %0, %1, %2")
TMC_INSTRUCTION_OF_3(int32_t, tmc_rounding_high_mul_add, "smmlar %0, %1, %2, %3")

// a * 2^bits; what is left over of more than 31 bits is nobody's concern.
TMC_INLINE int32_t tmc_shift_left(int32_t a, uint32_t bits) {
  int32_t result;
  __asm__("lsl %0, %1, %2" : "=r"(result) : "r"(a), "r"(bits));
  return result;
}

TMC_INSTRUCTION_OF_1(int32_t, tmc_saturating_double, "qadd %0, %1, %1")
TMC_INSTRUCTION_OF_1(int32_t, tmc_saturate_to_int8, "ssat %0, #8, %1")

// Loads a quad and moves on to the next. Volatile and with all memory clobbered, which costs less
// than naming the memory: that would keep a second copy of the address.
TMC_INLINE tmc_quad tmc_next_quad(const uint32_t** words) {
  tmc_quad quad;
  __asm__ volatile("ldrd %0, %1, [%2], #8"
                   : "=&r"(quad.first), "=&r"(quad.second), "+r"(*words)
                   :
                   : "memory");
  return quad;
}

// A loop over `count` times `body`, two in each turn; an odd one is the first.
#define TMC_LOOP_BY_TWO(body)       \
  "tst %[count], #1\n\t"            \
  "bne 2f\n"                        \
  "1:\n\t" body "2:\n\t" body       \
  "subs %[count], %[count], #2\n\t" \
  "bgt 1b"

// sum + a.low * b.low, sum + a.high * b.high, and both, modulo 2^32.
TMC_INSTRUCTION_OF_3(uint32_t, tmc_multiply_add_low, "smlabb %0, %1, %2, %3")
TMC_INSTRUCTION_OF_3(uint32_t, tmc_multiply_add_high, "smlatt %0, %1, %2, %3")
TMC_INSTRUCTION_OF_3(uint32_t, tmc_multiply_add_pairs, "smlad %0, %1, %2, %3")

#endif

// Four bytes at any address: Cortex-M4 loads and stores single words where it likes.
TMC_INLINE uint32_t tmc_load_word(const void* bytes) {
  uint32_t word;
  memcpy(&word, bytes, sizeof word);
  return word;
}

TMC_INLINE uint32_t tmc_pair_of(int32_t value) {
  return tmc_low_halves((uint32_t)value, (uint32_t)value);
}

// Widens four bytes: bytes 0 and 2, then 1 and 3.
TMC_INLINE tmc_quad tmc_quad_of(uint32_t bytes) {
  return (tmc_quad){tmc_even_bytes(bytes), tmc_odd_bytes(bytes)};
}

// sum + the products of four values.
TMC_INLINE uint32_t tmc_dot(tmc_quad a, tmc_quad b, uint32_t sum) {
  return tmc_multiply_add_pairs(a.second, b.second, tmc_multiply_add_pairs(a.first, b.first, sum));
}

#endif
#endif  // TMC_SIMD_H_
