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

static inline bool tmc_is_pixel(const tmc_tensor* tensor) {
  return tensor->height == 1 && tensor->width == 1;
}

// What `op` reads of `input` to compute `output`, clipped to the input. The window of an empty
// span is that of its ends, so it may come out not empty; whoever plans a schedule does the same.
tmc_span tmc_input_span(const tmc_op* op, const tmc_tensor* input, tmc_span output, tmc_axis axis);

#endif  // TMC_SPAN_H_
