// SPDX-License-Identifier: Apache-2.0
// How CONV, DEPTHWISE and pooling walk over their input: one window for each output pixel.
#ifndef TMC_WINDOW_H_
#define TMC_WINDOW_H_

#include "tmc_requantize.h"
#include "tmc_speed.h"

// Taps of a window along one axis: tap k reads input position origin + k * dilation, and those
// in [begin, end) are inside the input. The others are padding: they add nothing.
typedef struct {
  int32_t origin;
  int32_t begin;
  int32_t end;
} tmc_taps;

typedef struct {
  tmc_taps rows;
  tmc_taps cols;
} tmc_window;

static inline tmc_taps tmc_taps_inside(int32_t origin, int32_t kernel, int32_t dilation,
                                       int32_t extent) {
  const int32_t before = tmc_max(-origin, 0);
  const int32_t inside = tmc_max(extent - origin, 0);
  const int32_t begin = (before + dilation - 1) / dilation;
  const int32_t end = tmc_min((inside + dilation - 1) / dilation, kernel);
  return (tmc_taps){.origin = origin, .begin = begin, .end = tmc_max(end, begin)};
}

static inline tmc_taps tmc_row_taps(const tmc_call* call, int32_t output_y) {
  const tmc_op* op = call->op;
  return tmc_taps_inside(output_y * op->stride_h - op->pad_top, op->kernel_h, op->dilation_h,
                         call->inputs[0].height);
}

static inline tmc_taps tmc_col_taps(const tmc_call* call, int32_t output_x) {
  const tmc_op* op = call->op;
  return tmc_taps_inside(output_x * op->stride_w - op->pad_left, op->kernel_w, op->dilation_w,
                         call->inputs[0].width);
}

// The input pixel under tap (ky, kx).
static inline const int8_t* tmc_tap_pixel(const tmc_call* call, const tmc_window* window,
                                          int32_t ky, int32_t kx) {
  return tmc_pixel(&call->inputs[0], window->rows.origin + ky * call->op->dilation_h,
                   window->cols.origin + kx * call->op->dilation_w);
}

// Computes all channels of one output pixel.
typedef void (*tmc_window_function)(const tmc_call* call, const tmc_window* window, int8_t* output);

static inline void tmc_for_each_window(const tmc_call* call, tmc_window_function compute) {
  const tmc_box* box = &call->box;
  for (int32_t y = box->y_begin; y < box->y_end; ++y) {
    tmc_window window = {.rows = tmc_row_taps(call, y)};
    for (int32_t x = box->x_begin; x < box->x_end; ++x) {
      window.cols = tmc_col_taps(call, x);
      compute(call, &window, tmc_pixel(&call->output, y, x));
    }
  }
}

#endif  // TMC_WINDOW_H_
