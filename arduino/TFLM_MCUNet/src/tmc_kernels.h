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
  int32_t slots;
  int32_t x_begin;
  int32_t height;
  int32_t width;
  int32_t channels;
} tmc_view;

static inline int8_t* tmc_pixel(const tmc_view* view, int32_t y, int32_t x) {
  return (int8_t*)view->data + (y % view->slots) * view->pitch +
         (x - view->x_begin) * view->channels;
}

// What a kernel is called with. `box` is in output coordinates and lies inside the output;
// the views hold every input pixel that the box needs (pixels outside the input's
// [0,height) x [0,width) are padding and never read). Output and input do not overlap,
// except for the elementwise kernels (ADD, MUL, LOOKUP), where an output pixel may lie at
// or below its input pixel, and for TMC_IN_PLACE.
typedef struct {
  const tmc_op* op;
  const uint8_t* parameters;
  tmc_view inputs[TMC_MAX_INPUTS];
  tmc_view output;
  tmc_view auxiliary;
  tmc_box box;
} tmc_call;

void tmc_conv_s8(const tmc_call* call);
void tmc_depthwise_conv_s8(const tmc_call* call);
void tmc_depthwise_conv_in_place_s8(const tmc_call* call);
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

// TMC_ACCUMULATE: zero the accumulators, add the box of the *input*, write the output.
void tmc_accumulate_begin(const tmc_call* call);
void tmc_accumulate_s8(const tmc_call* call);
void tmc_accumulate_end_s8(const tmc_call* call);

typedef void (*tmc_kernel)(const tmc_call* call);

// Which kernels execute a program. One that lists no others than those it needs lets the linker
// drop the rest.
typedef struct tmc_kernel_table {
  tmc_kernel of_kind[TMC_KIND_COUNT];
  tmc_kernel depthwise_in_place;
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
