// SPDX-License-Identifier: Apache-2.0
// ADD, MUL and LOOKUP. An output pixel may lie at or below its input pixel in memory, so
// everything is computed in ascending order.
#include "tmc_elements.h"
#include "tmc_requantize.h"
#include "tmc_speed.h"

// One input of a run of output elements. Its step from one element to the next is 0 where its
// single channel is broadcast.
typedef struct {
  const int8_t* data;
  int32_t step;
} operand;

typedef void (*run_function)(const tmc_call* call, operand a, operand b, int32_t count,
                             int8_t* output);

static operand operand_at(const tmc_view* view, const tmc_view* output, int32_t y, int32_t x) {
  return (operand){
      .data = tmc_pixel(view, view->height == 1 ? 0 : y, view->width == 1 ? 0 : x),
      .step = view->channels == output->channels ? 1 : 0,
  };
}

static int is_contiguous(const tmc_view* view, const tmc_view* output) {
  return view->width == output->width && view->channels == output->channels;
}

// Splits the box into runs of contiguous elements: whole rows, or pixels where a row of one
// input is broadcast.
static inline void for_each_run(const tmc_call* call, run_function compute) {
  const tmc_view* output = &call->output;
  const tmc_view* inputs = call->inputs;
  const tmc_box* box = &call->box;
  const int whole_rows = is_contiguous(&inputs[0], output) && is_contiguous(&inputs[1], output);
  const int32_t pixels = whole_rows ? tmc_max(box->x_end - box->x_begin, 1) : 1;
  for (int32_t y = box->y_begin; y < box->y_end; ++y) {
    for (int32_t x = box->x_begin; x < box->x_end; x += pixels) {
      compute(call, operand_at(&inputs[0], output, y, x), operand_at(&inputs[1], output, y, x),
              pixels * output->channels, tmc_pixel(output, y, x));
    }
  }
}

static void add_run_slowly(const tmc_call* call, operand a, operand b, int32_t count,
                           int8_t* output) {
  const tmc_op op = *call->op;
  const tmc_add_requantization q =
      *(const tmc_add_requantization*)(const void*)(call->parameters + op.requantization);
  for (int32_t i = 0; i < count; ++i) {
    const int32_t x = (a.data[i * a.step] + op.input_offset) * (1 << q.left_shift);
    const int32_t y = (b.data[i * b.step] + op.input2_offset) * (1 << q.left_shift);
    const int32_t sum =
        tmc_multiply_by_quantized_multiplier(x, q.input1_multiplier, q.input1_shift) +
        tmc_multiply_by_quantized_multiplier(y, q.input2_multiplier, q.input2_shift);
    output[i] = tmc_to_output(
        tmc_multiply_by_quantized_multiplier(sum, q.output_multiplier, q.output_shift), &op);
  }
}

#ifdef TMC_SIMD

enum { LEFT_SHIFT = 20 };  // of all additions that TFLM makes

// Whether an input is that of the larger scale, which is multiplied by a half.
static int is_exact(int32_t multiplier, int32_t shift) {
  return multiplier == 1 << 30 && shift == 0;
}

// A right shift is rounded as in tmc_channels.h; by a half is the same as shifting once more to the
// left before, and once to the right, behind.
static void set_rescaled(int32_t offset, int32_t multiplier, int32_t shift,
                         tmc_add_constants* constants) {
  const int32_t left_shift = LEFT_SHIFT + (shift == 0 ? 2 : 1);
  constants->multiplier = multiplier;
  constants->right_shift = shift == 0 ? 1 : -shift;
  constants->rounding = 1 << (constants->right_shift - 1);
  constants->power = 1 << left_shift;
  constants->offset = offset * (1 << left_shift);
}

static int are_pairs(operand a, operand b, int32_t count) {
  return a.step == 1 && b.step == 1 && count > 1;
}

