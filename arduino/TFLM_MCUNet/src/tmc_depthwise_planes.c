// SPDX-License-Identifier: Apache-2.0
// DEPTHWISE with one output channel per input channel, by the DSP extension: large kernels, and
// those in place. The part of the input that a tile of the output reads is packed in planes, each
// of one channel, pairs of columns in a word, so that each value is widened once for the windows
// that share it:
//
//   plane[row][column / 2] = (column, column + 1)
//
// For a tile of one row, four channels, which are a word of the input, are packed at once. For
// several rows, which share more than that saves, channels are packed one by one in a larger plane.
#include "tmc_depthwise.h"
#include "tmc_taps.h"
#include "tmc_window.h"

#ifdef TMC_SIMD

enum {
  PLANE_WORDS = 52,  // if there is one for each of four channels
  ALL_WORDS = TMC_CHANNELS_AT_ONCE * PLANE_WORDS,
  KERNEL_WORDS = 7 * 6,  // of weights
  INPUT_ROWS = 16,       // of a tile
};

// What a tile reads: `rows` of the input, NULL for padding. A row begins with `before` columns of
// padding; some are `inside`, and others, up to the end of its last word, are padding again.
typedef struct {
  const int8_t* rows[INPUT_ROWS];
  int32_t row_count;
  int32_t row_words;  // of a plane
  int32_t before;
  int32_t inside;
} input_tile;

typedef void (*windows_function)(const tmc_windows* of);

typedef struct {
  const tmc_call* call;
  const tmc_view* input;  // of all channels, or of one alone
  windows_function compute;
  tmc_windows windows;
  input_tile tile;
  tmc_scale scales[TMC_CHANNELS_AT_ONCE];
  uint32_t biases[TMC_CHANNELS_AT_ONCE];
  uint32_t weights[KERNEL_WORDS];
  uint32_t planes[ALL_WORDS];
} convolution;

// ---- Packing ----

// Packs a pair of values of one channel, or of four, in planes that follow one another; adds
// `offset`. Returns where the next pair goes. `channels` is a constant.
TMC_INLINE uint32_t* pack_pair(const int8_t* left, const int8_t* right, uint32_t offset,
                               int32_t channels, uint32_t* packed) {
  if (channels == 1) {
    packed[0] = tmc_add_pairs(offset, tmc_low_halves((uint32_t)*left, (uint32_t)*right));
  } else {
    const uint32_t a = tmc_load_word(left);
    const uint32_t b = tmc_load_word(right);
    const uint32_t first = tmc_low_halves(a, b);
    const uint32_t second = tmc_high_halves(a, b);
    packed[0] = tmc_add_even_bytes(offset, first);
    packed[PLANE_WORDS] = tmc_add_odd_bytes(offset, first);
    packed[2 * PLANE_WORDS] = tmc_add_even_bytes(offset, second);
    packed[3 * PLANE_WORDS] = tmc_add_odd_bytes(offset, second);
  }
  return packed + 1;
}

TMC_INLINE void pack_tile(convolution* c, int32_t channel, int32_t channels) {
  const input_tile* const tile = &c->tile;
  const uint32_t offset = tmc_pair_of(c->call->op->input_offset);
  const uint32_t zero_points = 0x01010101u * (uint8_t)-c->call->op->input_offset;
  const int8_t* const padding = (const int8_t*)&zero_points;
  const int32_t depth = c->input->channels;
  const int32_t is_split = tile->before & 1;  // the first pair, by the edge of the input
  const int32_t is_last_split = (tile->inside - is_split) & 1;
  const int32_t whole_bytes = (tile->inside - is_split - is_last_split) * depth;
  uint32_t* packed = c->planes;
  for (int32_t row = 0; row < tile->row_count; ++row) {
    uint32_t* const end = packed + tile->row_words;
    if (tile->rows[row] != NULL) {
      const int8_t* values = tile->rows[row] + channel;
      for (int32_t pairs = tile->before / 2; pairs > 0; --pairs) {
        packed = pack_pair(padding, padding, offset, channels, packed);
      }
      if (is_split) {
        packed = pack_pair(padding, values, offset, channels, packed);
        values += depth;
      }
      for (const int8_t* const last = values + whole_bytes; values != last; values += 2 * depth) {
        packed = pack_pair(values, values + depth, offset, channels, packed);
      }
      if (is_last_split) {
        packed = pack_pair(values, padding, offset, channels, packed);
      }
    }
    while (packed != end) {
      packed = pack_pair(padding, padding, offset, channels, packed);
    }
  }
}

// Not inlined, so that nothing else takes registers from their loops.
TMC_NOINLINE static void pack_one_channel(convolution* c, int32_t channel) {
  pack_tile(c, channel, 1);
}

