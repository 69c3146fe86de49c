// SPDX-License-Identifier: Apache-2.0
// One firing of a group: a band of its output rows, tile by tile. Rows and columns do not depend
// on each other: the rows that each operator computes are found once for the band, the columns
// once for each tile.
#include "tmc_execution.h"
#include "tmc_kernels.h"
#include "tmc_speed.h"

// ---- Receptive fields inside the group ----

// What the operators behind operator `index` of a group read of its output.
static tmc_span needed_inside(const tmc_program* program, const tmc_group* group, int32_t index,
                              tmc_axis axis, const tmc_span* spans) {
  const tmc_op* ops = &program->ops[group->first_op];
  const int16_t output = ops[index].output;
  const tmc_tensor* tensor = &program->tensors[output];
  tmc_span needed = tmc_span_of_nothing();
  for (int32_t i = index + 1; i < group->op_count; ++i) {
    if (ops[i].inputs[0] == output || ops[i].inputs[1] == output) {
      needed = tmc_span_union(needed, tmc_input_span(&ops[i], tensor, spans[i], axis));
    }
  }
  return needed;
}

// What leaves the group is computed for the tile alone, what stays inside for those who read it.
void tmc_spread(tmc_execution* e, const tmc_group* group, tmc_span tile, tmc_axis axis) {
  const tmc_program* program = e->program;
  const tmc_op* ops = &program->ops[group->first_op];
  tmc_span* const spans = e->spans[axis];
  int32_t i = group->op_count - 1;
  spans[i] = tile;
  while (--i >= 0) {
    const bool is_inner = program->tensors[ops[i].output].storage == TMC_TILE;
    spans[i] = is_inner ? needed_inside(program, group, i, axis, spans) : tile;
  }
}

// ---- Whether the band can be computed ----

static bool accumulates(const tmc_program* program, const tmc_group* group) {
  return tmc_accumulates(&program->ops[group->first_op + group->op_count - 1]);
}

// Whether the rows of a tensor before `end` are there. Pooling that accumulates has its output
// when it has seen all of its input.
static bool has_rows(const tmc_execution* e, int32_t reader, int32_t tensor, int32_t end) {
  const tmc_program* program = e->program;
  const int32_t producer = program->tensors[tensor].producer;
  if (tensor == program->header->row_fed_tensor) {
    return end <= e->fed_rows;
  }
  if (producer == reader || !tmc_is_in_stage(e->stage, producer)) {
    return true;
  }
  const tmc_group* source = &program->groups[producer];
  const int32_t next_row = tmc_state_of(e, producer)->next_row;
  return accumulates(program, source) ? next_row == source->rows : end <= next_row;
}

bool tmc_can_fire(tmc_execution* e, int32_t index) {
  const tmc_program* program = e->program;
  const tmc_group* group = &program->groups[index];
  const int32_t begin = tmc_state_of(e, index)->next_row;
  if (begin == group->rows) {
    return false;
  }
  const int32_t end = tmc_least(begin + group->tile_rows, group->rows);
  tmc_spread(e, group, (tmc_span){(int16_t)begin, (int16_t)end}, TMC_ROWS);
  for (int32_t i = 0; i < group->op_count; ++i) {
    const tmc_op* op = &program->ops[group->first_op + i];
    for (int32_t k = 0; k < TMC_MAX_INPUTS && op->inputs[k] != TMC_NONE; ++k) {
      const tmc_tensor* input = &program->tensors[op->inputs[k]];
      const tmc_span needed = tmc_input_span(op, input, e->spans[TMC_ROWS][i], TMC_ROWS);
      if (!has_rows(e, index, op->inputs[k], needed.end)) {
        return false;
      }
    }
  }
  return true;
}

// ---- One operator on one tile ----

// Column of the first pixel in the rows of a tensor's buffer. A tile begins where the operator
// that wrote it did: the nearest one up to `writer`.
static int32_t first_column(const tmc_execution* e, const tmc_group* group, int32_t index,
                            int32_t writer) {
  const tmc_tensor* tensor = &e->program->tensors[index];
  if (tensor->storage == TMC_TILE) {
    while (e->program->ops[group->first_op + writer].output != index) {
      --writer;
    }
    return e->spans[TMC_COLUMNS][writer].begin;
  }
  const bool is_strip = tensor->storage == TMC_RING && tmc_is_in_stage(e->stage, tensor->producer);
  return is_strip ? tmc_state_of(e, tensor->producer)->x_begin : 0;
}

