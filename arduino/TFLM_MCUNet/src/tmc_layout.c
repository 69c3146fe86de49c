// SPDX-License-Identifier: Apache-2.0
// Operators that move elements and compute nothing. A hostile program may let tensors overlap, so
// nothing here relies on that they do not.
#include <string.h>

#include "tmc_requantize.h"

static int is_inside(const tmc_view* view, int32_t y, int32_t x) {
  return y >= 0 && y < view->height && x >= 0 && x < view->width;
}

void tmc_pad_s8(const tmc_call* call) {
  const tmc_op* op = call->op;
  const tmc_view* input = &call->inputs[0];
  const tmc_box* box = &call->box;
  for (int32_t y = box->y_begin; y < box->y_end; ++y) {
    for (int32_t x = box->x_begin; x < box->x_end; ++x) {
      int8_t* output = tmc_pixel(&call->output, y, x);
      memset(output, op->output_offset, (size_t)call->output.channels);
      if (is_inside(input, y - op->pad_top, x - op->pad_left)) {
        memmove(output + op->channel_offset, tmc_pixel(input, y - op->pad_top, x - op->pad_left),
                (size_t)input->channels);
      }
    }
  }
}

void tmc_copy_s8(const tmc_call* call) {
  const tmc_view* input = &call->inputs[0];
  const tmc_box* box = &call->box;
  for (int32_t y = box->y_begin; y < box->y_end; ++y) {
    for (int32_t x = box->x_begin; x < box->x_end; ++x) {
      memmove(tmc_pixel(&call->output, y, x) + call->op->channel_offset, tmc_pixel(input, y, x),
              (size_t)input->channels);
    }
  }
}

void tmc_resize_nearest_s8(const tmc_call* call) {
  const tmc_op* op = call->op;
  const tmc_box* box = &call->box;
  for (int32_t y = box->y_begin; y < box->y_end; ++y) {
    for (int32_t x = box->x_begin; x < box->x_end; ++x) {
      memmove(tmc_pixel(&call->output, y, x),
              tmc_pixel(&call->inputs[0], y / op->stride_h, x / op->stride_w),
              (size_t)call->output.channels);
    }
  }
}

void tmc_transpose_s8(const tmc_call* call) {
  const tmc_view* input = &call->inputs[0];
  const tmc_box* box = &call->box;
  const int32_t* permutation = tmc_int32_parameters(call, call->op->weights);
  const int32_t input_strides[3] = {input->pitch, input->channels, 1};
  const int32_t y_stride = input_strides[permutation[0]];
  const int32_t x_stride = input_strides[permutation[1]];
  const int32_t c_stride = input_strides[permutation[2]];
  for (int32_t y = box->y_begin; y < box->y_end; ++y) {
    for (int32_t x = box->x_begin; x < box->x_end; ++x) {
      const int8_t* from = (const int8_t*)input->data + y * y_stride + x * x_stride;
      int8_t* output = tmc_pixel(&call->output, y, x);
      for (int32_t c = 0; c < call->output.channels; ++c) {
        output[c] = from[c * c_stride];
      }
    }
  }
}

// Copies elements of a tensor, counted row by row from its first one, to `output`.
static void copy_elements(const tmc_view* view, int32_t first, int32_t count, int8_t* output) {
  const int32_t row_elements = view->width * view->channels;
  while (count > 0) {
    const int32_t offset = first % row_elements;
    const int32_t run = tmc_min(row_elements - offset, count);
    memmove(output, tmc_pixel(view, first / row_elements, 0) + offset, (size_t)run);
    output += run;
    first += run;
    count -= run;
  }
}

void tmc_reshape_s8(const tmc_call* call) {
  const tmc_view* output = &call->output;
  const tmc_box* box = &call->box;
  const int32_t count = (box->x_end - box->x_begin) * output->channels;
  for (int32_t y = box->y_begin; y < box->y_end; ++y) {
    const int32_t first = (y * output->width + box->x_begin) * output->channels;
    copy_elements(&call->inputs[0], first, count, tmc_pixel(output, y, box->x_begin));
  }
}
