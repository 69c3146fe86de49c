// SPDX-License-Identifier: Apache-2.0
#include "tmc_conv_input.h"

#include "tmc_window.h"

#ifdef TMC_SIMD

enum { PATCH_BYTES = 32 };  // of a window at a time; whole quads

static void widen_quad(tmc_widening* to, uint32_t bytes) {
  to->wide[0] = tmc_add_even_bytes(to->offset, bytes);
  to->wide[1] = tmc_add_odd_bytes(to->offset, bytes);
  to->wide += to->step;
}

void tmc_widen_rest(tmc_widening to, const int8_t* values, int32_t count) {
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
  to.wide += count / 4 * to.step;
  widen_quad(&to, bytes);
}

void tmc_widen_bytes(tmc_widening to, const int8_t* values, int32_t count) {
  if (count >= 4) {
    tmc_widen(values, count / 4, to.offset, to.step, to.wide);
  }
  tmc_widen_rest(to, values, count);
}

// ---- Windows inside the input ----

// Whether a window without dilation that begins at (y, x) is inside the input.
static int is_inside(const tmc_call* call, int32_t y, int32_t x) {
  const tmc_op* op = call->op;
  return op->dilation_w == 1 && op->dilation_h == 1 && y >= 0 && x >= 0 &&
         y + op->kernel_h <= call->inputs[0].height && x + op->kernel_w <= call->inputs[0].width;
}

// Rows of `run` bytes, which are whole quads.
static void widen_rows(const tmc_call* call, int32_t y, int32_t x, int32_t run, tmc_byte_range part,
                       tmc_widening to) {
  int32_t ky = part.begin / run;
  int32_t skipped = part.begin - ky * run;
  for (int32_t left = part.end - part.begin; left > 0; ++ky) {
    const int32_t count = tmc_min(run - skipped, left);
    tmc_widen(tmc_pixel(&call->inputs[0], y + ky, x) + skipped, count / 4, to.offset, to.step,
              to.wide);
    to.wide += count / 4 * to.step;
    left -= count;
    skipped = 0;
  }
}

int tmc_has_rows_of_9(const tmc_call* call) {
  const tmc_op* op = call->op;
  return op->kernel_h == 3 && op->kernel_w * call->inputs[0].channels == 9 && op->dilation_h == 1 &&
         op->dilation_w == 1;
}

static void find_rows(const tmc_call* call, int32_t y, tmc_rows_of_9* rows) {
  const tmc_op* op = call->op;
  const tmc_view* input = &call->inputs[0];
  const int32_t top = y * op->stride_h - op->pad_top;
  const int32_t last = input->width - op->kernel_w + op->pad_left;
  rows->y = y;
  rows->begin = (tmc_max(op->pad_left, 0) + op->stride_w - 1) / op->stride_w;
  rows->end = 0;
  if (top >= 0 && top + 3 <= input->height && last >= 0) {
    rows->end = last / op->stride_w + 1;
    for (int32_t i = 0; i < 3; ++i) {
      rows->rows[i] = tmc_pixel(input, top + i, 0);
    }
  }
}

int tmc_widen_rows_of_9(const tmc_call* call, tmc_position at, tmc_rows_of_9* rows,
                        tmc_widening to) {
  if (at.y != rows->y) {
    find_rows(call, at.y, rows);
  }
  if (at.x < rows->begin || at.x >= rows->end) {
    return 0;
  }
  const int32_t x = (at.x * call->op->stride_w - call->op->pad_left) * call->inputs[0].channels;
  const int8_t* const top = rows->rows[0] + x;
  const int8_t* const middle = rows->rows[1] + x;
  const int8_t* const bottom = rows->rows[2] + x;
  widen_quad(&to, tmc_load_word(top));
  widen_quad(&to, tmc_load_word(top + 4));
  widen_quad(&to, tmc_load_word(top + 5) >> 24 | tmc_load_word(middle) << 8);
  widen_quad(&to, tmc_load_word(middle + 3));
  widen_quad(&to, tmc_load_word(middle + 5) >> 16 | tmc_load_word(bottom) << 16);
  widen_quad(&to, tmc_load_word(bottom + 2));
  widen_quad(&to, tmc_load_word(bottom + 5) >> 8);
  return 1;
}

