// SPDX-License-Identifier: Apache-2.0
// Data flow: who writes what, who reads it, and that both mean the same part of the tensor.
//
// An operator in group g of a stage may read
//   what an earlier operator of g wrote: tiles, or rows that the tile covers exactly;
//   what an earlier group of the stage writes: it waits for the rows, and is woken by them;
//   what is whole before the stage, or fed row by row.
#include "tmc_schedule.h"
#include "tmc_validate.h"

// An operator and where it stands.
typedef struct {
  const tmc_program* program;
  const tmc_stage* stage;
  int32_t group_index;
  const tmc_group* group;
  int32_t op_index;
  const tmc_op* op;
} place;

static int32_t end_of(const tmc_group* group) { return group->first_op + group->op_count; }

static bool is_last_in_group(const place* at) { return at->op_index == end_of(at->group) - 1; }

static bool runs_in_one_tile(const place* at) {
  return at->stage->strips == 1 && at->group->tile_rows >= at->group->rows &&
         at->group->tile_cols >= at->group->cols;
}

static bool has_extent_of_group(const tmc_tensor* tensor, const tmc_group* group) {
  return tensor->height == group->rows && tensor->width == group->cols;
}

// Whether one of the operators [begin, end) writes the tensor.
static bool is_written_by(const tmc_program* program, int32_t begin, int32_t end, int32_t tensor) {
  for (int32_t i = begin; i < end; ++i) {
    if (program->ops[i].output == tensor) {
      return true;
    }
  }
  return false;
}

// Whether an operator reads just the pixels at the places that it writes.
static bool is_pointwise(const tmc_program* program, const tmc_op* op) {
  const tmc_tensor* input = &program->tensors[op->inputs[0]];
  const tmc_tensor* output = &program->tensors[op->output];
  switch (op->kind) {
    case TMC_CONV:
    case TMC_DEPTHWISE:
    case TMC_AVERAGE_POOL:
    case TMC_MAX_POOL:
    case TMC_MEAN:
      return tmc_accumulates(op) || (op->kernel_h == 1 && op->kernel_w == 1 && op->stride_h == 1 &&
                                     op->stride_w == 1 && op->pad_top == 0 && op->pad_left == 0);
    case TMC_PAD:
      return input->height == output->height && input->width == output->width;
    case TMC_RESIZE_NEAREST:
      return op->stride_h == 1 && op->stride_w == 1;
    case TMC_TRANSPOSE:
    case TMC_RESHAPE:
      return false;
    default:  // elementwise
      return true;
  }
}

// What leaves the group is computed exactly once: its box is the tile, as no operator behind it
// needs more than the tile.
static bool covers_the_tile(const place* at) {
  const tmc_program* program = at->program;
  for (int32_t i = at->op_index + 1; i < end_of(at->group); ++i) {
    const tmc_op* op = &program->ops[i];
    const tmc_tensor* tensor = &program->tensors[tmc_accumulates(op) ? op->inputs[0] : op->output];
    if (!is_pointwise(program, op) || !has_extent_of_group(tensor, at->group)) {
      return false;
    }
  }
  return has_extent_of_group(&program->tensors[at->op->output], at->group);
}

// The sums of an accumulating operator live from the first tile of its input to the last one, so
// strips are for a last group alone. Its output is written at once, at the columns of no strip.
static bool accumulation_is_valid(const place* at) {
  const int32_t last_group = at->stage->first_group + at->stage->group_count - 1;
  const tmc_tensor* input = &at->program->tensors[at->op->inputs[0]];
  const bool is_whole = at->program->tensors[at->op->output].storage == TMC_WHOLE;
  return is_last_in_group(at) && has_extent_of_group(input, at->group) &&
         (at->stage->strips == 1 || (at->group_index == last_group && is_whole));
}

static bool output_is_valid(const place* at) {
  const tmc_tensor* output = &at->program->tensors[at->op->output];
  const bool is_own = output->producer == at->group_index;
  if (!is_own && (output->storage != TMC_WHOLE || tmc_is_in_stage(at->stage, output->producer))) {
    return false;
  }
  if (tmc_accumulates(at->op)) {
    return accumulation_is_valid(at);
  }
  return output->storage == TMC_TILE ? !is_last_in_group(at) : covers_the_tile(at);
}

static bool input_is_valid(const place* at, int32_t index) {
  const tmc_program* program = at->program;
  const tmc_tensor* input = &program->tensors[index];
  if (input->producer == at->group_index) {
    return is_written_by(program, at->group->first_op, at->op_index, index);
  }
  if (tmc_is_in_stage(at->stage, input->producer)) {
    const tmc_group* source = &program->groups[input->producer];
    return input->producer < at->group_index && source->wake >= at->group_index &&
           input->storage != TMC_TILE &&
           is_written_by(program, source->first_op, end_of(source), index);
  }
  if (index == program->header->row_fed_tensor) {
    return at->stage == &program->stages[0];
  }
  return input->storage == TMC_WHOLE;
}

static bool spares_state(const place* at, int32_t tensor) {
  return tensor == TMC_NONE || !tmc_overlaps(&at->program->tensors[tensor], at->stage->state_offset,
                                             tmc_state_bytes(at->stage));
}

static tmc_status validate_op(const place* at) {
  const tmc_op* op = at->op;
  // What a stage only reads may hold its state: in rows that nobody reads any more.
  const bool is_fed = at->stage == &at->program->stages[0];
  if (!spares_state(at, op->output) || !spares_state(at, op->auxiliary) ||
      (is_fed && !spares_state(at, at->program->header->row_fed_tensor))) {
    return TMC_ERROR_RANGE;
  }
  const bool is_in_place = (op->flags & TMC_IN_PLACE) != 0;
  const bool is_valid = output_is_valid(at) && input_is_valid(at, op->inputs[0]) &&
                        (op->inputs[1] == TMC_NONE || input_is_valid(at, op->inputs[1])) &&
                        (!is_in_place || runs_in_one_tile(at));
  return is_valid ? TMC_OK : TMC_ERROR_SCHEDULE;
}

static tmc_status validate_group(const tmc_program* program, const tmc_stage* stage, int32_t g) {
  const tmc_group* group = &program->groups[g];
  for (int32_t i = group->first_op; i < end_of(group); ++i) {
    const place at = {program, stage, g, group, i, &program->ops[i]};
    const tmc_status status = validate_op(&at);
    if (status != TMC_OK) {
      return status;
    }
  }
  return TMC_OK;
}

static bool counter_is_spared(const tmc_program* program, const tmc_stage* stage) {
  const tmc_header* header = program->header;
  return header->row_fed_tensor == TMC_NONE ||
         header->fed_state_offset + sizeof(int16_t) <= stage->state_offset ||
         stage->state_offset + tmc_state_bytes(stage) <= header->fed_state_offset;
}

static tmc_status validate_stage(const tmc_program* program, const tmc_stage* stage) {
  if (!counter_is_spared(program, stage)) {
    return TMC_ERROR_RANGE;
  }
  for (int32_t g = 0; g < stage->group_count; ++g) {
    const tmc_status status = validate_group(program, stage, stage->first_group + g);
    if (status != TMC_OK) {
      return status;
    }
  }
  return TMC_OK;
}

tmc_status tmc_validate_data_flow(const tmc_program* program) {
  for (int32_t s = 0; s < program->header->stage_count; ++s) {
    const tmc_status status = validate_stage(program, &program->stages[s]);
    if (status != TMC_OK) {
      return status;
    }
  }
  return TMC_OK;
}
