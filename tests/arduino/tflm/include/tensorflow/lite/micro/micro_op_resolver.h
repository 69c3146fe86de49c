// SPDX-License-Identifier: Apache-2.0
// As much of TensorFlow Lite Micro's public interface as the adapter uses, in the shapes that it
// has had. TFLM_GENERATION chooses:
//
//   1: TfLiteRegistration, without `reset`; types are global (Arduino_TensorFlowLite, Chirale)
//   2: TFLMRegistration; types are global
//   3: TFLMRegistration; types are in tflite::micro, and those of the same names that are global
//      belong to something else
#ifndef STAND_IN_MICRO_OP_RESOLVER_H_
#define STAND_IN_MICRO_OP_RESOLVER_H_

#include <stddef.h>
#include <stdint.h>

#ifndef TFLM_GENERATION
#define TFLM_GENERATION 1
#endif

#if TFLM_GENERATION == 3
struct TfLiteContext;
struct TfLiteNode;
enum TfLiteStatus { kTfLiteOk = -1, kTfLiteError = -2 };
namespace tflite {
namespace micro {
#endif

enum TfLiteStatus { kTfLiteOk = 0, kTfLiteError = 1, kTfLiteCancelled = 8 };
enum TfLiteType { kTfLiteNoType = 0, kTfLiteFloat32 = 1, kTfLiteUInt8 = 3, kTfLiteInt8 = 9 };

struct TfLiteIntArray {
  int size;
  int data[4];
};

union TfLitePtrUnion {
  int8_t* int8;
  char* raw;
  void* data;
};

struct TfLiteEvalTensor {
  TfLitePtrUnion data;
  TfLiteIntArray* dims;
  TfLiteType type;
};

struct TfLiteNode {
  TfLiteIntArray* inputs;
  TfLiteIntArray* outputs;
  TfLiteIntArray* intermediates;
#if TFLM_GENERATION == 1
  TfLiteIntArray* temporaries;
#endif
  void* user_data;
  void* builtin_data;
  const void* custom_initial_data;
  int custom_initial_data_size;
};

struct TfLiteContext {
  size_t tensors_size;
  void* impl_;
  void (*ReportError)(TfLiteContext* context, const char* format, ...);
#if TFLM_GENERATION < 3
  int recommended_num_threads;
#endif
  void* (*AllocatePersistentBuffer)(TfLiteContext* context, size_t bytes);
  TfLiteEvalTensor* (*GetEvalTensor)(const TfLiteContext* context, int tensor_index);
};

#if TFLM_GENERATION == 1
struct TfLiteRegistration {
  void* (*init)(TfLiteContext* context, const char* buffer, size_t length);
  void (*free)(TfLiteContext* context, void* buffer);
  TfLiteStatus (*prepare)(TfLiteContext* context, TfLiteNode* node);
  TfLiteStatus (*invoke)(TfLiteContext* context, TfLiteNode* node);
  const char* (*profiling_string)(const TfLiteContext* context, const TfLiteNode* node);
  int32_t builtin_code;
  const char* custom_name;
  int version;
};
#else
struct TFLMRegistration {
  void* (*init)(TfLiteContext* context, const char* buffer, size_t length);
  void (*free)(TfLiteContext* context, void* buffer);
  TfLiteStatus (*prepare)(TfLiteContext* context, TfLiteNode* node);
  TfLiteStatus (*invoke)(TfLiteContext* context, TfLiteNode* node);
  void (*reset)(TfLiteContext* context, void* buffer);
  int32_t builtin_code;
  const char* custom_name;
};
#endif

#if TFLM_GENERATION == 3
}  // namespace micro
}  // namespace tflite
#endif

namespace tflite {

#if TFLM_GENERATION == 3
using micro::kTfLiteError;
using micro::kTfLiteOk;
using micro::TfLiteStatus;
using micro::TFLMRegistration;
#endif

#if TFLM_GENERATION == 1
using OpRegistration = TfLiteRegistration;
using AddedRegistration = TfLiteRegistration;
#else
using OpRegistration = TFLMRegistration;
using AddedRegistration = const TFLMRegistration;
#endif

enum BuiltinOperator { BuiltinOperator_CUSTOM = 32 };

class MicroOpResolver {
 public:
  virtual const OpRegistration* FindOp(BuiltinOperator op) const = 0;
  virtual const OpRegistration* FindOp(const char* op) const = 0;

 protected:
  ~MicroOpResolver() = default;
};

}  // namespace tflite

#endif  // STAND_IN_MICRO_OP_RESOLVER_H_
