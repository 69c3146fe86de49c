// SPDX-License-Identifier: Apache-2.0
// DEPTHWISE with one output channel per input channel, by the DSP extension, four channels at a
// time. A row segment of all the rows that its windows see is packed, pairs of rows in a word:
//
//   packed[column][row / 2][channel] = (row, row + 1)
//
// So a window is adjacent words, at any stride, as are its weights packed alike; each input value
// is widened once for a row of output.
#include "tmc_depthwise_simd.h"

#include "tmc_channels.h"
#include "tmc_window.h"

#ifdef TMC_SIMD

enum {
  CHANNELS = 4,        // at a time
  PACKED_WORDS = 384,  // weights and row segment of four channels
};

typedef struct {
  const tmc_call* call;
  tmc_channels channels;
  int32_t column_words;
  int32_t window_words;
  int32_t max_columns;  // of a packed segment
  uint32_t packed[PACKED_WORDS];
} convolution;

// What four channels are computed with; `all_are_fast` if their scales are.
typedef struct {
  uint32_t biases[CHANNELS];
  tmc_scale scales[CHANNELS];
  int all_are_fast;
} block;

static block block_of(const tmc_channels* channels, int32_t first) {
  block b = {.all_are_fast = 1};
  for (int32_t i = 0; i < CHANNELS; ++i) {
    b.biases[i] = tmc_bias(channels, first + i);
    b.scales[i] = tmc_scale_of(channels, first + i);
    b.all_are_fast &= b.scales[i].is_fast;
  }
  return b;
}

// ---- Packing ----

// Four channels of adjacent pixels, `step` bytes apart.
typedef struct {
  const int8_t* data;
  int32_t step;
} row;

// Packs a pair of rows, to which `offset` is added; returns where the next column goes.
static uint32_t* pack_rows(row top, row bottom, uint32_t offset, int32_t columns,
                           int32_t column_words, uint32_t* packed) {
  for (; columns > 0; --columns) {
    const uint32_t a = tmc_load_word(top.data);
    const uint32_t b = tmc_load_word(bottom.data);
    const tmc_quad upper = {tmc_add_even_bytes(offset, a), tmc_add_odd_bytes(offset, a)};
    const tmc_quad lower = {tmc_add_even_bytes(offset, b), tmc_add_odd_bytes(offset, b)};
    packed[0] = tmc_low_halves(upper.first, lower.first);
    packed[1] = tmc_low_halves(upper.second, lower.second);
    packed[2] = tmc_high_halves(upper.first, lower.first);
    packed[3] = tmc_high_halves(upper.second, lower.second);
    packed += column_words;
    top.data += top.step;
    bottom.data += bottom.step;
  }
  return packed;
}

static void pack_weights(convolution* c, int32_t first) {
  const tmc_op* op = c->call->op;
  const int32_t channels = c->call->output.channels;
  const int8_t* weights = (const int8_t*)c->call->parameters + op->weights + first;
  const uint32_t nothing = 0;
  for (int32_t ky = 0; ky < op->kernel_h; ky += 2) {
    const row top = {weights + ky * op->kernel_w * channels, channels};
    const row bottom = {top.data + op->kernel_w * channels, channels};
    const row none = {(const int8_t*)&nothing, 0};
    pack_rows(top, ky + 1 < op->kernel_h ? bottom : none, 0, op->kernel_w, c->column_words,
              c->packed + ky / 2 * CHANNELS);
  }
}

// Packs the input columns [begin, end) under the windows of a row of output.
static void pack_input(convolution* c, tmc_taps rows, int32_t first, int32_t begin, int32_t end) {
  const tmc_view* input = &c->call->inputs[0];
  const tmc_op* op = c->call->op;
  const int32_t left = tmc_clamp(begin, 0, input->width);
  const int32_t right = tmc_clamp(end, left, input->width);
  const uint32_t offset = tmc_pair_of(op->input_offset);
  const uint32_t zero_points = 0x01010101u * (uint8_t)-op->input_offset;
  const row padding = {(const int8_t*)&zero_points, 0};
  const int32_t words = c->column_words;
  for (int32_t ky = 0; ky < op->kernel_h; ky += 2) {
    row pixels[2] = {padding, padding};
    for (int32_t i = tmc_max(rows.begin - ky, 0); i < tmc_min(rows.end - ky, 2); ++i) {
      const int32_t y = rows.origin + (ky + i) * op->dilation_h;
      pixels[i] = (row){tmc_pixel(input, y, left) + first, input->channels};
    }
    uint32_t* packed = c->packed + c->window_words + ky / 2 * CHANNELS;
    packed = pack_rows(padding, padding, offset, left - begin, words, packed);
    packed = pack_rows(pixels[0], pixels[1], offset, right - left, words, packed);
    pack_rows(padding, padding, offset, end - right, words, packed);
  }
}

// ---- Sums ----

TMC_INLINE void write(const tmc_op* op, const block* b, int32_t i, uint32_t sum, int8_t* output) {
  output[i] =
      b->all_are_fast ? tmc_fast_output(b->scales[i], sum) : tmc_output(op, b->scales[i], sum);
}

typedef struct {
  uint32_t a;
  uint32_t b;
  uint32_t c;
  uint32_t d;
} channel_sums;

// Adds a pair of rows of one column to the sums of the four channels.
TMC_INLINE channel_sums add_pair(const uint32_t** weights, const uint32_t** values,
                                 channel_sums sums) {
  const tmc_quad x01 = tmc_next_quad(values);
  const tmc_quad w01 = tmc_next_quad(weights);
  sums.a = tmc_multiply_add_pairs(w01.first, x01.first, sums.a);
  sums.b = tmc_multiply_add_pairs(w01.second, x01.second, sums.b);
  const tmc_quad x23 = tmc_next_quad(values);
  const tmc_quad w23 = tmc_next_quad(weights);
  sums.c = tmc_multiply_add_pairs(w23.first, x23.first, sums.c);
  sums.d = tmc_multiply_add_pairs(w23.second, x23.second, sums.d);
  return sums;
}

