// SPDX-License-Identifier: Apache-2.0
// Constants: weights, biases, tables and requantization lie inside the parameters, and their
// values are those that the fixed-point arithmetic of the kernels is defined for.
#include <stddef.h>

#include "tmc_validate.h"

enum {
  LOOKUP_ENTRIES = 256,
  MAX_ADD_LEFT_SHIFT = 20,      // the sum of two inputs stays below 2^31
  MAX_SOFTMAX_CHANNELS = 8191,  // the sum of their exponentials, in Q12.19, stays below 2^32
};

typedef struct {
  const tmc_program* program;
  const tmc_op* op;
  const tmc_tensor* input;
  const tmc_tensor* output;
} context;

// `count` elements at `offset` in the parameters; NULL if they are not inside, or not aligned.
static const void* array_at(const context* c, uint64_t offset, uint64_t count, uint32_t size) {
  const bool is_inside = tmc_is_inside(offset, count * size, c->program->header->parameter_bytes);
  return is_inside && offset % size == 0 ? c->program->parameters + offset : NULL;
}

// A struct of int32_t constants.
static const void* requantization_of(const context* c, size_t bytes) {
  return array_at(c, c->op->requantization, bytes / sizeof(int32_t), sizeof(int32_t));
}

static bool is_shift(int32_t shift) { return shift >= -31 && shift <= 30; }

static bool is_scale(int32_t multiplier, int32_t shift) {
  return multiplier >= 0 && is_shift(shift);
}

// Quantization leaves 31 significant bits; the kernels of the DSP extension rely on it.
static bool is_normalized(int32_t multiplier) {
  return multiplier == 0 || multiplier >= INT32_C(1) << 30;
}

static tmc_status accept_if(bool is_valid) { return is_valid ? TMC_OK : TMC_ERROR_OPERATOR; }

// A scale for each channel, or one for all of them.
static tmc_status validate_scales(const context* c) {
  const uint32_t count = (c->op->flags & TMC_PER_TENSOR) != 0 ? 1 : c->output->channels;
  const uint64_t offset = c->op->requantization;
  const int32_t* multipliers = array_at(c, offset, count, sizeof(int32_t));
  const int8_t* shifts = array_at(c, offset + count * sizeof(int32_t), count, sizeof(int8_t));
  if (multipliers == NULL || shifts == NULL) {
    return TMC_ERROR_RANGE;
  }
  for (uint32_t i = 0; i < count; ++i) {
    if (!is_scale(multipliers[i], shifts[i]) || !is_normalized(multipliers[i])) {
      return TMC_ERROR_OPERATOR;
    }
  }
  return TMC_OK;
}

static tmc_status validate_filters(const context* c, uint64_t filter_bytes) {
  const tmc_op* op = c->op;
  const uint64_t weights = filter_bytes * c->output->channels;
  const bool has_bias = op->bias != TMC_NO_PARAMETER;
  if (array_at(c, op->weights, weights, sizeof(int8_t)) == NULL ||
      (has_bias && array_at(c, op->bias, c->output->channels, sizeof(int32_t)) == NULL)) {
    return TMC_ERROR_RANGE;
  }
  return validate_scales(c);
}

static uint64_t taps_of(const tmc_op* op) { return (uint64_t)op->kernel_h * op->kernel_w; }

static tmc_status validate_conv(const context* c) {
  const uint64_t taps = taps_of(c->op) * c->input->channels;
  return taps > INT32_MAX ? TMC_ERROR_RANGE : validate_filters(c, tmc_filter_bytes((uint32_t)taps));
}

static tmc_status validate_depthwise(const context* c) {
  return validate_filters(c, taps_of(c->op));
}

static tmc_status validate_add(const context* c) {
  const tmc_add_requantization* q = requantization_of(c, sizeof *q);
  if (q == NULL) {
    return TMC_ERROR_RANGE;
  }
  return accept_if(q->left_shift >= 0 && q->left_shift <= MAX_ADD_LEFT_SHIFT &&
                   is_scale(q->input1_multiplier, q->input1_shift) && q->input1_shift <= 0 &&
                   is_scale(q->input2_multiplier, q->input2_shift) && q->input2_shift <= 0 &&
                   is_scale(q->output_multiplier, q->output_shift));
}

static tmc_status validate_mul(const context* c) {
  const tmc_mul_requantization* q = requantization_of(c, sizeof *q);
  return q == NULL ? TMC_ERROR_RANGE : accept_if(is_scale(q->output_multiplier, q->output_shift));
}

static tmc_status validate_mean(const context* c) {
  const tmc_mean_requantization* q = requantization_of(c, sizeof *q);
  return q == NULL ? TMC_ERROR_RANGE : accept_if(is_scale(q->multiplier, q->shift));
}

// Differences from the greatest input, shifted to the left, must not leave int32_t.
static bool softmax_is_defined(const tmc_softmax_requantization* q) {
  if (!is_scale(q->input_multiplier, q->input_left_shift) || q->input_left_shift < 0 ||
      q->diff_min > 0) {
    return false;
  }
  const int64_t widest = q->diff_min < -UINT8_MAX ? UINT8_MAX : -q->diff_min;
  return widest << q->input_left_shift <= INT32_MAX;
}

static tmc_status validate_softmax(const context* c) {
  const tmc_softmax_requantization* q = requantization_of(c, sizeof *q);
  if (q == NULL) {
    return TMC_ERROR_RANGE;
  }
  return accept_if(softmax_is_defined(q) && c->output->channels <= MAX_SOFTMAX_CHANNELS);
}

static tmc_status validate_lookup(const context* c) {
  const void* table = array_at(c, c->op->weights, LOOKUP_ENTRIES, sizeof(int8_t));
  return table == NULL ? TMC_ERROR_RANGE : TMC_OK;
}

// Each input axis occurs once, and has the extent of the output axis that it becomes.
static tmc_status validate_transpose(const context* c) {
  const int32_t input[3] = {c->input->height, c->input->width, c->input->channels};
  const int32_t output[3] = {c->output->height, c->output->width, c->output->channels};
  const int32_t* permutation = array_at(c, c->op->weights, 3, sizeof(int32_t));
  if (permutation == NULL) {
    return TMC_ERROR_RANGE;
  }
  uint32_t seen = 0;
  for (int axis = 0; axis < 3; ++axis) {
    const int32_t from = permutation[axis];
    if (from < 0 || from > 2 || input[from] != output[axis]) {
      return TMC_ERROR_OPERATOR;
    }
    seen |= 1u << from;
  }
  return accept_if(seen == 7);
}

typedef tmc_status (*validate_function)(const context*);

// NULL for kinds without constants.
static const validate_function kValidators[] = {
    [TMC_CONV] = validate_conv,
    [TMC_DEPTHWISE] = validate_depthwise,
    [TMC_ADD] = validate_add,
    [TMC_MUL] = validate_mul,
    [TMC_MEAN] = validate_mean,
    [TMC_LOOKUP] = validate_lookup,
    [TMC_SOFTMAX] = validate_softmax,
    [TMC_TRANSPOSE] = validate_transpose,
    [TMC_RESHAPE] = NULL,
};

tmc_status tmc_validate_parameters(const tmc_program* program) {
  for (int32_t i = 0; i < program->header->op_count; ++i) {
    const tmc_op* op = &program->ops[i];
    const context c = {program, op, &program->tensors[op->inputs[0]],
                       &program->tensors[op->output]};
    const validate_function validate = kValidators[op->kind];
    const tmc_status status = validate == NULL ? TMC_OK : validate(&c);
    if (status != TMC_OK) {
      return status;
    }
  }
  return TMC_OK;
}
