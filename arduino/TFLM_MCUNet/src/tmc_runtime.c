// SPDX-License-Identifier: Apache-2.0
// Execution: stages, their column strips, and the order in which groups fire. All state is in
// the arena and on the stack.
#include "tmc_runtime.h"

#include <string.h>

#include "tmc_execution.h"
#include "tmc_speed.h"

// ---- Column strips ----

// Widens the column ranges of the groups that group `index` reads by what its own range needs.
static void require_columns(tmc_execution* e, int32_t index) {
  const tmc_program* program = e->program;
  const tmc_group* group = &program->groups[index];
  const tmc_group_state* state = tmc_state_of(e, index);
  tmc_spread(e, group, (tmc_span){state->x_begin, state->x_end}, TMC_COLUMNS);
  for (int32_t i = 0; i < group->op_count; ++i) {
    const tmc_op* op = &program->ops[group->first_op + i];
    for (int32_t k = 0; k < TMC_MAX_INPUTS && op->inputs[k] != TMC_NONE; ++k) {
      const tmc_tensor* input = &program->tensors[op->inputs[k]];
      if (input->producer != index && tmc_is_in_stage(e->stage, input->producer)) {
        tmc_group_state* source = tmc_state_of(e, input->producer);
        const tmc_span range =
            tmc_span_union((tmc_span){source->x_begin, source->x_end},
                           tmc_input_span(op, input, e->spans[TMC_COLUMNS][i], TMC_COLUMNS));
        source->x_begin = range.begin;
        source->x_end = range.end;
      }
    }
  }
}

// The last group computes its share of the columns, the others what is needed for it.
TMC_COLD static void divide_columns(tmc_execution* e, int32_t strip) {
  const tmc_stage* stage = e->stage;
  const int32_t last = stage->first_group + stage->group_count - 1;
  const int32_t width = e->program->groups[last].cols;
  tmc_group_state* state = tmc_state_of(e, last);
  state->x_begin = (int16_t)(strip * width / stage->strips);
  state->x_end = (int16_t)((strip + 1) * width / stage->strips);
  for (int32_t g = last; g >= stage->first_group; --g) {
    require_columns(e, g);
  }
}

// Line buffers hold the columns that their groups compute; a row of a narrower tensor, which
// pooling over all columns leaves, is held whole.
static bool rings_fit(const tmc_execution* e) {
  for (int32_t i = 0; i < e->program->header->tensor_count; ++i) {
    const tmc_tensor* tensor = &e->program->tensors[i];
    if (tensor->storage == TMC_RING && tmc_is_in_stage(e->stage, tensor->producer)) {
      const tmc_group_state* state = tmc_state_of(e, tensor->producer);
      const int32_t columns = tmc_least(state->x_end - state->x_begin, tensor->width);
      if (columns * tensor->channels > (int32_t)tensor->pitch) {
        return false;
      }
    }
  }
  return true;
}

static tmc_status start_strip(tmc_execution* e, int32_t strip) {
  const tmc_group* groups = &e->program->groups[e->stage->first_group];
  for (int32_t g = 0; g < e->stage->group_count; ++g) {
    const tmc_span range =
        e->stage->strips == 1 ? (tmc_span){0, (int16_t)groups[g].cols} : tmc_span_of_nothing();
    e->states[g] = (tmc_group_state){.x_begin = range.begin, .x_end = range.end};
  }
  if (e->stage->strips > 1) {
    divide_columns(e, strip);
  }
  return rings_fit(e) ? TMC_OK : TMC_ERROR_RANGE;
}

// ---- Stages ----

static bool is_finished(const tmc_execution* e) {
  const tmc_group* groups = &e->program->groups[e->stage->first_group];
  for (int32_t g = 0; g < e->stage->group_count; ++g) {
    if (e->states[g].next_row != groups[g].rows) {
      return false;
    }
  }
  return true;
}

// Fires the deepest group that can, until none can. No group behind the cursor can fire: a
// firing moves it to the deepest group that the new rows may have enabled.
static tmc_status fire_all(tmc_execution* e) {
  int32_t cursor = e->stage->first_group + e->stage->group_count - 1;
  while (cursor >= e->stage->first_group) {
    if (!tmc_can_fire(e, cursor)) {
      --cursor;
      continue;
    }
    const tmc_status status = tmc_fire(e, cursor);
    if (status != TMC_OK) {
      return status;
    }
    cursor = e->program->groups[cursor].wake;
  }
  return is_finished(e) ? TMC_OK : TMC_NEED_ROWS;
}

static void enter_stage(tmc_execution* e, int32_t index) {
  e->stage = &e->program->stages[index];
  e->states = (tmc_group_state*)(void*)(e->arena + e->stage->state_offset);
}

static tmc_status run_strip(tmc_execution* e, int32_t strip) {
  tmc_status status = start_strip(e, strip);
  if (status == TMC_OK) {
    status = fire_all(e);
  }
  return status == TMC_NEED_ROWS ? TMC_ERROR_SCHEDULE : status;
}

static tmc_status run_stages(tmc_execution* e, int32_t first) {
  for (int32_t s = first; s < e->program->header->stage_count; ++s) {
    enter_stage(e, s);
    for (int32_t strip = 0; strip < e->stage->strips; ++strip) {
      const tmc_status status = run_strip(e, strip);
      if (status != TMC_OK) {
        return status;
      }
    }
  }
  return TMC_OK;
}

