// SPDX-License-Identifier: Apache-2.0
// The custom operator "TFLM_MCUNET", without TensorFlow Lite Micro: what its Prepare and
// Invoke do once an adapter has translated the interpreter's context and node.
//
//   inputs:  the program's inputs, then the parameters (constant)
//   outputs: the program's outputs, then the arena span of the program ("span")
//   custom options: the program, see tmc_program.h
//
// All offsets in the program count from the first byte of the span. The program's inputs
// and outputs lie inside it, where the file's offline memory plan puts them. A row-fed
// input is the exception: the node is handed one row of it, wherever that lies, and every
// Invoke pushes one row.
#ifndef TMC_OPERATOR_H_
#define TMC_OPERATOR_H_

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../tmc_runtime.h"

#ifdef __cplusplus
extern "C" {
#endif

#define TMC_OPERATOR_NAME "TFLM_MCUNET"

// What ends the interpreter's Invoke without an error while a row-fed model needs more rows. Newer
// releases of TensorFlow Lite Micro call it kTfLiteAbort.
#define TMC_TFLITE_ABORT 15

// A tensor of the node; `data` is NULL as long as the interpreter has not placed it.
typedef struct {
  uint8_t* data;
  size_t bytes;
} tmc_operand;

// The node as the adapter presents it. Operands are the node's inputs, then its outputs.
typedef struct {
  int32_t input_count;
  int32_t output_count;
  tmc_operand (*operand)(const void* adapter, int32_t index);
  const void* adapter;
} tmc_node;

// What went wrong, for one error message. `operand` is TMC_NONE if it concerns none;
// `expected` equals `got` where there is nothing to compare.
typedef struct {
  const char* what;
  int32_t operand;
  int32_t expected;
  int32_t got;
} tmc_fault;

// The operator's persistent state; all zero is a valid initial state.
typedef struct {
  tmc_program program;
  bool rows_pending;  // a row-fed inference has begun and is not complete
} tmc_operator;

// Validates the program and the sizes of the operands. False: `fault` says why.
bool tmc_operator_prepare(tmc_operator* op, const void* options, size_t option_bytes,
                          const tmc_node* node, tmc_fault* fault);

// Runs the program, or pushes one row into it. TMC_NEED_ROWS: the outputs are not valid yet.
// Negative: `fault` says why, and a row-fed inference starts anew.
tmc_status tmc_operator_invoke(tmc_operator* op, const tmc_node* node, tmc_fault* fault);

// Forgets the rows pushed so far.
void tmc_operator_reset(tmc_operator* op);

#ifdef __cplusplus
}
#endif

#endif  // TMC_OPERATOR_H_
