// SPDX-License-Identifier: Apache-2.0
// SOFTMAX over the channels of each pixel, in fixed point: exp(x - max) / sum of exp(x - max).
//
// Qm.n has m integer and n fractional bits besides the sign: Q0.31 holds [-1, 1). A product of
// two numbers by the rounding doubling high multiply has the sum of their integer bits.
#include "tmc_requantize.h"
#include "tmc_speed.h"

enum {
  DIFFERENCE_FRACTION_BITS = 26,  // x - max is Q5.26: what is below -32 counts as exp(x) = 0
  SUM_INTEGER_BITS = 12,          // the sum is Q12.19
};

static int32_t multiply(int32_t a, int32_t b) { return tmc_rounding_doubling_high_mul(a, b); }

// exp(x) for x in [-1/4, 0), Q0.31 to Q0.31: the Taylor polynomial of degree 4 around -1/8,
//   exp(-1/8) * (1 + d + d^2 / 2 + d^3 / 6 + d^4 / 24), d = x + 1/8.
static int32_t exp_of_last_quarter(int32_t x) {
  const int32_t exp_of_minus_eighth = 1895147668;
  const int32_t third = 715827883;
  const int32_t d = x + (1 << 28);
  const int32_t d2 = multiply(d, d);
  const int32_t d3 = multiply(d2, d);
  const int32_t d4_over_4 = tmc_rounding_divide_by_pot(multiply(d2, d2), 2);
  const int32_t tail = tmc_rounding_divide_by_pot(multiply(d4_over_4 + d3, third) + d2, 1);
  return exp_of_minus_eighth + multiply(exp_of_minus_eighth, d + tail);
}

// exp(x) for x <= 0, Q5.26 to Q0.31. x is a fraction in [-1/4, 0) less a multiple of 1/4, whose
// binary digits each contribute one factor.
static int32_t exp_of_nonpositive(int32_t x) {
  static const int32_t exp_of_minus_power[] = {
      1672461947,  // exp(-1/4)
      1302514674,  // exp(-1/2)
      790015084,   // exp(-1)
      290630308,   // exp(-2)
      39332535,    // exp(-4)
      720401,      // exp(-8)
      242,         // exp(-16)
  };
  const int32_t quarter = 1 << (DIFFERENCE_FRACTION_BITS - 2);
  if (x == 0) {
    return INT32_MAX;
  }
  const int32_t fraction = (x & (quarter - 1)) - quarter;
  const int32_t quarters = (fraction - x) / quarter;
  int32_t result = exp_of_last_quarter(fraction * (1 << 5));
  for (int32_t digit = 0; digit < 7; ++digit) {
    if ((quarters >> digit & 1) != 0) {
      result = multiply(result, exp_of_minus_power[digit]);
    }
  }
  return result;
}

// 1 / (1 + x) for x in [0, 1), Q0.31 to Q0.31: three steps of Newton's method for the
// reciprocal of the half denominator (1 + x) / 2, in Q2.29, from the estimate
// 48/17 - 32/17 * half denominator.
static int32_t reciprocal_of_one_plus(int32_t x) {
  const int32_t estimate_constant = 1515870810;  // 48/17
  const int32_t estimate_slope = 1010580540;     // 32/17
  const int32_t one = 1 << 29;
  const int32_t half_denominator = x / 2 + (1 << 30);
  int32_t reciprocal = estimate_constant + multiply(half_denominator, -estimate_slope);
  for (int step = 0; step < 3; ++step) {
    const int32_t error = one - multiply(half_denominator, reciprocal);
    reciprocal += multiply(reciprocal, error) * 4;
  }
  // Half of it, in [1/2, 1], from Q2.29 to Q0.31: twice the digits.
  return reciprocal >= 1 << 30 ? INT32_MAX : reciprocal * 2;
}

static int32_t exp_of_difference(const tmc_softmax_requantization* q, int32_t difference) {
  return exp_of_nonpositive(
      tmc_multiply_by_quantized_multiplier(difference, q->input_multiplier, q->input_left_shift));
}

static int32_t greatest(const int8_t* input, int32_t count) {
  int32_t result = INT8_MIN;
  for (int32_t i = 0; i < count; ++i) {
    result = tmc_max(result, input[i]);
  }
  return result;
}

static uint32_t sum_of_exps(const tmc_softmax_requantization* q, const int8_t* input, int32_t count,
                            int32_t max) {
  uint32_t sum = 0;
  for (int32_t i = 0; i < count; ++i) {
    if (input[i] - max >= q->diff_min) {
      const int32_t exp = exp_of_difference(q, input[i] - max);
      sum += (uint32_t)tmc_rounding_divide_by_pot(exp, SUM_INTEGER_BITS);
    }
  }
  return sum;
}

static void softmax(const tmc_softmax_requantization* q, const int8_t* input, int32_t count,
                    int8_t* output) {
  const int32_t max = greatest(input, count);
  uint32_t sum = sum_of_exps(q, input, count, max);
  int32_t integer_bits = SUM_INTEGER_BITS;
  // The sum is at least exp(0) = 1: it becomes (1 + x) * 2^integer_bits with x in [0, 1).
  for (; sum < UINT32_C(1) << 31; sum <<= 1) {
    --integer_bits;
  }
  const int32_t scale = reciprocal_of_one_plus((int32_t)(sum - (UINT32_C(1) << 31)));
  const int32_t exponent = integer_bits + 31 - 8;  // from Q0.31 to 8 fractional bits
  for (int32_t i = 0; i < count; ++i) {
    int32_t probability = 0;
    if (input[i] - max >= q->diff_min && exponent <= 31) {
      const int32_t exp = exp_of_difference(q, input[i] - max);
      probability = tmc_rounding_divide_by_pot(multiply(scale, exp), exponent);
    }
    output[i] = (int8_t)tmc_min(probability + INT8_MIN, INT8_MAX);
  }
}

void tmc_softmax_s8(const tmc_call* call) {
  const tmc_softmax_requantization* q =
      (const tmc_softmax_requantization*)(const void*)(call->parameters + call->op->requantization);
  const tmc_box* box = &call->box;
  for (int32_t y = box->y_begin; y < box->y_end; ++y) {
    for (int32_t x = box->x_begin; x < box->x_end; ++x) {
      softmax(q, tmc_pixel(&call->inputs[0], y, x), call->output.channels,
              tmc_pixel(&call->output, y, x));
    }
  }
}