// ---- Rows that arrive one by one ----

static bool is_row_fed(const tmc_program* program) {
  return program->header->row_fed_tensor != TMC_NONE;
}

static int32_t fed_height(const tmc_program* program) {
  return program->tensors[program->header->row_fed_tensor].height;
}

static int16_t* fed_counter(const tmc_program* program, uint8_t* arena) {
  return (int16_t*)(void*)(arena + program->header->fed_state_offset);
}

static void store_row(const tmc_program* program, uint8_t* arena, int32_t y, const int8_t* row) {
  const tmc_tensor* fed = &program->tensors[program->header->row_fed_tensor];
  const uint32_t slot = (uint32_t)y % fed->slots;
  memcpy(arena + fed->offset + slot * fed->pitch, row, (size_t)fed->width * fed->channels);
}

// Between two rows, the caller may have written over the state.
static bool state_is_intact(const tmc_execution* e) {
  const tmc_group* groups = &e->program->groups[e->stage->first_group];
  for (int32_t g = 0; g < e->stage->group_count; ++g) {
    const tmc_group_state* state = &e->states[g];
    if (state->next_row < 0 || state->next_row > groups[g].rows || state->x_begin != 0 ||
        state->x_end != groups[g].cols) {
      return false;
    }
  }
  return true;
}

// Fires what the newest row enables.
static tmc_status fire_fed(tmc_execution* e) {
  const tmc_status status = e->fed_rows == 1 ? start_strip(e, 0) : TMC_OK;
  if (status != TMC_OK) {
    return status;
  }
  return state_is_intact(e) ? fire_all(e) : TMC_ERROR_ARENA;
}

// The last row ends the inference, whatever comes of it. Not inlined: its frame is gone while the
// other stages run.
TMC_NOINLINE static tmc_status take_row(tmc_execution* e, const int8_t* row) {
  enter_stage(e, 0);
  store_row(e->program, e->arena, e->fed_rows - 1, row);
  const tmc_status status = fire_fed(e);
  if (status < TMC_OK) {
    return status;
  }
  if (e->fed_rows < fed_height(e->program)) {
    return TMC_NEED_ROWS;
  }
  return status == TMC_OK ? run_stages(e, 1) : TMC_ERROR_SCHEDULE;
}

// ---- The interface ----

// Operators of the largest group, at most TMC_MAX_GROUP_OPS: as many boxes are on the stack. Nearly
// all groups have a few.
static int32_t largest_group(const tmc_program* program) {
  int32_t largest = 1;
  for (int32_t g = 0; g < program->header->group_count; ++g) {
    const int32_t count = program->groups[g].op_count;
    largest = count > largest ? count : largest;
  }
  return largest;
}

static bool arena_is_valid(const tmc_program* program, const uint8_t* arena, size_t arena_bytes) {
  return (uintptr_t)arena % 4 == 0 && arena_bytes >= program->header->arena_bytes;
}

tmc_status tmc_program_run(const tmc_program* program, uint8_t* arena, size_t arena_bytes) {
  if (!arena_is_valid(program, arena, arena_bytes)) {
    return TMC_ERROR_ARENA;
  }
  if (is_row_fed(program)) {
    return TMC_ERROR_INPUT;
  }
  const int32_t op_count = largest_group(program);
  tmc_span spans[2 * op_count];
  tmc_execution e = {.program = program, .arena = arena, .spans = {spans, spans + op_count}};
  return run_stages(&e, 0);
}

tmc_status tmc_program_begin(const tmc_program* program, uint8_t* arena, size_t arena_bytes) {
  if (!arena_is_valid(program, arena, arena_bytes)) {
    return TMC_ERROR_ARENA;
  }
  if (!is_row_fed(program)) {
    return TMC_ERROR_INPUT;
  }
  *fed_counter(program, arena) = 0;
  return TMC_OK;
}

tmc_status tmc_program_push_row(const tmc_program* program, uint8_t* arena, const int8_t* row) {
  if (!is_row_fed(program)) {
    return TMC_ERROR_INPUT;
  }
  const int32_t fed_rows = *fed_counter(program, arena);
  const int32_t height = fed_height(program);
  if (fed_rows < 0 || fed_rows > height) {
    return TMC_ERROR_ARENA;
  }
  const int32_t op_count = largest_group(program);
  tmc_span spans[2 * op_count];
  tmc_execution e = {.program = program,
                     .arena = arena,
                     .fed_rows = fed_rows % height + 1,
                     .spans = {spans, spans + op_count}};
  const tmc_status status = take_row(&e, row);
  *fed_counter(e.program, e.arena) = status >= TMC_OK ? (int16_t)e.fed_rows : 0;
  return status;
}

tmc_status tmc_program_finish(const tmc_program* program, const uint8_t* arena) {
  if (!is_row_fed(program)) {
    return TMC_ERROR_INPUT;
  }
  int16_t fed_rows;
  memcpy(&fed_rows, arena + program->header->fed_state_offset, sizeof fed_rows);
  return fed_rows == fed_height(program) ? TMC_OK : TMC_NEED_ROWS;
}
