// SPDX-License-Identifier: Apache-2.0
#include "PDM.h"

PDMClass PDM;

int PDMClass::begin(int channels, long sample_rate) {
  on_idle(deliver);
  const bool possible = channels == 1 && sample_rate == 16000;
  return possible && recording_.open("microphone.bin");
}

int PDMClass::read(void* buffer, size_t size) {
  const int bytes = available_ < static_cast<int>(size) ? available_ : static_cast<int>(size);
  recording_.read(buffer, static_cast<uint32_t>(bytes));
  available_ -= bytes;
  return bytes;
}

void PDMClass::deliver() {
  PDM.available_ = PDM.buffer_bytes_;
  PDM.on_receive_();
}
