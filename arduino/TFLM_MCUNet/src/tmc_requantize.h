// SPDX-License-Identifier: Apache-2.0
// Requantization: how an int32_t sum becomes an int8_t, with the two roundings of TFLM's
// reference kernels. Signed right shifts are arithmetic, as in every compiler that we target.
#ifndef TMC_REQUANTIZE_H_
#define TMC_REQUANTIZE_H_

#include <stddef.h>
#include <stdint.h>

#include "tmc_kernels.h"

static inline int32_t tmc_min(int32_t a, int32_t b) { return a < b ? a : b; }

static inline int32_t tmc_max(int32_t a, int32_t b) { return a > b ? a : b; }

static inline int32_t tmc_clamp(int32_t x, int32_t low, int32_t high) {
  return tmc_min(tmc_max(x, low), high);
}

// 2 * a * b / 2^32, rounded to nearest, ties upwards. TFLM saturates the one product that does
// not fit, INT32_MIN * INT32_MIN; it cannot occur here, as one factor is never INT32_MIN.
static inline int32_t tmc_rounding_doubling_high_mul(int32_t a, int32_t b) {
  return (int32_t)(((int64_t)a * b + (INT64_C(1) << 30)) >> 31);
}

// x / 2^exponent, rounded to nearest, ties away from zero; exponent in [0, 31].
static inline int32_t tmc_rounding_divide_by_pot(int32_t x, int32_t exponent) {
  const int32_t mask = (int32_t)((UINT32_C(1) << exponent) - 1);
  const int32_t remainder = x & mask;
  const int32_t threshold = (mask >> 1) + (x < 0 ? 1 : 0);
  return (x >> exponent) + (remainder > threshold ? 1 : 0);
}

// x * multiplier / 2^31 * 2^shift; multiplier >= 0, shift in [-31, 31].
static inline int32_t tmc_multiply_by_quantized_multiplier(int32_t x, int32_t multiplier,
                                                           int32_t shift) {
  const int32_t shifted = (int32_t)((uint32_t)x << tmc_max(shift, 0));
  return tmc_rounding_divide_by_pot(tmc_rounding_doubling_high_mul(shifted, multiplier),
                                    tmc_max(-shift, 0));
}

// Adds the output's zero point and clamps to the activation's range; in the order that cannot
// overflow.
static inline int8_t tmc_to_output(int32_t scaled, const tmc_op* op) {
  return (
      int8_t)(tmc_clamp(scaled, op->act_min - op->output_offset, op->act_max - op->output_offset) +
              op->output_offset);
}

static inline const int32_t* tmc_int32_parameters(const tmc_call* call, uint32_t offset) {
  return offset == TMC_NO_PARAMETER ? NULL
                                    : (const int32_t*)(const void*)(call->parameters + offset);
}

// Sums of a block of consecutive output channels of CONV and DEPTHWISE: they start at the bias
// and end in the output. They are unsigned because they may wrap around, if only for weights
// that no sane model has.
enum { TMC_CHANNEL_BLOCK = 32 };

static inline void tmc_begin_sums(const tmc_call* call, int32_t first, int32_t count,
                                  uint32_t* sums) {
  const int32_t* bias = tmc_int32_parameters(call, call->op->bias);
  for (int32_t i = 0; i < count; ++i) {
    sums[i] = bias == NULL ? 0 : (uint32_t)bias[first + i];
  }
}

static inline void tmc_end_sums(const tmc_call* call, int32_t first, int32_t count,
                                const uint32_t* sums, int8_t* output) {
  const tmc_op op = *call->op;  // a copy, which writing the output cannot change
  const int per_tensor = (op.flags & TMC_PER_TENSOR) != 0;
  const int32_t step = per_tensor ? 0 : 1;
  const int32_t* multipliers = tmc_int32_parameters(call, op.requantization);
  const int8_t* shifts = (const int8_t*)(multipliers + (per_tensor ? 1 : call->output.channels));
  multipliers += first * step;
  shifts += first * step;
  output += first;
  // With indices for these pointers, GCC 12 takes the stores below for ones to the caller's sums,
  // finds that they have no effect, and drops them.
  for (; count > 0; --count) {
    *output++ = tmc_to_output(
        tmc_multiply_by_quantized_multiplier((int32_t)*sums++, *multipliers, *shifts), &op);
    multipliers += step;
    shifts += step;
  }
}

#endif  // TMC_REQUANTIZE_H_
