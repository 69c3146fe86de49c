// SPDX-License-Identifier: Apache-2.0
// What CONV by the DSP extension reads: windows of the input, widened to quads (see tmc_dot.h).
#ifndef TMC_CONV_INPUT_H_
#define TMC_CONV_INPUT_H_

#include "tmc_dot.h"

#ifdef TMC_SIMD

// A pixel of the output.
typedef struct {
  int32_t y;
  int32_t x;
} tmc_position;

// Bytes [begin, end) of a window, in the order of its weights.
typedef struct {
  int32_t begin;
  int32_t end;
} tmc_byte_range;

typedef struct {
  int32_t step;     // words from one quad of a pixel to its next
  uint32_t offset;  // a pair
  uint32_t* wide;
} tmc_widening;

// What is known of the windows of a row of the output: the slot of the input's row in which they
// begin, and the columns [begin, end) of those that are inside the input. No columns before row `y`
// is that of the window.
typedef struct {
  int32_t y;
  int32_t slot;
  int32_t begin;
  int32_t end;
} tmc_window_row;

// Widens `count` adjacent bytes, and what follows them in their last quad: any values, since the
// weights there are zero.
void tmc_widen_bytes(const tmc_widening* to, const int8_t* values, int32_t count);

// What is left over of them behind `count / 4` quads.
void tmc_widen_rest(const tmc_widening* to, const int8_t* values, int32_t count);

// Widens a part of any window.
void tmc_widen_window(const tmc_call* call, tmc_window_row* row, const tmc_position* at,
                      const tmc_byte_range* part, const tmc_widening* to);

#endif
#endif  // TMC_CONV_INPUT_H_
