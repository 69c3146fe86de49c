// SPDX-License-Identifier: Apache-2.0
// Where the instructions go, operator by operator. Compiled in with PROFILE only: reading the
// timer around every kernel takes instructions, too.
#ifndef TMC_FIRMWARE_PROFILE_H_
#define TMC_FIRMWARE_PROFILE_H_

#include <stdbool.h>
#include <stdint.h>

#include "tmc_program.h"

#ifdef PROFILE
// Forgets what was counted; `ops` are the program's.
void profile_start(const tmc_op* ops);

// Writes, for each operator, the ticks spent in its kernel and how often it was called.
bool profile_write(int32_t file, uint32_t op_count);
#else
static inline void profile_start(const tmc_op* ops) { (void)ops; }

static inline bool profile_write(int32_t file, uint32_t op_count) {
  (void)file;
  (void)op_count;
  return true;
}
#endif

#endif  // TMC_FIRMWARE_PROFILE_H_
