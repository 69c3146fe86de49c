// SPDX-License-Identifier: Apache-2.0
// CONV by the DSP extension. The windows of a few pixels are widened to int16_t, which all output
// channels then read: four pixels by one channel at a time, because weights are widened once for
// all of them; one pixel by two channels for what is left over.
#include "tmc_conv_input.h"
#include "tmc_window.h"

#ifdef TMC_SIMD

enum {
  STRIP_PIXELS = 20,   // whose windows are widened together if they are small
  BUFFER_WORDS = 288,  // wide windows; behind a part of them the sums that wait for the others
  PART_WORDS = 224,
  PARTIAL_SUMS = BUFFER_WORDS - PART_WORDS,
};

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
  int32_t filter_bytes;  // a multiple of four
  int is_pointwise;      // 1 x 1 without padding
  tmc_window_row row;
  tmc_position at;  // the first of the pixels that are computed together, and how many there are:
  int32_t count;    // if fewer than come out, the last one is repeated
  int8_t* outputs[STRIP_PIXELS];
  uint32_t buffer[BUFFER_WORDS];
} convolution;

// ---- Input ----

static const int8_t* pixel_below(const tmc_call* call, tmc_position at) {
  return tmc_pixel(&call->inputs[0], at.y * call->op->stride_h, at.x * call->op->stride_w);
}

// Widens bytes of `pixels`, interleaved, of layers that have no windows.
static void widen_pixels(const int8_t* const* values, int32_t bytes, const tmc_widening* to,
                         int32_t pixels) {
  if (pixels == 1) {
    tmc_widen_bytes(to, values[0], bytes);
    return;
  }
  if (bytes >= 4) {
    tmc_widen_4_pixels(values, bytes / 4, to->offset, to->wide);
  }
  if (bytes % 4 != 0) {
    for (int32_t p = 0; p < pixels; ++p) {
      const tmc_widening pixel = {to->step, to->offset, to->wide + 2 * p};
      tmc_widen_rest(&pixel, values[p], bytes);
    }
  }
}

// Goes on to the next pixel of the box; true at the begin of a row.
static int advance(const tmc_box* box, tmc_position* at) {
  if (++at->x < box->x_end) {
    return 0;
  }
  *at = (tmc_position){at->y + 1, box->x_begin};
  return 1;
}

// Widens a part of the windows of `count` pixels, `pixels` interleaved, of layers that have none.
TMC_NOINLINE static void widen_pointwise(convolution* c, const part_of_windows* part, int32_t count,
                                         int32_t pixels) {
  const int32_t step = c->call->op->stride_w * c->call->inputs[0].channels;
  const int32_t begin = 4 * part->first;
  const int32_t bytes = tmc_min(4 * part->count, c->window_bytes - begin);
  tmc_widening to = {2 * pixels, tmc_pair_of(c->call->op->input_offset), c->buffer};
  tmc_position at = c->at;
  const int8_t* below = pixel_below(c->call, at) + begin;
  for (int32_t done = 0; done < count;) {
    const int8_t* values[4];
    for (int32_t p = 0; p < pixels; ++p) {
      values[p] = below;
      if (++done < c->count) {
        below = advance(&c->call->box, &at) ? pixel_below(c->call, at) + begin : below + step;
      }
    }
    widen_pixels(values, bytes, &to, pixels);
    to.wide += part->count * to.step;
  }
}

// The same for windows.
TMC_NOINLINE static void widen_windows(convolution* c, const part_of_windows* part, int32_t count,
                                       int32_t pixels) {
  const int32_t begin = 4 * part->first;
  const tmc_byte_range range = {begin, tmc_min(begin + 4 * part->count, c->window_bytes)};
  tmc_widening to = {2 * pixels, tmc_pair_of(c->call->op->input_offset), NULL};
  tmc_position at = c->at;
  for (int32_t p = 0; p < count; ++p) {
    to.wide = c->buffer + p / pixels * part->count * to.step + p % pixels * 2;
    tmc_widen_window(c->call, &c->row, &at, &range, &to);
    if (p + 1 < c->count) {
      advance(&c->call->box, &at);
    }
  }
}

// ---- Sums and outputs ----

static tmc_sums start_of(const convolution* c, int32_t channel) {
  const uint32_t bias = tmc_bias(&c->channels, channel);
  return (tmc_sums){bias, bias, bias, bias};
}

// Not inlined, so that there is one loop of it.
TMC_NOINLINE static void run_filters(tmc_filters* filters) { tmc_run_filters(filters); }

