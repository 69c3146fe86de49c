// SPDX-License-Identifier: Apache-2.0
#include "tmc_conv_input.h"

#include "tmc_window.h"

#ifdef TMC_SIMD

static uint32_t* widen_quad(const tmc_widening* to, uint32_t* wide, uint32_t bytes) {
  wide[0] = tmc_add_even_bytes(to->offset, bytes);
  wide[1] = tmc_add_odd_bytes(to->offset, bytes);
  return wide + to->step;
}

void tmc_widen_rest(const tmc_widening* to, const int8_t* values, int32_t count) {
  const int32_t rest = count & 3;
  uint32_t bytes = 0;
  if (rest == 0) {
    return;
  }
  if (count >= 4) {
    bytes = tmc_load_word(values + count - 4) >> (32 - 8 * rest);
  } else {
    for (int32_t i = rest - 1; i >= 0; --i) {
      bytes = bytes << 8 | (uint8_t)values[i];
    }
  }
  widen_quad(to, to->wide + count / 4 * to->step, bytes);
}

void tmc_widen_bytes(const tmc_widening* to, const int8_t* values, int32_t count) {
  if (count >= 4) {
    tmc_widen(values, count / 4, to->offset, to->step, to->wide);
  }
  tmc_widen_rest(to, values, count);
}

// ---- Windows inside the input ----

TMC_NOINLINE static void find_row(const tmc_call* call, int32_t y, tmc_window_row* row) {
  const tmc_op* op = call->op;
  const tmc_view* input = &call->inputs[0];
  const int32_t top = y * op->stride_h - op->pad_top;
  const int32_t last = input->width - op->kernel_w + op->pad_left;
  row->y = y;
  row->begin = (tmc_max(op->pad_left, 0) + op->stride_w - 1) / op->stride_w;
  row->end = 0;
  if (top >= 0 && top + op->kernel_h <= input->height && last >= 0 && op->dilation_h == 1 &&
      op->dilation_w == 1) {
    row->slot = top % input->slots;
    row->end = last / op->stride_w + 1;
  }
}

// Rows that begin in a slot of the input, one after the other.
typedef struct {
  const int8_t* values;
  int32_t pitch;
  int32_t left;  // slots before the first one follows again
  int32_t around;
} row_cursor;

static row_cursor first_row(const tmc_call* call, const tmc_window_row* row, int32_t output_x) {
  const tmc_view* input = &call->inputs[0];
  const int32_t x = output_x * call->op->stride_w - call->op->pad_left - input->x_begin;
  return (row_cursor){
      .values = (const int8_t*)input->data + row->slot * input->pitch + x * input->channels,
      .pitch = input->pitch,
      .left = input->slots - row->slot,
      .around = input->slots * input->pitch,
  };
}

TMC_INLINE const int8_t* next_row(row_cursor* rows) {
  const int8_t* const values = rows->values;
  rows->values += rows->pitch;
  if (--rows->left == 0) {
    rows->values -= rows->around;
  }
  return values;
}

// Rows of `run` bytes, which are whole quads.
static void widen_rows(row_cursor rows, int32_t run, const tmc_byte_range* part,
                       const tmc_widening* to) {
  uint32_t* wide = to->wide;
  int32_t begin = part->begin;
  int32_t left = part->end - begin;
  for (; begin >= run; begin -= run) {
    next_row(&rows);
  }
  while (left > 0) {
    const int32_t count = tmc_min(run - begin, left);
    tmc_widen(next_row(&rows) + begin, count / 4, to->offset, to->step, wide);
    wide += count / 4 * to->step;
    left -= count;
    begin = 0;
  }
}