static void set_view(const tmc_execution* e, int32_t index, int32_t x_begin, tmc_view* view) {
  const tmc_tensor* tensor = &e->program->tensors[index];
  view->data = e->arena + tensor->offset;
  view->pitch = (int32_t)tensor->pitch;
  view->slots = tensor->slots;
  view->x_begin = (uint16_t)x_begin;
  view->height = tensor->height;
  view->width = tensor->width;
  view->channels = tensor->channels;
}

TMC_NOINLINE static void prepare_call(const tmc_execution* e, const tmc_group* group, int32_t i,
                                      tmc_call* call) {
  const tmc_op* op = &e->program->ops[group->first_op + i];
  call->op = op;
  call->parameters = e->program->parameters;
  const tmc_span rows = e->spans[TMC_ROWS][i];
  const tmc_span columns = e->spans[TMC_COLUMNS][i];
  call->box = (tmc_box){rows.begin, rows.end, columns.begin, columns.end};
  for (int32_t k = 0; k < TMC_MAX_INPUTS && op->inputs[k] != TMC_NONE; ++k) {
    set_view(e, op->inputs[k], first_column(e, group, op->inputs[k], i - 1), &call->inputs[k]);
  }
  set_view(e, op->output, first_column(e, group, op->output, i), &call->output);
  if (op->auxiliary != TMC_NONE) {
    set_view(e, op->auxiliary, 0, &call->inputs[TMC_SCRATCH]);
  }
}

static void accumulate(const tmc_kernel_table* kernels, const tmc_group* group,
                       const tmc_call* call) {
  const tmc_box* box = &call->box;
  if (box->y_begin == 0 && box->x_begin == 0) {
    kernels->accumulate_begin(call);
  }
  kernels->accumulate(call);
  if (box->y_end == group->rows && box->x_end == group->cols) {
    kernels->accumulate_end(call);
  }
}

static tmc_kernel kernel_of(const tmc_kernel_table* kernels, const tmc_call* call) {
  const tmc_op* op = call->op;
  if (op->kind != TMC_DEPTHWISE) {
    return kernels->of_kind[op->kind];
  }
  const tmc_window_case window = tmc_window_case_of(op, call->output.channels);
  return (op->flags & TMC_IN_PLACE) != 0 ? kernels->depthwise_in_place[window]
                                         : kernels->depthwise[window];
}

static void execute(const tmc_kernel_table* kernels, const tmc_group* group, const tmc_call* call) {
  if (tmc_accumulates(call->op)) {
    accumulate(kernels, group, call);
  } else {
    kernel_of(kernels, call)(call);
  }
}

// ---- The firing ----

// How large a tile becomes is known only now.
static bool tile_fits(const tmc_tensor* tensor, tmc_span rows, tmc_span columns) {
  return tensor->storage != TMC_TILE ||
         (rows.end - rows.begin <= tensor->slots &&
          (columns.end - columns.begin) * tensor->channels <= (int32_t)tensor->pitch);
}

TMC_NOINLINE static tmc_status run_tile(const tmc_execution* e, const tmc_group* group) {
  const tmc_op* ops = &e->program->ops[group->first_op];
  for (int32_t i = 0; i < group->op_count; ++i) {
    const tmc_span rows = e->spans[TMC_ROWS][i];
    const tmc_span columns = e->spans[TMC_COLUMNS][i];
    if (tmc_span_is_empty(rows) || tmc_span_is_empty(columns)) {
      continue;
    }
    if (!tile_fits(&e->program->tensors[ops[i].output], rows, columns)) {
      return TMC_ERROR_RANGE;
    }
    tmc_call call;
    prepare_call(e, group, i, &call);
    execute(e->program->kernels, group, &call);
  }
  return TMC_OK;
}

tmc_status tmc_fire(tmc_execution* e, int32_t index) {
  const tmc_group* group = &e->program->groups[index];
  tmc_group_state* state = tmc_state_of(e, index);
  for (int32_t x = state->x_begin; x < state->x_end; x += group->tile_cols) {
    const int32_t end = tmc_least(x + group->tile_cols, state->x_end);
    tmc_spread(e, group, (tmc_span){(int16_t)x, (int16_t)end}, TMC_COLUMNS);
    const tmc_status status = run_tile(e, group);
    if (status != TMC_OK) {
      return status;
    }
  }
  state->next_row = e->spans[TMC_ROWS][group->op_count - 1].end;
  return TMC_OK;
}
