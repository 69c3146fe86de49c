// SPDX-License-Identifier: Apache-2.0
// CONV by the DSP extension. The windows of a few pixels are widened to int16_t, which all output
// channels then read: four pixels by one channel at a time, because weights are widened once for
// all of them; one pixel by two channels for what is left over.
#include "tmc_channels.h"
#include "tmc_dot.h"
#include "tmc_window.h"

#ifdef TMC_SIMD

enum {
  STRIP_PIXELS = 16,   // whose windows are widened together if they are small
  BUFFER_WORDS = 288,  // wide windows; behind a part of them the sums that wait for the others
  PART_WORDS = 224,
  PARTIAL_SUMS = BUFFER_WORDS - PART_WORDS,
  PATCH_BYTES = 64,  // of a window at a time
};

typedef struct {
  int16_t y;
  int16_t x;
} position;

// Quads [first, first + count) of the windows; `is_last` if they end them.
typedef struct {
  int32_t first;
  int32_t count;
  int is_last;
} part_of_windows;

typedef struct {
  const tmc_call* call;
  tmc_channels channels;
  const int8_t* weights;
  int32_t window_bytes;
  int32_t filter_bytes;              // a multiple of four
  int is_pointwise;                  // 1 x 1 without padding
  position positions[STRIP_PIXELS];  // in the output
  int8_t* outputs[STRIP_PIXELS];
  uint32_t buffer[BUFFER_WORDS];
} convolution;

// ---- Input ----

// Bytes [begin, end) of a window, in the order of its weights.
typedef struct {
  int32_t begin;
  int32_t end;
} byte_range;

typedef struct {
  int32_t step;     // words from one quad of a pixel to its next
  uint32_t offset;  // a pair
  uint32_t* wide;
} widening;

// Copies words; the last one may overlap that before.
TMC_INLINE void copy(const int8_t* from, int32_t count, int8_t* to) {
  if (count >= 4) {
    const int8_t* const last = from + count - 4;
    int8_t* const last_to = to + count - 4;
    for (; from < last; from += 4, to += 4) {
      memcpy(to, from, 4);
    }
    memcpy(last_to, last, 4);
  } else {
    for (; count > 0; --count) {
      *to++ = *from++;
    }
  }
}

// Widens what is left over behind `count / 4` quads; what follows it in its quad does not matter,
// since the weights there are zero.
static void widen_rest(widening to, const int8_t* values, int32_t count) {
  const int32_t rest = count & 3;
  uint32_t* const wide = to.wide + count / 4 * to.step;
  uint32_t bytes = 0;
  if (rest == 0) {
    return;
  }
  if (count >= 4) {
    bytes = tmc_load_word(values + count - 4) >> (32 - 8 * rest);
  } else {
    copy(values, count, (int8_t*)&bytes);
  }
  wide[0] = tmc_add_even_bytes(to.offset, bytes);
  wide[1] = tmc_add_odd_bytes(to.offset, bytes);
}

static void widen(widening to, const int8_t* values, int32_t count) {
  if (count >= 4) {
    tmc_widen(values, count / 4, to.offset, to.step, to.wide);
  }
  widen_rest(to, values, count);
}

// Where the pieces of a window go, which are adjacent in the input: they are copied to `patch`, if
// there is one, or widened, for which the depth must be a multiple of four.
typedef struct {
  widening to;
  int8_t* patch;
} destination;

TMC_INLINE void take(destination* d, const int8_t* values, int32_t count) {
  if (d->patch != NULL) {
    copy(values, count, d->patch);
    d->patch += count;
  } else {
    tmc_widen(values, count / 4, d->to.offset, d->to.step, d->to.wide);
    d->to.wide += count / 4 * d->to.step;
  }
}

// Padding is the zero point, to which the offset is added.
static void take_padding(destination* d, int32_t zero_point, int32_t count) {
  if (d->patch != NULL) {
    for (; count > 0; --count) {
      *d->patch++ = (int8_t)zero_point;
    }
  } else {
    for (; count > 0; count -= 4) {
      d->to.wide[0] = 0;
      d->to.wide[1] = 0;
      d->to.wide += d->to.step;
    }
  }
}