TMC_NOINLINE static void pack_four_channels(convolution* c, int32_t channel) {
  pack_tile(c, channel, TMC_CHANNELS_AT_ONCE);
}

// Packs the weights of a channel; see tmc_taps.h.
TMC_NOINLINE static void pack_kernel(convolution* c, int32_t channel) {
  const tmc_op* op = c->call->op;
  const int32_t depth = c->call->output.channels;
  const int8_t nothing = 0;
  const int8_t* tap = (const int8_t*)c->call->parameters + op->weights + channel;
  uint32_t* packed = c->weights;
  for (int32_t ky = 0; ky < op->kernel_h; ++ky) {
    for (int32_t kx = 1; kx < op->kernel_w; kx += op->stride_w) {
      packed = pack_pair(tap, tap + depth, 0, 1, packed);
      tap += op->stride_w * depth;
    }
    if (op->stride_w == 2) {
      packed = pack_pair(tap, &nothing, 0, 1, packed);
    }
    tap += depth;
  }
}

// ---- Tiles ----

// Words of a row of a plane: windows come in pairs.
static int32_t words_of(const tmc_op* op, int32_t columns) {
  return (columns + 1) / 2 * op->stride_w + op->kernel_w / 2;
}

TMC_NOINLINE static void begin_tile(convolution* c, const tmc_box* box) {
  const tmc_op* op = c->call->op;
  const tmc_view* input = c->input;
  input_tile* const tile = &c->tile;
  const int32_t columns = box->x_end - box->x_begin;
  const int32_t begin = box->x_begin * op->stride_w - op->pad_left;
  const int32_t end = begin + (columns - 1) * op->stride_w + op->kernel_w;
  const int32_t x = tmc_max(begin, 0);
  const int32_t y = box->y_begin * op->stride_h - op->pad_top;
  tile->before = x - begin;
  tile->inside = tmc_min(end, input->width) - x;
  tile->row_words = words_of(op, columns);
  tile->row_count = (box->y_end - 1 - box->y_begin) * op->stride_h + op->kernel_h;
  for (int32_t i = 0; i < tile->row_count; ++i) {
    const int is_inside = y + i >= 0 && y + i < input->height && tile->inside > 0;
    tile->rows[i] = is_inside ? tmc_pixel(input, y + i, x) : NULL;
  }
  c->windows = (tmc_windows){
      .weights = c->weights,
      .pitch = 4 * tile->row_words,
      .row_stride = tile->row_words * op->stride_h,
      .kernel_h = op->kernel_h,
      .output = &c->call->output,
      .y = box->y_begin,
      .x = box->x_begin,
      .rows = box->y_end - box->y_begin,
      .columns = columns,
  };
}

// Rows and columns of a tile of the output, and how many channels of its input are packed at once.
typedef struct {
  int32_t rows;
  int32_t columns;
  int32_t channels;
} tile_shape;

// The rows of a tile whose input fits the planes; 0 if not even one does.
static int32_t rows_that_fit(const tmc_op* op, int32_t columns, int32_t at_once) {
  const int32_t words = at_once == 1 ? ALL_WORDS : PLANE_WORDS;
  const int32_t input_rows = tmc_min(words / words_of(op, columns), INPUT_ROWS);
  return input_rows < op->kernel_h ? 0 : (input_rows - op->kernel_h) / op->stride_h + 1;
}

// Instructions, in sixteenths and roughly, for each output of a tile besides its sums.
static int32_t overhead(const tmc_op* op, tile_shape tile) {
  const int32_t input_rows = (tile.rows - 1) * op->stride_h + op->kernel_h;
  const int32_t input_row = 12 + 5 * words_of(op, tile.columns);
  return 16 * (100 + 40 * tile.rows + input_rows * input_row) / (tile.rows * tile.columns);
}

// The tile that costs least, among those that cut the box into columns as wide as fits, or into
// up to three more.
TMC_NOINLINE static tile_shape best_tile(const tmc_op* op, const tmc_box* box, int32_t at_once) {
  const int32_t height = box->y_end - box->y_begin;
  const int32_t width = box->x_end - box->x_begin;
  tile_shape best = {0, 0, at_once};
  for (int32_t parts = 1, tried = 0; tried < 4 && parts <= width; ++parts) {
    tile_shape tile = best;
    tile.columns = tmc_min(((width + parts - 1) / parts + 1) & ~1, width);
    tile.rows = tmc_min(rows_that_fit(op, tile.columns, tile.channels), height);
    if (tile.rows > 0 && (tried++ == 0 || overhead(op, tile) < overhead(op, best))) {
      best = tile;
    }
  }
  return best;
}

static tmc_box part_of(const tmc_box* box, tile_shape tile, int32_t y, int32_t x) {
  return (tmc_box){y, tmc_min(y + tile.rows, box->y_end), x, tmc_min(x + tile.columns, box->x_end)};
}

