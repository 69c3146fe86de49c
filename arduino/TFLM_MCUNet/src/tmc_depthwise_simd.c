// SPDX-License-Identifier: Apache-2.0
// DEPTHWISE with one output channel per input channel, by the DSP extension, four channels at a
// time. Wide boxes are first packed: of each channel, a row segment of all the rows that its
// windows see becomes words that hold two int16_t of one column, those of a column adjacent:
//
//   packed[channel][column][row / 2] = (row, row + 1)
//
// So a window is adjacent words, at any stride, as are its packed weights.
#include "tmc_depthwise_simd.h"

#include "tmc_channels.h"
#include "tmc_window.h"

#ifdef TMC_SIMD

enum {
  CHANNELS = 4,        // at a time
  PACKED_WORDS = 320,  // weights and row segment of four channels
  MIN_PIXELS = 3,      // in a row of the box, for which packing pays
};

typedef struct {
  const tmc_call* call;
  tmc_channels channels;
  int32_t row_pairs;    // words of a column
  int32_t window;       // words of a window
  int32_t max_columns;  // of a packed segment
  uint32_t packed[PACKED_WORDS];
} convolution;

// ---- Packing ----

// Four channels of adjacent pixels, from a pixel on; their rows are `step` bytes apart.
typedef struct {
  const int8_t* data;
  int32_t step;
} row;

typedef struct {
  uint32_t offset;  // added to all values
  int32_t column;   // words from a column to the next
  int32_t plane;    // words from a channel to the next
} packing;

// Packs a pair of rows; returns where the next column goes.
static uint32_t* pack_rows(const packing* to, row top, row bottom, int32_t columns,
                           uint32_t* packed) {
  const packing p = *to;
  for (uint32_t* const end = packed + columns * p.column; packed != end; packed += p.column) {
    const uint32_t a = tmc_load_word(top.data);
    const uint32_t b = tmc_load_word(bottom.data);
    const tmc_quad upper = {tmc_add_even_bytes(p.offset, a), tmc_add_odd_bytes(p.offset, a)};
    const tmc_quad lower = {tmc_add_even_bytes(p.offset, b), tmc_add_odd_bytes(p.offset, b)};
    packed[0] = tmc_low_halves(upper.first, lower.first);
    packed[p.plane] = tmc_low_halves(upper.second, lower.second);
    packed[2 * p.plane] = tmc_high_halves(upper.first, lower.first);
    packed[3 * p.plane] = tmc_high_halves(upper.second, lower.second);
    top.data += top.step;
    bottom.data += bottom.step;
  }
  return packed;
}

static void pack_weights(convolution* c, int32_t first) {
  const tmc_op* op = c->call->op;
  const int32_t channels = c->call->output.channels;
  const packing to = {0, c->row_pairs, c->window};
  const int8_t* weights = (const int8_t*)c->call->parameters + op->weights + first;
  const uint32_t nothing = 0;
  const row none = {(const int8_t*)&nothing, 0};
  for (int32_t pair = 0; pair < c->row_pairs; ++pair) {
    const int8_t* top = weights + 2 * pair * op->kernel_w * channels;
    const row upper = {top, channels};
    const row lower = {top + op->kernel_w * channels, channels};
    const int is_last = 2 * pair + 1 == op->kernel_h;
    pack_rows(&to, upper, is_last ? none : lower, op->kernel_w, c->packed + pair);
  }
}

// Packs the input columns [begin, end) under the windows of a row of output.
static void pack_input(convolution* c, tmc_taps rows, int32_t first, int32_t begin, int32_t end) {
  const tmc_call* call = c->call;
  const tmc_view* input = &call->inputs[0];
  const int32_t left = tmc_clamp(begin, 0, input->width);
  const int32_t right = tmc_clamp(end, left, input->width);
  const packing to = {tmc_pair_of(call->op->input_offset), c->row_pairs,
                      c->row_pairs * c->max_columns};
  const uint32_t zero_points = 0x01010101u * (uint8_t)-call->op->input_offset;
  const row padding = {(const int8_t*)&zero_points, 0};
  for (int32_t pair = 0; pair < c->row_pairs; ++pair) {
    row pixels[2];
    for (int32_t i = 0; i < 2; ++i) {
      const int32_t ky = 2 * pair + i;
      const int is_inside = ky >= rows.begin && ky < rows.end;
      const int32_t y = rows.origin + ky * call->op->dilation_h;
      pixels[i] = is_inside ? (row){tmc_pixel(input, y, left) + first, input->channels} : padding;
    }
    uint32_t* packed = c->packed + CHANNELS * c->window + pair;
    packed = pack_rows(&to, padding, padding, left - begin, packed);
    packed = pack_rows(&to, pixels[0], pixels[1], right - left, packed);
    pack_rows(&to, padding, padding, end - right, packed);
  }
}

// ---- Sums ----

// A window of each of four pixels.
typedef struct {
  uint32_t a;
  uint32_t b;
  uint32_t c;
  uint32_t d;
} sums_of_4;

TMC_INLINE sums_of_4 add_4_windows(const uint32_t* weights, int32_t words, const uint32_t* a,
                                   int32_t step, uint32_t bias) {
  sums_of_4 sums = {bias, bias, bias, bias};
  const uint32_t* b = a + step;
  const uint32_t* c = b + step;
  const uint32_t* d = c + step;
  for (const uint32_t* const end = weights + (words & ~1); weights != end;) {
    const tmc_quad w = tmc_next_quad(&weights);
    sums.a = tmc_dot(w, tmc_next_quad(&a), sums.a);
    sums.b = tmc_dot(w, tmc_next_quad(&b), sums.b);
    sums.c = tmc_dot(w, tmc_next_quad(&c), sums.c);
    sums.d = tmc_dot(w, tmc_next_quad(&d), sums.d);
  }
  if ((words & 1) != 0) {
    sums.a = tmc_multiply_add_pairs(*weights, *a, sums.a);
    sums.b = tmc_multiply_add_pairs(*weights, *b, sums.b);
    sums.c = tmc_multiply_add_pairs(*weights, *c, sums.c);
    sums.d = tmc_multiply_add_pairs(*weights, *d, sums.d);
  }
  return sums;
}