// Whether a window without dilation that begins at (y, x) is inside the input.
static int is_inside(const tmc_call* call, int32_t y, int32_t x) {
  const tmc_op* op = call->op;
  return op->dilation_w == 1 && op->dilation_h == 1 && y >= 0 && x >= 0 &&
         y + op->kernel_h <= call->inputs[0].height && x + op->kernel_w <= call->inputs[0].width;
}

// A window inside the input is a piece of each of some rows.
static void take_inside(const tmc_call* call, int32_t y, int32_t x, byte_range part,
                        destination* d) {
  const int32_t run = call->op->kernel_w * call->inputs[0].channels;
  int32_t ky = part.begin / run;
  int32_t skipped = part.begin - ky * run;
  for (int32_t left = part.end - part.begin; left > 0; ++ky) {
    const int32_t count = tmc_min(run - skipped, left);
    take(d, tmc_pixel(&call->inputs[0], y + ky, x) + skipped, count);
    left -= count;
    skipped = 0;
  }
}

// Any window, run by run of taps that are adjacent in the input, as they are in the weights: a row,
// or one tap if there is dilation.
static void take_runs(const tmc_call* call, position at, byte_range part, destination* d) {
  const tmc_op* op = call->op;
  const tmc_window window = {tmc_row_taps(call, at.y), tmc_col_taps(call, at.x)};
  const int32_t depth = call->inputs[0].channels;
  const int32_t taps = op->dilation_w == 1 ? op->kernel_w : 1;
  const int32_t run = taps * depth;
  const int32_t runs_per_row = op->kernel_w / taps;
  for (int32_t i = part.begin / run; i * run < part.end; ++i) {
    const int32_t ky = i / runs_per_row;
    const int32_t kx = (i - ky * runs_per_row) * taps;
    const int32_t begin = tmc_max(i * run, part.begin);
    const int32_t end = tmc_min((i + 1) * run, part.end);
    const int is_row_inside = ky >= window.rows.begin && ky < window.rows.end;
    const int32_t left = tmc_clamp(i * run + (window.cols.begin - kx) * depth, begin, end);
    const int32_t right = tmc_clamp(i * run + (window.cols.end - kx) * depth, left, end);
    const int32_t from = is_row_inside ? left : end;
    const int32_t to = is_row_inside ? right : end;
    take_padding(d, -op->input_offset, from - begin);
    if (to > from) {
      take(d, tmc_tap_pixel(call, &window, ky, kx) + (from - i * run), to - from);
    }
    take_padding(d, -op->input_offset, end - to);
  }
}

static void take_window(const tmc_call* call, position at, byte_range part, destination* d) {
  const tmc_op* op = call->op;
  const int32_t y = at.y * op->stride_h - op->pad_top;
  const int32_t x = at.x * op->stride_w - op->pad_left;
  if (is_inside(call, y, x)) {
    take_inside(call, y, x, part, d);
  } else {
    take_runs(call, at, part, d);
  }
}

static void widen_window(const tmc_call* call, position at, byte_range part, widening to) {
  destination d = {to, NULL};
  if (call->inputs[0].channels % 4 == 0) {
    take_window(call, at, part, &d);
    return;
  }
  for (int32_t begin = part.begin; begin < part.end; begin += PATCH_BYTES) {
    int8_t patch[PATCH_BYTES];
    const int32_t end = tmc_min(begin + PATCH_BYTES, part.end);
    d.patch = patch;
    take_window(call, at, (byte_range){begin, end}, &d);
    widen(to, patch, end - begin);
    to.wide += PATCH_BYTES / 4 * to.step;
  }
}

static const int8_t* pixel_below(const tmc_call* call, position at) {
  return tmc_pixel(&call->inputs[0], at.y * call->op->stride_h, at.x * call->op->stride_w);
}