// Computes a channel of a tile from its plane, with the constants of place `i`.
static void compute_channel(convolution* c, int32_t i, int32_t channel, const uint32_t* plane) {
  c->windows.scale = &c->scales[i];
  c->windows.bias = c->biases[i];
  c->windows.values = plane;
  c->windows.channel = channel;
  c->compute(&c->windows);
}

// ---- All channels ----

// Computes four channels of a tile.
static void compute_channels(convolution* c, int32_t first, int32_t at_once) {
  if (at_once > 1) {
    pack_four_channels(c, first);
  }
  for (int32_t i = 0; i < TMC_CHANNELS_AT_ONCE; ++i) {
    if (at_once == 1) {
      pack_one_channel(c, first + i);
    }
    pack_kernel(c, first + i);
    compute_channel(c, i, first + i, c->planes + (at_once > 1 ? i * PLANE_WORDS : 0));
  }
}

static void compute_tile(convolution* c, const tmc_box* box, int32_t at_once) {
  const int32_t last = c->call->output.channels - TMC_CHANNELS_AT_ONCE;
  const int has_pairs = box->x_end - box->x_begin > 1;
  begin_tile(c, box);
  for (int32_t i = 0; i < last + TMC_CHANNELS_AT_ONCE; i += TMC_CHANNELS_AT_ONCE) {
    const int32_t first = tmc_min(i, last);  // the last channels may overlap those before
    if (has_pairs &&
        tmc_find_channels(c->call, first, TMC_CHANNELS_AT_ONCE, c->scales, c->biases)) {
      compute_channels(c, first, at_once);
    } else {
      tmc_depthwise_pixels(c->call, box, first);
    }
  }
}

static void compute_all(const tmc_call* call, windows_function compute) {
  const tmc_box* box = &call->box;
  const int is_row = box->y_end - box->y_begin == 1;
  const tile_shape tile = best_tile(call->op, box, is_row ? TMC_CHANNELS_AT_ONCE : 1);
  convolution c;
  c.call = call;
  c.input = &call->inputs[0];
  c.compute = compute;
  for (int32_t y = box->y_begin; y < box->y_end; y += tile.rows) {
    for (int32_t x = box->x_begin; x < box->x_end; x += tile.columns) {
      const tmc_box part = part_of(box, tile, y, x);
      compute_tile(&c, &part, tile.channels);
    }
  }
  tmc_clamp_box(call);
}

void tmc_depthwise_5x5_s8(const tmc_call* call) {
  compute_all(call, call->op->stride_w == 1 ? tmc_windows_5_by_1 : tmc_windows_5_by_2);
}

void tmc_depthwise_7x7_s8(const tmc_call* call) {
  compute_all(call, call->op->stride_w == 1 ? tmc_windows_7_by_1 : tmc_windows_7_by_2);
}

// ---- In place ----

// Computes a channel that was copied aside. False: its scale is not fast, or it is clamped.
TMC_NOINLINE static int compute_plane(const tmc_call* call, int32_t channel, tile_shape tile,
                                      windows_function compute) {
  const tmc_box* box = &call->box;
  convolution c;
  c.call = call;
  c.input = &call->inputs[TMC_SCRATCH];
  c.compute = compute;
  if (!tmc_find_channels(call, channel, 1, c.scales, c.biases) || call->op->act_min != INT8_MIN ||
      call->op->act_max != INT8_MAX) {
    return 0;
  }
  pack_kernel(&c, channel);
  for (int32_t y = box->y_begin; y < box->y_end; y += tile.rows) {
    for (int32_t x = box->x_begin; x < box->x_end; x += tile.columns) {
      const tmc_box part = part_of(box, tile, y, x);
      begin_tile(&c, &part);
      pack_one_channel(&c, 0);
      compute_channel(&c, 0, channel, c.planes);
    }
  }
  return 1;
}

static void compute_in_place(const tmc_call* call, windows_function compute) {
  const tile_shape tile = best_tile(call->op, &call->box, 1);
  for (int32_t channel = 0; channel < call->output.channels; ++channel) {
    tmc_depthwise_copy_plane(call, channel);
    if (!compute_plane(call, channel, tile, compute)) {
      tmc_depthwise_plane(call, channel);
    }
  }
}

void tmc_depthwise_in_place_3x3_s8(const tmc_call* call) {
  compute_in_place(call, tmc_windows_3_by_1);
}

void tmc_depthwise_in_place_5x5_s8(const tmc_call* call) {
  compute_in_place(call, tmc_windows_5_by_1);
}

void tmc_depthwise_in_place_7x7_s8(const tmc_call* call) {
  compute_in_place(call, tmc_windows_7_by_1);
}

#endif
