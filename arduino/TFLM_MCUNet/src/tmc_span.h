// SPDX-License-Identifier: Apache-2.0
// Receptive fields along one axis: which rows (or columns) of an input an operator reads to
// compute given rows (or columns) of its output. Rows and columns never depend on each other.
#ifndef TMC_SPAN_H_
#define TMC_SPAN_H_

#include "tmc_schedule.h"

// Rows or columns [begin, end); empty when the end is not above the begin.
typedef struct {
  int16_t begin;
  int16_t end;
} tmc_span;

typedef enum { TMC_ROWS, TMC_COLUMNS } tmc_axis;

// Neutral element of tmc_span_union.
static inline tmc_span tmc_span_of_nothing(void) { return (tmc_span){INT16_MAX, 0}; }

static inline tmc_span tmc_span_union(tmc_span a, tmc_span b) {
  return (tmc_span){.begin = a.begin < b.begin ? a.begin : b.begin,
                    .end = a.end > b.end ? a.end : b.end};
}

static inline bool tmc_span_is_empty(tmc_span span) { return span.end <= span.begin; }

static inline int16_t tmc_clip(int32_t position, int32_t extent) {
  return (int16_t)(position < 0 ? 0 : position > extent ? extent : position);
}

static inline bool tmc_is_pixel(const tmc_tensor* tensor) {
  return tensor->height == 1 && tensor->width == 1;
}

static inline tmc_span tmc_window_span(const tmc_op* op, int32_t extent, tmc_span output,
                                       tmc_axis axis) {
  const bool is_rows = axis == TMC_ROWS;
  const int32_t stride = is_rows ? op->stride_h : op->stride_w;
  const int32_t dilation = is_rows ? op->dilation_h : op->dilation_w;
  const int32_t kernel = is_rows ? op->kernel_h : op->kernel_w;
  const int32_t pad = is_rows ? op->pad_top : op->pad_left;
  const int32_t last = (output.end - 1) * stride - pad + (kernel - 1) * dilation;
  return (tmc_span){.begin = tmc_clip(output.begin * stride - pad, extent),
                    .end = tmc_clip(last + 1, extent)};
}

static inline tmc_span tmc_repeated_span(const tmc_op* op, tmc_span output, tmc_axis axis) {
  const int32_t factor = axis == TMC_ROWS ? op->stride_h : op->stride_w;
  return (tmc_span){.begin = (int16_t)(output.begin / factor),
                    .end = (int16_t)((output.end + factor - 1) / factor)};
}

// What `op` reads of `input` to compute `output`, clipped to the input. The window of an empty
// span is that of its ends, so it may come out not empty; whoever plans a schedule does the same.
static inline tmc_span tmc_input_span(const tmc_op* op, const tmc_tensor* input, tmc_span output,
                                      tmc_axis axis) {
  const int32_t extent = axis == TMC_ROWS ? input->height : input->width;
  switch (op->kind) {
    case TMC_AVERAGE_POOL:
    case TMC_MEAN:  // an accumulating operator's tiles are cut from its input
      return tmc_accumulates(op) ? output : tmc_window_span(op, extent, output, axis);
    case TMC_CONV:
    case TMC_DEPTHWISE:
    case TMC_MAX_POOL:
      return tmc_window_span(op, extent, output, axis);
    case TMC_PAD: {
      const int32_t pad = axis == TMC_ROWS ? op->pad_top : op->pad_left;
      return (tmc_span){tmc_clip(output.begin - pad, extent), tmc_clip(output.end - pad, extent)};
    }
    case TMC_RESIZE_NEAREST:
      return tmc_repeated_span(op, output, axis);
    case TMC_TRANSPOSE:
    case TMC_RESHAPE:
      return (tmc_span){0, (int16_t)extent};
    default:  // elementwise
      return tmc_is_pixel(input) ? (tmc_span){0, 1} : output;
  }
}

#endif  // TMC_SPAN_H_
