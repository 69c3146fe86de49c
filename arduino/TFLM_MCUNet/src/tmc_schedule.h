// SPDX-License-Identifier: Apache-2.0
// What validation and execution both ask about stages and operators.
#ifndef TMC_SCHEDULE_H_
#define TMC_SCHEDULE_H_

#include <stdbool.h>
#include <stdint.h>

#include "tmc_program.h"

static inline bool tmc_accumulates(const tmc_op* op) { return (op->flags & TMC_ACCUMULATE) != 0; }

// Whether a tensor's producer is a group of the stage; else the tensor is whole before it.
static inline bool tmc_is_in_stage(const tmc_stage* stage, int32_t producer) {
  return producer >= stage->first_group && producer < stage->first_group + stage->group_count;
}

static inline uint32_t tmc_state_bytes(const tmc_stage* stage) {
  return stage->group_count * (uint32_t)sizeof(tmc_group_state);
}

#endif  // TMC_SCHEDULE_H_
