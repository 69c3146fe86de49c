// SPDX-License-Identifier: Apache-2.0
// The camera of the emulated board: frames one after the other in camera.bin, in the format that
// the sketch asks for.
#ifndef ARDUINO_OV767X_H_
#define ARDUINO_OV767X_H_

#include <Arduino.h>
#include <recording.h>

enum { YUV422 = 0, RGB444 = 1, RGB565 = 2, GRAYSCALE = 4 };
enum { OV7670 = 0, OV7675 = 1 };
enum { VGA = 0, CIF = 1, QVGA = 2, QCIF = 3, QQVGA = 4 };

class OV767X {
 public:
  int begin(int resolution, int format, int fps, int camera_name = OV7670);
  int width() const { return width_; }
  int height() const { return height_; }
  int bytesPerPixel() const { return bytes_per_pixel_; }
  void readFrame(void* buffer);

 private:
  Recording recording_;
  int width_ = 0;
  int height_ = 0;
  int bytes_per_pixel_ = 0;
};

extern OV767X Camera;

#endif  // ARDUINO_OV767X_H_
