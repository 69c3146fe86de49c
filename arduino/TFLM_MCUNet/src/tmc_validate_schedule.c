// SPDX-License-Identifier: Apache-2.0
// Stages and groups: index ranges, tiling, and the arena bytes of the scheduler's state.
#include "tmc_schedule.h"
#include "tmc_validate.h"

static bool tiling_is_valid(const tmc_group* group) {
  return tmc_is_extent(group->rows) && tmc_is_extent(group->cols) && group->tile_rows >= 1 &&
         group->tile_cols >= 1;
}

// Groups [first, end) of a stage; `next_op` is the first operator that no group has yet.
static tmc_status validate_groups(const tmc_program* program, int32_t first, int32_t end,
                                  int32_t* next_op) {
  for (int32_t g = first; g < end; ++g) {
    const tmc_group* group = &program->groups[g];
    if (group->first_op != *next_op || group->op_count < 1 || group->op_count > TMC_MAX_GROUP_OPS) {
      return TMC_ERROR_RANGE;
    }
    *next_op += group->op_count;
    if (*next_op > program->header->op_count || group->wake < g || group->wake >= end) {
      return TMC_ERROR_RANGE;
    }
    if (!tiling_is_valid(group)) {
      return TMC_ERROR_SCHEDULE;
    }
  }
  return TMC_OK;
}

static bool state_is_inside(const tmc_program* program, const tmc_stage* stage) {
  return stage->state_offset % 4 == 0 &&
         tmc_is_inside(stage->state_offset, tmc_state_bytes(stage), program->header->arena_bytes);
}

// The rows of a row-fed tensor pass by once, and the first stage consumes them.
static bool strips_are_valid(const tmc_program* program, const tmc_stage* stage) {
  const tmc_group* last = &program->groups[stage->first_group + stage->group_count - 1];
  const bool is_fed = program->header->row_fed_tensor != TMC_NONE && stage == &program->stages[0];
  return stage->strips >= 1 && stage->strips <= (is_fed ? 1 : last->cols);
}

static tmc_status validate_stage(const tmc_program* program, const tmc_stage* stage,
                                 int32_t* next_group, int32_t* next_op) {
  const int32_t first = *next_group;
  *next_group += stage->group_count;
  if (stage->first_group != first || stage->group_count < 1 ||
      *next_group > program->header->group_count || !state_is_inside(program, stage)) {
    return TMC_ERROR_RANGE;
  }
  const tmc_status status = validate_groups(program, first, *next_group, next_op);
  if (status != TMC_OK) {
    return status;
  }
  return strips_are_valid(program, stage) ? TMC_OK : TMC_ERROR_SCHEDULE;
}

tmc_status tmc_validate_schedule(const tmc_program* program) {
  int32_t next_group = 0;
  int32_t next_op = 0;
  for (int32_t s = 0; s < program->header->stage_count; ++s) {
    const tmc_status status = validate_stage(program, &program->stages[s], &next_group, &next_op);
    if (status != TMC_OK) {
      return status;
    }
  }
  const bool has_all =
      next_group == program->header->group_count && next_op == program->header->op_count;
  return has_all ? TMC_OK : TMC_ERROR_RANGE;
}
