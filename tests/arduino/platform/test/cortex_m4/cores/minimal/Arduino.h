// SPDX-License-Identifier: Apache-2.0
// As much of the Arduino interface as the examples use, on the emulated board. Serial writes to
// the file serial.txt of the host.
#ifndef ARDUINO_H_
#define ARDUINO_H_

#include <stddef.h>
#include <stdint.h>
#include <string.h>

class SerialPort {
 public:
  void begin(unsigned long baud);
  explicit operator bool() const { return file_ >= 0; }
  void print(const char* text);
  void print(long value);
  void print(unsigned long value);
  void print(int value) { print(static_cast<long>(value)); }
  void print(unsigned value) { print(static_cast<unsigned long>(value)); }
  void print(double value, int digits = 2);
  template <typename Value>
  void println(Value value) {
    print(value);
    print("\n");
  }
  void println(double value, int digits) {
    print(value, digits);
    print("\n");
  }

 private:
  int32_t file_ = -1;
};

extern SerialPort Serial;

unsigned long micros();
unsigned long millis();
void delay(unsigned long milliseconds);

// What is to be done while a sketch waits in delay(), instead of an interrupt.
void on_idle(void (*function)());

void setup();
void loop();

#endif  // ARDUINO_H_
