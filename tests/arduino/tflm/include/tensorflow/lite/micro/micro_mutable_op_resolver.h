// SPDX-License-Identifier: Apache-2.0
#ifndef STAND_IN_MICRO_MUTABLE_OP_RESOLVER_H_
#define STAND_IN_MICRO_MUTABLE_OP_RESOLVER_H_

#include <string.h>

#include "micro_op_resolver.h"

namespace tflite {

template <unsigned int kCapacity>
class MicroMutableOpResolver : public MicroOpResolver {
 public:
  const OpRegistration* FindOp(BuiltinOperator) const override { return nullptr; }

  const OpRegistration* FindOp(const char* op) const override {
    for (unsigned int i = 0; i < count_; ++i) {
      if (strcmp(registrations_[i].custom_name, op) == 0) {
        return &registrations_[i];
      }
    }
    return nullptr;
  }

  TfLiteStatus AddCustom(const char* name, AddedRegistration* registration) {
    if (count_ == kCapacity || FindOp(name) != nullptr) {
      return kTfLiteError;
    }
    registrations_[count_] = *registration;
    registrations_[count_].builtin_code = BuiltinOperator_CUSTOM;
    registrations_[count_++].custom_name = name;
    return kTfLiteOk;
  }

 private:
  OpRegistration registrations_[kCapacity];
  unsigned int count_ = 0;
};

}  // namespace tflite

#endif  // STAND_IN_MICRO_MUTABLE_OP_RESOLVER_H_
