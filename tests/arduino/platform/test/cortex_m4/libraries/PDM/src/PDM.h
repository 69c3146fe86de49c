// SPDX-License-Identifier: Apache-2.0
// The microphone of the emulated board: int16 samples in microphone.bin. They arrive while the
// sketch waits in delay(), as on boards where an interrupt delivers them.
#ifndef PDM_H_
#define PDM_H_

#include <Arduino.h>
#include <recording.h>

class PDMClass {
 public:
  int begin(int channels, long sample_rate);
  void end() {}
  int available() const { return available_; }
  int read(void* buffer, size_t size);
  void onReceive(void (*function)()) { on_receive_ = function; }
  void setGain(int) {}
  void setBufferSize(int bytes) { buffer_bytes_ = bytes; }

 private:
  static void deliver();

  Recording recording_;
  void (*on_receive_)() = nullptr;
  int buffer_bytes_ = 512;
  int available_ = 0;
};

extern PDMClass PDM;

#endif  // PDM_H_
