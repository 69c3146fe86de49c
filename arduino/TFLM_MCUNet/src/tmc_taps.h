// SPDX-License-Identifier: Apache-2.0
// The inner loop of DEPTHWISE by the DSP extension: pairs of adjacent windows of one channel, on
// pairs of columns; see tmc_dot.h for why it is written in assembly. Both windows read the same
// words of the input, (x0, x1), (x2, x3), ...
//
// At stride 1 they begin at x0 and x1, and weights are packed as (w0, w1), (w1, w2), (w2, w3), ...
//   left  = (w0, w1)(x0, x1) + (w2, w3)(x2, x3) + ... + the last weight alone,
//   right = w0 x1 + (w1, w2)(x2, x3) + (w3, w4)(x4, x5) + ...
// At stride 2 they begin at x0 and x2, and weights are packed as (w0, w1), (w2, w3), ..., the last
// one with a zero.
#ifndef TMC_TAPS_H_
#define TMC_TAPS_H_

#include "tmc_channels.h"

#ifdef TMC_SIMD

// Windows of one channel: `rows` of `columns`.
typedef struct {
  const tmc_scale* scale;
  uint32_t bias;
  const uint32_t* weights;
  const uint32_t* values;
  int32_t pitch;       // bytes from one row of the input to the next
  int32_t row_stride;  // words from one row of windows to the next
  int32_t kernel_h;
  const tmc_view* output;
  int32_t channel;
  int32_t y;
  int32_t x;
  int32_t rows;
  int32_t columns;
} tmc_windows;

#ifdef TMC_SIMD_IN_C

TMC_INLINE int32_t tmc_tap(const uint32_t* words, int32_t tap, int32_t kernel_w, int32_t stride) {
  if (stride == 2) {
    return tap % 2 == 0 ? tmc_low(words[tap / 2]) : tmc_high(words[tap / 2]);
  }
  return tap == kernel_w - 1 ? tmc_high(words[tap - 1]) : tmc_low(words[tap]);
}

TMC_INLINE uint32_t tmc_window_sum(const tmc_windows* of, int32_t row, int32_t column,
                                   int32_t kernel_w, int32_t stride) {
  const int32_t row_weights = stride == 1 ? kernel_w - 1 : (kernel_w + 1) / 2;
  const uint32_t* words = of->values + row * of->row_stride;
  const uint32_t* weights = of->weights;
  uint32_t sum = of->bias;
  for (int32_t ky = 0; ky < of->kernel_h; ++ky) {
    for (int32_t kx = 0; kx < kernel_w; ++kx) {
      const int32_t x = column * stride + kx;
      const int32_t value = x % 2 == 0 ? tmc_low(words[x / 2]) : tmc_high(words[x / 2]);
      sum += (uint32_t)(value * tmc_tap(weights, kx, kernel_w, stride));
    }
    words += of->pitch / 4;
    weights += row_weights;
  }
  return sum;
}

TMC_INLINE void tmc_run_windows(const tmc_windows* of, int32_t kernel_w, int32_t stride) {
  for (int32_t row = 0; row < of->rows; ++row) {
    int8_t* output = tmc_pixel(of->output, of->y + row, of->x) + of->channel;
    for (int32_t column = 0; column < of->columns; ++column) {
      *output = tmc_fast_output(*of->scale, tmc_window_sum(of, row, column, kernel_w, stride));
      output += of->output->channels;
    }
  }
}

#define TMC_WINDOWS_FUNCTION(kernel_w, stride)                                     \
  static inline void tmc_windows_##kernel_w##_by_##stride(const tmc_windows* of) { \
    tmc_run_windows(of, kernel_w, stride);                                         \
  }

#else

#define TMC_LEFT(instruction, x, w) instruction " %[left], " x ", " w ", %[left]\n\t"
#define TMC_RIGHT(instruction, x, w) instruction " %[right], " x ", " w ", %[right]\n\t"

// clang-format off: one instruction in a line

// Stores the right window first: a `step` of 0 lets the left one, stored last, replace it.
#define TMC_END_WINDOWS                                               \
  "ldmia %[scale], {r8, r9, r10}\n\t"                             \
  TMC_FAST_OUTPUT("left")                                             \
  TMC_FAST_OUTPUT("right")                                            \
  "strb %[right], [%[output], %[step]]\n\t"                           \
  "strb %[left], [%[output]]\n\t"                                     \
  "add %[output], %[output], %[step], lsl #1\n\t"

// Each row leaves `weights` at those of the next one.
#define TMC_ROW_3_BY_1                                                \
  "ldrd %[x0], %[x1], [%[row]]\n\t"                                   \
  "ldrd r8, r9, [%[weights]], #8\n\t"                                 \
  TMC_LEFT("smlad", "%[x0]", "r8")                                    \
  TMC_RIGHT("smlatb", "%[x0]", "r8")                                  \
  TMC_LEFT("smlabt", "%[x1]", "r9")                                   \
  TMC_RIGHT("smlad", "%[x1]", "r9")

#define TMC_ROW_5_BY_1                                                \
  "ldrd %[x0], %[x1], [%[row]]\n\t"                                   \
  "ldmia %[weights]!, {r8, r9, r10, r11}\n\t"                         \
  TMC_LEFT("smlad", "%[x0]", "r8")                                    \
  TMC_RIGHT("smlatb", "%[x0]", "r8")                                  \
  "ldr %[x0], [%[row], #8]\n\t"                                       \
  TMC_RIGHT("smlad", "%[x1]", "r9")                                   \
  TMC_LEFT("smlad", "%[x1]", "r10")                                   \
  TMC_LEFT("smlabt", "%[x0]", "r11")                                  \
  TMC_RIGHT("smlad", "%[x0]", "r11")

