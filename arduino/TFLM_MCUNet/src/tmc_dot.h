// SPDX-License-Identifier: Apache-2.0
// The inner loop of CONV by the DSP extension: products of weights, four int8_t in a word, with
// inputs that are widened to int16_t before and read by all output channels. It is written in
// assembly because one LDM loads four words, which compilers do not make of four loads, and so
// that it is as fast with -Os, with which Arduino builds everything.
//
// Wide inputs are quads: for each four adjacent values of a pixel a word with values 0 and 2, and
// one with values 1 and 3. Quads of the pixels that are computed together are interleaved.
#ifndef TMC_DOT_H_
#define TMC_DOT_H_

#include "tmc_channels.h"

#ifdef TMC_SIMD

// Sums of one channel for up to four pixels, or of two channels for one.
typedef struct {
  uint32_t a;
  uint32_t b;
  uint32_t c;
  uint32_t d;
} tmc_sums;

// One filter over the windows of pixels, four at a time, at least once. Behind a part of the
// windows, `start` are the sums of the first four.
typedef struct {
  tmc_scale scale;  // a fast one
  tmc_sums start;
  const int8_t* weights;
  int32_t quads;
  int8_t* const* pixels;  // of the output
  int8_t* const* pixels_end;
  int32_t channel;
} tmc_filter_run;

// Filters, at least one, whose products with the windows of four pixels are added to sums.
typedef struct {
  const int8_t* weights;
  int32_t quads;
  const uint32_t* wide;
  int32_t step;  // bytes from the weights of a filter to those of the next
  tmc_sums* sums;
  tmc_sums* sums_end;
} tmc_filters;

#ifdef TMC_SIMD_IN_C

// Widens `quads` of one pixel, to which `offset` is added, `step` words apart.
TMC_INLINE void tmc_widen(const int8_t* values, int32_t quads, uint32_t offset, int32_t step,
                          uint32_t* wide) {
  for (; quads > 0; --quads) {
    const uint32_t bytes = tmc_load_word(values);
    wide[0] = tmc_add_even_bytes(offset, bytes);
    wide[1] = tmc_add_odd_bytes(offset, bytes);
    values += 4;
    wide += step;
  }
}

// The same for four pixels at once, interleaved.
TMC_INLINE void tmc_widen_4_pixels(const int8_t* const* pixels, int32_t quads, uint32_t offset,
                                   uint32_t* wide) {
  for (int32_t p = 0; p < 4; ++p) {
    tmc_widen(pixels[p], quads, offset, 8, wide + 2 * p);
  }
}

TMC_INLINE uint32_t tmc_dot_of_quads(const int8_t* weights, const uint32_t* wide, int32_t quads,
                                     int32_t step, uint32_t sum) {
  for (; quads > 0; --quads) {
    const tmc_quad x = {wide[0], wide[1]};
    sum = tmc_dot(tmc_quad_of(tmc_load_word(weights)), x, sum);
    weights += 4;
    wide += step;
  }
  return sum;
}

TMC_INLINE tmc_sums tmc_dot_of_4_pixels(const int8_t* weights, const uint32_t* x, int32_t quads,
                                        tmc_sums sums) {
  return (tmc_sums){
      tmc_dot_of_quads(weights, x, quads, 8, sums.a),
      tmc_dot_of_quads(weights, x + 2, quads, 8, sums.b),
      tmc_dot_of_quads(weights, x + 4, quads, 8, sums.c),
      tmc_dot_of_quads(weights, x + 6, quads, 8, sums.d),
  };
}

TMC_INLINE void tmc_run_filters(tmc_filters* of) {
  for (; of->sums != of->sums_end; ++of->sums) {
    *of->sums = tmc_dot_of_4_pixels(of->weights, of->wide, of->quads, *of->sums);
    of->weights += of->step;
  }
}

