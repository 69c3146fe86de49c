// SPDX-License-Identifier: Apache-2.0
// The inner loops of ADD and MUL by the DSP extension, two elements in each turn: constants of
// both scales do not fit the registers, and are loaded once for the two. See tmc_dot.h for why they
// are written in assembly. Nothing is written before what lies at or above it is read.
#ifndef TMC_ELEMENTS_H_
#define TMC_ELEMENTS_H_

#include "tmc_channels.h"

#ifdef TMC_SIMD

// ADD: one input is rescaled, (value * power + offset) by `scale`; of the other one, twice its
// value on the scale of the sum is (value + offset) * 2^20.
typedef struct {
  int32_t multiplier;  // of the first
  int32_t right_shift;
  int32_t rounding;
  int32_t offset;
  tmc_scale sum;
  int32_t power;
  int32_t other_offset;  // shifted
} tmc_add_constants;

typedef struct {
  tmc_scale product;
  int32_t twice_offset;  // of the first
  int32_t other_offset;
} tmc_mul_constants;

#ifdef TMC_SIMD_IN_C

TMC_INLINE int32_t tmc_rescale(int32_t value, int32_t multiplier, int32_t right_shift,
                               int32_t rounding) {
  const int32_t high = tmc_rounding_high_mul_add(value, multiplier, rounding);
  return (high + (value >> 31)) >> right_shift;
}

// Adds `pairs` of elements, at least one; `other` is the one that is not rescaled.
TMC_INLINE void tmc_add_pairs_of_elements(const tmc_add_constants* of, const int8_t* rescaled,
                                          const int8_t* other, int32_t pairs, int8_t* output) {
  for (int32_t count = 2 * pairs; count > 0; --count) {
    const int32_t x = tmc_rescale(*rescaled++ * of->power + of->offset, of->multiplier,
                                  of->right_shift, of->rounding);
    const int32_t doubled = of->other_offset + *other++ * (1 << 20) + x * 2;
    *output++ = tmc_fast_output_of_doubled(of->sum, doubled);
  }
}

TMC_INLINE void tmc_multiply_pairs_of_elements(const tmc_mul_constants* of, const int8_t* a,
                                               const int8_t* b, int32_t pairs, int8_t* output) {
  for (int32_t count = 2 * pairs; count > 0; --count) {
    const int32_t doubled = (of->twice_offset + *a++ * 2) * (of->other_offset + *b++);
    *output++ = tmc_fast_output_of_doubled(of->product, doubled);
  }
}

#else

_Static_assert(offsetof(tmc_add_constants, sum) == 16, "as below");

// clang-format off: one instruction in a line

// Rounds and shifts by the constants in r8 to r10.
#define TMC_RESCALE(x)                                            \
  "add r11, r10, %[" x "], asr #31\n\t"                           \
  "smmlar %[" x "], %[" x "], r8, r11\n\t"                        \
  "asr %[" x "], %[" x "], r9\n\t"

#define TMC_STORE_ELEMENT(x)                                      \
  TMC_RESCALE(x)                                                  \
  "ssat %[" x "], #8, %[" x "]\n\t"                               \
  "strb %[" x "], [%[output]], #1\n\t"

#define TMC_ADD_OTHER(x)                                          \
  "ldrsb r11, [%[b]], #1\n\t"                                     \
  "add r11, %[offset], r11, lsl #20\n\t"                          \
  "add %[" x "], r11, %[" x "], lsl #1\n\t"

#define TMC_MULTIPLY_ELEMENT(x)                                   \
  "ldrsb %[" x "], [%[a]], #1\n\t"                                \
  "ldrsb r11, [%[b]], #1\n\t"                                     \
  "add %[" x "], %[offset], %[" x "], lsl #1\n\t"                 \
  "add r11, r11, %[other]\n\t"                                    \
  "mul %[" x "], %[" x "], r11\n\t"                               \
  TMC_STORE_ELEMENT(x)
// clang-format on

// 31 instructions for two elements.
TMC_INLINE void tmc_add_pairs_of_elements(const tmc_add_constants* of, const int8_t* rescaled,
                                          const int8_t* other, int32_t pairs, int8_t* output) {
  int32_t x;
  int32_t y;
  __asm__ volatile(
      "1:\n\t"
      "ldmia %[of], {r8, r9, r10, r11}\n\t"
      "ldrsb %[x], [%[a]], #1\n\t"
      "ldrsb %[y], [%[a]], #1\n\t"
      "mla %[x], %[x], %[power], r11\n\t"
      "mla %[y], %[y], %[power], r11\n\t"  //
      TMC_RESCALE("x") TMC_RESCALE("y") TMC_ADD_OTHER("x") TMC_ADD_OTHER("y")
      "ldrd r8, r9, [%[of], #16]\n\t"
      "ldr r10, [%[of], #24]\n\t"  //
      TMC_STORE_ELEMENT("x") TMC_STORE_ELEMENT("y")
      "subs %[pairs], %[pairs], #1\n\t"
      "bgt 1b"
      : [a] "+r"(rescaled), [b] "+r"(other), [output] "+r"(output), [pairs] "+r"(pairs),
        [x] "=&r"(x), [y] "=&r"(y)
      : [of] "r"(of), [power] "r"(of->power), [offset] "r"(of->other_offset)
      : "r8", "r9", "r10", "r11", "cc", "memory");
}

// 23 instructions for two elements.
TMC_INLINE void tmc_multiply_pairs_of_elements(const tmc_mul_constants* of, const int8_t* a,
                                               const int8_t* b, int32_t pairs, int8_t* output) {
  int32_t x;
  __asm__ volatile(
      "ldmia %[of], {r8, r9, r10}\n"
      "1:\n\t"  //
      TMC_MULTIPLY_ELEMENT("x") TMC_MULTIPLY_ELEMENT("x")
      "subs %[pairs], %[pairs], #1\n\t"
      "bgt 1b"
      : [a] "+r"(a), [b] "+r"(b), [output] "+r"(output), [pairs] "+r"(pairs), [x] "=&r"(x)
      : [of] "r"(of), [offset] "r"(of->twice_offset), [other] "r"(of->other_offset)
      : "r8", "r9", "r10", "r11", "cc", "memory");
}

#endif

#endif
#endif  // TMC_ELEMENTS_H_
