// SPDX-License-Identifier: Apache-2.0
// The part of TensorFlow Lite Micro's binary interface that the host library uses, as the
// pinned tflite-micro wheel lays it out (64-bit Linux). The wheel ships no headers; names
// are TensorFlow Lite's. Whatever is not used is only given its place.
#ifndef TFLM_ABI_H_
#define TFLM_ABI_H_

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum {
  kTfLiteOk = 0,
  kTfLiteError = 1,
  kTfLiteAbort = 15,
} TfLiteStatus;

typedef enum {
  kTfLiteUInt8 = 3,
  kTfLiteInt8 = 9,
} TfLiteType;

typedef enum {
  BuiltinOperator_CONV_2D = 3,
  BuiltinOperator_DEPTHWISE_CONV_2D = 4,
  BuiltinOperator_SOFTMAX = 25,
  BuiltinOperator_CUSTOM = 32,
} BuiltinOperator;

typedef struct {
  int size;
  int data[];
} TfLiteIntArray;

typedef union {
  void* data;
} TfLitePtrUnion;

typedef struct {
  TfLitePtrUnion data;
  TfLiteIntArray* dims;
  TfLiteType type;
} TfLiteEvalTensor;

typedef struct {
  TfLiteIntArray* inputs;
  TfLiteIntArray* outputs;
  TfLiteIntArray* intermediates;
  void* user_data;
  void* builtin_data;
  const void* custom_initial_data;
  int custom_initial_data_size;
} TfLiteNode;

typedef struct TfLiteContext {
  size_t tensors_size;
  void* GetExecutionPlan;
  void* tensors;
  void* impl_;
  void* ResizeTensor;
  void (*ReportError)(struct TfLiteContext* context, const char* format, ...);
  void* AddTensors;
  void* GetNodeAndRegistration;
  void* ReplaceNodeSubsetsWithDelegateKernels;
  int recommended_num_threads;
  void* GetExternalContext;
  void* SetExternalContext;
  bool allow_fp32_relax_to_fp16;
  void* profiler;
  void* (*AllocatePersistentBuffer)(struct TfLiteContext* context, size_t bytes);
  void* AllocateBufferForEval;
  void* RequestScratchBufferInArena;
  void* GetScratchBuffer;
  void* ResizeTensorExplicit;
  void* PreviewDelegatePartitioning;
  void* GetTensor;
  TfLiteEvalTensor* (*GetEvalTensor)(const struct TfLiteContext* context, int tensor_index);
} TfLiteContext;

typedef struct {
  void* (*init)(TfLiteContext* context, const char* buffer, size_t length);
  void (*free)(TfLiteContext* context, void* buffer);
  TfLiteStatus (*prepare)(TfLiteContext* context, TfLiteNode* node);
  TfLiteStatus (*invoke)(TfLiteContext* context, TfLiteNode* node);
  void (*reset)(TfLiteContext* context, void* buffer);
  int32_t builtin_code;
  const char* custom_name;
} TFLMRegistration;

#define TFLM_RESOLVER_CAPACITY 200

typedef struct {
  const void* vtable;
  TFLMRegistration registrations[TFLM_RESOLVER_CAPACITY];
  uint32_t registration_count;
  int32_t builtin_codes[TFLM_RESOLVER_CAPACITY];
  const void* builtin_parsers[TFLM_RESOLVER_CAPACITY];
  uint32_t builtin_count;
} PythonOpsResolver;

#endif  // TFLM_ABI_H_