// Adds the products of two filters with eight adjacent values of a pixel, `pairs` times.
TMC_INLINE tmc_sums tmc_dot_of_2_channels(const int8_t* first, const int8_t* second,
                                          const uint32_t* wide, int32_t pairs, tmc_sums sums) {
  return (tmc_sums){
      .a = tmc_dot_of_quads(first, wide, 2 * pairs, 2, sums.a),
      .b = tmc_dot_of_quads(second, wide, 2 * pairs, 2, sums.b),
  };
}

TMC_INLINE void tmc_run_filter(tmc_filter_run* of, const uint32_t* wide) {
  for (; of->pixels != of->pixels_end; of->pixels += 4) {
    const tmc_sums sums = tmc_dot_of_4_pixels(of->weights, wide, of->quads, of->start);
    wide += 8 * of->quads;
    of->pixels[0][of->channel] = tmc_fast_output(of->scale, sums.a);
    of->pixels[1][of->channel] = tmc_fast_output(of->scale, sums.b);
    of->pixels[2][of->channel] = tmc_fast_output(of->scale, sums.c);
    of->pixels[3][of->channel] = tmc_fast_output(of->scale, sums.d);
  }
}

#else

TMC_INLINE void tmc_widen(const int8_t* values, int32_t quads, uint32_t offset, int32_t step,
                          uint32_t* wide) {
  uint32_t even;
  uint32_t odd;
  __asm__ volatile(TMC_LOOP_BY_TWO("ldr %[odd], [%[values]], #4\n\t"
                                   "sxtab16 %[even], %[offset], %[odd]\n\t"
                                   "sxtab16 %[odd], %[offset], %[odd], ror #8\n\t"
                                   "strd %[even], %[odd], [%[wide]]\n\t"
                                   "add %[wide], %[wide], %[step]\n\t")
                   : [values] "+r"(values), [count] "+r"(quads), [wide] "+r"(wide),
                     [even] "=&r"(even), [odd] "=&r"(odd)
                   : [offset] "r"(offset), [step] "r"(4 * step)
                   : "cc", "memory");
}

// clang-format off: one instruction in a line
#define TMC_WIDEN_2_PIXELS(first, second)                         \
  "ldr r9, [%[" first "]], #4\n\t"                                \
  "ldr r11, [%[" second "]], #4\n\t"                              \
  "sxtab16 r8, %[offset], r9\n\t"                                 \
  "sxtab16 r9, %[offset], r9, ror #8\n\t"                         \
  "sxtab16 r10, %[offset], r11\n\t"                               \
  "sxtab16 r11, %[offset], r11, ror #8\n\t"                       \
  "stmia %[wide]!, {r8, r9, r10, r11}\n\t"
// clang-format on

TMC_INLINE void tmc_widen_4_pixels(const int8_t* const* pixels, int32_t quads, uint32_t offset,
                                   uint32_t* wide) {
  const int8_t* p0 = pixels[0];
  const int8_t* p1 = pixels[1];
  const int8_t* p2 = pixels[2];
  const int8_t* p3 = pixels[3];
  __asm__ volatile(
      "1:\n\t" TMC_WIDEN_2_PIXELS("p0", "p1") TMC_WIDEN_2_PIXELS("p2", "p3")
      "subs %[count], %[count], #1\n\t"
      "bgt 1b"
      : [p0] "+r"(p0), [p1] "+r"(p1), [p2] "+r"(p2), [p3] "+r"(p3), [count] "+r"(quads),
        [wide] "+r"(wide)
      : [offset] "r"(offset)
      : "r8", "r9", "r10", "r11", "cc", "memory");
}

// clang-format off: one instruction in a line
#define TMC_DOT_OF_2_PIXELS(first, second)                        \
  "ldmia %[wide]!, {r8, r9, r10, r11}\n\t"                        \
  "smlad %[" first "], %[even], r8, %[" first "]\n\t"             \
  "smlad %[" first "], %[odd], r9, %[" first "]\n\t"              \
  "smlad %[" second "], %[even], r10, %[" second "]\n\t"          \
  "smlad %[" second "], %[odd], r11, %[" second "]\n\t"
