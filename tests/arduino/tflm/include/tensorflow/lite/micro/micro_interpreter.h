// SPDX-License-Identifier: Apache-2.0
// An interpreter of models that are one custom operator, with the tensors where the file's offline
// memory plan puts them. What is wrong, it prints, as the Arduino libraries do.
#ifndef STAND_IN_MICRO_INTERPRETER_H_
#define STAND_IN_MICRO_INTERPRETER_H_

#include <Arduino.h>

#include "tensorflow/lite/micro/micro_op_resolver.h"
#include "tensorflow/lite/schema/schema_generated.h"

struct TfLiteTensor {
  TfLitePtrUnion data;
  size_t bytes;
};

namespace tflite {

class MicroInterpreter {
 public:
  MicroInterpreter(const Model* model, const MicroOpResolver& resolver, uint8_t* arena,
                   size_t arena_bytes)
      : model_(model->root()),
        graph_(model_.At(2, 0)),
        resolver_(resolver),
        arena_(arena),
        persistent_(arena_bytes) {}

  TfLiteStatus AllocateTensors() {
    const Table op = graph_.At(3, 0);
    const char* name = reinterpret_cast<const char*>(model_.At(1, 0).Vector(1) + 4);
    registration_ = resolver_.FindOp(name);
    if (registration_ == nullptr || graph_.Length(3) != 1 || graph_.Length(0) > kTensors) {
      Serial.println("not one operator that was added");
      return kTfLiteError;
    }
    Describe(op);
    if (Prepare() != kTfLiteOk) {
      return kTfLiteError;
    }
    if (!Place()) {
      Serial.println("the arena is too small");
      return kTfLiteError;
    }
    return Reset();
  }

  TfLiteStatus Invoke() { return registration_->invoke(&context_, &node_); }

  TfLiteStatus Reset() {
    registration_->free(&context_, node_.user_data);
    return kTfLiteOk;
  }

  TfLiteTensor* input(size_t index) { return Port(1, index); }
  TfLiteTensor* output(size_t index) { return Port(2, index); }

 private:
  enum { kTensors = 8 };

  static MicroInterpreter* Of(const TfLiteContext* context) {
    return static_cast<MicroInterpreter*>(context->impl_);
  }

  static void Report(TfLiteContext*, const char* format, ...) { Serial.println(format); }

  // From the end of the arena; it need not be enough for the tensors as well.
  static void* AllocatePersistent(TfLiteContext* context, size_t bytes) {
    MicroInterpreter* self = Of(context);
    if (bytes > self->persistent_) {
      return nullptr;
    }
    self->persistent_ = (self->persistent_ - bytes) / 16 * 16;
    return self->arena_ + self->persistent_;
  }

  static TfLiteEvalTensor* EvalTensor(const TfLiteContext* context, int index) {
    return &Of(context)->tensors_[index];
  }

  // Vectors of int32 in the file are arrays as operators take them.
  static TfLiteIntArray* Array(const Table& table, int number) {
    const void* vector = table.Vector(number);
    return static_cast<TfLiteIntArray*>(const_cast<void*>(vector));
  }

  Table Buffer(uint32_t index) const { return model_.At(4, static_cast<int32_t>(index)); }

  void Describe(const Table& op) {
    context_.impl_ = this;
    context_.ReportError = Report;
    context_.AllocatePersistentBuffer = AllocatePersistent;
    context_.GetEvalTensor = EvalTensor;
    node_.inputs = Array(op, 1);
    node_.outputs = Array(op, 2);
    node_.custom_initial_data = op.Vector(5) + 4;
    node_.custom_initial_data_size = op.Length(5);
    for (int32_t i = 0; i < graph_.Length(0); ++i) {
      const Table tensor = graph_.At(0, i);
      const Table buffer = Buffer(tensor.Number<uint32_t>(2));
      const uint8_t* constant = buffer.Length(0) > 0 ? buffer.Vector(0) + 4 : nullptr;
      tensors_[i].dims = Array(tensor, 0);
      tensors_[i].type = static_cast<TfLiteType>(tensor.Number<int8_t>(1));
      tensors_[i].data.data = const_cast<uint8_t*>(constant);
    }
  }

  TfLiteStatus Prepare() {
    const char* options = static_cast<const char*>(node_.custom_initial_data);
    const size_t bytes = static_cast<size_t>(node_.custom_initial_data_size);
    node_.user_data = registration_->init(&context_, options, bytes);
    return registration_->prepare(&context_, &node_);
  }

  // Gives tensors their places in front of what is persistent. False: they reach into that.
  bool Place() {
    const int32_t* offsets = PlannedOffsets();
    size_t end = 0;
    for (int32_t i = 0; i < graph_.Length(0); ++i) {
      if (tensors_[i].data.data == nullptr) {
        const size_t offset = static_cast<size_t>(offsets[i]);
        tensors_[i].data.data = arena_ + offset;
        const size_t tensor_end = offset + Bytes(tensors_[i]);
        end = tensor_end > end ? tensor_end : end;
      }
    }
    return end <= persistent_;
  }

  // The plan is int32: version, subgraph, count, then an offset for each tensor.
  const int32_t* PlannedOffsets() const {
    for (int32_t i = 0; i < model_.Length(6); ++i) {
      const Table entry = model_.At(6, i);
      if (strcmp(reinterpret_cast<const char*>(entry.Vector(0) + 4), "OfflineMemoryAllocation") ==
          0) {
        const uint8_t* plan = Buffer(entry.Number<uint32_t>(1)).Vector(0) + 4;
        return reinterpret_cast<const int32_t*>(plan) + 3;
      }
    }
    return nullptr;
  }

  static size_t Bytes(const TfLiteEvalTensor& tensor) {
    size_t count = 1;
    for (int i = 0; i < tensor.dims->size; ++i) {
      count *= static_cast<size_t>(tensor.dims->data[i]);
    }
    return count;
  }

  // Input or output `index`, of which the graph has a vector.
  TfLiteTensor* Port(int number, size_t index) {
    const int tensor = Array(graph_, number)->data[index];
    ports_[tensor].data = tensors_[tensor].data;
    ports_[tensor].bytes = Bytes(tensors_[tensor]);
    return &ports_[tensor];
  }

  Table model_;
  Table graph_;
  const MicroOpResolver& resolver_;
  uint8_t* arena_;
  size_t persistent_;  // where the persistent end of the arena begins
  const OpRegistration* registration_ = nullptr;
  TfLiteContext context_ = {};
  TfLiteNode node_ = {};
  TfLiteEvalTensor tensors_[kTensors] = {};
  TfLiteTensor ports_[kTensors] = {};
};

}  // namespace tflite

#endif  // STAND_IN_MICRO_INTERPRETER_H_
