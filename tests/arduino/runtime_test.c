// SPDX-License-Identifier: Apache-2.0
// The runtime by itself, without Python: a program written by hand runs, and damaged copies of
// it are refused.
#include <stdio.h>
#include <string.h>

#include "tmc_runtime.h"

enum { SIZE = 6, PIXELS = SIZE * SIZE, SLOTS = 3, TABLE = 256 };
enum { INPUT, OUTPUT, LINES, TENSORS };
enum { INPUT_AT = 0, OUTPUT_AT = 40, LINES_AT = 80, STATE_AT = 100, ARENA = 116 };

// input -> lookup -> line buffer of three rows -> 3 x 3 maximum -> output
typedef struct {
  tmc_header header;
  tmc_tensor tensors[TENSORS];
  tmc_op ops[2];
  tmc_group groups[2];
  tmc_stage stage;
} stream;

static int failures = 0;

static void check(int holds, const char* what) {
  if (!holds) {
    printf("FAILED: %s\n", what);
    ++failures;
  }
}

static tmc_tensor plane(uint32_t offset, uint16_t slots, int16_t producer, uint8_t storage) {
  return (tmc_tensor){.offset = offset,
                      .pitch = SIZE,
                      .bytes = (uint32_t)slots * SIZE,
                      .height = SIZE,
                      .width = SIZE,
                      .channels = 1,
                      .slots = slots,
                      .producer = producer,
                      .storage = storage,
                      .element_size = 1};
}

static tmc_op op(uint8_t kind, int16_t from, int16_t to, uint16_t kernel) {
  return (tmc_op){.kind = kind,
                  .output = to,
                  .inputs = {from, TMC_NONE},
                  .auxiliary = TMC_NONE,
                  .kernel_h = kernel,
                  .kernel_w = kernel,
                  .stride_h = 1,
                  .stride_w = 1,
                  .dilation_h = 1,
                  .dilation_w = 1,
                  .pad_top = (int16_t)(kernel / 2),
                  .pad_left = (int16_t)(kernel / 2),
                  .depth_multiplier = 1,
                  .act_min = -128,
                  .act_max = 127,
                  .weights = kind == TMC_LOOKUP ? 0 : TMC_NO_PARAMETER,
                  .bias = TMC_NO_PARAMETER,
                  .requantization = TMC_NO_PARAMETER};
}

static tmc_group row_by_row(uint16_t index) {
  return (tmc_group){.first_op = index,
                     .op_count = 1,
                     .tile_rows = 1,
                     .tile_cols = SIZE,
                     .rows = SIZE,
                     .cols = SIZE,
                     .wake = 1};
}

static stream make_stream(void) {
  return (stream){.header = {.magic = TMC_MAGIC,
                             .version = TMC_VERSION,
                             .header_bytes = sizeof(tmc_header),
                             .program_bytes = sizeof(stream),
                             .parameter_bytes = TABLE,
                             .arena_bytes = ARENA,
                             .tensor_count = TENSORS,
                             .op_count = 2,
                             .group_count = 2,
                             .stage_count = 1,
                             .input_count = 1,
                             .output_count = 1,
                             .row_fed_tensor = TMC_NONE},
                  .tensors = {[INPUT] = plane(INPUT_AT, SIZE, TMC_NONE, TMC_WHOLE),
                              [OUTPUT] = plane(OUTPUT_AT, SIZE, 1, TMC_WHOLE),
                              [LINES] = plane(LINES_AT, SLOTS, 0, TMC_RING)},
                  .ops = {op(TMC_LOOKUP, INPUT, LINES, 1), op(TMC_MAX_POOL, LINES, OUTPUT, 3)},
                  .groups = {row_by_row(0), row_by_row(1)},
                  .stage = {.group_count = 2, .strips = 1, .state_offset = STATE_AT}};
}

static int8_t negated(int x) { return (int8_t)(x == -128 ? 127 : -x); }

static int8_t input_at(int y, int x) { return (int8_t)((y * 37 + x * 71) % 251 - 125); }

static int8_t expected_at(int y, int x) {
  int8_t greatest = -128;
  for (int row = y - 1; row <= y + 1; ++row) {
    for (int col = x - 1; col <= x + 1; ++col) {
      const int inside = row >= 0 && row < SIZE && col >= 0 && col < SIZE;
      if (inside && negated(input_at(row, col)) > greatest) {
        greatest = negated(input_at(row, col));
      }
    }
  }
  return greatest;
}

// 4-byte aligned, as the runtime wants its memory.
static uint32_t parameters[TABLE / 4];
static uint32_t arena[ARENA / 4];

static tmc_status run(const stream* bytes, size_t byte_count, size_t arena_bytes) {
  tmc_program program;
  const tmc_status status =
      tmc_program_open(&program, bytes, byte_count, parameters, sizeof(parameters));
  return status == TMC_OK ? tmc_program_run(&program, (uint8_t*)arena, arena_bytes) : status;
}

static void test_result(void) {
  int8_t* const memory = (int8_t*)arena;
  for (int i = 0; i < PIXELS; ++i) {
    memory[INPUT_AT + i] = input_at(i / SIZE, i % SIZE);
  }
  const stream program = make_stream();
  check(run(&program, sizeof(program), sizeof(arena)) == TMC_OK, "the program runs");
  int differing = 0;
  for (int i = 0; i < PIXELS; ++i) {
    differing += memory[OUTPUT_AT + i] != expected_at(i / SIZE, i % SIZE);
  }
  check(differing == 0, "the output is the maximum of the negated neighbours");
}

static void test_damage(void) {
  stream program = make_stream();
  check(run(&program, sizeof(program), ARENA - 4) == TMC_ERROR_ARENA, "an arena too small");
  check(run(&program, sizeof(program) - 4, ARENA) == TMC_ERROR_FORMAT, "a program cut short");
  program.header.version = TMC_VERSION + 1;
  check(run(&program, sizeof(program), ARENA) == TMC_ERROR_FORMAT, "another version");

  program = make_stream();
  program.tensors[LINES].offset = ARENA - 4;
  check(run(&program, sizeof(program), ARENA) == TMC_ERROR_RANGE, "a buffer beyond the arena");

  program = make_stream();
  program.ops[0].weights = 4;
  check(run(&program, sizeof(program), ARENA) == TMC_ERROR_RANGE, "a table beyond its end");

  program = make_stream();
  program.groups[0].tile_rows = 0;
  check(run(&program, sizeof(program), ARENA) == TMC_ERROR_SCHEDULE, "a tile without rows");
}

int main(void) {
  int8_t* const table = (int8_t*)parameters;
  for (int x = -128; x < 128; ++x) {
    table[x + 128] = negated(x);
  }
  test_result();
  test_damage();
  printf("%d failures\n", failures);
  return failures != 0;
}
