// SPDX-License-Identifier: Apache-2.0
// Executes programs. No allocation, no globals, no recursion: re-entrant.
#ifndef TMC_RUNTIME_H_
#define TMC_RUNTIME_H_

#include <stddef.h>
#include <stdint.h>

#include "tmc_program.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef enum {
  TMC_OK = 0,
  TMC_NEED_ROWS = 1,        // row-fed program: waiting for the next row (not an error)
  TMC_ERROR_FORMAT = -1,    // magic, version or sizes are not those of a program
  TMC_ERROR_RANGE = -2,     // an index or offset points outside its array
  TMC_ERROR_ARENA = -3,     // the arena is too small, misaligned, or was written over
  TMC_ERROR_OPERATOR = -4,  // an operator's attributes contradict its tensors
  TMC_ERROR_SCHEDULE = -5,  // groups starve: a row that is needed is never produced
  TMC_ERROR_INPUT = -6,     // the input is whole, not row-fed, or the other way round
} tmc_status;

// A validated program. Points into memory that the caller keeps alive and unchanged.
typedef struct {
  const tmc_header* header;
  const tmc_tensor* tensors;
  const tmc_op* ops;
  const tmc_group* groups;
  const tmc_stage* stages;
  const uint8_t* parameters;
  const struct tmc_kernel_table* kernels;  // see tmc_kernels.h
} tmc_program;

// Validates `bytes` as hostile input: after TMC_OK no execution can leave the arena or the
// parameters. `bytes` and `parameters` must be 4-byte aligned.
tmc_status tmc_program_open(tmc_program* program, const void* bytes, size_t byte_count,
                            const void* parameters, size_t parameter_count);

// Runs the whole program. Inputs are read from, and outputs left at, their tensors' offsets
// in `arena` (4-byte aligned, at least header->arena_bytes).
tmc_status tmc_program_run(const tmc_program* program, uint8_t* arena, size_t arena_bytes);

// Row-fed execution: begin, then one push per input row of width * channels bytes. The
// last push runs the program to its end and returns TMC_OK, the others TMC_NEED_ROWS; the next
// one starts anew. Finish says whether the outputs are those of a complete input.
tmc_status tmc_program_begin(const tmc_program* program, uint8_t* arena, size_t arena_bytes);
tmc_status tmc_program_push_row(const tmc_program* program, uint8_t* arena, const int8_t* row);
tmc_status tmc_program_finish(const tmc_program* program, const uint8_t* arena);

#ifdef __cplusplus
}
#endif

#endif  // TMC_RUNTIME_H_
