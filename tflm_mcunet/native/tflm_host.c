// SPDX-License-Identifier: Apache-2.0
// Registers the operator in the tflite-micro wheel: the wheel looks `tflm_mcunet_register`
// up by name and hands it the interpreter's operator resolver.
#include "tflm/tmc_operator.h"
#include "tflm_abi.h"

typedef struct {
  const TfLiteContext* context;
  const TfLiteNode* node;
} tflm_adapter;

static size_t byte_count(const TfLiteEvalTensor* tensor) {
  if (tensor->type != kTfLiteInt8 && tensor->type != kTfLiteUInt8) {
    return 0;
  }
  size_t count = 1;
  for (int i = 0; i < tensor->dims->size; ++i) {
    count *= (size_t)tensor->dims->data[i];
  }
  return count;
}

static tmc_operand get_operand(const void* opaque, int32_t index) {
  const tflm_adapter* adapter = opaque;
  const TfLiteIntArray* inputs = adapter->node->inputs;
  const int tensor_index = index < inputs->size
                               ? inputs->data[index]
                               : adapter->node->outputs->data[index - inputs->size];
  if (tensor_index < 0) {  // an optional input that is not there
    return (tmc_operand){NULL, 0};
  }
  const TfLiteEvalTensor* tensor = adapter->context->GetEvalTensor(adapter->context, tensor_index);
  return (tmc_operand){tensor->data, byte_count(tensor)};
}

static tmc_node present(const tflm_adapter* adapter) {
  return (tmc_node){adapter->node->inputs->size, adapter->node->outputs->size, get_operand,
                    adapter};
}

static TfLiteStatus report(TfLiteContext* context, const tmc_fault* fault) {
  if (fault->expected == fault->got) {
    context->ReportError(context, TMC_OPERATOR_NAME ": %s", fault->what);
  } else if (fault->operand == TMC_NONE) {
    context->ReportError(context, TMC_OPERATOR_NAME ": %s: expected %d, got %d", fault->what,
                         (int)fault->expected, (int)fault->got);
  } else {
    context->ReportError(context, TMC_OPERATOR_NAME ": %s: operand %d, expected %d, got %d",
                         fault->what, (int)fault->operand, (int)fault->expected, (int)fault->got);
  }
  return kTfLiteError;
}

static void* op_init(TfLiteContext* context, const char* buffer, size_t length) {
  (void)buffer;
  (void)length;
  tmc_operator* op = context->AllocatePersistentBuffer(context, sizeof(tmc_operator));
  if (op != NULL) {
    *op = (tmc_operator){0};
  }
  return op;
}

static TfLiteStatus op_prepare(TfLiteContext* context, TfLiteNode* node) {
  if (node->user_data == NULL) {
    context->ReportError(context, TMC_OPERATOR_NAME ": the arena is too small, %d bytes missing",
                         (int)sizeof(tmc_operator));
    return kTfLiteError;
  }
  const tflm_adapter adapter = {context, node};
  const tmc_node presented = present(&adapter);
  tmc_fault fault;
  const bool prepared =
      tmc_operator_prepare(node->user_data, node->custom_initial_data,
                           (size_t)node->custom_initial_data_size, &presented, &fault);
  return prepared ? kTfLiteOk : report(context, &fault);
}

static TfLiteStatus op_invoke(TfLiteContext* context, TfLiteNode* node) {
  const tflm_adapter adapter = {context, node};
  const tmc_node presented = present(&adapter);
  tmc_fault fault;
  const tmc_status status = tmc_operator_invoke(node->user_data, &presented, &fault);
  if (status < TMC_OK) {
    return report(context, &fault);
  }
  return status == TMC_NEED_ROWS ? kTfLiteAbort : kTfLiteOk;
}

static void op_reset(TfLiteContext* context, void* buffer) {
  (void)context;
  if (buffer != NULL) {
    tmc_operator_reset(buffer);
  }
}

static bool has_one(const PythonOpsResolver* resolver, int32_t builtin_code) {
  int found = 0;
  for (uint32_t i = 0; i < resolver->registration_count; ++i) {
    found += resolver->registrations[i].builtin_code == builtin_code;
  }
  return found == 1;
}

// The resolver lists its builtin operators twice, in two arrays. Only if everything is
// where tflm_abi.h says do the two lists agree.
static bool lists_agree(const PythonOpsResolver* resolver) {
  uint32_t builtins = 0;
  for (uint32_t i = 0; i < resolver->registration_count; ++i) {
    const TFLMRegistration* registration = &resolver->registrations[i];
    if (registration->builtin_code == BuiltinOperator_CUSTOM) {
      if (registration->custom_name == NULL) {
        return false;
      }
      continue;
    }
    if (builtins >= TFLM_RESOLVER_CAPACITY ||
        resolver->builtin_codes[builtins] != registration->builtin_code) {
      return false;
    }
    ++builtins;
  }
  return builtins == resolver->builtin_count;
}

static bool is_as_declared(const PythonOpsResolver* resolver) {
  return resolver->registration_count < TFLM_RESOLVER_CAPACITY && lists_agree(resolver) &&
         has_one(resolver, BuiltinOperator_CONV_2D) &&
         has_one(resolver, BuiltinOperator_DEPTHWISE_CONV_2D) &&
         has_one(resolver, BuiltinOperator_SOFTMAX);
}

bool tflm_mcunet_register(PythonOpsResolver* resolver) {
  if (!is_as_declared(resolver)) {
    return false;
  }
  resolver->registrations[resolver->registration_count++] = (TFLMRegistration){
      .init = op_init,
      .prepare = op_prepare,
      .invoke = op_invoke,
      .reset = op_reset,
      .builtin_code = BuiltinOperator_CUSTOM,
      .custom_name = TMC_OPERATOR_NAME,
  };
  return true;
}
