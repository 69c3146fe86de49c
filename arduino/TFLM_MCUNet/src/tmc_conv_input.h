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

// Widens `count` adjacent bytes, and what follows them in their last quad: any values, since the
// weights there are zero.
void tmc_widen_bytes(tmc_widening to, const int8_t* values, int32_t count);

// What is left over of them behind `count / 4` quads.
void tmc_widen_rest(tmc_widening to, const int8_t* values, int32_t count);

// Three rows of nine bytes, as the first layer of nearly every network for images has them: the
// rows of the input below row `y` of the output, from column 0 on, and which columns of the output
// have windows inside the input.
typedef struct {
  int32_t y;
  int32_t begin;
  int32_t end;
  const int8_t* rows[3];
} tmc_rows_of_9;

int tmc_has_rows_of_9(const tmc_call* call);

// False: the window is not inside the input, and is not widened.
int tmc_widen_rows_of_9(const tmc_call* call, tmc_position at, tmc_rows_of_9* rows,
                        tmc_widening to);

// Widens a part of any window.
void tmc_widen_window(const tmc_call* call, tmc_position at, tmc_byte_range part, tmc_widening to);

#endif
#endif  // TMC_CONV_INPUT_H_