// clang-format on

// 13 instructions for 16 products.
// clang-format off
#define TMC_DOT_OF_4_PIXELS                                       \
  "ldr %[even], [%[weights]], #4\n\t"                             \
  "sxtb16 %[odd], %[even], ror #8\n\t"                            \
  "sxtb16 %[even], %[even]\n\t"                                   \
  TMC_DOT_OF_2_PIXELS("a", "b")                                   \
  TMC_DOT_OF_2_PIXELS("c", "d")
// clang-format on

// Four in each turn; what is more than a multiple of four comes first. `even` is free until then.
// clang-format off
#define TMC_LOOP_BY_FOUR(body)                                    \
  "and %[even], %[count], #3\n\t"                                 \
  "tbb [pc, %[even]]\n"                                           \
  "5:\n\t"                                                        \
  ".byte (1f - 5b) / 2, (4f - 5b) / 2, (3f - 5b) / 2, (2f - 5b) / 2\n" \
  "1:\n\t" body                                                   \
  "2:\n\t" body                                                   \
  "3:\n\t" body                                                   \
  "4:\n\t" body                                                   \
  "subs %[count], %[count], #4\n\t"                               \
  "bgt 1b"
// clang-format on

_Static_assert(offsetof(tmc_filters, quads) == 4, "as below");
_Static_assert(offsetof(tmc_filters, wide) == 8, "as below");
_Static_assert(offsetof(tmc_filters, step) == 12, "as below");
_Static_assert(offsetof(tmc_filters, sums) == 16, "as below");
_Static_assert(offsetof(tmc_filters, sums_end) == 20, "as below");

TMC_INLINE void tmc_run_filters(tmc_filters* of) {
  uint32_t a;
  uint32_t b;
  uint32_t c;
  uint32_t d;
  const int8_t* weights;
  int32_t count;
  const uint32_t* wide;
  uint32_t even;
  uint32_t odd;
  __asm__ volatile(
      "6:\n\t"
      "ldr %[even], [%[of], #16]\n\t"
      "ldrd %[weights], %[count], [%[of]]\n\t"
      "ldr %[wide], [%[of], #8]\n\t"
      "ldrd %[a], %[b], [%[even]]\n\t"
      "ldrd %[c], %[d], [%[even], #8]\n\t"  //
      TMC_LOOP_BY_FOUR(TMC_DOT_OF_4_PIXELS)
      "\n\t"
      "ldrd %[even], %[odd], [%[of], #16]\n\t"
      "strd %[a], %[b], [%[even]], #8\n\t"
      "strd %[c], %[d], [%[even]], #8\n\t"
      "ldr %[weights], [%[of]]\n\t"
      "ldr %[count], [%[of], #12]\n\t"
      "add %[weights], %[weights], %[count]\n\t"
      "str %[weights], [%[of]]\n\t"
      "str %[even], [%[of], #16]\n\t"
      "cmp %[even], %[odd]\n\t"
      "bne 6b"
      : [a] "=&r"(a), [b] "=&r"(b), [c] "=&r"(c), [d] "=&r"(d), [weights] "=&r"(weights),
        [count] "=&r"(count), [wide] "=&r"(wide), [even] "=&r"(even), [odd] "=&r"(odd)
      : [of] "r"(of)
      : "r8", "r9", "r10", "r11", "cc", "memory");
}

