// SPDX-License-Identifier: Apache-2.0
// What the sensors of the emulated board measure: files of the host, read from begin to end. The
// program ends where a recording does.
#ifndef RECORDING_H_
#define RECORDING_H_

#include "semihosting.h"

class Recording {
 public:
  // False if there is no such file.
  bool open(const char* name) {
    file_ = semihosting_open(name, SEMIHOSTING_READ_BINARY);
    return file_ >= 0;
  }

  void read(void* data, uint32_t bytes) {
    if (!semihosting_read(file_, data, bytes)) {
      semihosting_exit(SEMIHOSTING_APPLICATION_EXIT);
    }
  }

 private:
  int32_t file_ = -1;
};

#endif  // RECORDING_H_