// Adds all elements but an odd last one; returns how many.
static int32_t add_quickly(const tmc_call* call, operand a, operand b, int32_t count,
                           int8_t* output) {
  const tmc_op* op = call->op;
  const tmc_add_requantization* q =
      (const tmc_add_requantization*)(const void*)(call->parameters + op->requantization);
  const int is_first_exact = is_exact(q->input1_multiplier, q->input1_shift);
  const int is_second_exact = is_exact(q->input2_multiplier, q->input2_shift);
  tmc_add_constants constants = {
      .sum = tmc_scale_by(q->output_multiplier, q->output_shift, 2 * op->output_offset + 1),
  };
  if (!are_pairs(a, b, count) || q->left_shift != LEFT_SHIFT || !constants.sum.is_fast) {
    return 0;
  }
  if (is_second_exact && (is_first_exact || q->input1_shift < 0)) {
    set_rescaled(op->input_offset, q->input1_multiplier, q->input1_shift, &constants);
    constants.other_offset = op->input2_offset * (1 << LEFT_SHIFT);
    tmc_add_pairs_of_elements(&constants, a.data, b.data, count / 2, output);
  } else if (is_first_exact && q->input2_shift < 0) {
    set_rescaled(op->input2_offset, q->input2_multiplier, q->input2_shift, &constants);
    constants.other_offset = op->input_offset * (1 << LEFT_SHIFT);
    tmc_add_pairs_of_elements(&constants, b.data, a.data, count / 2, output);
  } else {
    return 0;
  }
  tmc_clamp_outputs(op, output, count & ~1);
  return count & ~1;
}

// The same for MUL.
static int32_t multiply_quickly(const tmc_call* call, operand a, operand b, int32_t count,
                                int8_t* output) {
  const tmc_op* op = call->op;
  const tmc_mul_requantization* q =
      (const tmc_mul_requantization*)(const void*)(call->parameters + op->requantization);
  const tmc_mul_constants constants = {
      .product = tmc_scale_by(q->output_multiplier, q->output_shift, 2 * op->output_offset + 1),
      .twice_offset = 2 * op->input_offset,
      .other_offset = op->input2_offset,
  };
  if (!are_pairs(a, b, count) || !constants.product.is_fast) {
    return 0;
  }
  tmc_multiply_pairs_of_elements(&constants, a.data, b.data, count / 2, output);
  tmc_clamp_outputs(op, output, count & ~1);
  return count & ~1;
}

#endif

static operand behind(operand of, int32_t count) { return (operand){of.data + count, of.step}; }

static void add_run(const tmc_call* call, operand a, operand b, int32_t count, int8_t* output) {
#ifdef TMC_SIMD
  const int32_t done = add_quickly(call, a, b, count, output);
#else
  const int32_t done = 0;
#endif
  add_run_slowly(call, behind(a, done), behind(b, done), count - done, output + done);
}

static void multiply_run_slowly(const tmc_call* call, operand a, operand b, int32_t count,
                                int8_t* output) {
  const tmc_op op = *call->op;
  const tmc_mul_requantization q =
      *(const tmc_mul_requantization*)(const void*)(call->parameters + op.requantization);
  for (int32_t i = 0; i < count; ++i) {
    const int32_t product =
        (a.data[i * a.step] + op.input_offset) * (b.data[i * b.step] + op.input2_offset);
    output[i] = tmc_to_output(
        tmc_multiply_by_quantized_multiplier(product, q.output_multiplier, q.output_shift), &op);
  }
}

static void multiply_run(const tmc_call* call, operand a, operand b, int32_t count,
                         int8_t* output) {
#ifdef TMC_SIMD
  const int32_t done = multiply_quickly(call, a, b, count, output);
#else
  const int32_t done = 0;
#endif
  multiply_run_slowly(call, behind(a, done), behind(b, done), count - done, output + done);
}

void tmc_add_s8(const tmc_call* call) { for_each_run(call, add_run); }

void tmc_mul_s8(const tmc_call* call) { for_each_run(call, multiply_run); }

void tmc_lookup_s8(const tmc_call* call) {
  const int8_t* table = (const int8_t*)call->parameters + call->op->weights;
  const tmc_box* box = &call->box;
  const int32_t count = (box->x_end - box->x_begin) * call->output.channels;
  for (int32_t y = box->y_begin; y < box->y_end; ++y) {
    const int8_t* input = tmc_pixel(&call->inputs[0], y, box->x_begin);
    int8_t* output = tmc_pixel(&call->output, y, box->x_begin);
    for (int32_t i = 0; i < count; ++i) {
      output[i] = table[input[i] + 128];
    }
  }
}
