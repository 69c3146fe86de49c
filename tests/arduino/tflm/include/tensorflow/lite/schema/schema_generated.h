// SPDX-License-Identifier: Apache-2.0
#ifndef STAND_IN_SCHEMA_GENERATED_H_
#define STAND_IN_SCHEMA_GENERATED_H_

#include <stdint.h>

#define TFLITE_SCHEMA_VERSION 3

namespace tflite {

class Model {
 public:
  uint32_t version() const { return TFLITE_SCHEMA_VERSION; }
};

inline const Model* GetModel(const void* content) { return static_cast<const Model*>(content); }

}  // namespace tflite

#endif  // STAND_IN_SCHEMA_GENERATED_H_
