// SPDX-License-Identifier: Apache-2.0
// The checks behind tmc_program_open, in the order in which it makes them: each relies on those
// before it. All arithmetic on values that are not yet trusted is done in 64 bits.
//
// What they prove: every kernel call reads and writes inside the arena and the parameters, and
// every loop ends. The columns that a line buffer or a tile needs depend on the strip and on the
// tile; the runtime compares these with the buffer when it gets there.
#ifndef TMC_VALIDATE_H_
#define TMC_VALIDATE_H_

#include <stdbool.h>

#include "tmc_runtime.h"

// Buffers inside the arena, whole rows where they are needed, inputs and outputs packed.
tmc_status tmc_validate_tensors(const tmc_program* program);

// Operators belong to groups and groups to stages, in order and without gaps.
tmc_status tmc_validate_schedule(const tmc_program* program);

// Each operator's tensors exist, and its attributes fit them.
tmc_status tmc_validate_operators(const tmc_program* program);

// Each operator's constants lie inside the parameters and are legal.
tmc_status tmc_validate_parameters(const tmc_program* program);

// What an operator reads was written before; scheduler state is never written over.
tmc_status tmc_validate_data_flow(const tmc_program* program);

static inline bool tmc_is_tensor(const tmc_program* program, int32_t index) {
  return index >= 0 && index < program->header->tensor_count;
}

// Extents fit int16_t, in which positions are kept while a group fires.
static inline bool tmc_is_extent(uint16_t value) { return value >= 1 && value <= INT16_MAX; }

// Whether bytes [offset, offset + count) are inside an array of `size` bytes.
static inline bool tmc_is_inside(uint64_t offset, uint64_t count, uint64_t size) {
  return count <= size && offset <= size - count;
}

// Whether a tensor's buffer shares a byte with [offset, offset + count) of the arena.
static inline bool tmc_overlaps(const tmc_tensor* tensor, uint64_t offset, uint64_t count) {
  return tensor->offset < offset + count && offset < (uint64_t)tensor->offset + tensor->bytes;
}

#endif  // TMC_VALIDATE_H_