// clang-format off: one instruction in a line
#define TMC_DOT_OF_8_VALUES(weights, sum)                         \
  "ldrd %[even], %[odd], [%[" weights "]], #8\n\t"                \
  "sxtb16 %[other], %[even], ror #8\n\t"                          \
  "sxtb16 %[even], %[even]\n\t"                                   \
  "smlad %[" sum "], %[even], r8, %[" sum "]\n\t"                 \
  "smlad %[" sum "], %[other], r9, %[" sum "]\n\t"                \
  "sxtb16 %[other], %[odd], ror #8\n\t"                           \
  "sxtb16 %[odd], %[odd]\n\t"                                     \
  "smlad %[" sum "], %[odd], r10, %[" sum "]\n\t"                 \
  "smlad %[" sum "], %[other], r11, %[" sum "]\n\t"
// clang-format on

// 19 instructions for 16 products; weights are aligned to words.
TMC_INLINE tmc_sums tmc_dot_of_2_channels(const int8_t* first, const int8_t* second,
                                          const uint32_t* wide, int32_t pairs, tmc_sums sums) {
  uint32_t even;
  uint32_t odd;
  uint32_t other;
  if (pairs > 0) {
    __asm__ volatile(
        TMC_LOOP_BY_FOUR("ldmia %[wide]!, {r8, r9, r10, r11}\n\t"  //
                         TMC_DOT_OF_8_VALUES("first", "a") TMC_DOT_OF_8_VALUES("second", "b"))
        : [a] "+r"(sums.a), [b] "+r"(sums.b), [first] "+r"(first), [second] "+r"(second),
          [wide] "+r"(wide), [count] "+r"(pairs), [even] "=&r"(even), [odd] "=&r"(odd),
          [other] "=&r"(other)
        :
        : "r8", "r9", "r10", "r11", "cc", "memory");
  }
  return sums;
}

_Static_assert(offsetof(tmc_filter_run, start) == 16, "as below");
_Static_assert(offsetof(tmc_filter_run, weights) == 32, "as below");
_Static_assert(offsetof(tmc_filter_run, pixels) == 40, "as below");
_Static_assert(offsetof(tmc_filter_run, pixels_end) == 44, "as below");
_Static_assert(offsetof(tmc_filter_run, channel) == 48, "as below");

// 38 instructions for four outputs besides their products.
TMC_INLINE void tmc_run_filter(tmc_filter_run* of, const uint32_t* wide) {
  uint32_t a;
  uint32_t b;
  uint32_t c;
  uint32_t d;
  const int8_t* weights;
  int32_t count;
  uint32_t even;
  uint32_t odd;
  __asm__ volatile(
      "6:\n\t"
      "ldrd %[a], %[b], [%[of], #16]\n\t"
      "ldrd %[c], %[d], [%[of], #24]\n\t"
      "ldrd %[weights], %[count], [%[of], #32]\n\t"  //
      TMC_LOOP_BY_FOUR(TMC_DOT_OF_4_PIXELS)
      "\n\t"
      "ldmia %[of], {r8, r9, r10}\n\t"  //
      TMC_FAST_OUTPUT("a") TMC_FAST_OUTPUT("b") TMC_FAST_OUTPUT("c") TMC_FAST_OUTPUT("d")
      "ldrd %[weights], %[count], [%[of], #40]\n\t"
      "ldr %[even], [%[of], #48]\n\t"
      "ldmia %[weights]!, {r8, r9, r10, r11}\n\t"
      "str %[weights], [%[of], #40]\n\t"
      "strb %[a], [r8, %[even]]\n\t"
      "strb %[b], [r9, %[even]]\n\t"
      "strb %[c], [r10, %[even]]\n\t"
      "strb %[d], [r11, %[even]]\n\t"
      "cmp %[weights], %[count]\n\t"
      "bne 6b"
      : [a] "=&r"(a), [b] "=&r"(b), [c] "=&r"(c), [d] "=&r"(d), [weights] "=&r"(weights),
        [count] "=&r"(count), [wide] "+r"(wide), [even] "=&r"(even), [odd] "=&r"(odd)
      : [of] "r"(of)
      : "r8", "r9", "r10", "r11", "cc", "memory");
}

#endif

#endif
#endif  // TMC_DOT_H_
