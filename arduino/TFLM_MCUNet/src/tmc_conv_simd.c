// SPDX-License-Identifier: Apache-2.0
// CONV by the DSP extension. A few pixels of the input are widened to int16_t, which all output
// channels then read. Sums are computed four at a time, in blocks of 4 pixels by 1 channel, 2 by 2
// or 1 by 4: as many pixels as there are and as fit, because weights are widened once for all.
#include "tmc_channels.h"
#include "tmc_window.h"

#ifdef TMC_SIMD

enum {
  BLOCK_SUMS = 4,
  STRIP_PIXELS = 16,  // whose windows are widened together if they are small
  MAX_BLOCKS = 32,    // whose sums are kept where windows are widened part by part
  MAX_PART = 128,     // bytes of a window that are widened at a time
  WIDE_WORDS = BLOCK_SUMS * MAX_PART / 2,
};

// One word for each sum of a block, a channel's pixels side by side.
typedef struct {
  uint32_t a;
  uint32_t b;
  uint32_t c;
  uint32_t d;
} words;

typedef struct {
  int16_t y;
  int16_t x;
} position;

// Bytes [begin, begin + count) of the windows of `repeats` blocks' pixels, from a pixel on.
typedef struct {
  int32_t begin;
  int32_t count;
  int32_t first_pixel;
  int32_t repeats;
} part_of_windows;