// Widens bytes of `count` pixels, `pixels` interleaved, of layers that have no windows.
static void widen_pixels(const convolution* c, const position* at, int32_t count, byte_range part,
                         widening to, int32_t pixels) {
  const int32_t bytes = part.end - part.begin;
  const int32_t words = (bytes + 3) / 4 * 2;
  for (; count > 0; count -= pixels) {
    const int8_t* values[4];
    for (int32_t p = 0; p < pixels; ++p) {
      values[p] = pixel_below(c->call, at[p]) + part.begin;
    }
    if (pixels == 4 && bytes >= 4) {
      tmc_widen_4_pixels(values, bytes / 4, to.offset, to.wide);
    }
    for (int32_t p = 0; p < pixels; ++p) {
      const widening pixel = {to.step, to.offset, to.wide + 2 * p};
      if (pixels == 4) {
        widen_rest(pixel, values[p], bytes);
      } else {
        widen(pixel, values[p], bytes);
      }
    }
    at += pixels;
    to.wide += words * pixels;
  }
}

TMC_NOINLINE static void widen_part(convolution* c, part_of_windows part, int32_t first_pixel,
                                    int32_t count, int32_t pixels) {
  const position* const at = c->positions + first_pixel;
  const byte_range range = {4 * part.first,
                            tmc_min(4 * (part.first + part.count), c->window_bytes)};
  widening to = {2 * pixels, tmc_pair_of(c->call->op->input_offset), c->buffer};
  if (c->is_pointwise) {
    widen_pixels(c, at, count, range, to, pixels);
    return;
  }
  for (int32_t p = 0; p < count; ++p) {
    to.wide = c->buffer + p / pixels * part.count * to.step + p % pixels * 2;
    widen_window(c->call, at[p], range, to);
  }
}

// ---- Sums and outputs ----

// Not inlined, so that the rare case takes no registers from the other.
TMC_NOINLINE static void end_channel_slowly(const tmc_op* op, tmc_scale scale, int32_t channel,
                                            tmc_sums sums, int8_t* const* outputs) {
  outputs[0][channel] = tmc_output(op, scale, sums.a);
  outputs[1][channel] = tmc_output(op, scale, sums.b);
  outputs[2][channel] = tmc_output(op, scale, sums.c);
  outputs[3][channel] = tmc_output(op, scale, sums.d);
}

// Adds the first part of the windows of four pixels, or a further one, to the sums of channels.
TMC_NOINLINE static void add_part(convolution* c, part_of_windows part, int32_t first,
                                  int32_t count) {
  const int8_t* weights = c->weights + first * c->filter_bytes + 4 * part.first;
  tmc_sums* sums = (tmc_sums*)(void*)(c->buffer + PART_WORDS);
  for (int32_t channel = first; channel < first + count; ++channel) {
    const uint32_t* wide = c->buffer;
    if (part.first == 0) {
      const uint32_t bias = tmc_bias(&c->channels, channel);
      *sums = (tmc_sums){bias, bias, bias, bias};
    }
    *sums = tmc_dot_of_4_pixels(weights, &wide, part.count, *sums);
    weights += c->filter_bytes;
    ++sums;
  }
}

// Computes channels of pixels, four at a time, from the last part of their windows.
TMC_NOINLINE static void end_channels(convolution* c, part_of_windows part, int32_t first,
                                      int32_t count, int8_t* const* outputs,
                                      int8_t* const* outputs_end) {
  const int is_whole = part.first == 0;
  const int8_t* weights = c->weights + first * c->filter_bytes + 4 * part.first;
  const tmc_sums* partial = (const tmc_sums*)(const void*)(c->buffer + PART_WORDS);
  for (int32_t channel = first; channel < first + count; ++channel) {
    const tmc_scale scale = tmc_scale_of(&c->channels, channel);
    tmc_sums start;
    if (is_whole) {
      const uint32_t bias = tmc_bias(&c->channels, channel);
      start = (tmc_sums){bias, bias, bias, bias};
    } else {
      start = *partial++;
    }
    const uint32_t* wide = c->buffer;
    int8_t* const* pixels = outputs;
    if (scale.is_fast) {
      do {
        tmc_write_4_pixels(&scale, tmc_dot_of_4_pixels(weights, &wide, part.count, start), &pixels,
                           channel);
      } while (pixels != outputs_end);
    } else {
      for (; pixels != outputs_end; pixels += 4) {
        end_channel_slowly(c->call->op, scale, channel,
                           tmc_dot_of_4_pixels(weights, &wide, part.count, start), pixels);
      }
    }
    weights += c->filter_bytes;
  }
}

