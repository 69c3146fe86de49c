// SPDX-License-Identifier: Apache-2.0
// The bus of the sensors. Addresses and what is written to them go to the host's file wire.bin.
#ifndef WIRE_H_
#define WIRE_H_

#include <Arduino.h>

class TwoWire {
 public:
  void setClock(uint32_t) {}
  void beginTransmission(uint8_t address) { write(address); }
  void write(uint8_t value);
  uint8_t endTransmission() { return 0; }

 private:
  int32_t file_ = -1;
};

extern TwoWire Wire1;

#endif  // WIRE_H_