typedef struct {
  const tmc_call* call;
  tmc_channels channels;
  const int8_t* weights;
  int32_t window_bytes;
  int is_pointwise;                  // 1 x 1 without padding
  position positions[STRIP_PIXELS];  // in the output
  int8_t* outputs[STRIP_PIXELS];
  part_of_windows part;
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

// Taps that are adjacent in the input, as they are in the weights: a row of a window, or one tap
// if there is dilation.
static int32_t run_taps(const tmc_op* op) { return op->dilation_w == 1 ? op->kernel_w : 1; }

// Copies what is inside the input of the part [begin, begin + count) of a window to `patch`.
static void gather(const tmc_call* call, const tmc_window* window, int32_t begin, int32_t count,
                   int8_t* patch) {
  const tmc_op* op = call->op;
  const int32_t depth = call->inputs[0].channels;
  const int32_t taps = run_taps(op);
  const int32_t run = begin / (taps * depth);
  int32_t ky = run * taps / op->kernel_w;
  int32_t kx = run * taps % op->kernel_w;
  for (int32_t first = run * taps * depth - begin; first < count; first += taps * depth) {
    const int32_t left = tmc_max(window->cols.begin - kx, 0);
    const int32_t right = tmc_min(window->cols.end - kx, taps);
    const int32_t from = tmc_max(first + left * depth, 0);
    const int32_t to = tmc_min(first + right * depth, count);
    if (ky >= window->rows.begin && ky < window->rows.end) {
      copy(tmc_tap_pixel(call, window, ky, kx) + (from - first), to - from, patch + from);
    }
    kx += taps;
    if (kx == op->kernel_w) {
      kx = 0;
      ++ky;
    }
  }
}

// Bytes [begin, begin + count) of a window, in the order of the weights: gathered in `patch`, with
// the zero point for padding, if they are not adjacent in the input.
static const int8_t* part_of(const tmc_call* call, position at, int32_t begin, int32_t count,
                             int8_t* patch) {
  const tmc_window window = {tmc_row_taps(call, at.y), tmc_col_taps(call, at.x)};
  const tmc_op* op = call->op;
  const int whole = is_inside(op, &window);
  if (whole && op->kernel_h == 1 && run_taps(op) == op->kernel_w) {
    return tmc_tap_pixel(call, &window, 0, 0) + begin;
  }
  if (!whole) {
    memset(patch, -op->input_offset, (size_t)count);
  }
  gather(call, &window, begin, count, patch);
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

static void widen_part(convolution* c, int32_t pixels) {
  const part_of_windows* of = &c->part;
  const tmc_call* call = c->call;
  const uint32_t offset = tmc_pair_of(call->op->input_offset);
  const int32_t quads = (of->count + 3) / 4;
  uint32_t* wide = c->wide;
  int8_t patch[MAX_PART];
  for (int32_t p = 0; p < pixels * of->repeats; ++p) {
    const position at = c->positions[of->first_pixel + p];
    const int8_t* values = c->is_pointwise ? tmc_pixel(&call->inputs[0], at.y * call->op->stride_h,
                                                       at.x * call->op->stride_w) +
                                                 of->begin
                                           : part_of(call, at, of->begin, of->count, patch);
    widen(values, of->count, offset, pixels, wide);
    wide += (p + 1) % pixels == 0 ? 2 * (quads * pixels - pixels + 1) : 2;
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
    sums.c = tmc_dot(second, pixel, sums.c);
    const tmc_quad next_pixel = tmc_next_quad(wide);
    sums.b = tmc_dot(first, next_pixel, sums.b);
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

// The taps of a part: whole fours of the block's first channel, and whether fewer follow.
typedef struct {
  const int8_t* window;  // all of its taps
  const int8_t* first;
  const int8_t* end;
  int32_t window_bytes;
  int has_rest;
} tap_range;

// Adds a part of the windows to one block; leaves `wide` behind it.
TMC_INLINE words add_part(tap_range taps, int32_t pixels, const uint32_t** wide, words sums) {
  for (const int8_t* next = taps.first; next != taps.end; next += 4) {
    sums = add_taps(load_weights(next, taps.window_bytes, pixels), wide, pixels, sums);
  }
  if (taps.has_rest) {
    sums = add_taps(load_last_weights(taps.window, taps.window_bytes, pixels), wide, pixels, sums);
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

TMC_INLINE void write_channel(const tmc_op* op, tmc_scale scale, int8_t* const* outputs,
                              int32_t channel, int32_t pixels, words sums) {
  outputs[0][channel] = tmc_output(op, scale, sums.a);
  if (pixels >= 2) {
    outputs[1][channel] = tmc_output(op, scale, sums.b);
  }
  if (pixels == 4) {
    outputs[2][channel] = tmc_output(op, scale, sums.c);
    outputs[3][channel] = tmc_output(op, scale, sums.d);
  }
}

// The scales of the channels of a block.
typedef struct {
  tmc_scale a;
  tmc_scale b;
  tmc_scale c;
  tmc_scale d;
} scales;

TMC_INLINE scales scales_of(const tmc_channels* channels, int32_t channel, int32_t pixels) {
  scales s;
  s.a = tmc_scale_of(channels, channel);
  s.b = pixels <= 2 ? tmc_scale_of(channels, channel + 1) : s.a;
  s.c = pixels == 1 ? tmc_scale_of(channels, channel + 2) : s.a;
  s.d = pixels == 1 ? tmc_scale_of(channels, channel + 3) : s.a;
  return s;
}

TMC_INLINE void write(const tmc_op* op, const scales* s, int8_t* const* outputs, int32_t channel,
                      int32_t pixels, words sums) {
  write_channel(op, s->a, outputs, channel, pixels, sums);
  if (pixels == 2) {
    write_channel(op, s->b, outputs, channel + 1, 2, (words){.a = sums.c, .b = sums.d});
  }
  if (pixels == 1) {
    write_channel(op, s->b, outputs, channel + 1, 1, (words){.a = sums.b});
    write_channel(op, s->c, outputs, channel + 2, 1, (words){.a = sums.c});
    write_channel(op, s->d, outputs, channel + 3, 1, (words){.a = sums.d});
  }
}

// ---- Blocks ----

// Adds the part of the windows to blocks of channels, for all pixels. The last block begins early
// enough to end with the last channel, so it may overlap the one before.
TMC_INLINE void compute_blocks(convolution* c, int32_t first, int32_t blocks, int32_t pixels) {
  const tmc_op* op = c->call->op;
  const tmc_channels channels = c->channels;  // copies, which writing the output cannot change
  const part_of_windows part = c->part;
  const int8_t* const weights = c->weights;
  const int32_t bytes = c->window_bytes;
  const int32_t width = BLOCK_SUMS / pixels;
  const int32_t last_channel = c->call->output.channels - width;
  const int is_last = part.begin + part.count == bytes;
  words* partial = c->partial;
  for (int32_t next = first * width; blocks > 0; --blocks, ++partial, next += width) {
    const int32_t channel = tmc_min(next, last_channel);
    const int8_t* window = weights + channel * bytes;
    const int8_t* taps = window + part.begin;
    const tap_range range = {window, taps, taps + (part.count & ~3), bytes, (part.count & 3) != 0};
    const words start = part.begin == 0 ? biases(&channels, channel, pixels) : *partial;
    const uint32_t* wide = c->wide;
    int8_t* const* outputs = c->outputs + part.first_pixel;
    if (!is_last) {
      *partial = add_part(range, pixels, &wide, start);
      continue;
    }
    const scales s = scales_of(&channels, channel, pixels);
    for (int32_t repeat = part.repeats; repeat > 0; --repeat) {
      const words sums = add_part(range, pixels, &wide, start);
      write(op, &s, outputs, channel, pixels, sums);
      outputs += pixels;
    }
  }
}

// Not inlined, so that nothing else takes registers from their loops.
TMC_NOINLINE static void compute_4_by_1(convolution* c, int32_t first, int32_t blocks) {
  compute_blocks(c, first, blocks, 4);
}

TMC_NOINLINE static void compute_2_by_2(convolution* c, int32_t first, int32_t blocks) {
  compute_blocks(c, first, blocks, 2);
}

TMC_NOINLINE static void compute_1_by_4(convolution* c, int32_t first, int32_t blocks) {
  compute_blocks(c, first, blocks, 1);
}

// Windows that do not fit at once are widened once for as many blocks as can keep their sums.
static void compute_pixels(convolution* c, int32_t first_pixel, int32_t repeats, int32_t pixels) {
  static void (*const compute[])(convolution*, int32_t, int32_t) = {
      [1] = compute_1_by_4, [2] = compute_2_by_2, [4] = compute_4_by_1};
  const int32_t width = BLOCK_SUMS / pixels;
  const int32_t blocks = (c->call->output.channels + width - 1) / width;
  const int32_t at_once = c->window_bytes <= MAX_PART ? blocks : MAX_BLOCKS;
  for (int32_t first = 0; first < blocks; first += at_once) {
    for (int32_t begin = 0; begin < c->window_bytes; begin += MAX_PART) {
      const int32_t count = tmc_min(c->window_bytes - begin, MAX_PART);
      c->part = (part_of_windows){begin, count, first_pixel, repeats};
      widen_part(c, pixels);
      compute[pixels](c, first, tmc_min(blocks - first, at_once));
    }
  }
}

// Computes the first one to three of four pixels, and the last of these again in place of those
// that are missing.
static void compute_repeated(convolution* c, int32_t first_pixel, int32_t count) {
  for (int32_t p = first_pixel + count; p < first_pixel + 4; ++p) {
    c->positions[p] = c->positions[p - 1];
    c->outputs[p] = c->outputs[p - 1];
  }
  compute_pixels(c, first_pixel, 1, 4);
}

static void compute(convolution* c, int32_t count) {
  const int32_t channels = c->call->output.channels;
  int32_t pixel = count & ~3;
  if (pixel > 0) {
    compute_pixels(c, 0, pixel / 4, 4);
  }
  if (count - pixel == 3 || (count > pixel && channels < 4)) {
    compute_repeated(c, pixel, count - pixel);
    pixel = count;
  }
  for (; count - pixel >= 2; pixel += 2) {
    compute_pixels(c, pixel, 1, 2);
  }
  if (count > pixel) {
    compute_pixels(c, pixel, 1, 1);
  }
  for (int32_t p = 0; p < count; ++p) {
    tmc_clamp_outputs(c->call->op, c->outputs[p], channels);
  }
}

// As many pixels as can be widened together; four at least, of large windows part by part.
static int32_t strip_pixels(int32_t window_bytes) {
  const int32_t quads = (window_bytes + 3) / 4;
  return tmc_clamp(WIDE_WORDS / (2 * quads), 4, STRIP_PIXELS) & ~3;
}

static int is_pointwise(const tmc_call* call) {
  const tmc_op* op = call->op;
  const tmc_view* input = &call->inputs[0];
  return op->kernel_h == 1 && op->kernel_w == 1 && op->pad_top == 0 && op->pad_left == 0 &&
         (call->output.height - 1) * op->stride_h < input->height &&
         (call->output.width - 1) * op->stride_w < input->width;
}

// Strips go on across the ends of rows.
void tmc_conv_s8(const tmc_call* call) {
  const tmc_op* op = call->op;
  const tmc_box* box = &call->box;
  convolution c;
  c.call = call;
  c.channels = tmc_channels_of(call);
  c.weights = (const int8_t*)call->parameters + op->weights;
  c.window_bytes = op->kernel_h * op->kernel_w * call->inputs[0].channels;
  c.is_pointwise = is_pointwise(call);
  const int32_t strip = strip_pixels(c.window_bytes);
  int32_t count = 0;
  for (int32_t y = box->y_begin; y < box->y_end; ++y) {
    for (int32_t x = box->x_begin; x < box->x_end; ++x) {
      c.positions[count] = (position){(int16_t)y, (int16_t)x};
      c.outputs[count] = tmc_pixel(&call->output, y, x);
      if (++count == strip) {
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
