// SPDX-License-Identifier: Apache-2.0
// CONV by the DSP extension. A few pixels of the input are widened to int16_t, which all output
// channels then read. Sums are computed four at a time, in blocks of 4 pixels by 1 channel, 2 by 2
// or 1 by 4: as many pixels as there are left, because weights are widened once for all of them.
#include "tmc_channels.h"
#include "tmc_window.h"

#ifdef TMC_SIMD

enum {
  BLOCK_SUMS = 4,
  MAX_PIXELS = 4,
  MAX_BLOCKS = 32,   // whose sums are kept where a window is widened part by part
  MAX_PART = 128,    // bytes of a window that are widened at a time
  WIDE_WORDS = 128,  // and their sum over all pixels
};

// One word for each sum of a block, a channel's pixels side by side.
typedef struct {
  uint32_t a;
  uint32_t b;
  uint32_t c;
  uint32_t d;
} words;

typedef struct {
  const tmc_call* call;
  tmc_channels channels;
  int32_t window_bytes;
  const int8_t* weights;
  tmc_window windows[MAX_PIXELS];
  int8_t* outputs[MAX_PIXELS];
  uint32_t wide[WIDE_WORDS];
  words partial[MAX_BLOCKS];
} convolution;

// ---- Input ----

static void copy(const int8_t* from, int32_t count, int8_t* to) {
  for (; count >= 4; count -= 4) {
    memcpy(to, from, 4);
    from += 4;
    to += 4;
  }
  for (; count > 0; --count) {
    *to++ = *from++;
  }
}

static int is_inside(const tmc_op* op, const tmc_window* window) {
  return window->rows.begin == 0 && window->rows.end == op->kernel_h && window->cols.begin == 0 &&
         window->cols.end == op->kernel_w;
}

// Bytes [begin, begin + count) of a window, in the order of the weights: in the input itself if
// they are adjacent there, or else gathered in `patch`, with the zero point for padding.
static const int8_t* part_of(const tmc_call* call, const tmc_window* window, int32_t begin,
                             int32_t count, int8_t* patch) {
  const tmc_op* op = call->op;
  const int32_t depth = call->inputs[0].channels;
  const int32_t run_taps = op->dilation_w == 1 ? op->kernel_w : 1;
  const int32_t run_bytes = run_taps * depth;
  int32_t run = begin / run_bytes;
  const int32_t start = begin - run * run_bytes;
  const int whole = is_inside(op, window);
  if (whole && start + count <= run_bytes) {
    const int32_t runs_of_row = op->kernel_w / run_taps;
    return tmc_tap_pixel(call, window, run / runs_of_row, run % runs_of_row) + start;
  }
  if (!whole) {
    memset(patch, -op->input_offset, (size_t)count);
  }
  for (int32_t first = -start; first < count; first += run_bytes, ++run) {
    const int32_t ky = run * run_taps / op->kernel_w;
    const int32_t kx = run * run_taps % op->kernel_w;
    if (ky < window->rows.begin || ky >= window->rows.end) {
      continue;
    }
    const int32_t left = tmc_max(window->cols.begin - kx, 0);
    const int32_t right = tmc_min(window->cols.end - kx, run_taps);
    const int32_t from = tmc_max(first + left * depth, 0);
    const int32_t to = tmc_min(first + right * depth, count);
    copy(tmc_tap_pixel(call, window, ky, kx) + (from - first), to - from, patch + from);
  }
  return patch;
}

// The last one to three bytes of a window, behind zeros.
static uint32_t last_bytes(const int8_t* bytes, int32_t count) {
  uint32_t word = 0;
  for (int32_t i = 0; i < count; ++i) {
    word = word >> 8 | (uint32_t)(uint8_t)bytes[i] << 24;
  }
  return word;
}

// Adds `offset` to the values of one pixel and widens them: each four become two words, between
// which and the next two those of the block's other pixels lie.
static void widen(const int8_t* values, int32_t count, uint32_t offset, int32_t pixels,
                  uint32_t* wide) {
  for (; count >= 4; count -= 4) {
    const uint32_t bytes = tmc_load_word(values);
    wide[0] = tmc_add_even_bytes(offset, bytes);
    wide[1] = tmc_add_odd_bytes(offset, bytes);
    values += 4;
    wide += 2 * pixels;
  }
  if (count > 0) {
    const uint32_t bytes = last_bytes(values, count);
    const uint32_t high = offset & 0xFFFF0000;
    wide[0] = tmc_add_even_bytes(count > 1 ? high : 0, bytes);
    wide[1] = tmc_add_odd_bytes(count > 2 ? offset : high, bytes);
  }
}

static void widen_part(convolution* c, int32_t begin, int32_t count, int32_t pixels) {
  const uint32_t offset = tmc_pair_of(c->call->op->input_offset);
  int8_t patch[MAX_PART];
  for (int32_t p = 0; p < pixels; ++p) {
    const int8_t* values = part_of(c->call, &c->windows[p], begin, count, patch);
    widen(values, count, offset, pixels, c->wide + 2 * p);
  }
}

