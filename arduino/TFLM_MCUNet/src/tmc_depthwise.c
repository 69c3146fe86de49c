// SPDX-License-Identifier: Apache-2.0
// DEPTHWISE: output[o] = requantize(bias[o] + sum over taps of
//                weights[ky][kx][o] * (input[y][x][o / depth multiplier] - zero point)).
#include "tmc_depthwise.h"

#include "tmc_channels.h"
#include "tmc_window.h"

static void add_tap(const int8_t* restrict weights, const int8_t* restrict input, int32_t count,
                    int32_t offset, uint32_t* restrict sums) {
  for (int32_t i = 0; i < count; ++i) {
    sums[i] += (uint32_t)(weights[i] * (input[i] + offset));
  }
}

// Output channels first, first + 1, ... read each input channel depth_multiplier times.
static void add_multiplied_tap(const int8_t* weights, const int8_t* input, int32_t first,
                               int32_t count, const tmc_op* op, uint32_t* sums) {
  int32_t channel = first / op->depth_multiplier;
  int32_t repeats = first % op->depth_multiplier;
  for (int32_t i = 0; i < count; ++i) {
    sums[i] += (uint32_t)(weights[i] * (input[channel] + op->input_offset));
    if (++repeats == op->depth_multiplier) {
      repeats = 0;
      ++channel;
    }
  }
}

static void convolve(const tmc_call* call, const tmc_window* window, int8_t* output) {
  const tmc_op* op = call->op;
  const int32_t channels = call->output.channels;
  const int8_t* weights = (const int8_t*)call->parameters + op->weights;
  for (int32_t first = 0; first < channels; first += TMC_CHANNEL_BLOCK) {
    const int32_t count = tmc_min(channels - first, TMC_CHANNEL_BLOCK);
    uint32_t sums[TMC_CHANNEL_BLOCK];
    tmc_begin_sums(call, first, count, sums);
    for (int32_t ky = window->rows.begin; ky < window->rows.end; ++ky) {
      for (int32_t kx = window->cols.begin; kx < window->cols.end; ++kx) {
        const int8_t* input = tmc_tap_pixel(call, window, ky, kx);
        const int8_t* tap = weights + (ky * op->kernel_w + kx) * channels + first;
        if (op->depth_multiplier == 1) {
          add_tap(tap, input + first, count, op->input_offset, sums);
        } else {
          add_multiplied_tap(tap, input, first, count, op, sums);
        }
      }
    }
    tmc_end_sums(call, first, count, sums, output);
  }
}

#ifdef TMC_SIMD  // else: all others, too, are this one

static void convolve_by_fours(const tmc_call* call) {
  const int32_t last = call->output.channels - TMC_CHANNELS_AT_ONCE;
  for (int32_t i = 0; i < last + TMC_CHANNELS_AT_ONCE; i += TMC_CHANNELS_AT_ONCE) {
    tmc_depthwise_pixels(call, &call->box, tmc_min(i, last));  // the last ones may overlap others
  }
  tmc_clamp_box(call);
}

void tmc_depthwise_conv_s8(const tmc_call* call) {
  if (call->op->depth_multiplier == 1 && call->output.channels >= TMC_CHANNELS_AT_ONCE) {
    convolve_by_fours(call);
  } else {
    tmc_for_each_window(call, convolve);
  }
}

#else

void tmc_depthwise_conv_s8(const tmc_call* call) { tmc_for_each_window(call, convolve); }

void tmc_depthwise_3x3_s8(const tmc_call* call) { tmc_depthwise_conv_s8(call); }

void tmc_depthwise_5x5_s8(const tmc_call* call) { tmc_depthwise_conv_s8(call); }

void tmc_depthwise_7x7_s8(const tmc_call* call) { tmc_depthwise_conv_s8(call); }

#endif

// ---- In place ----

// Each channel depends only on itself: once its plane is copied aside, it can be overwritten.
void tmc_depthwise_copy_plane(const tmc_call* call, int32_t channel) {
  const tmc_view* from = &call->inputs[0];
  for (int32_t y = 0; y < from->height; ++y) {
    const int8_t* input = tmc_pixel(from, y, 0) + channel;
    int8_t* output = tmc_pixel(&call->inputs[TMC_SCRATCH], y, 0);
    for (int32_t x = 0; x < from->width; ++x) {
      output[x] = input[x * from->channels];
    }
  }
}

// Adds all taps of one channel; the input of `call` is that channel's plane.
static uint32_t add_plane_taps(const tmc_call* call, const tmc_window* window, int32_t channel,
                               uint32_t sum) {
  const tmc_op* op = call->op;
  const tmc_taps cols = window->cols;
  const int32_t channels = call->output.channels;
  const int8_t* weights = (const int8_t*)call->parameters + op->weights + channel;
  for (int32_t ky = window->rows.begin; ky < window->rows.end; ++ky) {
    const int8_t* input = tmc_tap_pixel(call, window, ky, cols.begin);
    const int8_t* row = weights + (ky * op->kernel_w + cols.begin) * channels;
    for (int32_t i = 0; i < cols.end - cols.begin; ++i) {
      sum += (uint32_t)(row[i * channels] * (input[i * op->dilation_w] + op->input_offset));
    }
  }
  return sum;
}

void tmc_depthwise_plane(const tmc_call* call, int32_t channel) {
  tmc_call of_plane = *call;
  of_plane.inputs[0] = call->inputs[TMC_SCRATCH];
  for (int32_t y = 0; y < call->output.height; ++y) {
    tmc_window window = {.rows = tmc_row_taps(&of_plane, y)};
    for (int32_t x = 0; x < call->output.width; ++x) {
      uint32_t sum;
      window.cols = tmc_col_taps(&of_plane, x);
      tmc_begin_sums(call, channel, 1, &sum);
      sum = add_plane_taps(&of_plane, &window, channel, sum);
      tmc_end_sums(call, channel, 1, &sum, tmc_pixel(&call->output, y, x));
    }
  }
}

void tmc_depthwise_in_place_s8(const tmc_call* call) {
  for (int32_t channel = 0; channel < call->output.channels; ++channel) {
    tmc_depthwise_copy_plane(call, channel);
    tmc_depthwise_plane(call, channel);
  }
}

#ifndef TMC_SIMD

void tmc_depthwise_in_place_3x3_s8(const tmc_call* call) { tmc_depthwise_in_place_s8(call); }

void tmc_depthwise_in_place_5x5_s8(const tmc_call* call) { tmc_depthwise_in_place_s8(call); }

void tmc_depthwise_in_place_7x7_s8(const tmc_call* call) { tmc_depthwise_in_place_s8(call); }

#endif
