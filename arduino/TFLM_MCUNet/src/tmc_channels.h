// SPDX-License-Identifier: Apache-2.0
// Biases and requantization of CONV and DEPTHWISE by the DSP extension, channel by channel: what
// depends on the channel alone is computed once for several sums.
#ifndef TMC_CHANNELS_H_
#define TMC_CHANNELS_H_

#include "tmc_requantize.h"
#include "tmc_simd.h"

#ifdef TMC_SIMD

// The constants of all channels of an operator.
typedef struct {
  const int32_t* biases;  // or NULL
  const int32_t* multipliers;
  const int8_t* shifts;
  int32_t step;  // 0 if all channels share one multiplier and shift
  int32_t twice_output_offset_plus_1;
} tmc_channels;

TMC_INLINE tmc_channels tmc_channels_of(const tmc_call* call) {
  const tmc_op* op = call->op;
  const int per_tensor = (op->flags & TMC_PER_TENSOR) != 0;
  const int32_t* multipliers = tmc_int32_parameters(call, op->requantization);
  return (tmc_channels){
      .biases = tmc_int32_parameters(call, op->bias),
      .multipliers = multipliers,
      .shifts = (const int8_t*)(multipliers + (per_tensor ? 1 : call->output.channels)),
      .step = per_tensor ? 0 : 1,
      .twice_output_offset_plus_1 = 2 * op->output_offset + 1,
  };
}

TMC_INLINE uint32_t tmc_bias(const tmc_channels* channels, int32_t channel) {
  return channels->biases == NULL ? 0 : (uint32_t)channels->biases[channel];
}

// A right shift by n in [1, TMC_MAX_FAST_SHIFT] takes five instructions for each sum:
//   h = 2 * sum * multiplier / 2^32, rounded;
//   output = (h + 2^(n - 1) + offset * 2^n + (sum < 0 ? -1 : 0)) >> n, saturated,
// where the last term lets ties round away from zero; that h may be 0 for a sum below 0 makes no
// difference, since it is then no tie. A sum that 2 * sum saturates ends beyond the int8_t in
// either case, since the multiplier is zero or at least 2^30.
enum { TMC_MAX_FAST_SHIFT = 21 };

typedef struct {
  int32_t multiplier;
  int32_t right_shift;
  int32_t rounding;
  int is_fast;
} tmc_scale;

TMC_INLINE tmc_scale tmc_scale_by(int32_t multiplier, int32_t shift,
                                  int32_t twice_output_offset_plus_1) {
  const uint32_t right_shift_minus_1 = ~(uint32_t)shift;
  return (tmc_scale){
      .multiplier = multiplier,
      .right_shift = -shift,
      .rounding = tmc_shift_left(twice_output_offset_plus_1, right_shift_minus_1),
      .is_fast = right_shift_minus_1 < TMC_MAX_FAST_SHIFT,
  };
}

TMC_INLINE tmc_scale tmc_scale_of(const tmc_channels* channels, int32_t channel) {
  const int32_t i = channel * channels->step;
  return tmc_scale_by(channels->multipliers[i], channels->shifts[i],
                      channels->twice_output_offset_plus_1);
}

TMC_INLINE int8_t tmc_fast_output_of_doubled(tmc_scale scale, int32_t doubled) {
  const int32_t high = tmc_rounding_high_mul_add(doubled, scale.multiplier, scale.rounding);
  return (int8_t)tmc_saturate_to_int8((high + (doubled >> 31)) >> scale.right_shift);
}

TMC_INLINE int8_t tmc_fast_output(tmc_scale scale, uint32_t sum) {
  return tmc_fast_output_of_doubled(scale, tmc_saturating_double((int32_t)sum));
}

#ifndef TMC_SIMD_IN_C

// The same in assembly, with multiplier, right shift and rounding in r8 to r10: a tmc_scale.
// clang-format off: one instruction in a line
#define TMC_FAST_OUTPUT(sum)                                      \
  "qadd %[" sum "], %[" sum "], %[" sum "]\n\t"                   \
  "smmlar r11, %[" sum "], r8, r10\n\t"                           \
  "add r11, r11, %[" sum "], asr #31\n\t"                         \
  "asr r11, r11, r9\n\t"                                          \
  "ssat %[" sum "], #8, r11\n\t"
// clang-format on

#endif

// By any scale. Out of line, so that the rare case takes no registers from the other.
int8_t tmc_output(const tmc_op* op, tmc_scale scale, uint32_t sum);

// Finds what `count` channels need. False: not all of their scales are fast.
static inline int tmc_find_channels(const tmc_call* call, int32_t first, int32_t count,
                                    tmc_scale* scales, uint32_t* biases) {
  const tmc_channels channels = tmc_channels_of(call);
  int all_are_fast = 1;
  for (int32_t i = 0; i < count; ++i) {
    scales[i] = tmc_scale_of(&channels, first + i);
    biases[i] = tmc_bias(&channels, first + i);
    all_are_fast &= scales[i].is_fast;
  }
  return all_are_fast;
}

// The fast outputs are saturated to int8_t and nothing else; few activations are narrower.
static inline void tmc_clamp_outputs(const tmc_op* op, int8_t* outputs, int32_t count) {
  if (op->act_min == INT8_MIN && op->act_max == INT8_MAX) {
    return;
  }
  for (int32_t i = 0; i < count; ++i) {
    outputs[i] = (int8_t)tmc_clamp(outputs[i], op->act_min, op->act_max);
  }
}

// All outputs of a box.
static inline void tmc_clamp_box(const tmc_call* call) {
  const tmc_box* box = &call->box;
  const int32_t count = (box->x_end - box->x_begin) * call->output.channels;
  for (int32_t y = box->y_begin; y < box->y_end; ++y) {
    tmc_clamp_outputs(call->op, tmc_pixel(&call->output, y, box->x_begin), count);
  }
}

#endif
#endif  // TMC_CHANNELS_H_