// ---- Sums ----

// Adds four taps to the sums; `weights` are those of as many channels as the block has, and
// `pixels` is a constant.
TMC_INLINE words add_taps(words weights, const uint32_t** wide, int32_t pixels, words sums) {
  const tmc_quad first = tmc_quad_of(weights.a);
  const tmc_quad pixel = tmc_next_quad(wide);
  sums.a = tmc_dot(first, pixel, sums.a);
  if (pixels == 4) {
    sums.b = tmc_dot(first, tmc_next_quad(wide), sums.b);
    sums.c = tmc_dot(first, tmc_next_quad(wide), sums.c);
    sums.d = tmc_dot(first, tmc_next_quad(wide), sums.d);
  } else if (pixels == 2) {
    const tmc_quad second = tmc_quad_of(weights.b);
    const tmc_quad next_pixel = tmc_next_quad(wide);
    sums.b = tmc_dot(first, next_pixel, sums.b);
    sums.c = tmc_dot(second, pixel, sums.c);
    sums.d = tmc_dot(second, next_pixel, sums.d);
  } else {
    sums.b = tmc_dot(tmc_quad_of(weights.b), pixel, sums.b);
    sums.c = tmc_dot(tmc_quad_of(weights.c), pixel, sums.c);
    sums.d = tmc_dot(tmc_quad_of(weights.d), pixel, sums.d);
  }
  return sums;
}

// Four taps of each of the block's channels, from the address of the first one.
TMC_INLINE words load_weights(const int8_t* weights, int32_t window_bytes, int32_t pixels) {
  words w = {.a = tmc_load_word(weights)};
  if (pixels <= 2) {
    w.b = tmc_load_word(weights + window_bytes);
  }
  if (pixels == 1) {
    w.c = tmc_load_word(weights + 2 * window_bytes);
    w.d = tmc_load_word(weights + 3 * window_bytes);
  }
  return w;
}

// The last taps of each channel. Four of them if there are: zeros in the input undo those that
// were added before.
TMC_INLINE words load_last_weights(const int8_t* weights, int32_t window_bytes, int32_t pixels) {
  if (window_bytes >= 4) {
    return load_weights(weights + window_bytes - 4, window_bytes, pixels);
  }
  words w = {.a = last_bytes(weights, window_bytes)};
  if (pixels <= 2) {
    w.b = last_bytes(weights + window_bytes, window_bytes);
  }
  if (pixels == 1) {
    w.c = last_bytes(weights + 2 * window_bytes, window_bytes);
    w.d = last_bytes(weights + 3 * window_bytes, window_bytes);
  }
  return w;
}

TMC_INLINE words add_part(const convolution* c, int32_t channel, int32_t begin, int32_t count,
                          int32_t pixels, words sums) {
  const int32_t bytes = c->window_bytes;
  const int8_t* weights = c->weights + channel * bytes;
  const int8_t* next = weights + begin;
  const int8_t* end = next + (count & ~3);
  const uint32_t* wide = c->wide;
  for (; next != end; next += 4) {
    sums = add_taps(load_weights(next, bytes, pixels), &wide, pixels, sums);
  }
  if ((count & 3) != 0) {
    sums = add_taps(load_last_weights(weights, bytes, pixels), &wide, pixels, sums);
  }
  return sums;
}

TMC_INLINE words biases(const tmc_channels* channels, int32_t channel, int32_t pixels) {
  const int32_t width = BLOCK_SUMS / pixels;
  return (words){tmc_bias(channels, channel), tmc_bias(channels, channel + width / 4),
                 tmc_bias(channels, channel + width / 2),
                 tmc_bias(channels, channel + width / 2 + width / 4)};
}

// ---- Output ----

static void write_any(const convolution* c, int32_t channel, int32_t pixel, uint32_t sum) {
  c->outputs[pixel][channel] =
      tmc_any_output(c->call->op, tmc_scale_of(&c->channels, channel), sum);
}

// What blocks read again and again: a copy, which writing the output cannot change.
typedef struct {
  tmc_channels channels;
  int8_t* outputs[MAX_PIXELS];
} destination;

TMC_INLINE destination destination_of(const convolution* c) {
  return (destination){c->channels, {c->outputs[0], c->outputs[1], c->outputs[2], c->outputs[3]}};
}

TMC_INLINE void write_channel(const convolution* c, const destination* to, int32_t channel,
                              int32_t pixels, words sums) {
  const tmc_scale scale = tmc_scale_of(&to->channels, channel);
  if (!scale.is_fast) {
    write_any(c, channel, 0, sums.a);
    write_any(c, channel, 1, sums.b);
    write_any(c, channel, 2, sums.c);
    write_any(c, channel, 3, sums.d);
    return;
  }
  to->outputs[0][channel] = tmc_fast_output(scale, sums.a);
  if (pixels >= 2) {
    to->outputs[1][channel] = tmc_fast_output(scale, sums.b);
  }
  if (pixels == 4) {
    to->outputs[2][channel] = tmc_fast_output(scale, sums.c);
    to->outputs[3][channel] = tmc_fast_output(scale, sums.d);
  }
}