// Three rows of nine bytes, as the first layer of nearly every network for images has them.
static void widen_rows_of_9(row_cursor rows, const tmc_widening* to) {
  const int8_t* const top = next_row(&rows);
  const int8_t* const middle = next_row(&rows);
  const int8_t* const bottom = next_row(&rows);
  uint32_t* wide = to->wide;
  wide = widen_quad(to, wide, tmc_load_word(top));
  wide = widen_quad(to, wide, tmc_load_word(top + 4));
  wide = widen_quad(to, wide, tmc_load_word(top + 5) >> 24 | tmc_load_word(middle) << 8);
  wide = widen_quad(to, wide, tmc_load_word(middle + 3));
  wide = widen_quad(to, wide, tmc_load_word(middle + 5) >> 16 | tmc_load_word(bottom) << 16);
  wide = widen_quad(to, wide, tmc_load_word(bottom + 2));
  widen_quad(to, wide, tmc_load_word(bottom + 5) >> 8);
}

// ---- Any windows ----

// Widens adjacent values, from place `at` of a window on, to the halves of quads that are theirs.
static void widen_values(const tmc_widening* to, int32_t at, const int8_t* values, int32_t count,
                         int32_t offset) {
  for (int32_t i = at; i < at + count; ++i) {
    const int32_t word = i / 4 * to->step + (i & 1);
    const int16_t wide = (int16_t)(*values++ + offset);
    memcpy((int16_t*)(void*)(to->wide + word) + (i >> 1 & 1), &wide, sizeof wide);
  }
}

static void take(const tmc_widening* to, int32_t at, const int8_t* values, int32_t count,
                 int32_t offset) {
  if (at % 4 == 0 && count % 4 == 0) {
    tmc_widen(values, count / 4, to->offset, to->step, to->wide + at / 4 * to->step);
  } else {
    widen_values(to, at, values, count, offset);
  }
}

// Padding is the zero point, to which the offset is added.
static void widen_padding(const tmc_widening* to, int32_t quads) {
  for (int32_t at = 0; at < quads * to->step; at += to->step) {
    to->wide[at] = 0;
    to->wide[at + 1] = 0;
  }
}

// Run by run of taps that are adjacent in the input, as they are in the weights: a row, or one tap
// if there is dilation.
TMC_COLD static void widen_runs(const tmc_call* call, const tmc_position* at,
                                const tmc_byte_range* part, const tmc_widening* to) {
  const tmc_op* op = call->op;
  const tmc_window window = {tmc_row_taps(call, at->y), tmc_col_taps(call, at->x)};
  const int32_t depth = call->inputs[0].channels;
  const int32_t taps = op->dilation_w == 1 ? op->kernel_w : 1;
  const int32_t run = taps * depth;
  const int32_t runs_per_row = op->kernel_w / taps;
  widen_padding(to, (part->end - part->begin + 3) / 4);
  for (int32_t i = part->begin / run; i * run < part->end; ++i) {
    const int32_t ky = i / runs_per_row;
    const int32_t kx = (i - ky * runs_per_row) * taps;
    const int32_t first = tmc_max(window.cols.begin - kx, 0) * depth;
    const int32_t last = tmc_min(window.cols.end - kx, taps) * depth;
    const int32_t begin = tmc_max(i * run + first, part->begin);
    const int32_t end = tmc_min(i * run + last, part->end);
    if (ky >= window.rows.begin && ky < window.rows.end && end > begin) {
      take(to, begin - part->begin, tmc_tap_pixel(call, &window, ky, kx) + (begin - i * run),
           end - begin, op->input_offset);
    }
  }
}

void tmc_widen_window(const tmc_call* call, tmc_window_row* row, const tmc_position* at,
                      const tmc_byte_range* part, const tmc_widening* to) {
  const int32_t run = call->op->kernel_w * call->inputs[0].channels;
  if (at->y != row->y) {
    find_row(call, at->y, row);
  }
  const int is_inside = at->x >= row->begin && at->x < row->end;
  if (is_inside && run % 4 == 0) {
    widen_rows(first_row(call, row, at->x), run, part, to);
  } else if (is_inside && run == 9 && call->op->kernel_h == 3) {
    widen_rows_of_9(first_row(call, row, at->x), to);
  } else {
    widen_runs(call, at, part, to);
  }
}

#endif
