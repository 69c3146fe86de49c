// SPDX-License-Identifier: Apache-2.0
#include "harness.h"

tmc_status harness_infer(const tmc_program* program, uint8_t* arena, size_t arena_bytes,
                         const int8_t* rows) {
  const tmc_tensor* fed = &program->tensors[program->header->row_fed_tensor];
  tmc_status status = tmc_program_begin(program, arena, arena_bytes);
  for (int32_t y = 0; y < fed->height && status >= TMC_OK; ++y) {
    status = tmc_program_push_row(program, arena, rows + y * fed->width * fed->channels);
  }
  return status;
}
