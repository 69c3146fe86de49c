// SPDX-License-Identifier: Apache-2.0
#include "tmc_span.h"

#include "tmc_speed.h"

static int16_t clip(int32_t position, int32_t extent) {
  return (int16_t)(position < 0 ? 0 : position > extent ? extent : position);
}

static tmc_span window_span(const tmc_op* op, int32_t extent, tmc_span output, tmc_axis axis) {
  const bool is_rows = axis == TMC_ROWS;
  const int32_t stride = is_rows ? op->stride_h : op->stride_w;
  const int32_t dilation = is_rows ? op->dilation_h : op->dilation_w;
  const int32_t kernel = is_rows ? op->kernel_h : op->kernel_w;
  const int32_t pad = is_rows ? op->pad_top : op->pad_left;
  const int32_t last = (output.end - 1) * stride - pad + (kernel - 1) * dilation;
  return (tmc_span){.begin = clip(output.begin * stride - pad, extent),
                    .end = clip(last + 1, extent)};
}

static tmc_span repeated_span(const tmc_op* op, tmc_span output, tmc_axis axis) {
  const int32_t factor = axis == TMC_ROWS ? op->stride_h : op->stride_w;
  return (tmc_span){.begin = (int16_t)(output.begin / factor),
                    .end = (int16_t)((output.end + factor - 1) / factor)};
}

tmc_span tmc_input_span(const tmc_op* op, const tmc_tensor* input, tmc_span output, tmc_axis axis) {
  const int32_t extent = axis == TMC_ROWS ? input->height : input->width;
  switch (op->kind) {
    case TMC_AVERAGE_POOL:
    case TMC_MEAN:  // an accumulating operator's tiles are cut from its input
      return tmc_accumulates(op) ? output : window_span(op, extent, output, axis);
    case TMC_CONV:
    case TMC_DEPTHWISE:
    case TMC_MAX_POOL:
      return window_span(op, extent, output, axis);
    case TMC_PAD: {
      const int32_t pad = axis == TMC_ROWS ? op->pad_top : op->pad_left;
      return (tmc_span){clip(output.begin - pad, extent), clip(output.end - pad, extent)};
    }
    case TMC_RESIZE_NEAREST:
      return repeated_span(op, output, axis);
    case TMC_TRANSPOSE:
    case TMC_RESHAPE:
      return (tmc_span){0, (int16_t)extent};
    default:  // elementwise
      return tmc_is_pixel(input) ? (tmc_span){0, 1} : output;
  }
}
