// SPDX-License-Identifier: Apache-2.0
// One inference, by whichever file is linked: harness_whole.c or harness_rows.c. So that nothing is
// linked, and measured, that only the other one calls.
#ifndef TMC_FIRMWARE_HARNESS_H_
#define TMC_FIRMWARE_HARNESS_H_

#include "tmc_runtime.h"

// `rows` are those of a row-fed input.
tmc_status harness_infer(const tmc_program* program, uint8_t* arena, size_t arena_bytes,
                         const int8_t* rows);

#endif  // TMC_FIRMWARE_HARNESS_H_