#define TMC_ROW_5_BY_2                                                \
  "ldrd %[x0], %[x1], [%[row]]\n\t"                                   \
  "ldmia %[weights]!, {r8, r9, r10}\n\t"                              \
  TMC_LEFT("smlad", "%[x0]", "r8")                                    \
  TMC_LEFT("smlad", "%[x1]", "r9")                                    \
  TMC_RIGHT("smlad", "%[x1]", "r8")                                   \
  "ldrd %[x0], %[x1], [%[row], #8]\n\t"                               \
  TMC_LEFT("smlad", "%[x0]", "r10")                                   \
  TMC_RIGHT("smlad", "%[x0]", "r9")                                   \
  TMC_RIGHT("smlad", "%[x1]", "r10")

#define TMC_ROW_7_BY_1                                                \
  "ldrd %[x0], %[x1], [%[row]]\n\t"                                   \
  "ldmia %[weights]!, {r8, r9, r10, r11}\n\t"                         \
  TMC_LEFT("smlad", "%[x0]", "r8")                                    \
  TMC_RIGHT("smlatb", "%[x0]", "r8")                                  \
  TMC_RIGHT("smlad", "%[x1]", "r9")                                   \
  TMC_LEFT("smlad", "%[x1]", "r10")                                   \
  "ldrd %[x0], %[x1], [%[row], #8]\n\t"                               \
  "ldrd r8, r9, [%[weights]], #8\n\t"                                 \
  TMC_RIGHT("smlad", "%[x0]", "r11")                                  \
  TMC_LEFT("smlad", "%[x0]", "r8")                                    \
  TMC_LEFT("smlabt", "%[x1]", "r9")                                   \
  TMC_RIGHT("smlad", "%[x1]", "r9")

#define TMC_ROW_7_BY_2                                                \
  "ldrd %[x0], %[x1], [%[row]]\n\t"                                   \
  "ldmia %[weights]!, {r8, r9, r10, r11}\n\t"                         \
  TMC_LEFT("smlad", "%[x0]", "r8")                                    \
  TMC_LEFT("smlad", "%[x1]", "r9")                                    \
  TMC_RIGHT("smlad", "%[x1]", "r8")                                   \
  "ldrd %[x0], %[x1], [%[row], #8]\n\t"                               \
  TMC_LEFT("smlad", "%[x0]", "r10")                                   \
  TMC_RIGHT("smlad", "%[x0]", "r9")                                   \
  TMC_LEFT("smlad", "%[x1]", "r11")                                   \
  TMC_RIGHT("smlad", "%[x1]", "r10")                                  \
  "ldr %[x0], [%[row], #16]\n\t"                                      \
  TMC_RIGHT("smlad", "%[x0]", "r11")

// clang-format on

// A pair of windows, row by row.
#define TMC_SUM_PAIR(row_of)                                                                    \
  __asm__ volatile("1:\n\t" row_of                                                              \
                   "add %[row], %[row], %[pitch]\n\t"                                           \
                   "subs %[rows], %[rows], #1\n\t"                                              \
                   "bgt 1b"                                                                     \
                   : [left] "+r"(left), [right] "+r"(right), [row] "+r"(row),                   \
                     [weights] "+r"(weights), [rows] "+r"(rows), [x0] "=&r"(x0), [x1] "=&r"(x1) \
                   : [pitch] "r"(of->pitch)                                                     \
                   : "r8", "r9", "r10", "r11", "cc", "memory")

// A last window alone is the left one of a pair, whose outputs are in one place.
#define TMC_WINDOWS_FUNCTION(kernel_w, stride)                                             \
  TMC_NOINLINE static void tmc_windows_##kernel_w##_by_##stride(const tmc_windows* of) {   \
    for (int32_t y = 0; y < of->rows; ++y) {                                               \
      const uint32_t* values = of->values + y * of->row_stride;                            \
      int8_t* output = tmc_pixel(of->output, of->y + y, of->x) + of->channel;              \
      int32_t columns = of->columns;                                                       \
      while (columns > 0) {                                                                \
        const int32_t step = columns > 1 ? of->output->channels : 0;                       \
        int32_t pairs = columns > 1 ? columns / 2 : 1;                                     \
        columns -= 2 * pairs;                                                              \
        do {                                                                               \
          const uint32_t* weights = of->weights;                                           \
          const uint32_t* row = values;                                                    \
          int32_t rows = of->kernel_h;                                                     \
          uint32_t left = of->bias;                                                        \
          uint32_t right = left;                                                           \
          uint32_t x0;                                                                     \
          uint32_t x1;                                                                     \
          TMC_SUM_PAIR(TMC_ROW_##kernel_w##_BY_##stride);                                  \
          __asm__ volatile(TMC_END_WINDOWS                                                 \
                           : [left] "+r"(left), [right] "+r"(right), [output] "+r"(output) \
                           : [scale] "r"(of->scale), [step] "r"(step)                      \
                           : "r8", "r9", "r10", "r11", "memory");                          \
          values += stride;                                                                \
        } while (--pairs > 0);                                                             \
      }                                                                                    \
    }                                                                                      \
  }

#endif

TMC_WINDOWS_FUNCTION(3, 1)
TMC_WINDOWS_FUNCTION(5, 1)
TMC_WINDOWS_FUNCTION(5, 2)
TMC_WINDOWS_FUNCTION(7, 1)
TMC_WINDOWS_FUNCTION(7, 2)

#endif
#endif  // TMC_TAPS_H_
