// SPDX-License-Identifier: Apache-2.0
#include "Arduino.h"
#include "loops.h"
#include "semihosting.h"
#include "timer.h"

SerialPort Serial;

void SerialPort::begin(unsigned long) {
  file_ = semihosting_open("serial.txt", SEMIHOSTING_WRITE_BINARY);
}

void SerialPort::print(const char* text) { semihosting_write(file_, text, strlen(text)); }

void SerialPort::print(unsigned long value) {
  char digits[12];
  char* first = digits + sizeof digits - 1;
  *first = '\0';
  do {
    *--first = static_cast<char>('0' + value % 10);
    value /= 10;
  } while (value > 0);
  print(first);
}

void SerialPort::print(long value) {
  if (value < 0) {
    print("-");
  }
  print(value < 0 ? 0 - static_cast<unsigned long>(value) : static_cast<unsigned long>(value));
}

void SerialPort::print(double value, int digits) {
  if (value < 0) {
    print("-");
    value = -value;
  }
  double rounding = 0.5;
  for (int i = 0; i < digits; ++i) {
    rounding /= 10;
  }
  value += rounding;
  print(static_cast<unsigned long>(value));
  print(".");
  for (int i = 0; i < digits; ++i) {
    value = (value - static_cast<unsigned long>(value)) * 10;
    print(static_cast<unsigned long>(value));
  }
}

unsigned long micros() { return timer_now() / 25; }

unsigned long millis() { return micros() / 1000; }

static void do_nothing() {}
static void (*idle)() = do_nothing;

void on_idle(void (*function)()) { idle = function; }

void delay(unsigned long) { idle(); }

int main() {
  setup();
  for (int i = 0; i < LOOPS; ++i) {
    loop();
  }
  return 0;
}
