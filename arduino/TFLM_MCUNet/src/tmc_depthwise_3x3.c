// SPDX-License-Identifier: Apache-2.0
// DEPTHWISE 3 x 3 with one output channel per input channel, by the DSP extension: four channels, a
// word of the input, at a time. The three rows that a row of windows reads are widened to quads of
// channels, padding included; the next row of windows widens only those that are new.
#include "tmc_depthwise.h"
#include "tmc_window.h"
#include "tmc_windows_3x3.h"

#ifdef TMC_SIMD

enum {
  SIZE = 3,
  ROW_QUADS = 26,  // columns of the input that are widened at once
};

// A box of the output whose rows of the input fit, and four of its channels.
typedef struct {
  const tmc_call* call;
  tmc_box box;
  int32_t first;
  int32_t before;  // columns of padding, then those inside the input, from `x` on
  int32_t x;
  int32_t inside;
  int32_t columns;
  tmc_windows_3x3 windows;
  tmc_quad rows[SIZE][ROW_QUADS];  // row y in the place of y modulo SIZE
} convolution;

static void find_columns(convolution* c) {
  const tmc_op* op = c->call->op;
  const int32_t begin = c->box.x_begin * op->stride_w - op->pad_left;
  const int32_t end = (c->box.x_end - 1) * op->stride_w - op->pad_left + SIZE;
  c->x = tmc_max(begin, 0);
  c->before = tmc_min(c->x, end) - begin;
  c->inside = tmc_min(end, c->call->inputs[0].width) - c->x;
  c->columns = end - begin;
}

static void pack_weights(convolution* c) {
  const int8_t* tap = (const int8_t*)c->call->parameters + c->call->op->weights + c->first;
  for (int32_t i = 0; i < SIZE * SIZE; ++i) {
    c->windows.weights[i] = tmc_quad_of(tmc_load_word(tap));
    tap += c->call->output.channels;
  }
}

static tmc_quad* widen_padding(tmc_quad* quads, int32_t count) {
  for (; count > 0; --count) {
    *quads++ = (tmc_quad){0, 0};
  }
  return quads;
}

TMC_NOINLINE static void widen_row(const convolution* c, int32_t y, tmc_quad* quads) {
  const tmc_view* input = &c->call->inputs[0];
  if (y < 0 || y >= input->height || c->inside <= 0) {
    widen_padding(quads, c->columns);
    return;
  }
  quads = widen_padding(quads, c->before);
  tmc_widen_channels(tmc_pixel(input, y, c->x) + c->first, input->channels, c->inside,
                     tmc_pair_of(c->call->op->input_offset), quads);
  widen_padding(quads + c->inside, c->columns - c->before - c->inside);
}

// Windows of channels whose scales are not all fast.
TMC_COLD static void run_windows_slowly(const convolution* c, int8_t* output) {
  const int32_t depth = c->call->output.channels;
  for (int32_t x = 0; output != c->windows.outputs_end; x += c->windows.step, output += depth) {
    for (int32_t i = 0; i < TMC_CHANNELS_AT_ONCE; ++i) {
      output[i] = tmc_output(c->call->op, c->windows.scales[i], tmc_sum_of_3x3(&c->windows, x, i));
    }
  }
}

// Computes four channels of the box.
TMC_NOINLINE static void compute_channels(convolution* c, int are_fast) {
  const tmc_op* op = c->call->op;
  const int32_t depth = c->call->output.channels;
  int32_t next = c->box.y_begin * op->stride_h - op->pad_top;  // row of the input to widen
  int32_t slot = 0;
  pack_weights(c);
  for (int32_t y = c->box.y_begin; y < c->box.y_end; ++y) {
    const int32_t begin = y * op->stride_h - op->pad_top;
    int8_t* const output = tmc_pixel(&c->call->output, y, c->box.x_begin) + c->first;
    for (; next < begin + SIZE; ++next) {
      widen_row(c, next, c->rows[slot]);
      slot = slot == SIZE - 1 ? 0 : slot + 1;
    }
    // The oldest row is where the next one will go.
    c->windows.rows[0] = c->rows[slot];
    c->windows.rows[1] = c->rows[slot == 2 ? 0 : slot + 1];
    c->windows.rows[2] = c->rows[slot == 0 ? 2 : slot - 1];
    c->windows.outputs_end = output + (c->box.x_end - c->box.x_begin) * depth;
    if (are_fast) {
      tmc_run_windows_3x3(&c->windows, depth, output);
    } else {
      run_windows_slowly(c, output);
    }
  }
}

static void compute_box(convolution* c) {
  const int32_t last = c->call->output.channels - TMC_CHANNELS_AT_ONCE;
  find_columns(c);
  for (int32_t i = 0; i < last + TMC_CHANNELS_AT_ONCE; i += TMC_CHANNELS_AT_ONCE) {
    c->first = tmc_min(i, last);  // the last channels may overlap those before
    compute_channels(c, tmc_find_channels(c->call, c->first, TMC_CHANNELS_AT_ONCE,
                                          c->windows.scales, c->windows.biases));
  }
}

void tmc_depthwise_3x3_s8(const tmc_call* call) {
  const int32_t stride = call->op->stride_w;
  const int32_t at_once = (ROW_QUADS - SIZE) / stride + 1;
  convolution c;
  c.call = call;
  c.box = call->box;
  c.windows.step = stride * (int32_t)sizeof(tmc_quad);
  for (int32_t x = call->box.x_begin; x < call->box.x_end; x += at_once) {
    c.box.x_begin = x;
    c.box.x_end = tmc_min(x + at_once, call->box.x_end);
    compute_box(&c);
  }
  tmc_clamp_box(call);
}

#endif
