// SPDX-License-Identifier: Apache-2.0
// MAX_POOL, AVERAGE_POOL and MEAN.
//
// AVERAGE_POOL divides the sum by the number of taps inside the input, rounding ties away from
// zero. MEAN subtracts the zero point and multiplies by a requantization constant that has the
// division folded in, as TFLM does (see tmc_mean_requantization).
#include <string.h>

#include "tmc_simd.h"
#include "tmc_window.h"

enum { MAX_PAIR_PIXELS = 255 };  // whose sum, at least -128 each, is an int16_t

static void max_over_window(const tmc_call* call, const tmc_window* window, int8_t* output) {
  const int32_t channels = call->output.channels;
  memset(output, call->op->act_min, (size_t)channels);
  for (int32_t ky = window->rows.begin; ky < window->rows.end; ++ky) {
    for (int32_t kx = window->cols.begin; kx < window->cols.end; ++kx) {
      const int8_t* input = tmc_tap_pixel(call, window, ky, kx);
      for (int32_t c = 0; c < channels; ++c) {
        output[c] = input[c] > output[c] ? input[c] : output[c];
      }
    }
  }
  for (int32_t c = 0; c < channels; ++c) {
    output[c] = output[c] < call->op->act_max ? output[c] : call->op->act_max;
  }
}

void tmc_max_pool_s8(const tmc_call* call) { tmc_for_each_window(call, max_over_window); }

static int32_t tap_count(const tmc_window* window) {
  return (window->rows.end - window->rows.begin) * (window->cols.end - window->cols.begin);
}

// Adds `pixels`, `step` bytes apart, of one row of the input.
static void add_pixels(const int8_t* input, int32_t step, int32_t pixels, int32_t count,
                       int32_t* sums) {
  int32_t i = 0;
#ifdef TMC_SIMD
  // Four channels at a time, whose sums stay within int16_t.
  for (; i + 4 <= count; i += 4) {
    const int8_t* values = input + i;
    for (int32_t left = pixels; left > 0; left -= MAX_PAIR_PIXELS) {
      tmc_quad quad = {0, 0};
      for (int32_t n = tmc_min(left, MAX_PAIR_PIXELS); n > 0; --n) {
        const uint32_t bytes = tmc_load_word(values);
        quad.first = tmc_add_even_bytes(quad.first, bytes);
        quad.second = tmc_add_odd_bytes(quad.second, bytes);
        values += step;
      }
      sums[i] += (int16_t)quad.first;
      sums[i + 1] += (int16_t)quad.second;
      sums[i + 2] += (int32_t)quad.first >> 16;
      sums[i + 3] += (int32_t)quad.second >> 16;
    }
  }
#endif
  for (; i < count; ++i) {
    for (int32_t x = 0; x < pixels; ++x) {
      sums[i] += input[x * step + i];
    }
  }
}

static int8_t average(const tmc_op* op, int32_t sum, int32_t taps) {
  const int32_t half = sum > 0 ? taps / 2 : -(taps / 2);
  return (int8_t)tmc_clamp((sum + half) / taps, op->act_min, op->act_max);
}

static int8_t mean(const tmc_call* call, int32_t sum, int32_t taps) {
  const tmc_mean_requantization* q =
      (const tmc_mean_requantization*)(const void*)(call->parameters + call->op->requantization);
  return tmc_to_output(tmc_multiply_by_quantized_multiplier(sum + taps * call->op->input_offset,
                                                            q->multiplier, q->shift),
                       call->op);
}

// Turns the sums of `count` channels over `taps` pixels into output.
static void divide(const tmc_call* call, const int32_t* sums, int32_t count, int32_t taps,
                   int8_t* output) {
  const int is_mean = call->op->kind == TMC_MEAN;
  for (int32_t i = 0; i < count; ++i) {
    output[i] = is_mean ? mean(call, sums[i], taps) : average(call->op, sums[i], taps);
  }
}

static void average_over_window(const tmc_call* call, const tmc_window* window, int8_t* output) {
  const int32_t channels = call->output.channels;
  for (int32_t first = 0; first < channels; first += TMC_CHANNEL_BLOCK) {
    const int32_t count = tmc_min(channels - first, TMC_CHANNEL_BLOCK);
    int32_t sums[TMC_CHANNEL_BLOCK] = {0};
    for (int32_t ky = window->rows.begin; ky < window->rows.end; ++ky) {
      add_pixels(tmc_tap_pixel(call, window, ky, window->cols.begin) + first,
                 channels * call->op->dilation_w, window->cols.end - window->cols.begin, count,
                 sums);
    }
    divide(call, sums, count, tap_count(window), output + first);
  }
}

void tmc_average_pool_s8(const tmc_call* call) { tmc_for_each_window(call, average_over_window); }

void tmc_mean_s8(const tmc_call* call) { tmc_for_each_window(call, average_over_window); }

static int32_t* accumulators(const tmc_call* call, int32_t output_x) {
  return (int32_t*)(void*)call->inputs[TMC_SCRATCH].data + output_x * call->output.channels;
}

void tmc_accumulate_begin(const tmc_call* call) {
  const int32_t count = call->output.width * call->output.channels;
  memset(accumulators(call, 0), 0, (size_t)count * sizeof(int32_t));
}

void tmc_accumulate_s8(const tmc_call* call) {
  const tmc_box* box = &call->box;
  for (int32_t x = 0; x < call->output.width; ++x) {
    const tmc_taps cols = tmc_col_taps(call, x);
    const int32_t begin = tmc_max(cols.origin + cols.begin, box->x_begin);
    const int32_t end = tmc_min(cols.origin + cols.end, box->x_end);
    for (int32_t y = box->y_begin; y < box->y_end && begin < end; ++y) {
      add_pixels(tmc_pixel(&call->inputs[0], y, begin), call->output.channels, end - begin,
                 call->output.channels, accumulators(call, x));
    }
  }
}

void tmc_accumulate_end_s8(const tmc_call* call) {
  tmc_window window = {.rows = tmc_row_taps(call, 0)};
  for (int32_t x = 0; x < call->output.width; ++x) {
    window.cols = tmc_col_taps(call, x);
    divide(call, accumulators(call, x), call->output.channels, tap_count(&window),
           tmc_pixel(&call->output, 0, x));
  }
}
