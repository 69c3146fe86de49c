// SPDX-License-Identifier: Apache-2.0
// DEPTHWISE with one output channel per input channel, by the DSP extension. The part of the input
// that a tile of the output reads is packed in planes, each of one channel, pairs of columns in a
// word, so that each value is widened once for the windows that share it:
//
//   plane[row][column / 2] = (column, column + 1)
//
// Four channels, which are a word of the input, are packed at once. But large kernels need large
// planes for tiles of several rows, which the rows that their windows share make worthwhile: then
// channels are packed one by one.
#include "tmc_depthwise_simd.h"

#include "tmc_taps.h"
#include "tmc_window.h"

#ifdef TMC_SIMD

enum {
  CHANNELS = 4,
  PLANE_WORDS = 54,            // if there is one for each of four channels
  SMALL_KERNEL_WORDS = 3 * 2,  // of weights that are packed behind them
  PLANE_PITCH = PLANE_WORDS + SMALL_KERNEL_WORDS,
  ALL_WORDS = CHANNELS * PLANE_PITCH,
  KERNEL_WORDS = 7 * 6,  // of weights that are packed channel by channel
  INPUT_ROWS = 16,       // of a tile
};

// What four channels are computed with; `all_are_fast` if their scales are.
typedef struct {
  tmc_channel constants[CHANNELS];
  int all_are_fast;
} block;

// What a tile reads: `rows` of the input, NULL for padding. A row begins with `before` columns of
// padding; some are `inside`, and others, up to the end of its last word, are padding again.
typedef struct {
  const int8_t* rows[INPUT_ROWS];
  int32_t row_count;
  int32_t row_words;  // of a plane
  int32_t before;
  int32_t inside;
} input_tile;

typedef struct {
  const tmc_call* call;
  tmc_channels channels;
  block block;
  input_tile tile;
  uint32_t weights[KERNEL_WORDS];
  uint32_t planes[ALL_WORDS];
} convolution;

static void begin_block(convolution* c, int32_t first) {
  block* const b = &c->block;
  b->all_are_fast = 1;
  for (int32_t i = 0; i < CHANNELS; ++i) {
    b->constants[i].scale = tmc_scale_of(&c->channels, first + i);
    b->constants[i].bias = tmc_bias(&c->channels, first + i);
    b->all_are_fast &= b->constants[i].scale.is_fast;
  }
}

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
    packed[PLANE_PITCH] = tmc_add_odd_bytes(offset, first);
    packed[2 * PLANE_PITCH] = tmc_add_even_bytes(offset, second);
    packed[3 * PLANE_PITCH] = tmc_add_odd_bytes(offset, second);
  }
  return packed + 1;
}

TMC_INLINE void pack_tile(convolution* c, int32_t channel, int32_t channels) {
  const input_tile* const tile = &c->tile;
  const uint32_t offset = tmc_pair_of(c->call->op->input_offset);
  const uint32_t zero_points = 0x01010101u * (uint8_t)-c->call->op->input_offset;
  const int8_t* const padding = (const int8_t*)&zero_points;
  const int32_t depth = c->call->inputs[0].channels;
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
  pack_tile(c, channel, CHANNELS);
}

// Packs the weights of one channel, or of four; see tmc_taps.h.
TMC_INLINE void pack_kernel(const tmc_call* call, int32_t channel, int32_t channels,
                            uint32_t* packed) {
  const tmc_op* op = call->op;
  const int32_t depth = call->output.channels;
  const uint32_t nothing = 0;
  const int8_t* tap = (const int8_t*)call->parameters + op->weights + channel;
  for (int32_t ky = 0; ky < op->kernel_h; ++ky) {
    for (int32_t kx = 1; kx < op->kernel_w; kx += op->stride_w) {
      packed = pack_pair(tap, tap + depth, 0, channels, packed);
      tap += op->stride_w * depth;
    }
    if (op->stride_w == 2) {
      packed = pack_pair(tap, (const int8_t*)&nothing, 0, channels, packed);
    }
    tap += depth;
  }
}

// At stride 1; no more at stride 2.
static int32_t kernel_words(const tmc_op* op) { return op->kernel_h * (op->kernel_w - 1); }

static int is_small(const tmc_op* op) { return kernel_words(op) <= SMALL_KERNEL_WORDS; }

// ---- Tiles ----

typedef void (*windows_function)(const tmc_windows* of);

