// SPDX-License-Identifier: Apache-2.0
// ADD, MUL and LOOKUP. An output pixel may lie at or below its input pixel in memory, so
// everything is computed in ascending order.
#include "tmc_channels.h"
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

#ifdef TMC_SIMD

// An input on the scale of the sum: a multiplication and a right shift by n, rounded as in
// tmc_channels.h. `is_fast` if n >= 1, or if n is 0 and the multiplier a half, which is the same
// as shifting once more to the left before, and once to the right, behind.
typedef struct {
  int32_t offset;  // shifted to the left
  int32_t left_shift;
  int32_t multiplier;
  int32_t rounding;
  int32_t right_shift;
  int is_fast;
} input_scale;

TMC_INLINE input_scale input_scale_of(int32_t offset, int32_t left_shift, int32_t multiplier,
                                      int32_t shift) {
  const int32_t right_shift = tmc_max(-shift, 1);
  const int32_t all_left_shift = left_shift + 1 + (right_shift + shift);
  return (input_scale){.offset = offset * (1 << all_left_shift),
                       .left_shift = all_left_shift,
                       .multiplier = multiplier,
                       .rounding = 1 << (right_shift - 1),
                       .right_shift = right_shift,
                       .is_fast = shift < 0 || (multiplier == 1 << 30 && left_shift > 0)};
}

TMC_INLINE int32_t rescale(input_scale scale, int32_t value) {
  const int32_t shifted = scale.offset + value * (1 << scale.left_shift);
  const int32_t high = tmc_rounding_high_mul_add(shifted, scale.multiplier, scale.rounding);
  return (high + (shifted >> 31)) >> scale.right_shift;
}

static void add_run_quickly(operand a, operand b, int32_t count, input_scale scale_a,
                            input_scale scale_b, tmc_scale scale, int8_t* output) {
  for (; count > 0; --count) {
    const int32_t sum = rescale(scale_a, *a.data) + rescale(scale_b, *b.data);
    *output++ = tmc_fast_output(scale, (uint32_t)sum);
    a.data += a.step;
    b.data += b.step;
  }
}

#endif

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

static void add_run(const tmc_call* call, operand a, operand b, int32_t count, int8_t* output) {
#ifdef TMC_SIMD
  const tmc_op* op = call->op;
  const tmc_add_requantization* q =
      (const tmc_add_requantization*)(const void*)(call->parameters + op->requantization);
  const input_scale scale_a =
      input_scale_of(op->input_offset, q->left_shift, q->input1_multiplier, q->input1_shift);
  const input_scale scale_b =
      input_scale_of(op->input2_offset, q->left_shift, q->input2_multiplier, q->input2_shift);
  const tmc_scale scale =
      tmc_scale_by(q->output_multiplier, q->output_shift, 2 * op->output_offset + 1);
  if (scale_a.is_fast && scale_b.is_fast && scale.is_fast) {
    add_run_quickly(a, b, count, scale_a, scale_b, scale, output);
    tmc_clamp_outputs(op, output, count);
    return;
  }
#endif
  add_run_slowly(call, a, b, count, output);
}

#ifdef TMC_SIMD

// Twice the product is that of one input and twice the other.
static void multiply_run_quickly(const tmc_op* op, operand a, operand b, int32_t count,
                                 tmc_scale scale, int8_t* output) {
  const int32_t offset_a = 2 * op->input_offset;
  const int32_t offset_b = op->input2_offset;
  for (; count > 0; --count) {
    const int32_t doubled = (offset_a + *a.data * 2) * (offset_b + *b.data);
    *output++ = tmc_fast_output_of_doubled(scale, doubled);
    a.data += a.step;
    b.data += b.step;
  }
}

#endif

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
  const tmc_op* op = call->op;
  const tmc_mul_requantization* q =
      (const tmc_mul_requantization*)(const void*)(call->parameters + op->requantization);
  const tmc_scale scale =
      tmc_scale_by(q->output_multiplier, q->output_shift, 2 * op->output_offset + 1);
  if (scale.is_fast) {
    multiply_run_quickly(op, a, b, count, scale, output);
    tmc_clamp_outputs(op, output, count);
    return;
  }
#endif
  multiply_run_slowly(call, a, b, count, output);
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
