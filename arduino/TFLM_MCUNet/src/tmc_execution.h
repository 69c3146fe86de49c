// SPDX-License-Identifier: Apache-2.0
// A stage in execution, and the two things that can be asked of one of its groups.
#ifndef TMC_EXECUTION_H_
#define TMC_EXECUTION_H_

#include "tmc_runtime.h"
#include "tmc_span.h"

typedef struct {
  const tmc_program* program;
  const tmc_stage* stage;
  uint8_t* arena;
  tmc_group_state* states;  // of the stage's groups
  int32_t fed_rows;         // of the row-fed tensor
  tmc_span* spans[2];       // what each operator of a group computes: by tmc_axis, rows of a band
                            // and columns of a tile of it
} tmc_execution;

static inline tmc_group_state* tmc_state_of(const tmc_execution* execution, int32_t group) {
  return &execution->states[group - execution->stage->first_group];
}

static inline int32_t tmc_least(int32_t a, int32_t b) { return a < b ? a : b; }

// Finds what each operator of a group computes, of its rows or its columns, so that the group
// yields `tile`.
void tmc_spread(tmc_execution* execution, const tmc_group* group, tmc_span tile, tmc_axis axis);

// Finds the rows that the group's next band takes; false while some of its inputs are missing.
bool tmc_can_fire(tmc_execution* execution, int32_t group);

// Computes the band whose rows tmc_can_fire found.
tmc_status tmc_fire(tmc_execution* execution, int32_t group);

#endif  // TMC_EXECUTION_H_