static windows_function windows_function_of(const tmc_op* op) {
  const int is_strided = op->stride_w == 2;
  switch (op->kernel_w) {
    case 3:
      return is_strided ? tmc_windows_3_by_2 : tmc_windows_3_by_1;
    case 5:
      return is_strided ? tmc_windows_5_by_2 : tmc_windows_5_by_1;
    default:
      return is_strided ? tmc_windows_7_by_2 : tmc_windows_7_by_1;
  }
}

// Words of a row of a plane: windows come in pairs.
static int32_t words_of(const tmc_op* op, int32_t columns) {
  return (columns + 1) / 2 * op->stride_w + op->kernel_w / 2;
}

static void find_input(const tmc_call* call, const tmc_box* box, input_tile* tile) {
  const tmc_op* op = call->op;
  const tmc_view* input = &call->inputs[0];
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
}

// Rows and columns of a tile of the output, and how many channels of its input are packed at once.
typedef struct {
  int32_t rows;
  int32_t columns;
  int32_t channels;
} tile_shape;

// Computes four channels of a tile.
static void compute_channels(convolution* c, tmc_windows* windows, int32_t first, int32_t at_once) {
  const tmc_op* op = c->call->op;
  const windows_function compute = windows_function_of(op);
  if (is_small(op)) {
    pack_kernel(c->call, first, CHANNELS, c->planes + PLANE_WORDS);
  }
  if (at_once == CHANNELS) {
    pack_four_channels(c, first);
  }
  windows->constants = c->block.constants;
  windows->values = c->planes;
  windows->weights = is_small(op) ? c->planes + PLANE_WORDS : c->weights;
  for (windows->channel = first; windows->channel < first + CHANNELS; ++windows->channel) {
    if (at_once == 1) {
      pack_one_channel(c, windows->channel);
    }
    if (!is_small(op)) {
      pack_kernel(c->call, windows->channel, 1, c->weights);
    }
    compute(windows);
    ++windows->constants;
    windows->values += at_once == 1 ? 0 : PLANE_PITCH;
    windows->weights += is_small(op) ? PLANE_PITCH : 0;
  }
}

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
static tile_shape best_tile(const tmc_op* op, const tmc_box* box, int32_t at_once) {
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

// ---- Single pixels, dilated and other kernels ----

TMC_INLINE void write(const tmc_op* op, const block* b, int32_t i, uint32_t sum, int8_t* output) {
  const tmc_scale scale = b->constants[i].scale;
  output[i] = b->all_are_fast ? tmc_fast_output(scale, sum) : tmc_output(op, scale, sum);
}

static void compute_window(const convolution* c, const tmc_window* window, int32_t first,
                           int8_t* output) {
  const tmc_op* op = c->call->op;
  const block* b = &c->block;
  const int32_t depth = c->call->output.channels;
  const int32_t pixel = depth * op->dilation_w;
  const uint32_t offset = tmc_pair_of(op->input_offset);
  const int32_t taps = window->cols.end - window->cols.begin;
  const int8_t* weights = (const int8_t*)c->call->parameters + op->weights + first;
  uint32_t sums[CHANNELS] = {b->constants[0].bias, b->constants[1].bias, b->constants[2].bias,
                             b->constants[3].bias};
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

static void compute_pixels(const convolution* c, const tmc_box* box, int32_t first) {
  const tmc_call* call = c->call;
  for (int32_t y = box->y_begin; y < box->y_end; ++y) {
    tmc_window window = {.rows = tmc_row_taps(call, y)};
    for (int32_t x = box->x_begin; x < box->x_end; ++x) {
      window.cols = tmc_col_taps(call, x);
      compute_window(c, &window, first, tmc_pixel(&call->output, y, x));
    }
  }
}

// ---- Tiles one after the other ----

static void place_windows(const convolution* c, const tmc_box* box, tmc_windows* windows) {
  const tmc_op* op = c->call->op;
  windows->pitch = 4 * c->tile.row_words;
  windows->row_stride = c->tile.row_words * op->stride_h;
  windows->kernel_h = op->kernel_h;
  windows->output = &c->call->output;
  windows->y = box->y_begin;
  windows->x = box->x_begin;
  windows->rows = box->y_end - box->y_begin;
  windows->columns = box->x_end - box->x_begin;
}

// Computes a tile, or any box if `at_once` is 0: pixel by pixel.
static void compute_box(convolution* c, const tmc_box* box, int32_t at_once) {
  const int32_t last = c->call->output.channels - CHANNELS;
  tmc_windows windows;
  if (at_once > 0) {
    find_input(c->call, box, &c->tile);
    place_windows(c, box, &windows);
  }
  for (int32_t first = 0; first < last + CHANNELS; first += CHANNELS) {
    const int32_t begin = tmc_min(first, last);  // the last channels may overlap those before
    begin_block(c, begin);
    if (at_once > 0 && c->block.all_are_fast) {
      compute_channels(c, &windows, begin, at_once);
    } else {
      compute_pixels(c, box, begin);
    }
  }
}

static tmc_box part_of(const tmc_box* box, tile_shape tile, int32_t y, int32_t x) {
  return (tmc_box){y, tmc_min(y + tile.rows, box->y_end), x, tmc_min(x + tile.columns, box->x_end)};
}

// ---- The operator ----

int tmc_depthwise_simd_computes(const tmc_call* call) {
  return call->op->depth_multiplier == 1 && call->output.channels >= CHANNELS;
}

// Whether there is a loop for such windows, and more than one of them.
static int can_be_packed(const tmc_call* call) {
  const tmc_op* op = call->op;
  const int has_loop =
      (op->kernel_w == 3 && op->kernel_h == 3) || op->kernel_w == 5 || op->kernel_w == 7;
  return has_loop && kernel_words(op) <= KERNEL_WORDS && op->stride_w <= 2 && op->dilation_w == 1 &&
         op->dilation_h == 1 && call->box.x_end - call->box.x_begin > 1;
}

static void clamp_box(const tmc_call* call) {
  const tmc_box* box = &call->box;
  const int32_t count = (box->x_end - box->x_begin) * call->output.channels;
  for (int32_t y = box->y_begin; y < box->y_end; ++y) {
    tmc_clamp_outputs(call->op, tmc_pixel(&call->output, y, box->x_begin), count);
  }
}

void tmc_depthwise_simd(const tmc_call* call) {
  const tmc_box* box = &call->box;
  convolution c;
  c.call = call;
  c.channels = tmc_channels_of(call);
  tile_shape tile = {0, 0, 0};
  if (can_be_packed(call)) {
    const int is_row = box->y_end - box->y_begin == 1;
    tile = best_tile(call->op, box, is_small(call->op) || is_row ? CHANNELS : 1);
  }
  if (tile.rows == 0) {
    tile = (tile_shape){box->y_end - box->y_begin, box->x_end - box->x_begin, 0};
  }
  for (int32_t y = box->y_begin; y < box->y_end; y += tile.rows) {
    for (int32_t x = box->x_begin; x < box->x_end; x += tile.columns) {
      const tmc_box part = part_of(box, tile, y, x);
      compute_box(&c, &part, tile.channels);
    }
  }
  clamp_box(call);
}

// ---- One plane ----

int tmc_depthwise_simd_computes_plane(const tmc_call* call, int32_t channel) {
  const tmc_channels channels = tmc_channels_of(call);
  const tmc_op* op = call->op;
  return can_be_packed(call) && op->act_min == INT8_MIN && op->act_max == INT8_MAX &&
         tmc_scale_of(&channels, channel).is_fast && best_tile(op, &call->box, 1).rows > 0;
}

void tmc_depthwise_plane_simd(const tmc_call* call, int32_t channel) {
  const tmc_box* box = &call->box;
  const tile_shape tile = best_tile(call->op, box, 1);
  convolution c;
  c.call = call;
  c.channels = tmc_channels_of(call);
  tmc_channel constants = {tmc_scale_of(&c.channels, channel), tmc_bias(&c.channels, channel)};
  tmc_windows windows;
  windows.constants = &constants;
  windows.weights = c.weights;
  windows.values = c.planes;
  windows.channel = channel;
  pack_kernel(call, channel, 1, c.weights);
  for (int32_t y = box->y_begin; y < box->y_end; y += tile.rows) {
    for (int32_t x = box->x_begin; x < box->x_end; x += tile.columns) {
      const tmc_box part = part_of(box, tile, y, x);
      find_input(call, &part, &c.tile);
      place_windows(&c, &part, &windows);
      pack_one_channel(&c, 0);
      windows_function_of(call->op)(&windows);
    }
  }
}

#endif
