// SPDX-License-Identifier: Apache-2.0
// An interpreter for one node of our operator: what TensorFlow Lite Micro does with the functions
// that the adapter registers. Tensors: input, parameters, output, memory span.
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "tensorflow/lite/micro/micro_mutable_op_resolver.h"
#include "tflm/tmc_registration.h"

namespace tflite {
namespace micro {
namespace {

constexpr int kTensors = 4;

struct Interpreter {
  TfLiteContext context;
  TfLiteNode node;
  TfLiteEvalTensor tensors[kTensors];
  TfLiteIntArray dims[kTensors];
  TfLiteIntArray inputs;
  TfLiteIntArray outputs;
  MicroMutableOpResolver<1> resolver;
  alignas(8) uint8_t persistent[256];
  size_t persistent_bytes;
  char message[256];
};

Interpreter* of(const TfLiteContext* context) { return static_cast<Interpreter*>(context->impl_); }

void ReportError(TfLiteContext* context, const char* format, ...) {
  va_list values;
  va_start(values, format);
  vsnprintf(of(context)->message, sizeof Interpreter::message, format, values);
  va_end(values);
}

void* AllocatePersistentBuffer(TfLiteContext* context, size_t bytes) {
  return bytes <= of(context)->persistent_bytes ? of(context)->persistent : nullptr;
}

TfLiteEvalTensor* GetEvalTensor(const TfLiteContext* context, int index) {
  return &of(context)->tensors[index];
}

Interpreter interpreter;

}  // namespace
}  // namespace micro
}  // namespace tflite

using tflite::micro::interpreter;

// How many times the operator could be added to a resolver for one.
extern "C" int add(size_t persistent_bytes) {
  using namespace tflite::micro;
  interpreter = Interpreter();
  interpreter.persistent_bytes = persistent_bytes;
  interpreter.context.impl_ = &interpreter;
  interpreter.context.ReportError = ReportError;
  interpreter.context.AllocatePersistentBuffer = AllocatePersistentBuffer;
  interpreter.context.GetEvalTensor = GetEvalTensor;
  int added = 0;
  for (int i = 0; i < 2; ++i) {
    added += static_cast<int>(tflm_mcunet::AddOperator(interpreter.resolver)) == 0;
  }
  return added;
}

extern "C" void set_tensor(int index, int8_t* data, int bytes, int type) {
  using namespace tflite::micro;
  interpreter.dims[index] = {2, {1, bytes}};
  interpreter.tensors[index].data.int8 = data;
  interpreter.tensors[index].dims = &interpreter.dims[index];
  interpreter.tensors[index].type = static_cast<TfLiteType>(type);
}

// What the operator's functions return, as a number.
extern "C" int prepare(const char* options, int option_bytes) {
  auto* op = interpreter.resolver.FindOp("TFLM_MCUNET");
  interpreter.inputs = {2, {0, 1}};
  interpreter.outputs = {2, {2, 3}};
  interpreter.node.inputs = &interpreter.inputs;
  interpreter.node.outputs = &interpreter.outputs;
  interpreter.node.custom_initial_data = options;
  interpreter.node.custom_initial_data_size = option_bytes;
  interpreter.node.user_data = op->init(&interpreter.context, options, 0);
  return op->prepare(&interpreter.context, &interpreter.node);
}

extern "C" int invoke() {
  auto* op = interpreter.resolver.FindOp("TFLM_MCUNET");
  return op->invoke(&interpreter.context, &interpreter.node);
}

extern "C" void reset() {
  auto* op = interpreter.resolver.FindOp("TFLM_MCUNET");
#if TFLM_GENERATION == 1
  op->free(&interpreter.context, interpreter.node.user_data);
#else
  op->reset(&interpreter.context, interpreter.node.user_data);
#endif
}

extern "C" const char* message() { return interpreter.message; }
