// SPDX-License-Identifier: Apache-2.0
// As much of a .tflite file as an interpreter of one operator reads. Fields are numbered as in
// TensorFlow Lite's schema.
#ifndef STAND_IN_SCHEMA_GENERATED_H_
#define STAND_IN_SCHEMA_GENERATED_H_

#include <stdint.h>
#include <string.h>

#define TFLITE_SCHEMA_VERSION 3

namespace tflite {

// A table of a flatbuffer, or one that is not there.
class Table {
 public:
  explicit Table(const uint8_t* begin) : begin_(begin) {}

  static Table Root(const void* content) { return Table(Target(content)); }

  // Where a field is; nullptr if it has its default value.
  const uint8_t* Field(int number) const {
    if (begin_ == nullptr) {
      return nullptr;
    }
    const uint8_t* entries = begin_ - Read<int32_t>(begin_);
    const int at = 4 + 2 * number;
    const uint16_t offset = at < Read<uint16_t>(entries) ? Read<uint16_t>(entries + at) : 0;
    return offset == 0 ? nullptr : begin_ + offset;
  }

  template <typename Value>
  Value Number(int number) const {
    const uint8_t* field = Field(number);
    return field == nullptr ? Value() : Read<Value>(field);
  }

  // A vector or a string: 4 bytes with its length, then its elements.
  const uint8_t* Vector(int number) const {
    const uint8_t* field = Field(number);
    return field == nullptr ? nullptr : Target(field);
  }

  int32_t Length(int number) const {
    const uint8_t* vector = Vector(number);
    return vector == nullptr ? 0 : Read<int32_t>(vector);
  }

  // An element of a vector of tables.
  Table At(int number, int32_t index) const {
    return index < Length(number) ? Table(Target(Vector(number) + 4 + 4 * index)) : Table(nullptr);
  }

 private:
  template <typename Value>
  static Value Read(const void* from) {
    Value value;
    memcpy(&value, from, sizeof value);
    return value;
  }

  static const uint8_t* Target(const void* reference) {
    return static_cast<const uint8_t*>(reference) + Read<uint32_t>(reference);
  }

  const uint8_t* begin_;
};

class Model {
 public:
  Table root() const { return Table::Root(this); }
  uint32_t version() const { return root().Number<uint32_t>(0); }
};

inline const Model* GetModel(const void* content) { return static_cast<const Model*>(content); }

}  // namespace tflite

#endif  // STAND_IN_SCHEMA_GENERATED_H_