// ---- Any windows ----

// Copies words; the last one may overlap that before.
static void copy(const int8_t* from, int32_t count, int8_t* to) {
  const int32_t last = count - 4;
  for (int32_t i = 0; i < last; i += 4) {
    memcpy(to + i, from + i, 4);
  }
  if (last >= 0) {
    memcpy(to + last, from + last, 4);
  } else {
    for (int32_t i = 0; i < count; ++i) {
      to[i] = from[i];
    }
  }
}

// Where a window goes: it is copied to `patch`, if there is one, else widened at once, for which
// the depth must be a multiple of four.
typedef struct {
  tmc_widening to;
  int8_t* patch;
} destination;

static void take(const destination* d, const int8_t* values, int32_t count, int32_t at) {
  if (d->patch != NULL) {
    copy(values, count, d->patch + at);
  } else {
    tmc_widen(values, count / 4, d->to.offset, d->to.step, d->to.wide + at / 4 * d->to.step);
  }
}

// Padding is the zero point, to which the offset is added.
static void take_padding(const destination* d, int32_t zero_point, int32_t count) {
  if (d->patch != NULL) {
    memset(d->patch, zero_point, (size_t)count);
    return;
  }
  for (int32_t at = 0; at < count / 4 * d->to.step; at += d->to.step) {
    d->to.wide[at] = 0;
    d->to.wide[at + 1] = 0;
  }
}

// Takes a part of a window, run by run of taps that are adjacent in the input, as they are in the
// weights: a row, or one tap if there is dilation.
TMC_COLD static void take_window(const tmc_call* call, tmc_position at, tmc_byte_range part,
                                 const destination* d) {
  const tmc_op* op = call->op;
  const tmc_window window = {tmc_row_taps(call, at.y), tmc_col_taps(call, at.x)};
  const int32_t depth = call->inputs[0].channels;
  const int32_t taps = op->dilation_w == 1 ? op->kernel_w : 1;
  const int32_t run = taps * depth;
  const int32_t runs_per_row = op->kernel_w / taps;
  take_padding(d, -op->input_offset, part.end - part.begin);
  for (int32_t i = part.begin / run; i * run < part.end; ++i) {
    const int32_t ky = i / runs_per_row;
    const int32_t kx = (i - ky * runs_per_row) * taps;
    const int32_t first = tmc_max(window.cols.begin - kx, 0) * depth;
    const int32_t last = tmc_min(window.cols.end - kx, taps) * depth;
    const int32_t begin = tmc_max(i * run + first, part.begin);
    const int32_t end = tmc_min(i * run + last, part.end);
    if (ky >= window.rows.begin && ky < window.rows.end && end > begin) {
      take(d, tmc_tap_pixel(call, &window, ky, kx) + (begin - i * run), end - begin,
           begin - part.begin);
    }
  }
}

TMC_COLD static void widen_any(const tmc_call* call, tmc_position at, tmc_byte_range part,
                               tmc_widening to) {
  if (call->inputs[0].channels % 4 == 0) {
    take_window(call, at, part, &(destination){to, NULL});
    return;
  }
  for (int32_t begin = part.begin; begin < part.end; begin += PATCH_BYTES) {
    int8_t patch[PATCH_BYTES];
    const int32_t end = tmc_min(begin + PATCH_BYTES, part.end);
    take_window(call, at, (tmc_byte_range){begin, end}, &(destination){to, patch});
    tmc_widen_bytes(to, patch, end - begin);
    to.wide += PATCH_BYTES / 4 * to.step;
  }
}

void tmc_widen_window(const tmc_call* call, tmc_position at, tmc_byte_range part, tmc_widening to) {
  const tmc_op* op = call->op;
  const int32_t y = at.y * op->stride_h - op->pad_top;
  const int32_t x = at.x * op->stride_w - op->pad_left;
  const int32_t run = op->kernel_w * call->inputs[0].channels;
  if (run % 4 == 0 && is_inside(call, y, x)) {
    widen_rows(call, y, x, run, part, to);
  } else {
    widen_any(call, at, part, to);
  }
}

#endif