// Two at a time, which halves what the loop itself costs.
TMC_INLINE channel_sums add_window(const uint32_t* weights, const uint32_t* end, int is_odd,
                                   const uint32_t* values, channel_sums sums) {
  if (is_odd) {
    sums = add_pair(&weights, &values, sums);
  }
  while (weights != end) {
    sums = add_pair(&weights, &values, sums);
    sums = add_pair(&weights, &values, sums);
  }
  return sums;
}

// Computes `count` pixels of a row from packed values.
static void compute_row(const convolution* c, const block* b, int32_t count, int8_t* output) {
  const tmc_op* op = c->call->op;
  const int32_t channels = c->call->output.channels;
  const uint32_t* const weights = c->packed;
  const uint32_t* const end = weights + c->window_words;
  const int is_odd = (c->window_words & CHANNELS) != 0;
  const int32_t step = op->stride_w * c->column_words;
  for (const uint32_t* values = end; count > 0; --count) {
    channel_sums sums = {b->biases[0], b->biases[1], b->biases[2], b->biases[3]};
    sums = add_window(weights, end, is_odd, values, sums);
    write(op, b, 0, sums.a, output);
    write(op, b, 1, sums.b, output);
    write(op, b, 2, sums.c, output);
    write(op, b, 3, sums.d, output);
    output += channels;
    values += step;
  }
}

static void compute_packed(convolution* c, const block* b, int32_t first) {
  const tmc_box* box = &c->call->box;
  const tmc_op* op = c->call->op;
  const int32_t at_once = (c->max_columns - op->kernel_w) / op->stride_w + 1;
  pack_weights(c, first);
  for (int32_t y = box->y_begin; y < box->y_end; ++y) {
    const tmc_taps rows = tmc_row_taps(c->call, y);
    for (int32_t x = box->x_begin; x < box->x_end; x += at_once) {
      const int32_t count = tmc_min(box->x_end - x, at_once);
      const int32_t begin = x * op->stride_w - op->pad_left;
      pack_input(c, rows, first, begin, begin + (count - 1) * op->stride_w + op->kernel_w);
      compute_row(c, b, count, tmc_pixel(&c->call->output, y, x) + first);
    }
  }
}

// ---- Single pixels, dilated and large kernels ----

static void compute_window(const convolution* c, const block* b, const tmc_window* window,
                           int32_t first, int8_t* output) {
  const tmc_op* op = c->call->op;
  const int32_t depth = c->call->output.channels;
  const int32_t pixel = depth * op->dilation_w;
  const uint32_t offset = tmc_pair_of(op->input_offset);
  const int32_t taps = window->cols.end - window->cols.begin;
  const int8_t* weights = (const int8_t*)c->call->parameters + op->weights + first;
  uint32_t sums[CHANNELS] = {b->biases[0], b->biases[1], b->biases[2], b->biases[3]};
  for (int32_t ky = window->rows.begin; ky < window->rows.end; ++ky) {
    const int8_t* input = tmc_tap_pixel(c->call, window, ky, window->cols.begin) + first;
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
  write(op, b, 0, sums[0], output + first);
  write(op, b, 1, sums[1], output + first);
  write(op, b, 2, sums[2], output + first);
  write(op, b, 3, sums[3], output + first);
}

static void compute_pixels(const convolution* c, const block* b, int32_t first) {
  const tmc_call* call = c->call;
  const tmc_box* box = &call->box;
  for (int32_t y = box->y_begin; y < box->y_end; ++y) {
    tmc_window window = {.rows = tmc_row_taps(call, y)};
    for (int32_t x = box->x_begin; x < box->x_end; ++x) {
      window.cols = tmc_col_taps(call, x);
      compute_window(c, b, &window, first, tmc_pixel(&call->output, y, x));
    }
  }
}

// ---- The operator ----

int tmc_depthwise_simd_computes(const tmc_call* call) {
  return call->op->depth_multiplier == 1 && call->output.channels >= CHANNELS;
}

static int packing_pays(const convolution* c) {
  const tmc_op* op = c->call->op;
  const tmc_box* box = &c->call->box;
  return box->x_end - box->x_begin > 1 && op->dilation_w == 1 && c->max_columns >= op->kernel_w;
}

static void clamp_box(const tmc_call* call) {
  const tmc_box* box = &call->box;
  const int32_t count = (box->x_end - box->x_begin) * call->output.channels;
  for (int32_t y = box->y_begin; y < box->y_end; ++y) {
    tmc_clamp_outputs(call->op, tmc_pixel(&call->output, y, box->x_begin), count);
  }
}

void tmc_depthwise_simd(const tmc_call* call) {
  const tmc_op* op = call->op;
  convolution c;
  c.call = call;
  c.channels = tmc_channels_of(call);
  c.column_words = (op->kernel_h + 1) / 2 * CHANNELS;
  c.window_words = tmc_min(c.column_words * op->kernel_w, PACKED_WORDS);
  c.max_columns = (PACKED_WORDS - c.window_words) / c.column_words;
  const int is_packed = packing_pays(&c);
  const int32_t last = call->output.channels - CHANNELS;
  for (int32_t first = 0; first < call->output.channels; first += CHANNELS) {
    const int32_t begin = tmc_min(first, last);  // the last channels may overlap those before
    const block b = block_of(&c.channels, begin);
    if (is_packed) {
      compute_packed(&c, &b, begin);
    } else {
      compute_pixels(&c, &b, begin);
    }
  }
  clamp_box(call);
}

#endif