TMC_INLINE uint32_t add_window(const uint32_t* weights, int32_t words, const uint32_t* values,
                               uint32_t sum) {
  for (const uint32_t* const end = weights + words; weights != end;) {
    sum = tmc_multiply_add_pairs(*weights++, *values++, sum);
  }
  return sum;
}

// Computes `count` pixels of one channel from packed values.
static void compute_channel(const convolution* c, int32_t channel, const uint32_t* weights,
                            const uint32_t* values, int32_t count, int8_t* output) {
  const tmc_call* call = c->call;
  const int32_t pixel = call->output.channels;
  const int32_t words = c->window;
  const int32_t step = call->op->stride_w * c->row_pairs;
  const uint32_t bias = tmc_bias(&c->channels, channel);
  const tmc_scale scale = tmc_scale_of(&c->channels, channel);
  for (; count >= 4; count -= 4) {
    const sums_of_4 sums = add_4_windows(weights, words, values, step, bias);
    output[0] = tmc_output(call->op, scale, sums.a);
    output[pixel] = tmc_output(call->op, scale, sums.b);
    output[2 * pixel] = tmc_output(call->op, scale, sums.c);
    output[3 * pixel] = tmc_output(call->op, scale, sums.d);
    output += 4 * pixel;
    values += 4 * step;
  }
  for (; count > 0; --count) {
    output[0] = tmc_output(call->op, scale, add_window(weights, words, values, bias));
    output += pixel;
    values += step;
  }
}

static void compute_packed_segment(convolution* c, int32_t first, int32_t y, int32_t x,
                                   int32_t count) {
  const tmc_op* op = c->call->op;
  const int32_t begin = x * op->stride_w - op->pad_left;
  const uint32_t* values = c->packed + CHANNELS * c->window;
  pack_input(c, tmc_row_taps(c->call, y), first, begin,
             begin + (count - 1) * op->stride_w + op->kernel_w);
  for (int32_t i = 0; i < CHANNELS; ++i) {
    compute_channel(c, first + i, c->packed + i * c->window,
                    values + i * c->max_columns * c->row_pairs, count,
                    tmc_pixel(&c->call->output, y, x) + first + i);
  }
}

static void compute_packed(convolution* c, int32_t first) {
  const tmc_box* box = &c->call->box;
  const tmc_op* op = c->call->op;
  const int32_t most = (c->max_columns - op->kernel_w) / op->stride_w + 1;
  const int32_t at_once = most >= 4 ? most & ~3 : most;
  pack_weights(c, first);
  for (int32_t y = box->y_begin; y < box->y_end; ++y) {
    for (int32_t x = box->x_begin; x < box->x_end; x += at_once) {
      compute_packed_segment(c, first, y, x, tmc_min(box->x_end - x, at_once));
    }
  }
}

// ---- Boxes too narrow for packing, and kernels too large ----

static void compute_window(const convolution* c, const tmc_window* window, int32_t first,
                           int8_t* output) {
  const tmc_op* op = c->call->op;
  const int32_t depth = c->call->output.channels;
  const int32_t pixel = depth * op->dilation_w;
  const uint32_t offset = tmc_pair_of(op->input_offset);
  const int32_t taps = window->cols.end - window->cols.begin;
  const int8_t* weights = (const int8_t*)c->call->parameters + op->weights + first;
  uint32_t sums[CHANNELS] = {tmc_bias(&c->channels, first), tmc_bias(&c->channels, first + 1),
                             tmc_bias(&c->channels, first + 2), tmc_bias(&c->channels, first + 3)};
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
  for (int32_t i = 0; i < CHANNELS; ++i) {
    output[first + i] = tmc_output(op, tmc_scale_of(&c->channels, first + i), sums[i]);
  }
}

static void compute_pixels(const convolution* c, int32_t first) {
  const tmc_call* call = c->call;
  const tmc_box* box = &call->box;
  for (int32_t y = box->y_begin; y < box->y_end; ++y) {
    tmc_window window = {.rows = tmc_row_taps(call, y)};
    for (int32_t x = box->x_begin; x < box->x_end; ++x) {
      window.cols = tmc_col_taps(call, x);
      compute_window(c, &window, first, tmc_pixel(&call->output, y, x));
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
  return box->x_end - box->x_begin >= MIN_PIXELS && op->dilation_w == 1 &&
         c->max_columns >= op->kernel_w;
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
  c.row_pairs = (op->kernel_h + 1) / 2;
  c.window = c.row_pairs * op->kernel_w;
  c.max_columns = (PACKED_WORDS - CHANNELS * c.window) / (CHANNELS * c.row_pairs);
  const int is_packed = packing_pays(&c);
  const int32_t last = call->output.channels - CHANNELS;
  for (int32_t first = 0; first < call->output.channels; first += CHANNELS) {
    // The last channels may overlap those before.
    if (is_packed) {
      compute_packed(&c, tmc_min(first, last));
    } else {
      compute_pixels(&c, tmc_min(first, last));
    }
  }
  clamp_box(call);
}

#endif
