// SPDX-License-Identifier: Apache-2.0
// DEPTHWISE with one output channel per input channel and any windows, by the DSP extension: four
// channels, a word of the input, at a time.
#include "tmc_channels.h"
#include "tmc_depthwise.h"
#include "tmc_window.h"

#ifdef TMC_SIMD

static void compute_window(const tmc_call* call, const tmc_scale* scales, const uint32_t* biases,
                           const tmc_window* window, int32_t first, int8_t* output) {
  const tmc_op* op = call->op;
  const int32_t depth = call->output.channels;
  const int32_t pixel = depth * op->dilation_w;
  const uint32_t offset = tmc_pair_of(op->input_offset);
  const int32_t taps = window->cols.end - window->cols.begin;
  const int8_t* weights = (const int8_t*)call->parameters + op->weights + first;
  uint32_t sums[TMC_CHANNELS_AT_ONCE] = {biases[0], biases[1], biases[2], biases[3]};
  for (int32_t ky = window->rows.begin; ky < window->rows.end; ++ky) {
    const int8_t* input = tmc_tap_pixel(call, window, ky, window->cols.begin) + first;
    const int8_t* tap = weights + (ky * op->kernel_w + window->cols.begin) * depth;
    for (const int8_t* const end = tap + taps * depth; tap < end; tap += depth) {
      const uint32_t bytes = tmc_load_word(input);
      const tmc_quad x = {tmc_add_even_bytes(offset, bytes), tmc_add_odd_bytes(offset, bytes)};
      const tmc_quad w = tmc_quad_of(tmc_load_word(tap));
      sums[0] = tmc_multiply_add_low(w.first, x.first, sums[0]);
      sums[1] = tmc_multiply_add_low(w.second, x.second, sums[1]);
      sums[2] = tmc_multiply_add_high(w.first, x.first, sums[2]);
      sums[3] = tmc_multiply_add_high(w.second, x.second, sums[3]);
      input += pixel;
    }
  }
  for (int32_t i = 0; i < TMC_CHANNELS_AT_ONCE; ++i) {
    output[i] = tmc_output(op, scales[i], sums[i]);
  }
}

void tmc_depthwise_pixels(const tmc_call* call, const tmc_box* box, int32_t first) {
  tmc_scale scales[TMC_CHANNELS_AT_ONCE];
  uint32_t biases[TMC_CHANNELS_AT_ONCE];
  tmc_find_channels(call, first, TMC_CHANNELS_AT_ONCE, scales, biases);
  for (int32_t y = box->y_begin; y < box->y_end; ++y) {
    tmc_window window = {.rows = tmc_row_taps(call, y)};
    for (int32_t x = box->x_begin; x < box->x_end; ++x) {
      window.cols = tmc_col_taps(call, x);
      compute_window(call, scales, biases, &window, first, tmc_pixel(&call->output, y, x) + first);
    }
  }
}

#endif
