// SPDX-License-Identifier: Apache-2.0
#include "tmc_channels.h"

#ifdef TMC_SIMD

// Out of line, so that the rare case takes no registers from the other.
int8_t tmc_any_output(const tmc_op* op, int32_t multiplier, int32_t right_shift, uint32_t sum) {
  return tmc_to_output(tmc_multiply_by_quantized_multiplier((int32_t)sum, multiplier, -right_shift),
                       op);
}

#endif
