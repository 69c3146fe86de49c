// SPDX-License-Identifier: Apache-2.0
// What TensorFlow Lite Micro calls for the operator: its context and node, translated to
// tmc_operator.h.
//
// Both C11 and C++11, included by one source that has declared TensorFlow Lite's types before
// (TfLiteContext, TfLiteNode, TfLiteEvalTensor, TfLiteIntArray, TfLiteStatus and the int8
// types): from the headers of whichever release is installed, or from its binary interface.
#ifndef TMC_ADAPTER_H_
#define TMC_ADAPTER_H_

#include <string.h>

#include "tmc_operator.h"

typedef struct {
  const TfLiteContext* context;
  const TfLiteNode* node;
} tmc_adapter;

static size_t tmc_byte_count(const TfLiteEvalTensor* tensor) {
  if (tensor->type != kTfLiteInt8 && tensor->type != kTfLiteUInt8) {
    return 0;
  }
  size_t count = 1;
  for (int i = 0; i < tensor->dims->size; ++i) {
    count *= (size_t)tensor->dims->data[i];
  }
  return count;
}

static tmc_operand tmc_get_operand(const void* opaque, int32_t index) {
  const tmc_adapter* adapter = (const tmc_adapter*)opaque;
  const TfLiteIntArray* inputs = adapter->node->inputs;
  const int tensor_index = index < inputs->size
                               ? inputs->data[index]
                               : adapter->node->outputs->data[index - inputs->size];
  tmc_operand operand = {NULL, 0};
  if (tensor_index >= 0) {  // else it is an optional input that is not there
    const TfLiteEvalTensor* tensor =
        adapter->context->GetEvalTensor(adapter->context, tensor_index);
    operand.data = (uint8_t*)tensor->data.data;
    operand.bytes = tmc_byte_count(tensor);
  }
  return operand;
}

static tmc_node tmc_present(const tmc_adapter* adapter) {
  const tmc_node node = {adapter->node->inputs->size, adapter->node->outputs->size, tmc_get_operand,
                         adapter};
  return node;
}

static TfLiteStatus tmc_report(TfLiteContext* context, const tmc_fault* fault) {
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

static void* tmc_init(TfLiteContext* context, const char* buffer, size_t length) {
  (void)buffer;
  (void)length;
  void* op = context->AllocatePersistentBuffer(context, sizeof(tmc_operator));
  if (op != NULL) {
    memset(op, 0, sizeof(tmc_operator));
  }
  return op;
}

static TfLiteStatus tmc_prepare(TfLiteContext* context, TfLiteNode* node) {
  if (node->user_data == NULL) {
    context->ReportError(context, TMC_OPERATOR_NAME ": the arena is too small, %d bytes missing",
                         (int)sizeof(tmc_operator));
    return kTfLiteError;
  }
  const tmc_adapter adapter = {context, node};
  const tmc_node presented = tmc_present(&adapter);
  tmc_fault fault;
  const bool prepared =
      tmc_operator_prepare((tmc_operator*)node->user_data, node->custom_initial_data,
                           (size_t)node->custom_initial_data_size, &presented, &fault);
  return prepared ? kTfLiteOk : tmc_report(context, &fault);
}

static TfLiteStatus tmc_invoke(TfLiteContext* context, TfLiteNode* node) {
  const tmc_adapter adapter = {context, node};
  const tmc_node presented = tmc_present(&adapter);
  tmc_fault fault;
  const tmc_status status = tmc_operator_invoke((tmc_operator*)node->user_data, &presented, &fault);
  if (status < TMC_OK) {
    return tmc_report(context, &fault);
  }
  return status == TMC_NEED_ROWS ? (TfLiteStatus)TMC_TFLITE_ABORT : kTfLiteOk;
}

static void tmc_reset(TfLiteContext* context, void* buffer) {
  (void)context;
  if (buffer != NULL) {
    tmc_operator_reset((tmc_operator*)buffer);
  }
}

#endif  // TMC_ADAPTER_H_