// One pixel, two channels at a time. The last two may overlap those before.
TMC_NOINLINE static void compute_1_pixel(convolution* c, part_of_windows part, int32_t first,
                                         int32_t count, int8_t* output) {
  const tmc_op* const op = c->call->op;
  const int32_t last = c->call->output.channels - 2;
  uint32_t* partial = c->buffer + PART_WORDS;
  for (int32_t i = 0; i < count; i += 2) {
    const int32_t channel = tmc_min(first + i, last);
    const int8_t* weights = c->weights + channel * c->filter_bytes + 4 * part.first;
    const int8_t* next_weights = weights + c->filter_bytes;
    const uint32_t* wide = c->buffer;
    tmc_sums sums = {.a = tmc_bias(&c->channels, channel),
                     .b = tmc_bias(&c->channels, channel + 1)};
    if (part.first > 0) {
      sums = (tmc_sums){.a = partial[0], .b = partial[1]};
    }
    if ((part.count & 1) != 0) {
      const tmc_quad x = tmc_next_quad(&wide);
      sums.a = tmc_dot(tmc_quad_of(tmc_load_word(weights)), x, sums.a);
      sums.b = tmc_dot(tmc_quad_of(tmc_load_word(next_weights)), x, sums.b);
      weights += 4;
      next_weights += 4;
    }
    sums = tmc_dot_of_2_channels(weights, next_weights, wide, part.count / 2, sums);
    if (part.is_last) {
      // Stored at last: all that is read could change with the output, for all the compiler knows.
      const tmc_scale first_scale = tmc_scale_of(&c->channels, channel);
      const tmc_scale second_scale = tmc_scale_of(&c->channels, channel + 1);
      const int8_t first_output = tmc_output(op, first_scale, sums.a);
      const int8_t second_output = tmc_output(op, second_scale, sums.b);
      output[channel] = first_output;
      output[channel + 1] = second_output;
    } else {
      partial[0] = sums.a;
      partial[1] = sums.b;
    }
    partial += 2;
  }
}

// Windows that do not fit at once are widened part by part for as many channels as can keep their
// sums meanwhile. `pixels` is one, or four, `repeats` times.
static void compute_pixels(convolution* c, int32_t first_pixel, int32_t repeats, int32_t pixels) {
  const int32_t channels = c->call->output.channels;
  const int32_t quads = c->filter_bytes / 4;
  const int fits = 2 * pixels * quads <= BUFFER_WORDS;
  const int32_t channels_at_once = fits ? channels : PARTIAL_SUMS / pixels;
  const int32_t quads_at_once = fits ? quads : PART_WORDS / (2 * pixels);
  int8_t* const* outputs = c->outputs + first_pixel;
  for (int32_t first = 0; first < channels; first += channels_at_once) {
    const int32_t count = tmc_min(channels - first, channels_at_once);
    for (int32_t begin = 0; begin < quads; begin += quads_at_once) {
      const int32_t end = tmc_min(begin + quads_at_once, quads);
      const part_of_windows part = {begin, end - begin, end == quads};
      widen_part(c, part, first_pixel, pixels * repeats, pixels);
      if (pixels == 1) {
        compute_1_pixel(c, part, first, count, *outputs);
      } else if (part.is_last) {
        end_channels(c, part, first, count, outputs, outputs + 4 * repeats);
      } else {
        add_part(c, part, first, count);
      }
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
  if (count - pixel == 3 || (count > pixel && channels < 2)) {
    compute_repeated(c, pixel, count - pixel);
    pixel = count;
  }
  for (; pixel < count; ++pixel) {
    compute_pixels(c, pixel, 1, 1);
  }
  for (int32_t p = 0; p < count; ++p) {
    tmc_clamp_outputs(c->call->op, c->outputs[p], channels);
  }
}

// As many pixels as can be widened together; four at least, of large windows part by part.
static int32_t strip_pixels(int32_t quads) {
  return tmc_clamp(BUFFER_WORDS / (2 * quads), 4, STRIP_PIXELS) & ~3;
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
  c.filter_bytes = (int32_t)tmc_filter_bytes((uint32_t)c.window_bytes);
  c.is_pointwise = is_pointwise(call);
  const int32_t strip = strip_pixels(c.filter_bytes / 4);
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