TMC_INLINE void write(const convolution* c, const destination* to, int32_t channel, int32_t pixels,
                      words sums) {
  write_channel(c, to, channel, pixels, sums);
  if (pixels == 2) {
    write_channel(c, to, channel + 1, 2, (words){sums.c, sums.d, sums.c, sums.d});
  }
  if (pixels == 1) {
    write_channel(c, to, channel + 1, 1, (words){sums.b, sums.b, sums.b, sums.b});
    write_channel(c, to, channel + 2, 1, (words){sums.c, sums.c, sums.c, sums.c});
    write_channel(c, to, channel + 3, 1, (words){sums.d, sums.d, sums.d, sums.d});
  }
}

// ---- Blocks ----

// Adds bytes [begin, begin + count) of the window to the blocks from `first` on. The last block
// begins early enough to end with the last channel, so it may overlap the one before.
TMC_INLINE void compute_blocks(convolution* c, int32_t begin, int32_t count, int32_t first,
                               int32_t blocks, int32_t pixels) {
  const destination to = destination_of(c);
  const int32_t width = BLOCK_SUMS / pixels;
  const int32_t last_channel = c->call->output.channels - width;
  const int is_first = begin == 0;
  const int is_last = begin + count == c->window_bytes;
  for (int32_t i = 0; i < blocks; ++i) {
    const int32_t channel = tmc_min((first + i) * width, last_channel);
    words sums = is_first ? biases(&to.channels, channel, pixels) : c->partial[i];
    sums = add_part(c, channel, begin, count, pixels, sums);
    if (is_last) {
      write(c, &to, channel, pixels, sums);
    } else {
      c->partial[i] = sums;
    }
  }
}

// Windows that do not fit at once are widened once for as many blocks as can keep their sums.
TMC_INLINE void compute_pixels(convolution* c, int32_t pixels) {
  const int32_t width = BLOCK_SUMS / pixels;
  const int32_t limit = tmc_min(2 * WIDE_WORDS / pixels, MAX_PART);
  const int32_t blocks = (c->call->output.channels + width - 1) / width;
  const int32_t at_once = c->window_bytes <= limit ? blocks : MAX_BLOCKS;
  for (int32_t first = 0; first < blocks; first += at_once) {
    for (int32_t begin = 0; begin < c->window_bytes; begin += limit) {
      const int32_t count = tmc_min(c->window_bytes - begin, limit);
      widen_part(c, begin, count, pixels);
      compute_blocks(c, begin, count, first, tmc_min(blocks - first, at_once), pixels);
    }
  }
}

static void compute_4_pixels(convolution* c) { compute_pixels(c, 4); }

static void compute_2_pixels(convolution* c) { compute_pixels(c, 2); }

static void compute_1_pixel(convolution* c) { compute_pixels(c, 1); }

// Computes `count` pixels, 1 to 4; those that a block has besides repeat the last one.
static void compute(convolution* c, int32_t count) {
  const int32_t channels = c->call->output.channels;
  for (int32_t p = count; p < MAX_PIXELS; ++p) {
    c->windows[p] = c->windows[count - 1];
    c->outputs[p] = c->outputs[count - 1];
  }
  if (count == 1 && channels >= 4) {
    compute_1_pixel(c);
  } else if (count == 2 && channels >= 2) {
    compute_2_pixels(c);
  } else {
    compute_4_pixels(c);
  }
  for (int32_t p = 0; p < count; ++p) {
    tmc_clamp_outputs(c->call->op, c->outputs[p], channels);
  }
}

// Pixels are taken across the ends of rows.
void tmc_conv_s8(const tmc_call* call) {
  const tmc_op* op = call->op;
  const tmc_box* box = &call->box;
  convolution c;
  c.call = call;
  c.channels = tmc_channels_of(call);
  c.weights = (const int8_t*)call->parameters + op->weights;
  c.window_bytes = op->kernel_h * op->kernel_w * call->inputs[0].channels;
  int32_t count = 0;
  for (int32_t y = box->y_begin; y < box->y_end; ++y) {
    const tmc_taps rows = tmc_row_taps(call, y);
    for (int32_t x = box->x_begin; x < box->x_end; ++x) {
      c.windows[count] = (tmc_window){.rows = rows, .cols = tmc_col_taps(call, x)};
      c.outputs[count] = tmc_pixel(&call->output, y, x);
      if (++count == MAX_PIXELS) {
        compute(&c, count);
        count = 0;
      }
    }
  }
  if (count > 0) {
    compute(&c, count);
  }
}

#endif
