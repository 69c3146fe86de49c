// SPDX-License-Identifier: Apache-2.0
#include "tmc_channels.h"

#include "tmc_speed.h"

#ifdef TMC_SIMD

int8_t tmc_output(const tmc_op* op, tmc_scale scale, uint32_t sum) {
  if (scale.is_fast) {
    return tmc_fast_output(scale, sum);
  }
  return tmc_to_output(
      tmc_multiply_by_quantized_multiplier((int32_t)sum, scale.multiplier, -scale.right_shift), op);
}

#endif
