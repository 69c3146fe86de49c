// SPDX-License-Identifier: Apache-2.0
#include "Arduino_OV767X.h"

OV767X Camera;

int OV767X::begin(int resolution, int format, int fps, int camera_name) {
  static const int kWidths[] = {640, 352, 320, 176, 160};
  static const int kHeights[] = {480, 240, 240, 144, 120};
  width_ = kWidths[resolution];
  height_ = kHeights[resolution];
  bytes_per_pixel_ = format == GRAYSCALE ? 1 : 2;
  const bool possible = fps == 1 || fps == 5;  // as on the Nano 33 BLE
  return possible && camera_name == OV7675 && recording_.open("camera.bin");
}

void OV767X::readFrame(void* buffer) {
  recording_.read(buffer, static_cast<uint32_t>(width_ * height_ * bytes_per_pixel_));
}
