// SPDX-License-Identifier: Apache-2.0
#include "harness.h"

tmc_status harness_infer(const tmc_program* program, uint8_t* arena, size_t arena_bytes,
                         const int8_t* rows) {
  (void)rows;
  return tmc_program_run(program, arena, arena_bytes);
}
