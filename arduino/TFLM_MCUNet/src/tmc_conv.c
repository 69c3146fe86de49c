// SPDX-License-Identifier: Apache-2.0
// CONV: output[o] = requantize(bias[o] + sum over taps and input channels of
//                              weights[o][ky][kx][i] * (input[y][x][i] - zero point)).
#include "tmc_simd.h"
#include "tmc_window.h"

#ifndef TMC_SIMD  // else: tmc_conv_simd.c

static uint32_t dot(const int8_t* weights, const int8_t* input, int32_t count, int32_t offset) {
  uint32_t sum = 0;
  for (int32_t i = 0; i < count; ++i) {
    sum += (uint32_t)(weights[i] * (int16_t)(input[i] + offset));
  }
  return sum;
}

// Adds the `taps` adjacent taps that start at (ky, kx) to the sums of a block of channels.
static void add_taps(const tmc_call* call, const tmc_window* window, int32_t ky, int32_t kx,
                     int32_t taps, int32_t first, int32_t count, uint32_t* sums) {
  const tmc_op* op = call->op;
  const int32_t depth = call->inputs[0].channels;
  const int32_t filter_bytes =
      (int32_t)tmc_filter_bytes((uint32_t)(op->kernel_h * op->kernel_w * depth));
  const int8_t* input = tmc_tap_pixel(call, window, ky, kx);
  const int8_t* weights = (const int8_t*)call->parameters + op->weights + first * filter_bytes +
                          (ky * op->kernel_w + kx) * depth;
  for (int32_t i = 0; i < count; ++i) {
    sums[i] += dot(weights + i * filter_bytes, input, taps * depth, op->input_offset);
  }
}

static void convolve(const tmc_call* call, const tmc_window* window, int8_t* output) {
  const int32_t channels = call->output.channels;
  const tmc_taps cols = window->cols;
  // Without dilation, the taps of a row are adjacent in the input as they are in the weights.
  const int32_t run = call->op->dilation_w == 1 ? cols.end - cols.begin : 1;
  for (int32_t first = 0; first < channels; first += TMC_CHANNEL_BLOCK) {
    const int32_t count = tmc_min(channels - first, TMC_CHANNEL_BLOCK);
    uint32_t sums[TMC_CHANNEL_BLOCK];
    tmc_begin_sums(call, first, count, sums);
    for (int32_t ky = window->rows.begin; ky < window->rows.end; ++ky) {
      for (int32_t kx = cols.begin; kx < cols.end; kx += run) {
        add_taps(call, window, ky, kx, run, first, count, sums);
      }
    }
    tmc_end_sums(call, first, count, sums, output);
  }
}

void tmc_conv_s8(const tmc_call* call) { tmc_for_each_window(call, convolve); }

#endif
