// SPDX-License-Identifier: Apache-2.0
// Kernels: each computes one box of one operator's output. They hold no state and allocate
// nothing; arithmetic is that of TFLite-Micro's reference int8 kernels, bit for bit.
#ifndef TMC_KERNELS_H_
#define TMC_KERNELS_H_

#include <stdint.h>

#include "tmc_program.h"

#ifdef __cplusplus
extern "C" {
#endif

// Rows [y_begin, y_end) and columns [x_begin, x_end); empty when an end is not above its begin.
typedef struct {
  int32_t y_begin;
  int32_t y_end;
  int32_t x_begin;
  int32_t x_end;
} tmc_box;

// A tensor in memory. Pixel (y, x) is at
//   data + (y % slots) * pitch + (x - x_begin) * channels * element size.
typedef struct {
  uint8_t* data;
  int32_t pitch;
  uint16_t slots;
  uint16_t x_begin;
  uint16_t height;
  uint16_t width;
  uint16_t channels;
} tmc_view;

static inline int8_t* tmc_pixel(const tmc_view* view, int32_t y, int32_t x) {
  return (int8_t*)view->data + (y % view->slots) * view->pitch +
         (x - view->x_begin) * view->channels;
}

// What a kernel is called with. `box` is in output coordinates and lies inside the output;
// the views hold every input pixel that the box needs (pixels outside the input's
// [0,height) x [0,width) are padding and never read). Output and input do not overlap,
// except for the elementwise kernels (ADD, MUL, LOOKUP), where an output pixel may lie at
// or below its input pixel, and for TMC_IN_PLACE. Operators with an auxiliary tensor have one
// input, and that tensor as TMC_SCRATCH behind it: the stack holds no view that nobody needs.
#define TMC_SCRATCH 1

typedef struct {
  const tmc_op* op;
  const uint8_t* parameters;
  tmc_view inputs[TMC_MAX_INPUTS];
  tmc_view output;
  tmc_box box;
} tmc_call;

void tmc_conv_s8(const tmc_call* call);
void tmc_depthwise_conv_s8(const tmc_call* call);
void tmc_add_s8(const tmc_call* call);
void tmc_mul_s8(const tmc_call* call);
void tmc_max_pool_s8(const tmc_call* call);
void tmc_average_pool_s8(const tmc_call* call);
void tmc_mean_s8(const tmc_call* call);
void tmc_lookup_s8(const tmc_call* call);
void tmc_softmax_s8(const tmc_call* call);
void tmc_pad_s8(const tmc_call* call);
void tmc_copy_s8(const tmc_call* call);
void tmc_resize_nearest_s8(const tmc_call* call);
void tmc_transpose_s8(const tmc_call* call);
void tmc_reshape_s8(const tmc_call* call);

// DEPTHWISE with the windows of one case, see tmc_window_case_of; and TMC_IN_PLACE.
void tmc_depthwise_3x3_s8(const tmc_call* call);
void tmc_depthwise_5x5_s8(const tmc_call* call);
void tmc_depthwise_7x7_s8(const tmc_call* call);
void tmc_depthwise_in_place_s8(const tmc_call* call);
void tmc_depthwise_in_place_3x3_s8(const tmc_call* call);
void tmc_depthwise_in_place_5x5_s8(const tmc_call* call);
void tmc_depthwise_in_place_7x7_s8(const tmc_call* call);

// TMC_ACCUMULATE: zero the accumulators, add the box of the *input*, write the output.
void tmc_accumulate_begin(const tmc_call* call);
void tmc_accumulate_s8(const tmc_call* call);
void tmc_accumulate_end_s8(const tmc_call* call);

typedef void (*tmc_kernel)(const tmc_call* call);

// Windows for which DEPTHWISE has kernels of their own.
typedef enum {
  TMC_WINDOW_ANY,
  TMC_WINDOW_3X3,
  TMC_WINDOW_5X5,
  TMC_WINDOW_7X7,
  TMC_WINDOW_COUNT,
} tmc_window_case;

static inline tmc_window_case tmc_window_case_of(const tmc_op* op, int32_t channels) {
  if (op->kernel_h != op->kernel_w || op->stride_h > 2 || op->stride_w > 2 || op->dilation_h != 1 ||
      op->dilation_w != 1 || op->depth_multiplier != 1 || channels < 4) {
    return TMC_WINDOW_ANY;
  }
  return op->kernel_w == 3   ? TMC_WINDOW_3X3
         : op->kernel_w == 5 ? TMC_WINDOW_5X5
         : op->kernel_w == 7 ? TMC_WINDOW_7X7
                             : TMC_WINDOW_ANY;
}

// Which kernels execute a program. One that lists no others than those it needs lets the linker
// drop the rest.
typedef struct tmc_kernel_table {
  tmc_kernel of_kind[TMC_KIND_COUNT];  // of all kinds but DEPTHWISE
  tmc_kernel depthwise[TMC_WINDOW_COUNT];
  tmc_kernel depthwise_in_place[TMC_WINDOW_COUNT];
  tmc_kernel accumulate_begin;
  tmc_kernel accumulate;
  tmc_kernel accumulate_end;
} tmc_kernel_table;

// All of them.
extern const tmc_kernel_table tmc_all_kernels;

#ifdef __cplusplus
}
#endif

#endif  // TMC_KERNELS_H_
