// SPDX-License-Identifier: Apache-2.0
// The inner loop of DEPTHWISE 3 x 3 by the DSP extension: four channels of one window after the
// other; see tmc_dot.h for why it is written in assembly. Inputs and weights are quads of four
// channels, so that each product is that of one channel.
#ifndef TMC_WINDOWS_3X3_H_
#define TMC_WINDOWS_3X3_H_

#include "tmc_channels.h"

#ifdef TMC_SIMD

// Adjacent windows, at least one.
typedef struct {
  uint32_t biases[4];
  tmc_scale scales[4];  // fast ones
  tmc_quad weights[9];
  const tmc_quad* rows[3];  // from the first window on
  int32_t step;             // bytes from one window to the next
  const int8_t* outputs_end;
} tmc_windows_3x3;

static inline int32_t tmc_value_of_quad(tmc_quad quad, int32_t channel) {
  const uint32_t pair = channel % 2 == 0 ? quad.first : quad.second;
  return channel < 2 ? tmc_low(pair) : tmc_high(pair);
}

// The sum of one channel of the window that begins `x` bytes behind the rows.
static inline uint32_t tmc_sum_of_3x3(const tmc_windows_3x3* of, int32_t x, int32_t channel) {
  uint32_t sum = of->biases[channel];
  for (int32_t tap = 0; tap < 9; ++tap) {
    const tmc_quad value = of->rows[tap / 3][x / 8 + tap % 3];
    sum += (uint32_t)(tmc_value_of_quad(value, channel) *
                      tmc_value_of_quad(of->weights[tap], channel));
  }
  return sum;
}

#ifdef TMC_SIMD_IN_C

// Widens four channels of pixels, `depth` bytes apart, and adds `offset`.
TMC_INLINE void tmc_widen_channels(const int8_t* values, int32_t depth, int32_t count,
                                   uint32_t offset, tmc_quad* quads) {
  for (; count > 0; --count) {
    const uint32_t bytes = tmc_load_word(values);
    *quads++ = (tmc_quad){tmc_add_even_bytes(offset, bytes), tmc_add_odd_bytes(offset, bytes)};
    values += depth;
  }
}

// Computes all windows, from that of `output` on; outputs are `depth` bytes apart.
TMC_INLINE void tmc_run_windows_3x3(const tmc_windows_3x3* of, int32_t depth, int8_t* output) {
  for (int32_t x = 0; output != of->outputs_end; x += of->step) {
    for (int32_t channel = 0; channel < 4; ++channel) {
      output[channel] = tmc_fast_output(of->scales[channel], tmc_sum_of_3x3(of, x, channel));
    }
    output += depth;
  }
}

#else

_Static_assert(offsetof(tmc_windows_3x3, scales) == 16, "as below");
_Static_assert(offsetof(tmc_windows_3x3, weights) == 80, "as below");
_Static_assert(offsetof(tmc_windows_3x3, rows) == 152, "as below");
_Static_assert(offsetof(tmc_windows_3x3, step) == 164, "as below");
_Static_assert(offsetof(tmc_windows_3x3, outputs_end) == 168, "as below");

TMC_INLINE void tmc_widen_channels(const int8_t* values, int32_t depth, int32_t count,
                                   uint32_t offset, tmc_quad* quads) {
  uint32_t even;
  uint32_t odd;
  if (count > 0) {
    __asm__ volatile(TMC_LOOP_BY_TWO("ldr %[odd], [%[values]]\n\t"
                                     "add %[values], %[values], %[depth]\n\t"
                                     "sxtab16 %[even], %[offset], %[odd]\n\t"
                                     "sxtab16 %[odd], %[offset], %[odd], ror #8\n\t"
                                     "strd %[even], %[odd], [%[quads]], #8\n\t")
                     : [values] "+r"(values), [count] "+r"(count), [quads] "+r"(quads),
                       [even] "=&r"(even), [odd] "=&r"(odd)
                     : [offset] "r"(offset), [depth] "r"(depth)
                     : "cc", "memory");
  }
}

// clang-format off: one instruction in a line
#define TMC_TAP_OF_4_CHANNELS(value, weight)                      \
  "ldrd r8, r9, [%[p], #" value "]\n\t"                           \
  "ldrd r10, r11, [%[of], #" weight "]\n\t"                       \
  "smlabb %[a], r8, r10, %[a]\n\t"                                \
  "smlabb %[b], r9, r11, %[b]\n\t"                                \
  "smlatt %[c], r8, r10, %[c]\n\t"                                \
  "smlatt %[d], r9, r11, %[d]\n\t"

#define TMC_ROW_OF_4_CHANNELS(row, first, second, third)          \
  "ldr %[p], [%[of], #" row "]\n\t"                               \
  "add %[p], %[p], %[x]\n\t"                                      \
  TMC_TAP_OF_4_CHANNELS("0", first)                               \
  TMC_TAP_OF_4_CHANNELS("8", second)                              \
  TMC_TAP_OF_4_CHANNELS("16", third)

#define TMC_OUTPUT_OF_CHANNEL(sum, channel)                       \
  "ldmia %[p]!, {r8, r9, r10, r11}\n\t"                           \
  TMC_FAST_OUTPUT(sum)                                            \
  "strb %[" sum "], [%[output], #" channel "]\n\t"
// clang-format on

// 96 instructions for four outputs.
TMC_INLINE void tmc_run_windows_3x3(const tmc_windows_3x3* of, int32_t depth, int8_t* output) {
  const void* p;
  int32_t x = 0;
  uint32_t a;
  uint32_t b;
  uint32_t c;
  uint32_t d;
  __asm__ volatile(
      "1:\n\t"
      "ldrd %[a], %[b], [%[of]]\n\t"
      "ldrd %[c], %[d], [%[of], #8]\n\t"                 //
      TMC_ROW_OF_4_CHANNELS("152", "80", "88", "96")     //
      TMC_ROW_OF_4_CHANNELS("156", "104", "112", "120")  //
      TMC_ROW_OF_4_CHANNELS("160", "128", "136", "144")
      "add %[p], %[of], #16\n\t"  //
      TMC_OUTPUT_OF_CHANNEL("a", "0") TMC_OUTPUT_OF_CHANNEL("b", "1")
      TMC_OUTPUT_OF_CHANNEL("c", "2") TMC_OUTPUT_OF_CHANNEL("d", "3")
      "ldrd r8, r9, [%[of], #164]\n\t"
      "add %[x], %[x], r8\n\t"
      "add %[output], %[output], %[depth]\n\t"
      "cmp %[output], r9\n\t"
      "bne 1b"
      : [a] "=&r"(a), [b] "=&r"(b), [c] "=&r"(c), [d] "=&r"(d), [p] "=&r"(p), [x] "+r"(x),
        [output] "+r"(output)
      : [of] "r"(of), [depth] "r"(depth)
      : "r8", "r9", "r10", "r11", "cc", "memory");
}

#endif

#endif
#endif  // TMC_WINDOWS_3X3_H_
