// SPDX-License-Identifier: Apache-2.0
#include "tmc_operator.h"

static const char* describe(tmc_status status) {
  switch (status) {
    case TMC_ERROR_FORMAT:
      return "the options are not a program of this version";
    case TMC_ERROR_RANGE:
      return "the program refers to something outside its arrays";
    case TMC_ERROR_ARENA:
      return "the program's memory is too small, misaligned or written over";
    case TMC_ERROR_OPERATOR:
      return "an operator of the program contradicts its tensors";
    case TMC_ERROR_SCHEDULE:
      return "the program waits for a row that is never computed";
    case TMC_ERROR_INPUT:
      return "the program takes its input in another way: row by row, or whole";
    default:
      return "unknown error";
  }
}

static bool fail(tmc_fault* fault, const char* what, int32_t operand, size_t expected, size_t got) {
  fault->what = what;
  fault->operand = operand;
  fault->expected = (int32_t)expected;
  fault->got = (int32_t)got;
  return false;
}

static bool succeed(tmc_fault* fault, tmc_status status) {
  return status >= TMC_OK || fail(fault, describe(status), TMC_NONE, 0, 0);
}

static tmc_operand get(const tmc_node* node, int32_t index) {
  return node->operand(node->adapter, index);
}

static tmc_operand get_span(const tmc_node* node) {
  return get(node, node->input_count + node->output_count - 1);
}

// The operand that is the program's tensor `tensor`: the parameters stand between the
// program's inputs and its outputs.
static int32_t operand_of(const tmc_program* program, int32_t tensor) {
  return tensor < program->header->input_count ? tensor : tensor + 1;
}

static bool is_row_fed(const tmc_program* program) {
  return program->header->row_fed_tensor != TMC_NONE;
}

static size_t bytes_of(const tmc_program* program, int32_t index) {
  const tmc_tensor* tensor = &program->tensors[index];
  const size_t rows = index == program->header->row_fed_tensor ? 1 : tensor->height;
  return rows * tensor->width * tensor->channels * tensor->element_size;
}

static bool check_sizes(const tmc_program* program, const tmc_node* node, tmc_fault* fault) {
  const tmc_header* header = program->header;
  if (node->input_count != header->input_count + 1) {
    return fail(fault, "wrong number of inputs", TMC_NONE, header->input_count + 1u,
                (size_t)node->input_count);
  }
  if (node->output_count != header->output_count + 1) {
    return fail(fault, "wrong number of outputs", TMC_NONE, header->output_count + 1u,
                (size_t)node->output_count);
  }
  for (int32_t i = 0; i < header->input_count + header->output_count; ++i) {
    const int32_t operand = operand_of(program, i);
    const size_t bytes = get(node, operand).bytes;
    if (bytes != bytes_of(program, i)) {
      return fail(fault, "wrong number of int8 elements", operand, bytes_of(program, i), bytes);
    }
  }
  const size_t span_bytes = get_span(node).bytes;
  return span_bytes >= header->arena_bytes ||
         fail(fault, "the memory span is too small", node->input_count + node->output_count - 1,
              header->arena_bytes, span_bytes);
}

bool tmc_operator_prepare(tmc_operator* op, const void* options, size_t option_bytes,
                          const tmc_node* node, tmc_fault* fault) {
  op->rows_pending = false;
  if (node->input_count < 1 || node->output_count < 1) {
    return fail(fault, "the parameters or the memory span are missing", TMC_NONE, 0, 0);
  }
  const tmc_operand parameters = get(node, node->input_count - 1);
  if (parameters.data == NULL) {
    return fail(fault, "the parameters are not constant", node->input_count - 1, 0, 0);
  }
  if (get_span(node).data != NULL) {
    return fail(fault, "the memory span is a constant", TMC_NONE, 0, 0);
  }
  if (((uintptr_t)options | (uintptr_t)parameters.data) % 4 != 0) {
    return fail(fault, "the model is not aligned to 4 bytes", TMC_NONE, 0, 0);
  }
  const tmc_status status =
      tmc_program_open(&op->program, options, option_bytes, parameters.data, parameters.bytes);
  return succeed(fault, status) && check_sizes(&op->program, node, fault);
}

// An interpreter without support for offline memory plans would place the operands
// anywhere, and the program would compute on the wrong bytes.
static bool check_places(const tmc_program* program, const tmc_node* node, tmc_fault* fault) {
  const tmc_header* header = program->header;
  const uintptr_t span = (uintptr_t)get_span(node).data;
  for (int32_t i = 0; i < header->input_count + header->output_count; ++i) {
    const int32_t operand = operand_of(program, i);
    const size_t offset = (uintptr_t)get(node, operand).data - span;
    if (i != header->row_fed_tensor && offset != program->tensors[i].offset) {
      return fail(fault, "the interpreter did not obey the model's offline memory plan", operand,
                  program->tensors[i].offset, offset);
    }
  }
  return true;
}

static tmc_status push_row(tmc_operator* op, const tmc_operand* span, const uint8_t* row) {
  tmc_status status = TMC_OK;
  if (!op->rows_pending) {
    status = tmc_program_begin(&op->program, span->data, span->bytes);
  }
  if (status >= TMC_OK) {
    status = tmc_program_push_row(&op->program, span->data, (const int8_t*)row);
  }
  op->rows_pending = status == TMC_NEED_ROWS;
  return status;
}

tmc_status tmc_operator_invoke(tmc_operator* op, const tmc_node* node, tmc_fault* fault) {
  const tmc_program* program = &op->program;
  if (!check_places(program, node, fault)) {
    return TMC_ERROR_ARENA;
  }
  const tmc_operand span = get_span(node);
  tmc_status status;
  if (is_row_fed(program)) {
    status = push_row(op, &span, get(node, program->header->row_fed_tensor).data);
  } else {
    status = tmc_program_run(program, span.data, span.bytes);
  }
  succeed(fault, status);
  return status;
}

void tmc_operator_reset(tmc_operator* op) { op->rows_pending = false; }
