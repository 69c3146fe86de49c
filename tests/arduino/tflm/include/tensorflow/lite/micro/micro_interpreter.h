// SPDX-License-Identifier: Apache-2.0
// An interpreter whose arena is always too small.
#ifndef STAND_IN_MICRO_INTERPRETER_H_
#define STAND_IN_MICRO_INTERPRETER_H_

#include "tensorflow/lite/micro/micro_op_resolver.h"
#include "tensorflow/lite/schema/schema_generated.h"

struct TfLiteTensor {
  union {
    char* raw;
  } data;
  size_t bytes;
};

namespace tflite {

class MicroInterpreter {
 public:
  MicroInterpreter(const Model* model, const MicroOpResolver& resolver, uint8_t* arena,
                   size_t arena_bytes)
      : model_(model), resolver_(resolver), arena_(arena), arena_bytes_(arena_bytes) {}

  TfLiteStatus AllocateTensors() { return kTfLiteError; }
  TfLiteStatus Invoke() { return kTfLiteError; }
  size_t arena_used_bytes() const { return arena_bytes_; }
  size_t inputs_size() const { return 0; }
  size_t outputs_size() const { return 0; }
  TfLiteTensor* input(size_t) { return nullptr; }
  TfLiteTensor* output(size_t) { return nullptr; }

 private:
  const Model* model_;
  const MicroOpResolver& resolver_;
  uint8_t* arena_;
  size_t arena_bytes_;
};

}  // namespace tflite

#endif  // STAND_IN_MICRO_INTERPRETER_H_