// Adds the first part of the windows of four pixels, or a further one, to the sums of channels.
TMC_NOINLINE static void add_part(convolution* c, const part_of_windows* part, int32_t first,
                                  int32_t count) {
  tmc_sums* const sums = (tmc_sums*)(void*)(c->buffer + PART_WORDS);
  tmc_filters filters = {
      .weights = c->weights + first * c->filter_bytes + 4 * part->first,
      .quads = part->count,
      .wide = c->buffer,
      .step = c->filter_bytes,
      .sums = sums,
      .sums_end = sums + count,
  };
  for (int32_t i = 0; i < count && part->first == 0; ++i) {
    sums[i] = start_of(c, first + i);
  }
  run_filters(&filters);
}

static void end_pixel_slowly(const convolution* c, const tmc_filter_run* run, int8_t* pixel,
                             uint32_t sum) {
  pixel[run->channel] = tmc_output(c->call->op, run->scale, sum);
}

// A channel whose scale is not fast.
TMC_COLD static void end_channel_slowly(convolution* c, const tmc_filter_run* run) {
  tmc_sums sums;
  tmc_filters filter = {.wide = c->buffer, .weights = run->weights, .quads = run->quads};
  for (int8_t* const* pixel = run->pixels; pixel != run->pixels_end; pixel += 4) {
    sums = run->start;
    filter.sums = &sums;
    filter.sums_end = &sums + 1;
    run_filters(&filter);
    filter.wide += 8 * filter.quads;
    end_pixel_slowly(c, run, pixel[0], sums.a);
    end_pixel_slowly(c, run, pixel[1], sums.b);
    end_pixel_slowly(c, run, pixel[2], sums.c);
    end_pixel_slowly(c, run, pixel[3], sums.d);
  }
}

// Computes channels of `pixels`, four at a time, from the last part of their windows.
TMC_NOINLINE static void end_channels(convolution* c, const part_of_windows* part, int32_t first,
                                      int32_t count, int32_t pixels) {
  const tmc_sums* partial = (const tmc_sums*)(const void*)(c->buffer + PART_WORDS);
  tmc_filter_run run = {
      .weights = c->weights + first * c->filter_bytes + 4 * part->first,
      .quads = part->count,
      .pixels_end = c->outputs + pixels,
  };
  for (run.channel = first; run.channel < first + count; ++run.channel) {
    run.scale = tmc_scale_of(&c->channels, run.channel);
    run.start = part->first == 0 ? start_of(c, run.channel) : *partial++;
    run.pixels = c->outputs;
    if (run.scale.is_fast) {
      tmc_run_filter(&run, c->buffer);
    } else {
      end_channel_slowly(c, &run);
    }
    run.weights += c->filter_bytes;
  }
}

// Two channels whose scales are not both fast.
TMC_COLD static void end_2_channels_slowly(const convolution* c, int32_t channel, tmc_sums sums) {
  int8_t* const output = c->outputs[0] + channel;
  output[0] = tmc_output(c->call->op, tmc_scale_of(&c->channels, channel), sums.a);
  output[1] = tmc_output(c->call->op, tmc_scale_of(&c->channels, channel + 1), sums.b);
}

TMC_INLINE void end_2_channels(const convolution* c, int32_t channel, tmc_sums sums) {
  const tmc_scale first = tmc_scale_of(&c->channels, channel);
  const tmc_scale second = tmc_scale_of(&c->channels, channel + 1);
  if (first.is_fast && second.is_fast) {
    int8_t* const output = c->outputs[0] + channel;
    output[0] = tmc_fast_output(first, sums.a);
    output[1] = tmc_fast_output(second, sums.b);
  } else {
    end_2_channels_slowly(c, channel, sums);
  }
}

// Where the sums of one pixel begin: biases, or what the parts before have left.
static const uint32_t* starts_of(convolution* c, const part_of_windows* part, int32_t first,
                                 int32_t count) {
  uint32_t* const partial = c->buffer + PART_WORDS;
  if (part->first == 0 && c->channels.biases != NULL) {
    return (const uint32_t*)c->channels.biases + first;
  }
  if (part->first == 0) {
    memset(partial, 0, (size_t)((count + 1) & ~1) * sizeof *partial);
  }
  return partial;
}

// One pixel, two channels at a time. The last two may overlap those before.
TMC_NOINLINE static void compute_1_pixel(convolution* c, const part_of_windows* part, int32_t first,
                                         int32_t count) {
  uint32_t* const partial = c->buffer + PART_WORDS;
  const uint32_t* starts = starts_of(c, part, first, count);
  const int8_t* const weights = c->weights + first * c->filter_bytes + 4 * part->first;
  for (int32_t i = 0; i < count; i += 2) {
    if (i == count - 1) {  // sums of their own, lest products be added twice
      --i;
      starts += starts == partial ? 1 : 0;
    }
    const int8_t* first_weights = weights + i * c->filter_bytes;
    const int8_t* second_weights = first_weights + c->filter_bytes;
    const uint32_t* wide = c->buffer;
    tmc_sums sums = {.a = starts[i], .b = starts[i + 1]};
    if ((part->count & 1) != 0) {
      const tmc_quad x = tmc_next_quad(&wide);
      sums.a = tmc_dot(tmc_quad_of(tmc_load_word(first_weights)), x, sums.a);
      sums.b = tmc_dot(tmc_quad_of(tmc_load_word(second_weights)), x, sums.b);
      first_weights += 4;
      second_weights += 4;
    }
    sums = tmc_dot_of_2_channels(first_weights, second_weights, wide, part->count / 2, sums);
    if (part->is_last) {
      end_2_channels(c, first + i, sums);
    } else {
      uint32_t* const sums_of_both = partial + ((i + 1) & ~1);
      sums_of_both[0] = sums.a;
      sums_of_both[1] = sums.b;
    }
  }
}

// Windows that do not fit at once are widened part by part for as many channels as can keep their
// sums meanwhile; so do those of one pixel without biases. `pixels` is one, or four, `repeats`
// times.
TMC_NOINLINE static void compute_pixels(convolution* c, int32_t repeats, int32_t pixels) {
  const int32_t channels = c->call->output.channels;
  const int32_t quads = c->filter_bytes / 4;
  const int fits =
      2 * pixels * quads <= BUFFER_WORDS && (pixels == 4 || c->channels.biases != NULL);
  const int32_t channels_at_once = fits ? channels : PARTIAL_SUMS / pixels;
  const int32_t quads_at_once = fits ? quads : PART_WORDS / (2 * pixels);
  for (int32_t first = 0; first < channels; first += channels_at_once) {
    const int32_t count = tmc_min(channels - first, channels_at_once);
    for (int32_t begin = 0; begin < quads; begin += quads_at_once) {
      const int32_t end = tmc_min(begin + quads_at_once, quads);
      const part_of_windows part = {begin, end - begin, end == quads};
      if (c->is_pointwise) {
        widen_pointwise(c, &part, pixels * repeats, pixels);
      } else {
        widen_windows(c, &part, pixels * repeats, pixels);
      }
      if (pixels == 1) {
        compute_1_pixel(c, &part, first, count);
      } else if (part.is_last) {
        end_channels(c, &part, first, count, 4 * repeats);
      } else {
        add_part(c, &part, first, count);
      }
    }
  }
}

// ---- Strips of pixels ----

// Finds where the next `count` pixels of the output go, and in place of some that are missing to
// four the last one.
TMC_NOINLINE static void find_outputs(convolution* c, int32_t count, tmc_position* at) {
  const tmc_view* output = &c->call->output;
  int8_t* pixel = tmc_pixel(output, at->y, at->x);
  c->at = *at;
  c->count = count;
  for (int32_t p = 0; p < count; ++p) {
    c->outputs[p] = pixel;
    pixel = advance(&c->call->box, at) ? tmc_pixel(output, at->y, at->x) : pixel + output->channels;
  }
  for (int32_t p = count; p % 4 != 0; ++p) {
    c->outputs[p] = c->outputs[p - 1];
  }
}

// As many pixels as can be widened together; four at least, of large windows part by part.
static int32_t strip_pixels(int32_t quads) {
  return tmc_clamp(BUFFER_WORDS / (2 * quads), 4, STRIP_PIXELS) & ~3;
}

// The next strip. One or two pixels beyond a multiple of four are computed one by one.
static int32_t next_strip(int32_t left, int32_t strip) {
  return left >= strip ? strip : left % 4 == 3 ? left : left > 3 ? left & ~3 : 1;
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
  tmc_position at = {box->y_begin, box->x_begin};
  convolution c;
  c.call = call;
  c.channels = tmc_channels_of(call);
  c.weights = (const int8_t*)call->parameters + op->weights;
  c.window_bytes = op->kernel_h * op->kernel_w * call->inputs[0].channels;
  c.filter_bytes = (int32_t)tmc_filter_bytes((uint32_t)c.window_bytes);
  c.is_pointwise = is_pointwise(call);
  c.row.y = -1;
  const int32_t strip = strip_pixels(c.filter_bytes / 4);
  int32_t left = tmc_max(box->y_end - box->y_begin, 0) * tmc_max(box->x_end - box->x_begin, 0);
  while (left > 0) {
    const int32_t count = next_strip(left, strip);
    const int is_single = count == 1 && call->output.channels > 1;
    find_outputs(&c, count, &at);
    compute_pixels(&c, is_single ? 1 : (count + 3) / 4, is_single ? 1 : 4);
    left -= count;
  }
  tmc_clamp_box(call);
}

#endif
